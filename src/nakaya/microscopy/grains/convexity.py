"""How convex grains are."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap, IntArray

__all__ = ["solidity"]


def _pixels_in_hull(points: IntArray) -> int:
    """Pixel centres in the convex hull of pixel centres [n, 2], by Pick's theorem: area + rim / 2 + 1."""
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):  # fewer than three pixels, or all in one row
        return len(points)
    corners = points[hull.vertices]
    edges = np.abs(np.roll(corners, -1, axis=0) - corners)
    rim = int(np.gcd(edges[:, 0], edges[:, 1]).sum())
    return round(float(hull.volume) + rim / 2 + 1)


def _rim(inside: BoolArray) -> IntArray:
    """First and last pixel of every row: all that the hull can touch, int64 [n, 2]."""
    rows = np.flatnonzero(inside.any(axis=1))
    first = inside[rows].argmax(axis=1)
    last = inside.shape[1] - 1 - inside[rows][:, ::-1].argmax(axis=1)
    return np.unique(np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)]), axis=0)


def solidity(labels: GrainMap) -> FloatArray:
    """Return pixels of every grain over pixels inside its convex hull: float64 [n], in (0, 1].

    Exactly 1 for a grain that holds every pixel of its hull, however coarse the pixels.

    Args:
        labels: int32 [row, column], 0 .. n - 1.
    """
    shares = np.ones(int(labels.max(initial=-1)) + 1)
    for number, part in enumerate(ndimage.find_objects(labels + 1)):
        if part is not None:
            inside = labels[part] == number
            shares[number] = inside.sum() / max(_pixels_in_hull(_rim(inside)), 1)
    return np.minimum(shares, 1.0)
