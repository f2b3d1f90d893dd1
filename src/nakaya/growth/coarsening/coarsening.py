"""Coarsening from a map of grains: checks, steps, frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray, GrainMap, IntArray
from nakaya.core.checks import Range, check_count, check_in_range
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.coarsening import reference
from nakaya.growth.coarsening.energies import BoundaryEnergy, PairEnergies, ReadShockley, pair_energies
from nakaya.growth.coarsening.neighbours import count_neighbours
from nakaya.growth.coarsening.network import Network, sharp_network
from nakaya.growth.coarsening.result import Coarsening
from nakaya.growth.coarsening.steps import StepNumbers, allowed_step, least_step, radius_of_small, step_numbers

__all__ = ["EDGES", "VERSION", "Progress", "coarsen", "prepare_map"]

VERSION: Final = 1
"""Of the scheme: another number, other maps."""

EDGES: Final = ("periodic", "insulated")
MIN_SIDE = 8
MIN_MEDIAN_SITES = 12.0
"""Sites of the median grain: the kernel, one site wide at least, cannot tell smaller grains' boundaries apart."""

SMALL_GRAIN = 12.0
"""Sites; grains below are counted in a flag, with `FEW_SMALL`."""

FEW_SMALL = 0.1
MOST_GAPS = 0.5
"""Fraction of sites without a grain: beyond, the map is mostly filled in."""

WIDE_KERNEL = 0.5
"""Standard deviation of the kernel over the radius of small grains; beyond, a flag says so."""

_SPACING = Range(0, 1e6, "the distance of sites, m", low_open=True)
_MOBILITY = Range(0, 1e30, "the mobility of boundaries, m4/(J s)", low_open=True)
_DURATION = Range(0, 1e30, "the time of coarsening, s", low_open=True)

Advance = Callable[[Network, StepNumbers, int], Network]


@dataclass(frozen=True)
class Progress:
    """How far coarsening is: enough to go on from there.

    Attributes:
        network: State at the last frame.
        time: Of that frame, in units of spacing^2 / (M gamma).
        result: All frames until then.
    """

    network: Network
    time: float
    result: Coarsening


def prepare_map(grain_map: NDArray[np.integer[Any]]) -> tuple[GrainMap, IntArray, list[str]]:
    """Return a map whose grains are 0 .. n - 1 and that has no gaps, the grains' former numbers, and flags.

    Sites below zero have no grain (not indexed, not solid): they go to the nearest grain. Equal numbers are one grain,
    wherever they lie.

    Raises:
        ParameterError: It is no map of whole numbers in two or three dimensions, has one grain, or mostly gaps.
    """
    values = np.asarray(grain_map)
    if values.ndim not in (2, 3) or min(values.shape, default=0) < MIN_SIDE:
        raise ParameterError(f"a map of shape {values.shape} came: give 2 or 3 axes of at least {MIN_SIDE} sites")
    if values.dtype.kind not in "iu":
        raise ParameterError(f"a map of {values.dtype} came: give whole numbers, one for each grain, -1 for none")
    empty = values < 0
    flags = []
    if empty.all() or empty.mean() > MOST_GAPS:
        raise ParameterError(f"{empty.mean():.0%} of the sites have no grain: at most {MOST_GAPS:.0%} are filled in")
    if empty.any():
        nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
        values = values[tuple(nearest)]
        flags.append(f"{int(empty.sum())} sites had no grain: each was given to the nearest one")
    names, places = np.unique(values, return_inverse=True)
    if len(names) < 2:
        raise ParameterError("the map has one grain: there is no boundary that could move")
    return places.reshape(values.shape).astype(np.int32), names.astype(np.int64), flags


def _check_resolution(grain_map: GrainMap) -> list[str]:
    sites = np.bincount(grain_map.ravel())
    if np.median(sites) < MIN_MEDIAN_SITES:
        raise ParameterError(
            f"the median grain has {np.median(sites):g} sites, fewer than {MIN_MEDIAN_SITES:g}: curvature is not "
            "resolved; give a finer map"
        )
    small = int((sites < SMALL_GRAIN).sum())
    if small <= FEW_SMALL * len(sites):
        return []
    return [
        f"{small} of {len(sites)} grains have fewer than {SMALL_GRAIN:g} sites: how fast these vanish is not resolved"
    ]


def _check_kernel(grain_map: GrainMap, energies: PairEnergies) -> list[str]:
    """A flag where unequal energies need a kernel that is wide beside the grains."""
    kernel = math.sqrt(2 * least_step(energies))
    radius = radius_of_small(np.bincount(grain_map.ravel()).astype(np.float64), grain_map.ndim)
    if energies.relative is None or kernel <= WIDE_KERNEL * radius:
        return []
    return [
        f"energies that differ by {1 / float(energies.relative.min()):.1f} times need a kernel of {kernel:.1f} sites: "
        f"a quarter of the grains have radii below {radius:.1f}: these are not resolved; give a finer map"
    ]


