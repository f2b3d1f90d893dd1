"""Proposed attachment times to a crystal that could have grown: connected at every moment, of a stated area and curve.

Times are proposed as whole numbers, levels; the crystal in the end is what lies at or below the level `LEVELS`. Three
things are repaired.

- A site cannot attach before a path of attached sites leads to it from the initial crystal. The least change that
  achieves this raises every level to the least maximum over the paths that lead there (reconstruction by erosion, the
  flooding of a landscape). Ghosts, pieces that the sum of a mean and another crystal's residual leaves ahead of the
  crystal, are flooded up to the level of the gap before them, and vanish where the gap never closes.
- Growth ends when the first site of the stop line attaches: the levels of the tips are shifted so that it has the last
  level, those of the flanks so that the area is right. The weight of the tips' shift, (distance along an axis over
  that of the stop line)^6, is 1/2 at nine tenths of the way.
- Levels become times by an increasing function, so that shares of the area are attached at stated moments.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, IntArray
from nakaya.core.compiling import announce_compilation, njit
from nakaya.growth.model.trajectory import INITIAL, NEVER

__all__ = ["LEVELS", "WALL", "Ground", "flood", "make_ground", "place_times", "repair", "shift"]

LEVELS = 1 << 13
"""Levels of a unit of proposed time. One is two steps of a crystal of 16,000: a small part of a site's passing."""

WALL = LEVELS + LEVELS // 2
"""Level of sites that cannot attach."""

TIP_POWER = 6
PASSES = 2
"""Shifts, each after a flood; a third one changes less than one site in a thousand."""

NONE = -1

announce_compilation()


