"""The kinetic Wulff shape of a crystal, from growth velocities of its faces.

A crystal whose faces n move with velocities v(n) tends to the shape {x: n.x <= v(n) for all n} (Frank 1958, the kinetic
form of Wulff's construction); with surface energies in place of velocities it is the equilibrium shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import HalfspaceIntersection

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.miller import miller_vector
from nakaya.crystallography.symmetry import find_symmetry

__all__ = ["WulffShape", "wulff_shape"]

_TOLERANCE = 1e-7  # of distances relative to their mean: corners come from a dual convex hull in float64


@dataclass(frozen=True, eq=False)
class WulffShape:
    """A convex polyhedron of volume 1.

    Attributes:
        families: Miller indices of every facet's family, as they were given.
        normals: Unit vectors, float64 [facet, 3], in the crystal frame.
        distances: Of the facets from the centre, float64 [facet].
        areas: float64 [facet].
        edges: Facets that share an edge, each pair once, int64 [edge, 2].
        lengths: Of the shared edges, float64 [edge].
        dihedrals: Inner angles at them, rad, float64 [edge].
    """

    families: tuple[str, ...]
    normals: FloatArray
    distances: FloatArray
    areas: FloatArray
    edges: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    lengths: FloatArray
    dihedrals: FloatArray


def wulff_shape(velocities: Mapping[str, float], *, symmetry: str = "m-3m") -> WulffShape | None:
    """Construct the kinetic Wulff shape.

    Args:
        velocities: Miller indices -> m/s, all equivalents moving alike.
        symmetry: Laue class of the crystal.

    Returns:
        The shape, facets of no area left out; None where there is none, because a face melts, or the faces given do not
        enclose a volume.

    >>> octahedron = wulff_shape({"100": 2.0, "111": 1.0})
    >>> set(octahedron.families), len(octahedron.normals)
    ({'111'}, 8)
    >>> round(float((octahedron.areas * octahedron.distances).sum() / 3), 6)  # its volume
    1.0
    >>> wulff_shape({"100": 1.0, "111": -0.2}) is None
    True
    """
    moving = {family: velocity for family, velocity in velocities.items() if math.isfinite(velocity)}
    if not moving or min(moving.values()) <= 0:
        return None
    families, normals = _all_faces(moving, symmetry)
    distances = np.array([moving[family] for family in families])
    distances = distances / distances.mean()
    if np.linalg.matrix_rank(normals) < 3:
        return None
    corners = HalfspaceIntersection(np.column_stack([normals, -distances]), np.zeros(3)).intersections
    polygons = [corners[np.abs(corners @ normal - distance) < _TOLERANCE]
                for normal, distance in zip(normals, distances, strict=True)]  # fmt: skip
    areas = np.array([_area(polygon, normal) for polygon, normal in zip(polygons, normals, strict=True)])
    size = float((areas * distances).sum() / 3) ** (1 / 3)
    kept = np.flatnonzero(areas > 1e-9 * areas.sum())
    edges, lengths, dihedrals = [], [], []
    for place, one in enumerate(kept):
        for after, other in enumerate(kept[place + 1 :], start=place + 1):
            shared = polygons[one][np.abs(polygons[one] @ normals[other] - distances[other]) < _TOLERANCE]
            length = float(np.linalg.norm(shared.max(axis=0) - shared.min(axis=0))) if len(shared) > 1 else 0.0
            if length > 1e-6 * size:
                edges.append((place, after))
                lengths.append(length / size)
                dihedrals.append(math.pi - math.acos(float(np.clip(normals[one] @ normals[other], -1, 1))))
    return WulffShape(
        tuple(families[number] for number in kept),
        normals[kept],
        distances[kept] / size,
        areas[kept] / size**2,
        np.array(edges, dtype=np.int64).reshape(-1, 2),
        np.array(lengths),
        np.array(dihedrals),
    )


def _all_faces(velocities: Mapping[str, float], symmetry: str) -> tuple[list[str], FloatArray]:
    operators = find_symmetry(symmetry).operators
    families, normals = [], []
    for family in sorted(velocities):
        equivalent = operators.apply(miller_vector(family))
        distinct = np.unique(np.round(np.concatenate([equivalent, -equivalent]), 9) + 0.0, axis=0)
        families += [family] * len(distinct)
        normals.append(distinct / np.linalg.norm(distinct, axis=1, keepdims=True))
    return families, np.concatenate(normals)


def _area(polygon: FloatArray, normal: FloatArray) -> float:
    # Corners may come twice where more than three faces meet: they add nothing.
    if len(polygon) < 3:
        return 0.0
    centred = polygon - polygon.mean(axis=0)
    across = np.cross(normal, [1.0, 0, 0] if abs(normal[0]) < 0.9 else [0, 1.0, 0])
    across /= np.linalg.norm(across)
    x, y = centred @ across, centred @ np.cross(normal, across)
    ranks = np.argsort(np.arctan2(y, x))
    x, y = x[ranks], y[ranks]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
