"""The connected regions of a map, and its neighbours where four grains meet in a corner."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nakaya.core.arrays import GrainMap, IntArray
from nakaya.microscopy.grains.measures import Boundaries, boundary_pairs, collect_boundaries

__all__ = ["connected_groups", "neighbours_with_corners", "split_disconnected"]


def connected_groups(pairs: IntArray, number: int) -> IntArray:
    """Return the connected group of every one of `number` points that are joined in pairs [m, 2]: int64 [number]."""
    links = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(number, number))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def split_disconnected(labels: GrainMap) -> GrainMap:
    """Return a map in which every connected (4 neighbours) region of equal labels has its own number; -1 stays."""
    joined = np.zeros((2 * labels.shape[0] - 1, 2 * labels.shape[1] - 1), np.bool_)  # pixels, and links between them
    joined[::2, ::2] = labels >= 0
    joined[1::2, ::2] = (labels[:-1] == labels[1:]) & (labels[1:] >= 0)
    joined[::2, 1::2] = (labels[:, :-1] == labels[:, 1:]) & (labels[:, 1:] >= 0)
    return np.asarray(ndimage.label(joined)[0][::2, ::2] - 1, np.int32)


def neighbours_with_corners(labels: GrainMap, *, periodic: bool = False) -> Boundaries:
    """Return neighbours, where four grains that meet at a corner of pixels count as having one more boundary.

    In the plane four grains never meet in a point: one of the two pairs across shares a boundary shorter than a pixel.
    Which one cannot be seen; the first pair that has no boundary elsewhere is taken, with length zero. On a periodic
    map this makes the mean number of neighbours exactly six.
    """
    found = collect_boundaries(boundary_pairs(labels, periodic=periodic))
    known = {(int(first), int(second)) for first, second in found.edges}
    added = []
    for quadruple in _four_grain_corners(labels, periodic):
        upper_left, upper_right, lower_left, lower_right = (int(label) for label in quadruple)
        for first, second in ((upper_left, lower_right), (upper_right, lower_left)):
            pair = (min(first, second), max(first, second))
            if pair not in known:
                known.add(pair)
                added.append(pair)
                break
    edges = np.concatenate([found.edges, np.array(added, np.int64).reshape(-1, 2)])
    length = np.concatenate([found.length, np.zeros(len(added))])
    order = np.lexsort(edges.T[::-1])
    return Boundaries(edges[order], length[order])


def _four_grain_corners(labels: GrainMap, periodic: bool) -> IntArray:
    if periodic:
        labels = np.pad(labels, ((0, 1), (0, 1)), mode="wrap")
    quadruples = np.stack([labels[:-1, :-1], labels[:-1, 1:], labels[1:, :-1], labels[1:, 1:]], axis=-1).reshape(-1, 4)
    ordered = np.sort(quadruples, axis=1)
    distinct = (np.diff(ordered, axis=1) > 0).all(axis=1) & (ordered[:, 0] >= 0)
    return quadruples[distinct].astype(np.int64)