@dataclass(frozen=True)
class _Plan:
    """When frames are taken, in units of spacing^2 / (M gamma), or at which numbers of grains."""

    times: FloatArray
    counts: FloatArray

    def is_due(self, number: int, time: float, num_grains: int) -> bool:
        if len(self.times):
            return bool(time >= self.times[number])
        return bool(num_grains <= self.counts[number])


def coarsen(
    grain_map: NDArray[np.integer[Any]],
    *,
    spacing: float,
    mobility: float,
    energy: BoundaryEnergy = 1.0,
    duration: float | None = None,
    until_grains: int | None = None,
    frames: int = 10,
    orientations: Rotation | None = None,
    symmetry: str = "m-3m",
    edges: str = "periodic",
    is_reference: bool = False,
    resume: Progress | None = None,
    on_frame: Callable[[Progress], None] | None = None,
) -> Coarsening:
    r"""Let the grains of a map grow and vanish by the curvature of their boundaries.

    A boundary moves with the velocity v = M gamma kappa towards its centre of curvature; where three meet, their
    energies balance. In the plane every grain of n neighbours then obeys dA/dt = pi/3 M gamma (n - 6) where all
    energies are equal (von Neumann 1952, Mullins 1956), and the mean area grows linearly in time. The method is
    threshold dynamics (see `reference`): no lattice anisotropy, no temperature, and the same result every time.

    One mobility holds for all boundaries; energies may differ by up to a factor of four. Not modelled: boundaries that
    depend on their plane, drag by solute, pinning by particles, twins.

    Args:
        grain_map: Number of the grain at every site, int [*lattice], two or three dimensions of square or cubic sites.
            Below zero: no grain; these sites go to the nearest one.
        spacing: Distance of sites, m.
        mobility: M, m4/(J s). With `energy` left at 1 this is the reduced mobility M gamma, m2/s. Plain numbers
            do, too.
        energy: gamma, J/m2: one number, a table [n, n] of pairs in the order of sorted numbers, or `ReadShockley`.
        duration: s; at least one of this and `until_grains` is needed.
        until_grains: Stop when so many grains are left.
        frames: Maps that are kept beside the first: at equal times where a duration is given, else at equal ratios of
            numbers of grains.
        orientations: Of the grains in the order of sorted numbers, sample to crystal, [n]; for `ReadShockley`, and kept
            in the result.
        symmetry: Laue class of the crystals.
        edges: "periodic", or "insulated" (boundaries meet the edges at 90 degrees).
        is_reference: Use the plain NumPy version, for small maps.
        resume: What an earlier call gave `on_frame`; the result is that of a call that was never interrupted.
        on_frame: Called with the state at every frame.

    Raises:
        ParameterError: A value out of range, or a map that cannot coarsen or is not resolved.
        UnknownNameError: Edges or a Laue class that do not exist.

    >>> rows, columns = np.indices((48, 48))
    >>> circle = (np.hypot(rows - 24, columns - 24) < 14).astype(np.int32)
    >>> found = coarsen(circle, spacing=1.0, mobility=1.0, duration=50.0, frames=2, is_reference=True)
    >>> rate = (found.sizes[2, 1] - found.sizes[1, 1]) / (found.times[2] - found.times[1])
    >>> round(float(rate / (-2 * np.pi)), 1)
    1.0
    """
    check_in_range("spacing", spacing, _SPACING)
    check_in_range("mobility", mobility, _MOBILITY)
    check_count("frames", frames, 1, 10_000)
    if edges not in EDGES:
        raise UnknownNameError("kind of edges", edges, EDGES)
    if duration is None and until_grains is None:
        raise ParameterError("neither duration nor until_grains was given: coarsening needs an end")
    prepared, names, flags = prepare_map(grain_map)
    flags += _check_resolution(prepared)
    num_grains = len(names)
    if until_grains is not None:
        check_count("until_grains", until_grains, 1, num_grains - 1, f": the map has {num_grains} grains")
    if orientations is not None and len(orientations) != num_grains:
        raise ParameterError(f"{len(orientations)} orientations came for {num_grains} grains: give one for each")
    energies = pair_energies(energy, num_grains, orientations, symmetry)
    reduced = mobility * energies.greatest
    flags += _check_kernel(prepared, energies)
    unit = spacing**2 / reduced
    plan = _Plan(np.zeros(0), np.zeros(0))
    least = least_step(energies)
    if duration is not None:
        end = check_in_range("duration", duration, _DURATION) / unit
        possible = max(1, min(frames, int(end / least)))
        if possible < frames and end >= least:
            flags.append(f"{frames} frames lie closer than a time step: {possible} were taken")
        plan = replace(plan, times=np.arange(1, possible + 1, dtype=np.float64) * (end / possible))
        if end < least:
            flags.append(
                f"nothing moved: in {duration:g} s a boundary with the curvature of a site moves by {end:.2g} sites, "
                f"less than the {least:g} of a time step"
            )
    else:
        assert until_grains is not None
        ratio = until_grains / num_grains
        plan = replace(plan, counts=num_grains * ratio ** (np.arange(1, frames + 1) / frames))
        plan.counts[-1] = until_grains
    settings = {
        "version": VERSION,
        "mobility": mobility,
        "energy": _described(energy),
        "duration": duration,
        "until_grains": until_grains,
        "frames": frames,
        "symmetry": symmetry if isinstance(energy, ReadShockley) else None,
    }
    network = sharp_network(prepared, is_periodic=edges == "periodic")
    empty = Coarsening(
        np.zeros(0), np.zeros((0, *prepared.shape), np.int32), np.zeros((0, num_grains)),
        np.zeros((0, num_grains), np.int64), names, spacing, reduced, edges, (*flags, *energies.flags), settings,
        None if orientations is None else np.asarray(orientations.as_quat(), np.float64),
    )  # fmt: skip
    state = resume or Progress(network, 0.0, _with_frame(empty, network, 0.0, unit))
    if is_reference:
        advance: Advance = reference.advance
    else:
        from nakaya.growth.coarsening import cpu  # numba is imported when it is used

        advance = cpu.advance
    if duration is not None and plan.times[-1] < least:
        return _with_frame(state.result, network, float(plan.times[-1]), unit)
    return _evolve(state, plan, energies, advance, until_grains or 1, unit, on_frame)


