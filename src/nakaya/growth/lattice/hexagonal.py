"""The hexagonal lattice on a square array, its six neighbours, its metric and its place in the plane.

Site (row i, column j) lies at  i e_r + j e_c  with  |e_r| = |e_c| = 1  and 120 degrees between them, so that (1, 1) is
again at distance 1. This is the lattice of Gravner & Griffeath (2008) in the array layout of the CGNE paper.
"""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray

__all__ = ["NEIGHBOURS", "hexagonal_distance", "to_plane"]

NEIGHBOURS: tuple[tuple[int, int], ...] = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1))
"""Offsets (row, column) of the six neighbours, in the order in which sums over them run."""

COLUMN_DIRECTION = np.array([1.0, 0.0])
ROW_DIRECTION = np.array([-0.5, np.sqrt(3.0) / 2.0])


def hexagonal_distance(rows: IntArray, columns: IntArray) -> IntArray:
    """Return the number of neighbour steps from (0, 0): max(|i|, |j|, |i - j|).

    Args:
        rows: Offsets i, integer of any shape.
        columns: Offsets j, broadcast against `rows`.

    >>> int(hexagonal_distance(np.array(2), np.array(-1)))
    3
    """
    rows, columns = np.asarray(rows), np.asarray(columns)
    distance = np.maximum(np.maximum(np.abs(rows), np.abs(columns)), np.abs(rows - columns))
    return np.asarray(distance)


def to_plane(rows: IntArray | FloatArray, columns: IntArray | FloatArray) -> FloatArray:
    """Return Cartesian positions, float64 [..., 2], in units of the site spacing."""
    rows, columns = np.broadcast_arrays(np.asarray(rows, np.float64), np.asarray(columns, np.float64))
    return np.asarray(rows[..., None] * ROW_DIRECTION + columns[..., None] * COLUMN_DIRECTION)
