"""What is drawn at random for the grains of one member.

Numbers come from Threefry-2x32 (`nakaya.core.randomness`) with the member's key and the counter (number, stream): the
n-th of a stream depends on nothing else, neither on how many are drawn nor on the lattice.
"""

from __future__ import annotations

from math import prod

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.randomness import Key, threefry2x32

__all__ = ["ORIENTATION", "PRESENT", "RATE", "draw_sites", "draw_times", "uniform"]

PRESENT, RATE, ORIENTATION = 0, 4, 8
"""First of the streams of nuclei at the start, of those that a rate makes, and of orientations by number of grain."""

CHUNK = 65_536
"""Nuclei drawn at once; no number depends on it."""


def uniform(key: Key, stream: int, count: int, first: int = 0) -> FloatArray:
    """Return numbers uniform in [0, 1), of 53 bits: float64 [count].

    Args:
        key: Of the member.
        stream: Less than 2**32.
        count: How many.
        first: Number of the first in the stream.
    """
    numbers = np.arange(first, first + count, dtype=np.uint32)
    high, low = threefry2x32(key, (numbers, np.full(count, stream, np.uint32)))
    return ((high >> np.uint32(5)) * 67108864.0 + (low >> np.uint32(6))) / 9007199254740992.0


def draw_sites(key: Key, stream: int, count: int, shape: tuple[int, ...]) -> IntArray:
    """Return sites at random, each of the lattice being equally likely: int64 [count, axis]."""
    flat = np.floor(uniform(key, stream, count) * prod(shape)).astype(np.int64)
    return np.stack(np.unravel_index(flat, shape), axis=1).reshape(count, len(shape))


def draw_times(key: Key, stream: int, rate: float, horizon: float) -> FloatArray:
    """Return the times of a Poisson process before a horizon: float64 [n], increasing.

    Args:
        key: Of the member.
        stream: Of the gaps between them.
        rate: Per time.
        horizon: In the same unit of time; a greater one adds later times and changes none.
    """
    times, first = np.zeros(0), 0
    while True:
        gaps = -np.log1p(-uniform(key, stream, CHUNK, first)) / rate
        times = np.append(times, (times[-1] if times.size else 0.0) + np.cumsum(gaps))
        first += CHUNK
        if times[-1] >= horizon:
            return times[: np.searchsorted(times, horizon)]
