"""The surface of a crystal in three dimensions, finer than its sites: a field that is zero on it.

At the end of the growth it is the phase field where a model has one: phi = tanh(psi / sqrt 2) across an interface, so
psi is straight there and its zero is found well between sites. At any other step it comes from attachment times: a site
that attached long ago is inside, one that has just attached lies on the surface, and the time that the surface takes
from site to site says how far inside. Where no later site attached it is known to a site only and rounded off.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_cdt, gaussian_filter, maximum_filter

from nakaya.core.arrays import ArrivalMap, Float32Array
from nakaya.growth.model.trajectory import INITIAL

__all__ = [
    "BLOCK",
    "LEVELS",
    "depth_of_arrival",
    "depth_of_phase",
    "empty_blocks",
    "occupancy_levels",
    "steps_per_site",
]

DEPTH = 2.5
"""Greatest depth, in sites: the surface needs no more, and a field of few values is quick to smooth."""

SMOOTHING = 0.75
"""Standard deviation s, in sites, that rounds off the stairs of attachment times; less shows them, more eats tips: a
ball of radius r is drawn s^2 / r too small."""

EVENING = 0.6
"""Standard deviation, in sites, that evens out slopes of phase fields from cell to cell; it moves no flat surface."""

BLOCK = 4
"""Sites along the edge of the blocks that rays jump over."""

LEVELS = 5
"""Of occupancy, each half as fine as the one before: what light from a wide cone meets."""


def depth_of_phase(phase: Float32Array) -> Float32Array:
    """Return how far inside sites are by their phase field: float32 [*lattice], positive inside, in widths W0.

    Args:
        phase: float32 [*lattice], 1 in the solid, -1 outside.
    """
    limit = np.float32(np.tanh(DEPTH / np.sqrt(2.0)))
    depth = np.sqrt(2.0) * np.arctanh(np.clip(np.nan_to_num(phase, nan=-1.0), -limit, limit))
    return np.asarray(gaussian_filter(depth.astype(np.float32), EVENING, mode="nearest"))


def steps_per_site(arrival: ArrivalMap) -> Float32Array:
    """Return the steps that the surface took from site to site: |grad arrival|, float32 [*lattice], at least 1/2.

    The mean difference to attached neighbours along each axis; the initial crystal, and sites alone, have 1/2.
    """
    square = np.zeros(arrival.shape, np.float32)
    for axis in range(arrival.ndim):
        first, second = np.moveaxis(arrival, axis, 0)[:-1], np.moveaxis(arrival, axis, 0)[1:]
        both = (first >= INITIAL) & (second >= INITIAL)
        step = np.where(both, np.abs(second - first), 0).astype(np.float32)
        total, count = np.zeros(arrival.shape, np.float32), np.zeros(arrival.shape, np.float32)
        for part in (np.s_[:-1], np.s_[1:]):
            np.moveaxis(total, axis, 0)[part] += step
            np.moveaxis(count, axis, 0)[part] += both
        square += (total / np.maximum(count, 1)) ** 2
    return np.maximum(np.sqrt(square), np.float32(0.5))


def depth_of_arrival(arrival: ArrivalMap, pace: Float32Array, step: int) -> Float32Array:
    """Return how far inside sites are after `step` steps: float32 [*lattice], in sites, between -1 and 1.

    Args:
        arrival: int32 [*lattice].
        pace: What `steps_per_site` returns.
        step: Number of steps.
    """
    depth = np.clip((np.float32(step + 0.5) - arrival.astype(np.float32)) / pace, -1, 1)
    return np.asarray(gaussian_filter(np.where(arrival < INITIAL, np.float32(-1), depth), SMOOTHING, mode="nearest"))


def occupancy_levels(depth: Float32Array) -> tuple[Float32Array, ...]:
    """Return which fraction of a cell is crystal: float32 [*lattice], then means over 2, 4, 8, ... sites.

    Args:
        depth: float32 [*lattice], positive inside.
    """
    levels = [np.clip(np.float32(0.5) + depth, 0, 1)]
    while len(levels) < LEVELS:
        fine = levels[-1]
        fine = np.pad(fine, [(0, length % 2) for length in fine.shape])
        pairs = [count for length in fine.shape for count in (length // 2, 2)]
        levels.append(np.ascontiguousarray(fine.reshape(pairs).mean(axis=(1, 3, 5), dtype=np.float32)))
    return tuple(levels)


def empty_blocks(depth: Float32Array) -> Float32Array:
    """Return how many sites a ray may go on from anywhere in a block without meeting the crystal: float32 [*blocks].

    Args:
        depth: float32 [*lattice], positive inside.
    """
    near = maximum_filter(depth, 3) > 0
    near = np.pad(near, [(0, -length % BLOCK) for length in near.shape])
    pairs = [count for length in near.shape for count in (length // BLOCK, BLOCK)]
    empty = ~near.reshape(pairs).any(axis=(1, 3, 5))
    if empty.all():
        return np.full(empty.shape, float(max(depth.shape)), np.float32)
    blocks = distance_transform_cdt(empty, metric="chessboard")
    return np.asarray((np.maximum(blocks, 1) - 1) * BLOCK, np.float32)
