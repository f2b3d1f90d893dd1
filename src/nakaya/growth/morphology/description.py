"""Every measure of a crystal in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.lattice.history import disconnected_share, identity_share
from nakaya.growth.lattice.lattice import HEXAGONAL, unfold_sector
from nakaya.growth.model.setup import Edges
from nakaya.growth.model.trajectory import INITIAL, NOT_COMPUTED, Trajectory
from nakaya.growth.morphology.counts import area, boundary_sites, crofton_perimeter, perimeter
from nakaya.growth.morphology.growth_curve import mean_tip_velocity
from nakaya.growth.morphology.shape import (
    Origin,
    branch_count,
    fractal_dimension,
    gyration_radius,
    sixfold_order,
    tip_radius,
)

__all__ = ["Morphology", "describe", "describe_trajectory"]

SITES_AT_ONCE = 1 << 20
"""Sites of whole crystals that are measured together: bounds the memory of a large ensemble."""


@dataclass(frozen=True)
class Morphology:
    """What crystals look like; every field has the batch shape of the arrival maps.

    Attributes:
        area: Attached sites in the array, int64. In a sector: of the sector, about a third of the crystal.
        boundary_sites: Vapour sites in the array that touch the crystal, int64. In a sector: of the sector.
        whole_area: Attached sites of the whole crystal, int64: of the unfolded sector, else equal to `area`.
        whole_boundary_sites: Vapour sites that touch the whole crystal, int64.
        perimeter: Length of the outline of the whole crystal's Voronoi cells, in site spacings.
        crofton_perimeter: Estimated length of its smooth outline, in site spacings.
        gyration_radius: Of the whole crystal about its centre of mass, in site spacings.
        tip_radius: Greatest distance from the origin, in site spacings.
        tip_velocity: Mean velocity of the tip, in site spacings per step.
        branches: Runs of crystal on the ring at half the reach, int64.
        fractal_dimension: Mass-radius dimension.
        sixfold_order: |psi_6|, 0 to 1.
        disconnected_share: Share of attached sites not joined to the initial crystal.
        identity_share: Share of steps in which nothing attached; NaN where the number of steps was not given.
    """

    area: IntArray
    boundary_sites: IntArray
    whole_area: IntArray
    whole_boundary_sites: IntArray
    perimeter: FloatArray
    crofton_perimeter: FloatArray
    gyration_radius: FloatArray
    tip_radius: FloatArray
    tip_velocity: FloatArray
    branches: IntArray
    fractal_dimension: FloatArray
    sixfold_order: FloatArray
    disconnected_share: FloatArray
    identity_share: FloatArray


def describe(
    arrival: ArrivalMap,
    *,
    geometry: Literal["sector", "full"],
    edges: Edges = "reservoir",
    steps: IntArray | None = None,
    origin: Origin | None = None,
    stride: int = 1,
) -> Morphology:
    """Measure crystals at the end of their growth.

    A sector is unfolded first; with noise its two edges differ, the unfolded crystal shows the seam, and its measures
    are those of a mirrored wedge. A periodic array is rolled so that the origin lies at its centre: measures of shape
    then assume that the crystal does not cross the edges of the rolled array.

    Args:
        arrival: int32 [*batch, row, column], square; 0 = initial, -1 = never.
        geometry: "sector" or "full".
        edges: "reservoir" or "periodic" (full only).
        steps: Steps until each member stopped, int [*batch], for `identity_share`.
        origin: Site that radii, branches and angles are measured from; by default where a crystal starts by default,
            the corner of a sector or the centre of a full lattice. A sector has no other.
        stride: Steps per stride, for `identity_share`.

    Raises:
        ParameterError: The arrays have another shape, some maps were never computed, or the origin lies elsewhere.
        UnknownNameError: No such geometry.

    >>> arrival = np.full((21, 21), -1, np.int32)
    >>> arrival[10, :] = arrival[:, 10] = 1
    >>> arrival[10, 10] = 0
    >>> np.fill_diagonal(arrival, np.maximum(arrival.diagonal(), 1))
    >>> star = describe(arrival, geometry="full")
    >>> int(star.area), float(star.tip_radius), int(star.branches), round(float(star.sixfold_order), 3)
    (61, 10.0, 6, 1.0)
    """
    known = {entry.name: entry for entry in HEXAGONAL.geometries}
    if geometry not in known:
        raise UnknownNameError("geometry", str(geometry), known)
    arrival = _checked_maps(arrival)
    size = arrival.shape[-1]
    row, column = known[geometry].default_initial((size, size))[0] if origin is None else origin
    seed = (row, column)
    if not (0 <= seed[0] < size and 0 <= seed[1] < size) or (geometry == "sector" and seed != (0, 0)):
        expected = "(0, 0), a sector's corner" if geometry == "sector" else f"a site of the {size} x {size} lattice"
        raise ParameterError(f"origin={seed} is not {expected}")
    batch = arrival.shape[:-2]
    if steps is not None and np.shape(steps) != batch:
        raise ParameterError(
            f"steps of shape {np.shape(steps)} do not match arrival maps {arrival.shape}: give {batch}"
        )
    crystals = arrival.reshape(-1, size, size)
    whole_size = 2 * size - 1 if geometry == "sector" else size
    at_once = max(1, SITES_AT_ONCE // whole_size**2)
    parts = [
        _measure(crystals[start : start + at_once], geometry == "sector", edges, seed)
        for start in range(0, len(crystals), at_once)
    ]
    measures = {name: np.concatenate([part[name] for part in parts]).reshape(batch) for name in parts[0]}
    if steps is None:
        measures["identity_share"] = np.full(batch, np.nan)
    else:
        measures["identity_share"] = identity_share(arrival, steps, stride=stride)
    return Morphology(**measures)


def describe_trajectory(trajectory: Trajectory) -> Morphology:
    """Measure the crystals of a trajectory: `describe` with its geometry, edges, steps and time resolution.

    The origin is the initial crystal where that is one site, else where a crystal starts by default.

    Raises:
        ParameterError: The lattice is not hexagonal.

    >>> import nakaya
    >>> flakes = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6, sigma=0), size=24, members=2, seed=7)
    >>> measured = describe_trajectory(flakes)
    >>> measured.branches.tolist(), bool(measured.whole_area[0] > 2.5 * measured.area[0])
    ([6, 6], True)
    """
    if trajectory.metadata.lattice != "hexagonal":
        raise ParameterError(f"crystals on a {trajectory.metadata.lattice} lattice have no measures of snow crystals")
    setup = trajectory.metadata.geometry
    initial = setup.get("initial")
    origin = None
    if setup["name"] == "full" and isinstance(initial, list) and len(initial) == 1:
        origin = (int(initial[0][0]), int(initial[0][1]))
    return describe(
        trajectory.arrival,
        geometry=setup["name"],  # type: ignore[arg-type]  # checked there
        edges="periodic" if setup["edges"] == "periodic" else "reservoir",
        steps=trajectory.steps,
        origin=origin,
        stride=trajectory.metadata.time_resolution,
    )


def _checked_maps(arrival: ArrivalMap) -> ArrivalMap:
    arrival = np.asarray(arrival)
    if arrival.ndim < 2 or arrival.shape[-1] != arrival.shape[-2] or arrival.dtype.kind != "i":
        raise ParameterError(
            f"arrival of shape {arrival.shape} and type {arrival.dtype} is no map: give int32 [..., size, size]"
        )
    if not arrival.size:
        raise ParameterError(f"arrival of shape {arrival.shape} holds no crystal: give at least one")
    if (arrival == NOT_COMPUTED).any():
        raise ParameterError("arrival holds maps that were not computed (-2): finish the campaign, or select members")
    return arrival


def _measure(crystals: ArrivalMap, sector: bool, edges: Edges, seed: Origin) -> dict[str, IntArray | FloatArray]:
    """All measures but the identity share, for int32 [crystal, row, column]."""
    whole = unfold_sector(crystals) if sector else crystals
    centre = whole.shape[-1] // 2
    if edges == "periodic":
        whole = np.roll(whole, (centre - seed[0], centre - seed[1]), axis=(-2, -1))
    attached = whole >= INITIAL
    origin = seed if edges == "reservoir" and not sector else (centre, centre)
    in_array = crystals >= INITIAL
    return {
        "area": area(in_array),
        "boundary_sites": boundary_sites(in_array, edges=edges),
        "whole_area": area(attached),
        "whole_boundary_sites": boundary_sites(attached, edges=edges),
        "perimeter": perimeter(attached, edges=edges),
        "crofton_perimeter": crofton_perimeter(attached, edges=edges),
        "gyration_radius": gyration_radius(attached),
        "tip_radius": tip_radius(attached, origin=origin),
        "tip_velocity": mean_tip_velocity(whole, origin=origin),
        "branches": branch_count(attached, origin=origin),
        "fractal_dimension": fractal_dimension(attached, origin=origin),
        "sixfold_order": sixfold_order(attached, origin=origin),
        "disconnected_share": disconnected_share(crystals, edges=edges),
    }
