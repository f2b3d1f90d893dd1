"""The net of boundaries of a map as a planar graph: vertices, arcs, faces, and Euler's relation between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nakaya.core.arrays import GrainMap
from nakaya.microscopy.grains.topology import split_disconnected


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
