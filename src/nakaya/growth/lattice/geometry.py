"""Geometries: which part of the lattice is grown, what its edges do, where crystals start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Literal, Protocol

import numpy as np

from nakaya.core.arrays import IntArray, Mask
from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.model.setup import MAX_SIZE, MIN_SIZE, Edges, GrowthSetup, StopRules

__all__ = [
    "GEOMETRIES",
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

Sites = Sequence[tuple[int, int]]
"""Sites as (row, column)."""


class Geometry(Protocol):
    """A part of the lattice: its name, the edges it allows (default first) and where a crystal starts by default."""

    name: ClassVar[Literal["sector", "full"]]
    allowed_edges: ClassVar[tuple[Edges, ...]]

    def default_initial(self, size: int) -> tuple[int, int]:
        """The site of the initial crystal where none is given."""
        ...


@dataclass(frozen=True)
class Sector:
    """The mirrored 120 degree wedge: rows and columns >= 0, mirrored at row 0 and column 0, far edge held at rho.

    A third of a six-fold crystal, and at sigma = 0 exactly a third of the full one. With noise it is a wedge with
    mirror walls: pictures unfolded from it show a seam. Noisy whole flakes want `Full`.
    """

    name: ClassVar[Literal["sector", "full"]] = "sector"
    allowed_edges: ClassVar[tuple[Edges, ...]] = ("reservoir",)

    def default_initial(self, size: int) -> tuple[int, int]:
        """The corner."""
        return (0, 0)


@dataclass(frozen=True)
class Full:
    """The whole lattice, with any number of initial crystals.

    Edges "reservoir": the rim of the largest centred hexagon, and what lies outside it, is held at rho, so that the
    setting keeps the lattice's symmetry; an array of size 2 N - 1 is then the unfolded sector of size N. Edges
    "periodic": opposite sides of the array are joined; nothing enters or leaves.
    """

    name: ClassVar[Literal["sector", "full"]] = "full"
    allowed_edges: ClassVar[tuple[Edges, ...]] = ("reservoir", "periodic")

    def default_initial(self, size: int) -> tuple[int, int]:
        """The centre."""
        return (size // 2, size // 2)


GEOMETRIES: dict[str, Geometry] = {"sector": Sector(), "full": Full()}


def make_setup(
    geometry: str | Geometry,
    size: int,
    *,
    initial: Sites | None = None,
    edges: str | None = None,
    stop: StopRules | None = None,
) -> GrowthSetup:
    """Check names and numbers and return the request that growers take.

    Args:
        geometry: "sector", "full", or a `Geometry`.
        size: Rows and columns of the array, 8 to 16,384.
        initial: Sites of the initial crystals as (row, column); by default the corner or the centre.
        edges: "reservoir" or "periodic"; by default the geometry's first.
        stop: Stop rules; by default `StopRules()`.

    Raises:
        ParameterError: A size, site or edge that this geometry does not have.
        UnknownNameError: A name that is not known.
    """
    if isinstance(geometry, str):
        if geometry not in GEOMETRIES:
            raise UnknownNameError("geometry", geometry, GEOMETRIES)
        geometry = GEOMETRIES[geometry]
    size = check_count("size", size, MIN_SIZE, MAX_SIZE, ": it is the number of rows and columns of the lattice")
    edges = geometry.allowed_edges[0] if edges is None else edges
    if edges not in ("reservoir", "periodic"):
        raise UnknownNameError("edges", str(edges), ("reservoir", "periodic"))
    if edges not in geometry.allowed_edges:
        raise ParameterError(
            f"edges={edges!r} is not possible with geometry {geometry.name!r}: "
            f"use {' or '.join(geometry.allowed_edges)}"
        )
    stop = StopRules() if stop is None else stop
    largest_margin = size - 1 if geometry.name == "sector" else (size - 1) // 2
    if stop.margin is not None and edges == "reservoir" and stop.margin > largest_margin:
        raise ParameterError(
            f"margin={stop.margin} leaves no room on the {geometry.name} lattice of size {size}: "
            f"use a larger size, or StopRules(margin={largest_margin}) or less"
        )
    sites = [geometry.default_initial(size)] if initial is None else [_check_site(site, size) for site in initial]
    if not sites:
        raise ParameterError("initial=[] has no site: give at least one (row, column), or leave it out")
    setup = GrowthSetup(geometry.name, size, edges, tuple(sorted(set(sites))), stop)
    for (low, high), (row, column) in product((open_columns(setup), front_columns(setup)), setup.initial):
        if not low[row] <= column < high[row]:
            raise ParameterError(
                f"initial site ({row}, {column}) lies at the far edge of the {geometry.name} lattice of size {size}: "
                f"choose one closer to {geometry.default_initial(size)}"
            )
    return setup


def _check_site(site: tuple[int, int], size: int) -> tuple[int, int]:
    try:
        row, column = site
    except (TypeError, ValueError):
        raise ParameterError(f"initial site {site!r} is not a pair (row, column)") from None
    return (
        check_count("row of an initial site", row, 0, size - 1),
        check_count("column of an initial site", column, 0, size - 1),
    )


def _radius(setup: GrowthSetup) -> int:
    """Distance of the reservoir's rim from the centre."""
    return setup.size - 1 if setup.geometry == "sector" else (setup.size - 1) // 2


def front_distance(setup: GrowthSetup) -> int:
    """Distance from the centre at which the front rule is met; beyond all sites where it does not apply."""
    if setup.edges == "periodic" or setup.stop.margin is None:
        return 4 * setup.size
    return _radius(setup) + 1 - setup.stop.margin


def _columns_within(setup: GrowthSetup, distance: int) -> tuple[IntArray, IntArray]:
    """Return, for every row, the first column nearer to the centre than `distance`, and one past the last."""
    centre = 0 if setup.geometry == "sector" else setup.size // 2
    offset = np.arange(setup.size) - centre
    low = np.maximum(1 - distance, offset + 1 - distance) + centre
    high = np.minimum(distance - 1, offset + distance - 1) + centre + 1
    low, high = low.clip(0, setup.size), high.clip(0, setup.size)
    return low, np.where(np.abs(offset) < distance, np.maximum(low, high), low)


def _outside(low: IntArray, high: IntArray) -> Mask:
    columns = np.arange(low.size)
    return np.asarray((columns < low[:, None]) | (columns >= high[:, None]), np.bool_)


def open_columns(setup: GrowthSetup) -> tuple[IntArray, IntArray]:
    """Return the sites that are not held at rho, row by row: first column and one past the last, int64 [row] each.

    Rows that are held altogether have as many of one as of the other.
    """
    return _columns_within(setup, 4 * setup.size if setup.edges == "periodic" else _radius(setup))


def front_columns(setup: GrowthSetup) -> tuple[IntArray, IntArray]:
    """Return the sites whose attachment does not meet the front rule, in the form of `open_columns`."""
    return _columns_within(setup, front_distance(setup))


def reservoir_mask(setup: GrowthSetup) -> Mask:
    """Sites that are held at the vapour density rho: bool [row, column]; all False on a periodic lattice."""
    return _outside(*open_columns(setup))


def stop_mask(setup: GrowthSetup) -> Mask:
    """Sites whose attachment meets the front rule, row or column `size - margin` and beyond: bool [row, column]."""
    return _outside(*front_columns(setup))
