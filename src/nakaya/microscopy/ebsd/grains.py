"""Grains, boundaries and twins of an EBSD map.

Two neighbouring points belong to one grain where they have the same phase and their disorientation under the crystal's
symmetry is at most the threshold; grains are the connected groups. Points that could not be indexed have no phase
and belong to no grain; they are never filled in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.checks import Range, check_count, check_in_range
from nakaya.core.errors import FormatError
from nakaya.crystallography.disorientation import disorientation_angle, mean_orientations
from nakaya.crystallography.twins import is_twin, twin_laws
from nakaya.microscopy.ebsd.files import EbsdMap
from nakaya.microscopy.grains.measures import Boundaries, GrainTable, collect_boundaries, measure_grains
from nakaya.microscopy.grains.topology import connected_groups

__all__ = ["EbsdGrains", "GrainRules", "find_grains", "label_grains"]

_THRESHOLD = Range(0.1, 60.0, "the greatest disorientation inside a grain, in degrees")
_CONFIDENCE = Range(-1e6, 1e6, "the least confidence of a point that may start a grain")
SPECKLED = 0.2
"""A map in which so many indexed points lie in groups below the least size is noisy, or has the wrong symmetry."""

BLANK_RIM = 0.05
"""Fraction of the map that is not indexed and connected with the frame; below it lie single points that failed."""


@dataclass(frozen=True)
class GrainRules:
    """What makes a grain.

    Attributes:
        threshold: Greatest disorientation between neighbouring points of one grain, degrees, [0.1, 60].
        min_pixels: Least number of points.
        min_confidence: Points below this do not shape grains; they join a neighbouring grain afterwards. None: 0.1 for
            the confidence index of .ang files, unless all points have the same; no limit for .ctf files, whose error
            codes say what was not indexed.

    Raises:
        ParameterError: A value is out of range.
    """

    threshold: float = 5.0
    min_pixels: int = 5
    min_confidence: float | None = None

    def __post_init__(self) -> None:
        check_in_range("threshold", self.threshold, _THRESHOLD)
        check_count("min_pixels", self.min_pixels, 1, 10**9, ": it is the least number of points of a grain")
        if self.min_confidence is not None:
            check_in_range("min_confidence", self.min_confidence, _CONFIDENCE)

    def confidence_limit(self, ebsd: EbsdMap) -> float:
        """The limit that applies to a map; -inf = none."""
        if self.min_confidence is not None:
            return self.min_confidence
        stated = ebsd.confidence[ebsd.indexed]
        is_blank = bool((stated == stated[0]).all())  # software that computes no confidence fills the column
        return -np.inf if is_blank or ebsd.source_format != "ang" else 0.1


@dataclass(frozen=True)
class EbsdGrains:
    """The grains of a map; lengths in metres.

    Attributes:
        labels: Grain of every point, int64 [point]; -1 = none.
        table: Sizes and shapes.
        phase: Number of the phase of every grain, int64 [n].
        orientation: Mean orientation of every grain, sample to crystal, [n].
        deviation: Mean deviation of a grain's points from its mean orientation, rad, float64 [n].
        boundaries: Neighbours and lengths of boundary.
        misorientation: Disorientation of the mean orientations across every boundary, rad, float64 [e]; NaN between
            two phases, whose symmetries differ.
        local_misorientation: Mean disorientation of the points on both sides, rad, float64 [e]; NaN between phases.
        twin_length: Length of each boundary that follows a twin law of its phase, m, float64 [e]; 0 between phases, NaN
            inside a phase of which no twin law is known.
        same_phase: Whether a boundary joins grains of one phase, bool [e].
        cleaned: Points that were moved to a neighbouring grain.
        flags: What to keep in mind.
    """

    labels: IntArray
    table: GrainTable
    phase: IntArray
    orientation: Rotation
    deviation: FloatArray
    boundaries: Boundaries
    misorientation: FloatArray
    local_misorientation: FloatArray
    twin_length: FloatArray
    same_phase: BoolArray
    cleaned: int
    flags: tuple[str, ...]

    @property
    def num_grains(self) -> int:
        """Number of grains."""
        return self.table.num_grains

    def twin_fraction(self, phase: int | None = None) -> float:
        """Fraction of twins in the boundaries inside one phase, or all that have a twin law; NaN where none is."""
        chosen = self.same_phase & ~np.isnan(self.twin_length)
        if phase is not None:
            chosen &= self.phase[self.boundaries.edges[:, 0]] == phase
        total = float(self.boundaries.length[chosen].sum())
        return float(self.twin_length[chosen].sum()) / total if total > 0 else float("nan")

    def mean_diameter(self) -> float:
        """Mean diameter of circles of the same area over grains that touch no frame and no rim, m; NaN without any."""
        whole = self.table.equivalent_diameter[~self.table.on_frame]
        return float(whole.mean()) if len(whole) else float("nan")


def _pair_angles(ebsd: EbsdMap, pairs: IntArray) -> FloatArray:
    """Disorientation across pairs of points, rad; infinite between phases and where a point is not indexed."""
    angles = np.full(len(pairs), np.inf)
    first, second = ebsd.phase[pairs[:, 0]], ebsd.phase[pairs[:, 1]]
    for phase in ebsd.phases:
        chosen = (first == phase.number) & (second == phase.number)
        if chosen.any():
            one, other = ebsd.orientations[pairs[chosen, 0]], ebsd.orientations[pairs[chosen, 1]]
            angles[chosen] = disorientation_angle(one, other, phase.symmetry)
    return angles


def label_grains(ebsd: EbsdMap, rules: GrainRules | None = None) -> tuple[IntArray, int, list[str]]:
    """Divide a map into grains.

    Clean-up: groups below the least size and points below the least confidence lose their grain, and then join, from
    the outside inwards, the grain of their surest neighbour. Points that were not indexed stay without.

    Args:
        ebsd: The map.
        rules: What makes a grain.

    Returns:
        Grain of every point, int64 [point], -1 = none; how many points were moved; flags.

    Raises:
        FormatError: No group of points is as large as the least size.
    """
    rules = rules or GrainRules()
    pairs, _ = ebsd.grid.pairs()
    sure = ebsd.indexed & (ebsd.confidence >= rules.confidence_limit(ebsd))
    joined = np.asarray(sure[pairs].all(axis=1), np.bool_)
    joined[joined] = _pair_angles(ebsd, pairs[joined]) <= np.radians(rules.threshold)
    group = connected_groups(pairs[joined], ebsd.grid.num_points)
    size = np.bincount(group[sure], minlength=int(group.max()) + 1)
    kept = sure & (size[group] >= rules.min_pixels)
    if not sure.any():
        have = ebsd.confidence[ebsd.indexed]
        what = "minus the mean angular deviation" if ebsd.source_format == "ctf" and have.max() <= 0 else "confidence"
        raise FormatError(
            f"no point has a confidence of {rules.confidence_limit(ebsd):g} or more: here it is {what}, from "
            f"{have.min():.4g} to {have.max():.4g}: choose a lower least confidence"
        )
    if not kept.any():
        raise FormatError(
            f"no group of {rules.min_pixels} points has one phase and disorientations below {rules.threshold:g} "
            "degrees: the map is noise, or its symmetry or angles are wrong"
        )
    labels = np.full(ebsd.grid.num_points, -1, np.int64)
    labels[kept] = np.unique(group[kept], return_inverse=True)[1]
    unassigned = ebsd.indexed & (labels < 0)
    flags = []
    if unassigned.sum() > SPECKLED * ebsd.indexed.sum():
        flags.append(
            f"{100 * unassigned.sum() / ebsd.indexed.sum():.0f} % of the indexed points lie in groups below "
            f"{rules.min_pixels} points or are unsure: the map is noisy, or its symmetry is wrong"
        )
    moved = _reassign(labels, unassigned, ebsd.confidence, pairs)
    return labels, moved, flags


def _reassign(labels: IntArray, unassigned: BoolArray, confidence: FloatArray, pairs: IntArray) -> int:
    """Reassign points without a grain to that of their surest neighbour that has one, in rounds; return how many."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[unassigned[both[:, 0]]]
    moved = 0
    while True:
        open_ends = (labels[both[:, 0]] < 0) & (labels[both[:, 1]] >= 0)
        if not open_ends.any():
            return moved
        receiver, donor = both[open_ends].T
        order = np.lexsort((donor, -confidence[donor], receiver))
        receiver, first = np.unique(receiver[order], return_index=True)
        labels[receiver] = labels[donor[order][first]]
        moved += len(receiver)


