"""The hexagonal lattice on a square array: its neighbours, its metric, its place in the plane, its symmetry group D6.

Site (row i, column j) lies at  i e_r + j e_c  with  |e_r| = |e_c| = 1  and 120 degrees between them, so that (1, 1) is
again at distance 1. This is the lattice of Gravner & Griffeath (2008) in the array layout of the CGNE paper.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray

__all__ = ["D6", "NEIGHBOURS", "apply_symmetry", "hexagonal_distance", "to_plane", "unfold_sector"]

Scalar = TypeVar("Scalar", bound=np.generic)

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


def _group() -> tuple[NDArray[np.int64], ...]:
    rotation = np.array([[0, 1], [-1, 1]])  # sixty degrees: maps each neighbour offset to the next one round
    mirror = np.array([[0, 1], [1, 0]])
    elements = []
    power = np.eye(2, dtype=np.int64)
    for _ in range(6):
        elements += [power, power @ mirror]
        power = power @ rotation
    return tuple(elements)


D6: tuple[NDArray[np.int64], ...] = _group()
"""Twelve int64 [2, 2] matrices that act on offsets (row, column) from the centre."""


def apply_symmetry(field: NDArray[Scalar], element: NDArray[np.int64], fill: float = -1) -> NDArray[Scalar]:
    """Return the field moved by a symmetry about the array's centre site (size // 2, size // 2).

    Args:
        field: [..., row, column], square.
        element: One of `D6`.
        fill: Value of sites whose origin lies outside the array.
    """
    size = field.shape[-1]
    centre = size // 2
    offsets = np.indices((size, size)) - centre
    source = np.einsum("ab,bij->aij", np.rint(np.linalg.inv(element)).astype(np.int64), offsets) + centre
    inside = ((source >= 0) & (source < size)).all(axis=0)
    moved = field[..., source[0].clip(0, size - 1), source[1].clip(0, size - 1)]
    return np.asarray(np.where(inside, moved, np.asarray(fill, dtype=field.dtype)))


def unfold_sector(arrival: ArrivalMap) -> ArrivalMap:
    """Return the six-fold crystal of which a sector is a third: [..., N, N] -> [..., 2 N - 1, 2 N - 1].

    Rotations by 120 degrees carry the sector over the plane. Where two copies meet (rows 0 and columns 0) the sector
    of the lower angle is shown; with noise the two edges of a sector differ, so a seam can show there.
    Sites outside the hexagon are -1.
    """
    size = arrival.shape[-1]
    full = 2 * size - 1
    rows, columns = np.indices((full, full)) - (size - 1)
    third = D6[4]  # 120 degrees
    source_rows, source_columns = rows.copy(), columns.copy()
    placed = (rows >= 0) & (columns >= 0)
    turn = np.eye(2, dtype=np.int64)
    for _ in range(2):
        turn = third @ turn
        turned_rows = turn[0, 0] * rows + turn[0, 1] * columns
        turned_columns = turn[1, 0] * rows + turn[1, 1] * columns
        fits = (turned_rows >= 0) & (turned_columns >= 0) & ~placed
        source_rows[fits], source_columns[fits] = turned_rows[fits], turned_columns[fits]
        placed |= fits
    inside = hexagonal_distance(rows, columns) < size
    unfolded = arrival[..., source_rows.clip(0, size - 1), source_columns.clip(0, size - 1)]
    return np.asarray(np.where(inside & placed, unfolded, -1), dtype=arrival.dtype)
