"""Voronoi maps: what the measures of grains should find is known for them.

For points scattered at random (Poisson) over a plane with `density` cells per area, cells have 6 neighbours in the
mean (exactly, on a periodic map), the number of neighbours has the variance 1.78, the boundaries the length
2 sqrt(density) per area (Okabe et al., Spatial Tessellations, 2nd ed., table 5.5.1), and a test line the mean
intercept pi / (4 sqrt(density)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from nakaya.core.arrays import FloatArray, GrainMap

__all__ = ["VoronoiMap", "laguerre_map", "scatter_points", "voronoi_map"]


@dataclass(frozen=True)
class VoronoiMap:
    """A map of cells around points.

    Attributes:
        labels: Cell of every pixel, int32 [row, column].
        points: (x, y) of the points in pixels, float64 [n, 2]; the centre of pixel [0, 0] is (0, 0).
        periodic: Whether opposite sides are joined.
    """

    labels: GrainMap
    points: FloatArray
    periodic: bool


def scatter_points(
    num_points: int, shape: tuple[int, int], rng: np.random.Generator, *, relaxations: int = 0
) -> FloatArray:
    """Return points at random in a rectangle of `shape` (rows, columns) pixels: (x, y), float64 [n, 2].

    Args:
        num_points: How many.
        shape: Rows and columns.
        rng: Randomness.
        relaxations: Lloyd steps (each point moves to its cell's centroid, periodically): 0 is a Poisson pattern; 1 to 3
            give cells that look like those of an annealed metal.
    """
    height, width = shape
    points = rng.uniform(0, [width, height], (num_points, 2))
    for _ in range(relaxations):
        samples = rng.uniform(0, [width, height], (60 * num_points, 2))
        _, owner = cKDTree(points, boxsize=[width, height]).query(samples)
        offset = samples - points[owner]
        offset -= np.rint(offset / [width, height]) * [width, height]
        count = np.maximum(np.bincount(owner, minlength=num_points), 1)
        shift = np.stack([np.bincount(owner, offset[:, axis], num_points) / count for axis in (0, 1)], axis=1)
        points = (points + shift) % [width, height]
    return points


def voronoi_map(points: FloatArray, shape: tuple[int, int], *, periodic: bool = True) -> VoronoiMap:
    """Return the cells of points as a map of pixels.

    Args:
        points: (x, y) in pixels, float64 [n, 2], inside the rectangle.
        shape: Rows and columns.
        periodic: Whether opposite sides are joined.

    >>> cells = voronoi_map(np.array([[8.0, 8.0], [24.0, 8.0]]), (16, 32), periodic=False)
    >>> cells.labels.shape, int(cells.labels[8, 8]), int(cells.labels[8, 24])
    ((16, 32), 0, 1)
    """
    height, width = shape
    tree = cKDTree(points, boxsize=[width, height] if periodic else None)
    rows, columns = np.indices(shape)
    _, owner = tree.query(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64))
    return VoronoiMap(owner.reshape(shape).astype(np.int32), points, periodic)


def laguerre_map(points: FloatArray, radii: FloatArray, shape: tuple[int, ...], *, periodic: bool = True) -> GrainMap:
    """Return the Laguerre cells (power diagram) of circles or spheres: int32 [*shape].

    A site x goes to the point p of least |x - p|^2 - r^2, so that a larger radius makes a larger cell. With r^2 less
    than the greatest R^2 that is the nearest point in one dimension more, at the height sqrt(R^2 - r^2). Cells of
    small circles near large ones may be empty.

    Args:
        points: (x, y) or (x, y, z) in sites, float64 [n, 2 or 3], inside the box.
        radii: In sites, float64 [n]; all equal: Voronoi cells.
        shape: Sites along each axis: rows and columns, or layers, rows and columns.
        periodic: Whether opposite sides are joined.

    >>> cells = laguerre_map(np.array([[8.0, 8.0], [24.0, 8.0]]), np.array([12.0, 5.0]), (16, 32), periodic=False)
    >>> int((cells[8] == 0).sum())  # |x - 8|^2 - 144 < |x - 24|^2 - 25 up to 19.7
    20
    """
    height = np.sqrt(radii.max() ** 2 - radii**2)
    lifted = np.concatenate([points, height[:, None]], axis=1)
    tree = cKDTree(lifted, boxsize=[*reversed(shape), 0] if periodic else None)
    sites = np.stack([place.ravel() for place in (*reversed(np.indices(shape)), np.zeros(shape))], axis=1)
    return np.asarray(tree.query(sites.astype(np.float64))[1].reshape(shape), np.int32)
