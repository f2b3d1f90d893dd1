"""Requests on a lattice: which part of it is grown, what its edges do, where crystals start; and its edges as masks."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from nakaya.core.arrays import IntArray, Mask
from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.lattice.lattice import HEXAGONAL, Full, Geometry, Lattice, Sector
from nakaya.growth.model.setup import EDGES, MAX_SIZE, MIN_SIZE, Edges, GrowthSetup, Site, StopRules

__all__ = [
    "SITE_AXES",
    "Full",
    "Geometry",
    "Sector",
    "Sites",
    "front_distance",
    "make_setup",
    "open_columns",
    "reservoir_mask",
    "stop_mask",
]

Sites = Sequence[Site]
"""Sites as (row, column) or (layer, row, column)."""

MAX_SITES = MAX_SIZE**2
"""Of one crystal: its attachment times are 1 GiB."""

SITE_AXES = ("layer", "row", "column")


def make_setup(
    geometry: str | Geometry | None,
    size: int | None = None,
    *,
    shape: Sequence[int] | None = None,
    initial: Sites | None = None,
    edges: str | None = None,
    stop: StopRules | None = None,
    lattice: Lattice = HEXAGONAL,
    geometries: Sequence[Geometry] | None = None,
) -> GrowthSetup:
    """Check names and numbers and return the request that growers take.

    Args:
        geometry: Name of a geometry, or one itself; None: the first of `geometries`.
        size: Sites along every axis of the array, 8 to 16,384.
        shape: Sites along each axis, in place of `size`.
        initial: Sites of the initial crystals; by default the geometry's.
        edges: "reservoir", "periodic" or "insulated"; by default the geometry's first.
        stop: Stop rules; by default `StopRules()`.
        lattice: The lattice.
        geometries: What may be named; by default the lattice's.

    Raises:
        ParameterError: A size, site or edge that this geometry does not have.
        UnknownNameError: A name that is not known.
    """
    geometries = lattice.geometries if geometries is None else geometries
    if geometry is None:
        geometry = geometries[0]
    elif isinstance(geometry, str):
        known = {entry.name: entry for entry in geometries}
        if geometry not in known:
            raise UnknownNameError("geometry", geometry, known)
        geometry = known[geometry]
    sides = _check_shape(size, shape, lattice, geometry)
    words = f"size {sides[0]}" if len(set(sides)) == 1 else f"shape {sides}"
    chosen = _check_edges(edges, geometry)
    stop = StopRules() if stop is None else stop
    largest_margin = min(sides) - 1 if geometry.is_mirrored else (min(sides) - 1) // 2
    if stop.margin is not None and chosen != "periodic" and stop.margin > largest_margin:
        raise ParameterError(
            f"margin={stop.margin} leaves no room on the {geometry.name} lattice of {words}: "
            f"use a larger size, or StopRules(margin={largest_margin}) or less"
        )
    default = geometry.default_initial(sides)
    sites = list(default) if initial is None else [_check_site(site, sides) for site in initial]
    if not sites and default:
        raise ParameterError("initial=[] has no site: give at least one (row, column), or leave it out")
    places = np.array(sites, np.int64).reshape(-1, lattice.dimension)
    depths = lattice.depth(places, sides, is_mirrored=geometry.is_mirrored)
    least = max(stop.margin or 0, 1 if chosen == "reservoir" else 0)
    for site, depth in zip(sites, depths.tolist(), strict=True):
        if chosen != "periodic" and initial is not None and depth < least:
            raise ParameterError(
                f"initial site {site} lies at the far edge of the {geometry.name} lattice of {words}: "
                f"choose one closer to {(*default, tuple(length // 2 for length in sides))[0]}"
            )
    return GrowthSetup(geometry.name, sides, chosen, tuple(sorted(set(sites))), stop)


def _check_shape(
    size: int | None, shape: Sequence[int] | None, lattice: Lattice, geometry: Geometry
) -> tuple[int, ...]:
    if (size is None) == (shape is None):
        raise ParameterError(f"size={size} and shape={shape}: give one of the two")
    if shape is None:
        remedy = ": it is the number of rows and columns of the lattice"
        return (check_count("size", size, MIN_SIZE, MAX_SIZE, remedy),) * lattice.dimension
    sides = tuple(check_count("a number of shape", length, 1, MAX_SIZE) for length in shape)
    if len(sides) != lattice.dimension:
        raise ParameterError(f"shape={sides} has {len(sides)} axes: a {lattice.name} lattice has {lattice.dimension}")
    if prod(sides) > MAX_SITES:
        raise ParameterError(f"shape={sides} has {prod(sides)} sites, more than {MAX_SITES}: use a smaller one")
    if geometry.has_equal_sides and (len(set(sides)) > 1 or sides[0] < MIN_SIZE):
        raise ParameterError(
            f"shape={sides} is not possible with geometry {geometry.name!r}: use equal sides of {MIN_SIZE} or more"
        )
    return sides


def _check_edges(edges: str | None, geometry: Geometry) -> Edges:
    chosen = geometry.edges[0] if edges is None else edges
    if chosen not in EDGES:
        raise UnknownNameError("edges", str(chosen), EDGES)
    if chosen not in geometry.edges:
        raise ParameterError(
            f"edges={chosen!r} is not possible with geometry {geometry.name!r}: use {' or '.join(geometry.edges)}"
        )
    return chosen


def _check_site(site: Site, shape: tuple[int, ...]) -> Site:
    axes = SITE_AXES[-len(shape) :]
    try:
        places = tuple(site)
    except TypeError:
        places = ()
    if len(places) != len(shape):
        raise ParameterError(f"initial site {site!r} is not a {_tuple_word(axes)} ({', '.join(axes)})")
    return tuple(
        check_count(f"{axis} of an initial site", place, 0, length - 1)
        for axis, place, length in zip(axes, places, shape, strict=True)
    )


def _tuple_word(axes: Sequence[str]) -> str:
    return "pair" if len(axes) == 2 else "triple"


# The hexagonal lattice's edges, row by row ----------------------------------------------------------------------------


def _radius(setup: GrowthSetup) -> int:
    """Distance of the reservoir's rim from the centre."""
    return setup.size - 1 if setup.geometry == "sector" else (setup.size - 1) // 2


