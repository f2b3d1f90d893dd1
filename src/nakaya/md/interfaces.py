"""A crystal in its melt, frame by frame: how large is it, how hot, and how fast do its interfaces move?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import FormatError
from nakaya.md.order.bond_order import (
    Classifier,
    Environment,
    alignment,
    averaged_harmonics,
    cluster_sizes,
    environment,
    mirrored,
    solid_atoms,
)
from nakaya.md.order.descriptors import pool
from nakaya.md.order.neighbours import volume_per_atom
from nakaya.md.order.structures import MIN_ATOMS, seen_structure, structure_mismatch
from nakaya.md.shapes import (
    MIN_EXPLAINED,
    SLAB,
    Shape,
    best_shape,
    condensed,
    fitted,
    gap_directions,
    height,
    misfits,
    shapes,
)
from nakaya.md.statistics import Estimate, walk_slope
from nakaya.md.trajectories.frames import BOLTZMANN, Frame
from nakaya.records.record import Quantity, single

__all__ = [
    "BLOCK_PS",
    "EVIDENCE_PS",
    "PATCH_TIMES_PS",
    "TIME_TOLERANCE_PS",
    "SlabHistory",
    "fit_velocity",
    "follow_crystal",
    "follow_slab",
    "lost_crystal",
    "odd_shape",
    "odd_structure",
]

EVIDENCE_PS = 10.0
"""Length of the evidence: the first picoseconds after the equilibration."""

PATCH_TIMES_PS = (0.0, 2.0, 5.0, 7.0, 10.0)
"""The frames nearest to these times after the first become patches, and those the atoms of graphs."""

TIME_TOLERANCE_PS = 1e-6
"""Times closer than this are one moment: they are products of steps and time steps."""

WIDE = 20
"""Neighbours that are looked for, so that a coordination number can exceed the shell that classifies."""

PROFILE_BIN = 5.0
"""Thickness of the slices of profiles, A."""

MARGIN = 2
"""Slices to either side of an interface, and inside a free end of the box, that belong to no phase: 10 A."""

MIN_LIQUID = 25.0
"""The two interfaces feel each other when less liquid than this, A, is left between them: the final coalescence."""

MIN_SOLID = 15.0
"""A slab thinner than this, A, is about to melt away."""

MAX_SECOND = 150
"""A second crystal of more atoms than this nucleated in the melt (a secondary nucleation event) and will grow: its
interfaces would be taken for those of the slab."""

ALIGNED = 0.5
"""Atoms whose averaged q6 has at least this cosine with that of the slab have its orientation."""

BLOCK_PS = 5.0
"""Blocks for the error of one run, ps: longer than the memory of the noise of the bond order."""

MIN_BLOCK_PS = 2.0
"""Blocks of a run that ended early are shortened to a third of it, but not below this."""


@dataclass(frozen=True)
class SlabHistory:
    """What was seen in the frames of one run.

    Slices are shells around the middle of a rod or a sphere, the last of all that lies beyond, and go from the wall on
    where there is one interface only.

    Attributes:
        times_ps: float64 [frame].
        solid: Atoms that look solid, float64 [frame, rule]; rules are "bonds" and "averaged".
        second_crystal: Atoms of the largest crystal beside the slab, int64 [frame]: a connected group of solid ones
            that is apart from the slab, or that touches it and is misoriented.
        num_atoms: Atoms in the box.
        area: Area of one flat interface, A^2; of a rod its length, A, and of a sphere 1.
        lengths: Height of the box along the normal of a slab, float64 [frame], A; of a rod or a sphere, the distance
            from its middle at which it would touch its own image.
        deep_solid: Atoms well inside the crystal, and how many of them look solid by each rule, float64 [frame, 3].
        deep_liquid: The same, well inside the liquid.
        volumes: Volume of an atom deep in the crystal and deep in the liquid, A^3; NaN where there is no inside.
        pooled: Descriptor name -> float64 [frame], SI.
        profile_distance: Distance of slices from the middle of the crystal, float64 [slice], A.
        temperature_profile: Mean kinetic temperature of the slices, float64 [slice], K; NaN without velocities.
        kept: Frames kept for patches, as (time, frame, solid mask); times are those of `times_ps`.
        shape: Of the crystal in the first frame: what the slices were made for.
        candidates: Shapes that the box allows.
        misfit: What each of them misplaces in every frame, float64 [frame, candidate]; see `misfits`.
        structure: Of the crystal in the first frame, as it looks: see `seen_structure`; "" = it cannot be told.
        gaps: Directions in which the first frame has a layer of vacuum.
    """

    times_ps: FloatArray
    solid: FloatArray
    second_crystal: IntArray
    num_atoms: int
    area: float
    lengths: FloatArray
    deep_solid: FloatArray
    deep_liquid: FloatArray
    volumes: tuple[float, float]
    pooled: dict[str, FloatArray]
    profile_distance: FloatArray
    temperature_profile: FloatArray
    kept: list[tuple[float, Frame, BoolArray]] = field(default_factory=list)
    shape: Shape = SLAB
    candidates: Sequence[Shape] = (SLAB,)
    misfit: FloatArray = field(default_factory=lambda: np.zeros((0, 1)))
    gaps: Sequence[int] = ()
    structure: str = ""

    @property
    def undisturbed(self) -> BoolArray:
        """Whether no second crystal was there yet, bool [frame]."""
        return np.asarray(np.cumsum(self.second_crystal > MAX_SECOND) == 0)

    def mistaken(self, rule: int, *, until_ps: float = math.inf) -> tuple[float, float]:
        """Fractions of atoms that look solid, deep in the crystal and deep in the liquid; (1, 0) without thermal noise.

        Frames from the first second crystal on are left out: its atoms are no mistakes of the classifier, and taking
        them for such would stretch the thickness of the slab in all frames before.
        """
        early = (self.times_ps <= until_ps + TIME_TOLERANCE_PS) & self.undisturbed
        early = early if early.any() else self.times_ps <= until_ps + TIME_TOLERANCE_PS
        crystal, liquid = self.deep_solid[early].sum(axis=0), self.deep_liquid[early].sum(axis=0)
        in_crystal = float(crystal[1 + rule] / crystal[0]) if crystal[0] > 0 else 1.0
        in_liquid = float(liquid[1 + rule] / liquid[0]) if liquid[0] > 0 else 0.0
        return in_crystal, in_liquid

    def thickness(self, solid_volume: float, *, rule: int = 0, until_ps: float = math.inf) -> FloatArray:
        """Thickness of a slab of crystal, float64 [frame], A: solid atoms times their volume over the area.

        Args:
            solid_volume: Volume of an atom in the crystal at this temperature, A^3.
            rule: 0 = solid-like bonds, 1 = averaged q6.
            until_ps: Only frames up to here are used, for the correction too: evidence must not know the future.
        """
        return np.asarray(self.solid_atoms(rule=rule, until_ps=until_ps) * solid_volume / self.area)

    def solid_atoms(self, *, rule: int = 0, until_ps: float = math.inf) -> FloatArray:
        """Atoms of the crystal, float64 [frame]; arguments as in `thickness`.

        The count is corrected for atoms that thermal noise puts on the wrong side, in both phases.
        """
        share = self.solid[self.times_ps <= until_ps + TIME_TOLERANCE_PS, rule] / self.num_atoms
        in_crystal, in_liquid = self.mistaken(rule, until_ps=until_ps)
        fraction = (share - in_liquid) / (in_crystal - in_liquid)
        return np.asarray(fraction * self.num_atoms)


def follow_slab(
    frames: Iterable[Frame],
    classifier: Classifier,
    *,
    frame_ps: float | None = None,
    keep_ps: Sequence[float] = (),
) -> SlabHistory:
    """Classify every frame of a run that began as a slab across z with two interfaces, in a periodic box.

    Arguments and errors as in `follow_crystal`.
    """
    return follow_crystal(frames, classifier, shape=SLAB, frame_ps=frame_ps, keep_ps=keep_ps)


def follow_crystal(
    frames: Iterable[Frame],
    classifier: Classifier,
    *,
    shape: Shape | None = None,
    frame_ps: float | None = None,
    keep_ps: Sequence[float] = (),
) -> SlabHistory:
    """Classify every frame of a run with a crystal in its melt.

    Args:
        frames: In order of time; all of one number of atoms.
        classifier: Tells solid from liquid.
        shape: Of the crystal; None = the one that fits the first frame best.
        frame_ps: Time between frames; None where the frames carry their times.
        keep_ps: Times after the first frame, increasing; the frames nearest to them are kept, none after the last.

    Raises:
        FormatError: Frames of different numbers of atoms, or fewer than three.
    """
    times, solids, lengths, areas, contents = [], [], [], [], []
    pooled: list[dict[str, float]] = []
    gaps: Sequence[int] = ()
    structure = ""
    candidates: list[Shape] = []
    misfit: list[FloatArray] = []
    slices: list[FloatArray] = []  # [slice, (atoms, solid by bonds, solid by average, temperature sum, atoms with v)]
    nearest: dict[float, tuple[float, Frame, BoolArray]] = {}  # by the time that was asked for
    seconds: list[int] = []
    reference: NDArray[np.complex128] | None = None
    num_atoms = 0
    for number, frame in enumerate(frames):
        time = frame.time_ps if frame_ps is None else number * frame_ps
        if time is None:
            raise FormatError("the frames carry no times: give the time between frames")
        if num_atoms and len(frame.positions) != num_atoms:
            raise FormatError(f"a frame has {len(frame.positions)} atoms after frames of {num_atoms}")
        num_atoms = len(frame.positions)
        if number == 0:
            gaps = gap_directions(frame)
        frame = condensed(frame, gaps)
        wide = environment(
            frame.positions, frame.cell, neighbours=max(WIDE, classifier.neighbours), periodic=frame.periodic
        )
        local_environment = wide.first(classifier.neighbours)
        masks = np.stack([solid_atoms(local_environment, classifier, rule=rule) for rule in ("bonds", "averaged")])
        candidates = candidates or shapes(frame.periodic)
        misfit.append(misfits(candidates, frame, masks[0]))
        shape = shape or _first_shape(candidates, misfit[0], frame)
        times.append(time)
        solids.append(masks.sum(axis=1).astype(np.float64))
        if reference is None:
            reference = _reference_orientation(local_environment, masks[0])
            same = alignment(averaged_harmonics(local_environment, 6), reference) >= ALIGNED
            structure = seen_structure(wide, masks[0] & same)
        seconds.append(_second_crystal(local_environment, masks[0], reference, _mirror_axis(frame, shape)))
        per_atom = volume_per_atom(frame.cell, num_atoms)
        counts, length = _slice(frame, masks, shape)
        slices.append(counts)
        lengths.append(length)
        areas.append(shape.measure(frame.cell))
        contents.append(per_atom * num_atoms / areas[-1])
        energy = frame.extra.get("c_energy")
        pooled.append(pool(local_environment, classifier, wide=wide, volume_per_atom=per_atom, energy=energy))
        elapsed = time - times[0]
        if elapsed <= max(keep_ps, default=-1.0) + TIME_TOLERANCE_PS:
            for moment in keep_ps:
                if moment not in nearest or abs(elapsed - moment) < abs(nearest[moment][0] - times[0] - moment):
                    nearest[moment] = (time, frame, masks[0])
    if len(times) < 3 or shape is None:
        raise FormatError(f"{len(times)} frames are too few to follow an interface: at least 3 are needed")
    total = _stack(slices)
    history = np.array(solids)
    free_ends = shape.is_flat and not frame.periodic[shape.across[0]]
    deep_solid, deep_liquid, depths = _interior(slices, history, num_atoms, shape, free_ends, contents)
    room = depths.sum(axis=0) * float(np.mean(areas))
    counted = np.array([deep_solid[:, 0].sum(), deep_liquid[:, 0].sum()])
    per_atom_inside = np.where(counted > 0, room / np.maximum(counted, 1), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        temperatures = total[:, 3] / total[:, 4]
    return SlabHistory(
        times_ps=np.array(times),
        solid=history,
        second_crystal=np.array(seconds),
        num_atoms=num_atoms,
        area=float(np.mean(areas)),
        lengths=np.array(lengths),
        deep_solid=deep_solid,
        deep_liquid=deep_liquid,
        volumes=(float(per_atom_inside[0]), float(per_atom_inside[1])),
        pooled={name: np.array([entry[name] for entry in pooled]) for name in pooled[0]},
        profile_distance=np.asarray((np.arange(len(total)) + 0.5) * PROFILE_BIN, dtype=np.float64),
        temperature_profile=temperatures,
        kept=list({entry[0]: entry for entry in nearest.values()}.values()),
        shape=shape,
        candidates=candidates,
        misfit=np.array(misfit),
        gaps=gaps,
        structure=structure,
    )


def _first_shape(candidates: Sequence[Shape], misfit: FloatArray, frame: Frame) -> Shape:
    # One that fits no better than the others, as in a box of melt alone: a slab across the longest side.
    found, explained = best_shape(candidates, misfit)
    if explained >= MIN_EXPLAINED:
        return found
    return Shape((int(np.argmax([height(frame.cell, direction) for direction in range(3)])),))


def _mirror_axis(frame: Frame, shape: Shape) -> int | None:
    # x, y or z, where the interfaces are flat and normal to one of them.
    if not shape.is_flat:
        return None
    normal = np.cross(frame.cell[shape.across[0] - 2], frame.cell[shape.across[0] - 1])
    axis = int(np.argmax(np.abs(normal)))
    return axis if abs(normal[axis]) > 0.999 * np.linalg.norm(normal) else None


def _reference_orientation(local_environment: Environment, solid: BoolArray) -> NDArray[np.complex128]:
    """Averaged q6m of the crystal that most solid atoms belong to: complex128 [7]."""
    q = averaged_harmonics(local_environment, 6)
    found = q[solid].sum(axis=0)
    for _ in range(3):
        found = q[solid & (alignment(q, found) >= ALIGNED)].sum(axis=0)
    return np.asarray(found)


def _second_crystal(
    local_environment: Environment, solid: BoolArray, reference: NDArray[np.complex128], axis: int | None
) -> int:
    # A layer on (111) may go on as a stacking fault or as the twin that mirrors the slab in its interface: the same
    # interface.
    q = averaged_harmonics(local_environment, 6)
    cosine = alignment(q, reference)
    if axis is not None:
        cosine = np.maximum(cosine, alignment(q, mirrored(reference, axis)))
    apart = next(iter(cluster_sizes(local_environment, solid)[1:]), 0)
    return max(apart, next(iter(cluster_sizes(local_environment, solid & (cosine < ALIGNED))), 0))


def _slice(frame: Frame, masks: BoolArray, shape: Shape) -> tuple[FloatArray, float]:
    # By the distance from the middle of the crystal, all sides folded together; and the length of `lengths`.
    seen = fitted(shape, frame, masks[0])
    index = (seen.distance / PROFILE_BIN).astype(np.int64)
    size = int(seen.reach / PROFILE_BIN) + 1
    if not shape.is_flat:  # corners of the box are far from its middle
        index = np.minimum(index, size - 1)
    columns = [np.ones(len(index)), masks[0].astype(float), masks[1].astype(float)]
    thermal = frame.thermal_velocities()
    if thermal is None:
        columns += [np.zeros(len(index)), np.zeros(len(index))]
    else:
        columns += [frame.masses[:, 0] * (thermal**2).sum(axis=1) / (3 * BOLTZMANN), np.ones(len(index))]
    counts: FloatArray = np.stack(
        [np.bincount(index, weights=column, minlength=size)[:size] for column in columns], axis=1
    )
    return counts, height(frame.cell, shape.across[0]) if shape.is_flat else seen.reach


def _stack(slices: Sequence[FloatArray]) -> FloatArray:
    size = min(len(entry) for entry in slices)
    return np.asarray(sum(entry[:size] for entry in slices))


def _interior(
    slices: Sequence[FloatArray],
    solid: FloatArray,
    num_atoms: int,
    shape: Shape,
    free_ends: bool,
    contents: Sequence[float],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    # Slices well inside the crystal and well inside the liquid, frame by frame, and their volumes per unit of area: the
    # interface is where the solid count says, and 10 A to either side of it belong to neither.
    inner, outer = np.zeros((len(slices), 3)), np.zeros((len(slices), 3))
    rooms = np.zeros((len(slices), 2))
    first = MARGIN if shape.wall else 0
    for frame, (counts, number) in enumerate(zip(slices, solid[:, 0], strict=True)):
        edge = _edge(counts, num_atoms - number if shape.of_melt else number, num_atoms, shape, free_ends)
        deep = max(first, int(edge - MARGIN))
        far = int(edge + MARGIN) + 1
        last = max(far, len(counts) - 1 - (MARGIN if free_ends else 0))  # the last slice is not whole
        inner[frame] = counts[first:deep, :3].sum(axis=0)
        rooms[frame, 0] = shape.volume(first * PROFILE_BIN, deep * PROFILE_BIN)
        if shape.is_flat:
            outer[frame] = counts[far:last, :3].sum(axis=0)
            rooms[frame, 1] = shape.volume(far * PROFILE_BIN, last * PROFILE_BIN)
        elif far < len(counts):  # everything beyond, corners of the box included
            outer[frame] = counts[far:, :3].sum(axis=0)
            rooms[frame, 1] = contents[frame] - shape.volume(0.0, far * PROFILE_BIN)
    return (outer, inner, rooms[:, ::-1]) if shape.of_melt else (inner, outer, rooms)


def _edge(counts: FloatArray, number: float, num_atoms: int, shape: Shape, free_ends: bool) -> float:
    """The slice of the interface, in slices from the middle: so many of the atoms lie before it."""
    if shape.is_flat and (shape.wall or not free_ends):
        return float(number / num_atoms * len(counts))
    inside = np.concatenate([[0], np.cumsum(counts[:, 0])])
    return float(np.interp(number, inside, np.arange(len(inside))))


@dataclass(frozen=True)
class VelocityFit:
    """Velocity of the interface from one run.

    Attributes:
        velocity: m/s; positive = the crystal grows; both interfaces averaged. Of a rod or a sphere, the rate of the
            radius of one with the same volume.
        window_ps: First and last time of the fit.
        end: Why the frames after some time are not used, as every run ends that goes on for long enough; "" = all are.
        oddities: What else was odd.
        odd_shape: Why the crystal does not have the shape that the velocity assumes: it is none then; "" = it has.
    """

    velocity: Estimate
    window_ps: tuple[float, float]
    end: str
    oddities: tuple[str, ...]
    odd_shape: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """Everything that was odd, and how the run ended."""
        return tuple(flag for flag in (self.end, *self.oddities, self.odd_shape) if flag)

    @property
    def quantity(self) -> Quantity:
        """The velocity as the quantity of a record."""
        return single(self.velocity.value, "m/s", uncertainty=self.velocity.standard_error)


def fit_velocity(history: SlabHistory, solid_volume: float, liquid_volume: float, *, rule: int = 0) -> VelocityFit:
    """Fit the velocity of the interfaces, before they meet or the crystal vanishes.

    Args:
        history: Of a run whose first frame comes after the equilibration.
        solid_volume: Volume of an atom in the crystal, A^3.
        liquid_volume: Volume of an atom in the liquid, A^3.
        rule: 0 = solid-like bonds, 1 = averaged q6.

    Returns:
        The fit; NaN with a flag where too little is left to fit.
    """
    count = history.solid_atoms(rule=rule)
    usable = np.ones(len(count), dtype=np.bool_)
    nucleated = history.second_crystal > MAX_SECOND
    solid, liquid = _thicknesses(history, count, solid_volume, liquid_volume)
    ended = np.flatnonzero(usable & (nucleated | (liquid < MIN_LIQUID) | (solid < MIN_SOLID)))
    end = ""
    if ended.size:
        last = int(ended[0])
        usable &= np.arange(len(count)) < last
        what = (
            "a second crystal nucleated in the melt"
            if nucleated[last]
            else "the interfaces met"
            if liquid[last] < MIN_LIQUID
            else "the crystal melted away"
        )
        end = f"{what} at {history.times_ps[last]:g} ps; frames from there on are not used"
    in_crystal, in_liquid = history.mistaken(rule)
    odd = ("the classifier hardly tells the two phases apart here",) if in_crystal - in_liquid < 0.5 else ()
    other = odd_shape(history, usable)
    nothing = Estimate(math.nan, math.nan)
    too_few = VelocityFit(nothing, (math.nan, math.nan), end, (*odd, "too few frames are left"), other)
    if usable.sum() < 5:
        return too_few
    times = history.times_ps[usable]
    block = max(MIN_BLOCK_PS, min(BLOCK_PS, float(times[-1] - times[0]) / 3))
    slope = walk_slope(times, _places(history, count, solid_volume, liquid_volume)[usable], block=block)
    if end and not math.isfinite(slope.standard_error):  # a number without an error, of a few ps, is no result
        return too_few
    to_si = 100.0  # A/ps in m/s
    estimate = Estimate(slope.value * to_si, slope.standard_error * to_si)
    return VelocityFit(estimate, (float(times[0]), float(times[-1])), end, odd, other)


def _thicknesses(
    history: SlabHistory, count: FloatArray, solid_volume: float, liquid_volume: float
) -> tuple[FloatArray, FloatArray]:
    """What is left of the crystal and of the melt between it and its image, float64 [frame] each, A."""
    shape, liquid_count = history.shape, history.num_atoms - count
    if shape.is_flat:
        return count * solid_volume / history.area, liquid_count * liquid_volume / history.area
    volume = liquid_count * liquid_volume if shape.of_melt else count * solid_volume
    across = 2 * shape.size(volume, history.area)
    around = 2 * (2 * history.lengths - across)  # it faces its images in a line or a point: half the distance will do
    return (around, across) if shape.of_melt else (across, around)


def _places(history: SlabHistory, count: FloatArray, solid_volume: float, liquid_volume: float) -> FloatArray:
    """How far each interface has come into the melt, float64 [frame], A: its slope is the velocity."""
    shape = history.shape
    if shape.is_flat:
        return np.asarray(count * solid_volume / history.area / shape.num_interfaces)
    if shape.of_melt:  # where the melt loses its volume, the crystal gains its own
        radius = shape.size((history.num_atoms - count) * liquid_volume, history.area)
        return np.asarray(-radius * solid_volume / liquid_volume)
    return shape.size(count * solid_volume, history.area)


def odd_structure(history: SlabHistory, stated: str) -> str:
    """Why the crystal does not have the structure that its classifier is for; "" = it has, or it cannot be told."""
    return structure_mismatch(history.structure, stated)


def lost_crystal(history: SlabHistory, stated: str) -> str:
    """Say that a run began without the crystal that it was built with; "" = it is there."""
    if history.solid[0, 0] >= MIN_ATOMS:
        return ""
    return f"no {stated} crystal was left when recording began: it melted, or {stated} is not stable in this potential"


def odd_shape(history: SlabHistory, usable: BoolArray) -> str:
    """Why the shape of the slices is not that of the crystal over the frames of the fit; "" = it is."""
    chosen = np.flatnonzero(usable if usable.sum() > 1 else np.ones_like(usable))
    for part in np.array_split(chosen, 2) if len(history.misfit) else ():
        found, explained = best_shape(history.candidates, history.misfit[part].mean(axis=0))
        if explained < MIN_EXPLAINED:
            return "the crystal is no slab with one or two flat interfaces along sides of the box, no rod and no sphere"
        if found != history.shape:
            return f"the shape of the crystal changed: it is a {found}, not a {history.shape}"
    return ""