def find_grains(ebsd: EbsdMap, rules: GrainRules | None = None) -> EbsdGrains:
    r"""Find the grains of a map and measure them, their boundaries and twins.

    Boundaries: every pair of neighbouring points in two grains is a piece of boundary with its own disorientation; a
    piece is a twin where that follows a twin law of its phase (see `twin_laws`). Points moved by the clean-up
    keep their own orientation out of this: they count with the mean orientation of their grain.

    Args:
        ebsd: The map.
        rules: What makes a grain.

    Raises:
        FormatError: There is no grain.

    >>> from nakaya.microscopy.ebsd.files import parse_ang
    >>> header = "# Phase 1\n# MaterialName nickel\n# Symmetry 43\n# LatticeConstants 3.5 3.5 3.5 90 90 90\n"
    >>> header += "# GRID: SqrGrid\n# XSTEP: 1\n# YSTEP: 1\n# NCOLS_ODD: 8\n# NCOLS_EVEN: 8\n# NROWS: 4\n"
    >>> rows = [f"{0.5 * (x > 3)} 0 0 {x} {y} 100 0.9 1" for y in range(4) for x in range(8)]
    >>> found = find_grains(parse_ang(header + "\n".join(rows)))
    >>> found.num_grains, np.rad2deg(found.misorientation).round(1).tolist()
    (2, [28.6])
    """
    labels, moved, flags = label_grains(ebsd, rules)
    grid = ebsd.grid
    if grid.open_places(~ebsd.indexed & ebsd.measured).sum() > BLANK_RIM * ebsd.measured.sum():
        flags.append(
            "a wide part of the map at its frame is not indexed: grains along it are measured as whole; where it is no "
            "specimen, they are cut"
        )
    positions = grid.positions()
    on_rim = grid.on_frame | grid.rim(ebsd.measured)
    table = measure_grains(labels, (positions[:, 0], positions[:, 1]), on_rim, cell=(grid.step, grid.row_step))
    phase, orientation, deviation, own = _mean_orientations(ebsd, labels, table.num_grains)
    pairs, length = grid.pairs()
    sides = labels[pairs]
    across = (sides[:, 0] != sides[:, 1]) & (sides >= 0).all(axis=1)
    pairs, length, sides = pairs[across], length[across], sides[across]
    boundaries = collect_boundaries(sides, length)
    number = table.num_grains
    keys = boundaries.edges[:, 0] * number + boundaries.edges[:, 1]
    edge_of = np.searchsorted(keys, sides.min(axis=1) * number + sides.max(axis=1))
    same_phase = np.asarray(
        phase[boundaries.edges[:, 0]] == phase[boundaries.edges[:, 1]] if len(keys) else [], np.bool_
    )
    mean_angle, local_angle = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
    twin_length = np.zeros(len(keys))
    points = Rotation.concatenate([ebsd.orientations, orientation])
    place = np.where(own, np.arange(len(own)), len(own) + labels)
    for entry in ebsd.phases:
        chosen = same_phase & (phase[boundaries.edges[:, 0]] == entry.number)
        if not chosen.any():
            continue
        mean_angle[chosen] = disorientation_angle(
            orientation[boundaries.edges[chosen, 0]], orientation[boundaries.edges[chosen, 1]], entry.symmetry
        )
        piece = chosen[edge_of]
        first, second = points[place[pairs[piece, 0]]], points[place[pairs[piece, 1]]]
        angles = disorientation_angle(first, second, entry.symmetry)
        weight = np.bincount(edge_of[piece], length[piece], len(keys))
        total = np.bincount(edge_of[piece], length[piece] * angles, len(keys))
        local_angle[chosen] = total[chosen] / weight[chosen]
        if not (laws := twin_laws(entry.symmetry, entry.lattice)):
            twin_length[chosen] = np.nan
            flags.append(
                f"phase {ebsd.labels[entry.number]}: no twin law is known of a {entry.symmetry.system} crystal with "
                "its cell: its twin fraction is not given"
            )
            continue
        twin = np.any([is_twin(first, second, law) for law in laws], axis=0)
        twin_length += np.bincount(edge_of[piece], length[piece] * twin, len(keys))
    return EbsdGrains(
        labels,
        table,
        phase,
        orientation,
        deviation,
        boundaries,
        mean_angle,
        local_angle,
        twin_length,
        same_phase,
        moved,
        (*ebsd.flags, *flags),
    )


def _mean_orientations(
    ebsd: EbsdMap, labels: IntArray, number: int
) -> tuple[IntArray, Rotation, FloatArray, BoolArray]:
    """Phase, mean orientation and mean deviation of every grain, and which points lie in the grain that they shaped."""
    inside = labels >= 0
    votes = np.zeros((number, int(ebsd.phase.max()) + 1), np.int64)
    np.add.at(votes, (labels[inside], ebsd.phase[inside]), 1)
    phase = votes.argmax(axis=1)
    own = inside & (ebsd.phase == phase[labels])
    orientation, deviation = Rotation.identity(number), np.zeros(number)
    for entry in ebsd.phases:
        members = np.flatnonzero(own & (ebsd.phase == entry.number))
        if len(members):
            grains, crystal = np.unique(labels[members], return_inverse=True)
            orientation[grains], deviations = mean_orientations(ebsd.orientations[members], crystal, entry.symmetry)
            deviation[grains] = np.bincount(crystal, deviations) / np.bincount(crystal)
    return phase, orientation, deviation, own