def front_distance(setup: GrowthSetup) -> int:
    """Distance from the centre at which the front rule is met; beyond all sites where it does not apply."""
    if setup.edges == "periodic" or setup.stop.margin is None:
        return 4 * setup.size
    return _radius(setup) + 1 - setup.stop.margin


def open_columns(setup: GrowthSetup) -> tuple[IntArray, IntArray]:
    """Return the sites that are not held at rho, row by row: first column and one past the last, int64 [row] each.

    Rows that are held altogether have as many of one as of the other.
    """
    distance = 4 * setup.size if setup.edges == "periodic" else _radius(setup)
    centre = 0 if setup.geometry == "sector" else setup.size // 2
    offset = np.arange(setup.size) - centre
    low = np.maximum(1 - distance, offset + 1 - distance) + centre
    high = np.minimum(distance - 1, offset + distance - 1) + centre + 1
    low, high = low.clip(0, setup.size), high.clip(0, setup.size)
    return low, np.where(np.abs(offset) < distance, np.maximum(low, high), low)


def _depths(setup: GrowthSetup, lattice: Lattice) -> IntArray:
    sites = np.moveaxis(np.indices(setup.shape), 0, -1)
    return lattice.depth(sites, setup.shape, is_mirrored=lattice.is_mirrored(setup.geometry))


def reservoir_mask(setup: GrowthSetup, lattice: Lattice = HEXAGONAL) -> Mask:
    """Sites that are held at the value far away: bool [*lattice]; all False where the edges are no reservoir."""
    if setup.edges != "reservoir":
        return np.zeros(setup.shape, np.bool_)
    return np.asarray(_depths(setup, lattice) <= 0, np.bool_)


def stop_mask(setup: GrowthSetup, lattice: Lattice = HEXAGONAL) -> Mask:
    """Sites whose attachment meets the front rule, row or column `size - margin` and beyond: bool [*lattice]."""
    if setup.edges == "periodic" or setup.stop.margin is None:
        return np.zeros(setup.shape, np.bool_)
    return np.asarray(_depths(setup, lattice) < setup.stop.margin, np.bool_)
