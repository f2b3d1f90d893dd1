"""The net of boundaries as a planar graph: vertices, arcs, faces, and the relation between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nakaya.core.arrays import GrainMap, IntArray
from nakaya.microscopy.grains.measures import Boundaries, boundary_pairs, collect_boundaries

__all__ = ["BoundaryNet", "boundary_net", "neighbours_with_corners", "split_disconnected"]


@dataclass(frozen=True)
class BoundaryNet:
    """Counts of the net that the boundaries and the frame of a map form.

    Attributes:
        vertices: Points where three or four boundaries meet.
        arcs: Boundaries between vertices; a closed boundary without a vertex counts as one, with one vertex on it.
        faces: Connected regions, the outside included.
        components: Connected parts of the net; an island inside a grain is a part of its own.
    """

    vertices: int
    arcs: int
    faces: int
    components: int

    @property
    def euler_excess(self) -> int:
        """Vertices - arcs + faces - components: 1 for every map in the plane (Euler)."""
        return self.vertices - self.arcs + self.faces - self.components


def split_disconnected(labels: GrainMap) -> GrainMap:
    """Return a map in which every connected (4 neighbours) region of equal labels has its own number; -1 stays."""
    number = np.arange(labels.size).reshape(labels.shape)
    links = []
    for first, second, here, there in (
        (number[:, :-1], number[:, 1:], labels[:, :-1], labels[:, 1:]),
        (number[:-1], number[1:], labels[:-1], labels[1:]),
    ):
        same = (here == there) & (here >= 0)
        links.append(np.stack([first[same], second[same]]))
    pairs = np.concatenate(links, axis=1)
    graph = coo_matrix((np.ones(pairs.shape[1], np.int8), (pairs[0], pairs[1])), shape=(labels.size,) * 2)
    _, component = connected_components(graph, directed=False)
    inside = labels.ravel() >= 0
    out = np.full(labels.size, -1, np.int32)
    out[inside] = np.unique(component[inside], return_inverse=True)[1]
    return out.reshape(labels.shape)


def boundary_net(labels: GrainMap) -> BoundaryNet:
    """Count the net of a map; every count is made on its own, so that Euler's relation is a check.

    Pixels without a grain (-1) count as faces of their own.
    """
    framed = np.pad(labels.astype(np.int64), 1, constant_values=-2)
    vertical = framed[:, :-1] != framed[:, 1:]  # crack between two pixels of a row
    horizontal = framed[:-1] != framed[1:]
    # The corner [i, j] has the cracks above and below it (vertical) and to its left and right (horizontal).
    degree = vertical[:-1].astype(np.int64) + vertical[1:] + horizontal[:, :-1].astype(np.int64) + horizontal[:, 1:]
    is_vertex = degree >= 3
    corners = np.arange(degree.size).reshape(degree.shape)
    down = vertical[1:-1]  # joins the corners [i, j] and [i + 1, j]
    right = horizontal[:, 1:-1]
    pairs = np.concatenate(
        [
            np.stack([corners[:-1][down], corners[1:][down]]),
            np.stack([corners[:, :-1][right], corners[:, 1:][right]]),
        ],
        axis=1,
    )
    graph = coo_matrix((np.ones(pairs.shape[1], np.int8), (pairs[0], pairs[1])), shape=(degree.size,) * 2)
    _, component = connected_components(graph, directed=False)
    used = degree.ravel() > 0
    components = len(np.unique(component[used]))
    with_vertex = len(np.unique(component[used & is_vertex.ravel()]))
    closed = components - with_vertex
    # Arcs are what is left of the cracks when they are cut at the vertices.
    free = ~is_vertex.ravel()
    inner = free[pairs].all(axis=0)
    cut = coo_matrix((np.ones(int(inner.sum()), np.int8), (pairs[0][inner], pairs[1][inner])), shape=(degree.size,) * 2)
    _, pieces = connected_components(cut, directed=False)
    between = len(np.unique(pieces[used & free]))  # arcs with at least one plain corner, closed ones included
    direct = int((~free[pairs]).all(axis=0).sum())  # arcs of one crack between two vertices
    everything = np.where(labels < 0, labels.max(initial=0) + 1, labels).astype(np.int32)
    faces = int(split_disconnected(everything).max(initial=-1)) + 1
    return BoundaryNet(int(is_vertex.sum()) + closed, between + direct, faces + 1, components)


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
