"""Which grains of a map are neighbours."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import GrainMap, IntArray

__all__ = ["count_neighbours", "neighbour_pairs"]


def neighbour_pairs(grain_map: GrainMap, *, is_periodic: bool) -> IntArray:
    """Return each pair of grains that share a boundary: int64 [m, 2], first < second, sorted.

    In space they share faces of sites. In the plane, where four grains meet at a corner of sites, one of the two pairs
    across shares a boundary shorter than a site: the first pair that shares none elsewhere counts, so that a periodic
    map has six neighbours in the mean.

    Args:
        grain_map: int32 [*lattice], 0 .. n - 1.
        is_periodic: Whether opposite edges are joined.
    """
    number = int(grain_map.max()) + 1
    joined = np.pad(grain_map, [(0, 1)] * grain_map.ndim, mode="wrap") if is_periodic else grain_map
    keys = []
    for axis in range(joined.ndim):
        here, there = (np.moveaxis(joined, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        unlike = here != there
        low, high = np.minimum(here, there)[unlike], np.maximum(here, there)[unlike]
        keys.append(low.astype(np.int64) * number + high)
    found = np.unique(np.concatenate(keys))
    if grain_map.ndim == 2:
        found = np.union1d(found, _across_corners(joined, found, number))
    return np.stack([found // number, found % number], axis=1)


def _across_corners(joined: GrainMap, found: IntArray, number: int) -> IntArray:
    """Keys of the pairs that meet at corners of four grains alone."""
    corners = np.stack([joined[:-1, :-1], joined[:-1, 1:], joined[1:, :-1], joined[1:, 1:]], axis=-1).reshape(-1, 4)
    distinct = (np.diff(np.sort(corners, axis=1), axis=1) > 0).all(axis=1)
    known, added = set(found.tolist()), []
    for upper_left, upper_right, lower_left, lower_right in corners[distinct].tolist():
        for one, other in ((upper_left, lower_right), (upper_right, lower_left)):
            key = min(one, other) * number + max(one, other)
            if key not in known:
                known.add(key)
                added.append(key)
                break
    return np.array(added, np.int64)


def count_neighbours(grain_map: GrainMap, num_grains: int, *, is_periodic: bool) -> IntArray:
    """Return how many neighbours each grain has: int64 [n]; 0 for a grain that is not in the map.

    >>> stripes = np.repeat(np.arange(4, dtype=np.int32), 3)[None].repeat(5, axis=0)
    >>> count_neighbours(stripes, 5, is_periodic=False).tolist()
    [1, 2, 2, 1, 0]
    """
    pairs = neighbour_pairs(grain_map, is_periodic=is_periodic)
    return np.bincount(pairs.ravel(), minlength=num_grains).astype(np.int64)