def _described(energy: BoundaryEnergy) -> Any:  # a plain value
    if isinstance(energy, ReadShockley):
        return {"read_shockley": {"high_angle": energy.high_angle, "threshold": energy.threshold}}
    return float(energy) if np.ndim(energy) == 0 else "table"


def _with_frame(result: Coarsening, network: Network, time: float, unit: float) -> Coarsening:
    grain_map = network.grain_map()
    num_grains = result.sizes.shape[1]
    sizes = network.sizes(num_grains) * result.spacing**grain_map.ndim
    neighbours = count_neighbours(grain_map, num_grains, is_periodic=network.is_periodic)
    return replace(
        result,
        times=np.append(result.times, time * unit),
        grain_maps=np.concatenate([result.grain_maps, grain_map[None]]),
        sizes=np.concatenate([result.sizes, sizes[None]]),
        neighbours=np.concatenate([result.neighbours, neighbours[None]]),
    )


def _evolve(
    state: Progress,
    plan: _Plan,
    energies: PairEnergies,
    advance: Advance,
    until_grains: int,
    unit: float,
    on_frame: Callable[[Progress], None] | None,
) -> Coarsening:
    """Do steps until the last frame is taken or too few grains are left."""
    network, time, result = state.network, state.time, state.result
    dimension, num_grains = len(network.shape), result.sizes.shape[1]
    frame, alive = 0, len(np.unique(network.grain_map()))
    total = max(len(plan.times), len(plan.counts))
    least = least_step(energies)
    numbers: StepNumbers | None = None
    while frame < total and plan.is_due(frame, time, alive):  # those of the earlier call
        frame += 1
    while frame < total:
        sizes = network.sizes(num_grains)
        longest = allowed_step(sizes[sizes >= 1], dimension, energies)
        step = longest
        if len(plan.times):  # equal steps that end at the frame, none below the least
            left = plan.times[frame] - time
            step = left / max(1, min(math.ceil(left / longest), int(left / least)))
        if numbers is None or abs(step / numbers.duration - 1) > 1e-12:
            numbers = step_numbers(step, energies)
        network = advance(network, numbers, num_grains)
        time += step
        alive = len(np.unique(network.grain_map()))
        if len(plan.times) and plan.times[frame] - time < least / 2:
            time = float(plan.times[frame])
        is_over = alive <= until_grains
        if not is_over and not plan.is_due(frame, time, alive):
            continue
        while frame < total and plan.is_due(frame, time, alive):
            frame += 1
        result = _with_frame(result, network, time, unit)
        if is_over:
            break
        if on_frame is not None and frame < total:
            on_frame(Progress(network, time, result))
    return result