class Ground:
    """What the repairs know of a lattice, in flat arrays with one more site on all sides.

    Attributes:
        sites: Where the known sites lie in the padded array, int64 [site].
        places: Where they lie in the flat lattice, int64 [site].
        start: The initial crystal in the padded array, int64.
        strides: From a site to its neighbours there, int64 [neighbour].
        front: Which of the known sites lie on the stop line, int64.
        weights: Of the tips' shift, float32 [site].
        padded_size: Sites of the padded array.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        places: IntArray,
        initial: IntArray,
        neighbours: tuple[tuple[int, ...], ...],
        stop_line: int,
    ) -> None:
        padded = tuple(length + 2 for length in shape)
        own = tuple(np.indices(shape).reshape(len(shape), -1) + 1)
        inside: IntArray = np.asarray(np.ravel_multi_index(own, padded), np.int64)
        steps = [prod(padded[axis + 1 :]) for axis in range(len(shape))]
        farthest = np.asarray(np.indices(shape).reshape(len(shape), -1).max(axis=0), np.int64)[places]
        self.sites, self.places, self.start = inside[places], places, inside[initial]
        self.strides = np.array([np.dot(offset, steps) for offset in neighbours], np.int64)
        self.front = np.flatnonzero(farthest == stop_line)
        self.weights: Float32Array = np.minimum((farthest / stop_line) ** TIP_POWER, 1).astype(np.float32)
        self.padded_size = prod(padded)


def make_ground(
    shape: tuple[int, ...],
    places: IntArray,
    initial: IntArray,
    neighbours: tuple[tuple[int, ...], ...],
    stop_line: int,
) -> Ground:
    """Return what the repairs know of a lattice.

    Args:
        shape: Of the lattice.
        places: Known sites, int64 [site], in the flat lattice.
        initial: The initial crystal, likewise.
        neighbours: Offsets.
        stop_line: Index along an axis at which growth ends.
    """
    return Ground(shape, places, initial, neighbours, stop_line)


@njit(cache=True, nogil=True)
def flood(
    levels: NDArray[np.int32],
    start: NDArray[np.int64],
    strides: NDArray[np.int64],
    heads: NDArray[np.int32],
    following: NDArray[np.int32],
    parents: NDArray[np.int32],
) -> Any:
    """Raise levels, in place, to the least maximum over the paths from the start; what is not reached becomes `WALL`.

    Sites are taken from lists, one for each level, lowest first, each once: the cost is proportional to their number.

    Args:
        levels: int32 [padded site]; `WALL` where nothing can attach, and in the padding.
        start: The initial crystal.
        strides: To neighbours.
        heads: Scratch, int32 [WALL].
        following: Scratch, int32 [padded site].
        parents: int32 [padded site]: is filled with the neighbour from which a site is reached, -1 = none.
    """
    heads[:] = NONE
    following[:] = -2  # not reached yet
    parents[:] = NONE
    for site in start:
        following[site] = heads[0]
        heads[0] = site
        levels[site] = 0
    for level in range(WALL):
        site = heads[level]
        while site >= 0:
            heads[level] = following[site]
            for stride in strides:
                near = site + stride
                if following[near] == -2 and levels[near] < WALL:
                    raised = max(levels[near], level)
                    levels[near] = raised
                    parents[near] = site
                    following[near] = heads[raised]
                    heads[raised] = near
            site = heads[level]
    for site in range(len(levels)):
        if following[site] == -2:
            levels[site] = WALL


@njit(cache=True, nogil=True)
def shift(
    levels: NDArray[np.int32],
    sites: NDArray[np.int64],
    front: NDArray[np.int64],
    weights: NDArray[np.float32],
    area: float,
) -> Any:
    """Shift levels, in place: the stop line's lowest to `LEVELS`, and the others so that `area` sites are not above it.

    Args:
        levels: From `flood`.
        sites: The known sites.
        front: Which of them lie on the stop line.
        weights: Of the tips' shift.
        area: Attached sites in the end; 0: whatever the levels say.
    """
    lowest = WALL
    for place in front:
        lowest = min(lowest, levels[sites[place]])
    of_tips = np.float32(lowest - LEVELS) if lowest < WALL else np.float32(0)
    of_rest = np.float32(0)
    if area > 0:
        low, high = np.float32(-LEVELS // 2), np.float32(LEVELS // 2)
        for _ in range(13):
            of_rest = (low + high) / np.float32(2)
            count = 0
            for place in range(len(sites)):
                weight = weights[place]
                moved = levels[sites[place]] - weight * of_tips - (np.float32(1) - weight) * of_rest
                count += moved < np.float32(LEVELS + 0.5) and levels[sites[place]] < WALL
            if count > area:
                high = of_rest
            else:
                low = of_rest
    for place in range(len(sites)):
        site = sites[place]
        if 0 < levels[site] < WALL:
            weight = weights[place]
            moved = levels[site] - np.int32(np.rint(weight * of_tips + (np.float32(1) - weight) * of_rest))
            levels[site] = min(max(moved, 1), WALL - 1)


@njit(cache=True, nogil=True)
def place_times(
    levels: NDArray[np.int32],
    parents: NDArray[np.int32],
    sites: NDArray[np.int64],
    places: NDArray[np.int64],
    front: NDArray[np.int64],
    shares: NDArray[np.float64],
    moments: NDArray[np.float64],
    duration: int,
    out: NDArray[np.int32],
) -> Any:
    """Turn levels into attachment times; the stop line is reached in the last step, and not before.

    Time is a piecewise linear, increasing function of the level, through the levels at which given shares of the area
    are attached.

    Args:
        levels: From `flood`, after the last `shift`; they are changed where the stop line is.
        parents: From `flood`.
        sites: The known sites in the padded array.
        places: The known sites in `out`.
        front: Which of the known sites lie on the stop line.
        shares: Shares of the area, increasing, without 0 and 1: float64 [knot].
        moments: When they are reached, over the duration, not decreasing: float64 [knot].
        duration: Steps.
        out: int32 [site]: attachment times, -1 = never; only known sites are written.
    """
    first = NONE
    for place in front:
        site = sites[place]
        if levels[site] < LEVELS:
            levels[site] = LEVELS
        if first < 0 or levels[site] < levels[first]:
            first = site
    while first >= 0 and levels[first] > LEVELS:  # rounding, or a shift that closed the way: open it
        levels[first] = LEVELS
        first = parents[first]
    counts = np.zeros(LEVELS + 1, np.int64)
    for site in sites:
        if levels[site] <= LEVELS:
            counts[levels[site]] += 1
    area = counts.sum()
    knots = len(shares)
    knot_level, knot_time = np.empty(knots + 2), np.empty(knots + 2)
    knot_level[0], knot_time[0] = 0.0, 0.0
    total, knot = 0, 0
    for level in range(LEVELS + 1):
        total += counts[level]
        while knot < knots and total >= shares[knot] * area:
            knot_level[knot + 1], knot_time[knot + 1] = level, moments[knot] * duration
            knot += 1
    knot_level[knots + 1], knot_time[knots + 1] = LEVELS, duration
    table = np.empty(LEVELS + 1, np.int32)
    at = 0
    for level in range(LEVELS + 1):
        while at < knots and level > knot_level[at + 1]:
            at += 1
        width = knot_level[at + 1] - knot_level[at]
        along = (level - knot_level[at]) / width if width > 0 else 1.0
        moment = knot_time[at] + along * (knot_time[at + 1] - knot_time[at])
        table[level] = min(max(int(np.ceil(moment)), 1), duration)
    for place in range(len(sites)):
        level = levels[sites[place]]
        out[places[place]] = table[level] if level <= LEVELS else NEVER
    for place in front:
        if out[places[place]] >= 0:
            out[places[place]] = duration


@njit(cache=True, nogil=True)
def _repair(
    proposed: NDArray[np.float32],
    sites: NDArray[np.int64],
    places: NDArray[np.int64],
    start: NDArray[np.int64],
    strides: NDArray[np.int64],
    front: NDArray[np.int64],
    weights: NDArray[np.float32],
    padded_size: int,
    area: float,
    shares: NDArray[np.float64],
    moments: NDArray[np.float64],
    duration: int,
    out: NDArray[np.int32],
) -> Any:
    levels = np.full(padded_size, np.int32(WALL))
    for place in range(len(sites)):
        level = np.int32(proposed[place] * np.float32(LEVELS))
        levels[sites[place]] = min(max(level, np.int32(1)), np.int32(WALL - 1))
    heads, following = np.empty(WALL, np.int32), np.empty(padded_size, np.int32)
    parents = np.empty(padded_size, np.int32)
    for _ in range(PASSES):
        flood(levels, start, strides, heads, following, parents)
        shift(levels, sites, front, weights, area)
    flood(levels, start, strides, heads, following, parents)
    place_times(levels, parents, sites, places, front, shares, moments, duration, out)


def repair(
    proposed: Float32Array,
    ground: Ground,
    *,
    area: float,
    shares: FloatArray,
    moments: FloatArray,
    duration: int,
    out: ArrivalMap,
) -> None:
    """Fill `out`, int32 [*lattice], with the attachment times of a crystal that could have grown.

    Args:
        proposed: Attachment times over the duration, float32 [site], finite.
        ground: The lattice.
        area: Attached sites in the end; 0: whatever the proposed times say.
        shares: Shares of the area, increasing, without 0 and 1: float64 [knot].
        moments: When they are reached, over the duration, not decreasing: float64 [knot].
        duration: Steps.
        out: What is no known site keeps its value.

    >>> ground = make_ground((1, 8), np.arange(6), np.array([0]), ((0, 1), (0, -1), (1, 0), (-1, 0)), 5)
    >>> out = np.full((1, 8), -1, np.int32)
    >>> line = np.array([0, 0.1, 0.6, 0.3, 0.7, 1.1], np.float32)  # the fourth site would attach before the third
    >>> repair(line, ground, area=0, shares=np.empty(0), moments=np.empty(0), duration=100, out=out)
    >>> out.tolist()
    [[0, 10, 60, 60, 68, 100, -1, -1]]
    """
    flat = out.reshape(-1)
    fields = (ground.sites, ground.places, ground.start, ground.strides, ground.front, ground.weights)
    _repair(proposed, *fields, ground.padded_size, area, shares, moments, duration, flat)
    flat[ground.places[np.isin(ground.sites, ground.start)]] = INITIAL
