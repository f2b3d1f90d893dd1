"""The symmetry group D6 of the hexagonal lattice (order 12), as maps of site offsets and of arrays."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap
from nakaya.growth.lattice.hexagonal import hexagonal_distance

__all__ = ["D6", "apply_symmetry", "unfold_sector"]

Scalar = TypeVar("Scalar", bound=np.generic)


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
