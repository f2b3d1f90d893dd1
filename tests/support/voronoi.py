"""The neighbours of a Voronoi map from its points, without its pixels."""

from __future__ import annotations

import numpy as np
from scipy.spatial import Delaunay

from nakaya.core.arrays import IntArray
from nakaya.microscopy.grains.voronoi import VoronoiMap


def exact_neighbours(found: VoronoiMap) -> IntArray:
    """Return the exact pairs of neighbours of a periodic map, first < second: int64 [e, 2].

    No boundary is too short. Of the Delaunay triangulation of 3 x 3 copies of the points only the edges that start in
    the middle copy are kept.
    """
    assert found.periodic, "at a frame cells are cut"
    height, width = found.labels.shape
    number = len(found.points)
    shifts = np.array([(0, 0)] + [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)])
    copies = (found.points[None] + (shifts * [width, height])[:, None]).reshape(-1, 2)
    triangles = Delaunay(copies).simplices
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = edges[(edges < number).any(axis=1)] % number
    return np.unique(np.sort(edges, axis=1), axis=0).astype(np.int64)
