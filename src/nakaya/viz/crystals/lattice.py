"""Where the cells of a lattice lie in a picture.

The cell of a site is the hexagon or square of points nearer to it than to any other site.
"""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice

__all__ = ["HEXAGONAL", "cell_under", "nearest_site", "site_positions"]


def site_positions(*place: IntArray | FloatArray, lattice: Lattice = HEXAGONAL) -> FloatArray:
    """Return where sites lie in the picture, float64 [..., (x, y)], y upwards.

    Args:
        place: Rows and columns; they are broadcast.
        lattice: Of the sites.
    """
    return np.asarray(np.stack(np.broadcast_arrays(*place), axis=-1) @ np.array(lattice.directions))


def cell_under(x: FloatArray, y: FloatArray, shape: tuple[int, ...], lattice: Lattice) -> IntArray:
    """Return the flat index of the cell under each point of the plane, or the number of cells where there is none.

    Args:
        x: In site spacings, any shape.
        y: Broadcast against `x`.
        shape: Of the array.
        lattice: Of the array.
    """
    row, column = nearest_site(x, y, lattice)
    rows, columns = shape
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return np.where(inside, row * columns + column, rows * columns)


def nearest_site(x: FloatArray, y: FloatArray, lattice: Lattice = HEXAGONAL) -> tuple[IntArray, IntArray]:
    """Return (rows, columns) of the site nearest to each point of the plane; exact but for points on an edge.

    In the lattice's own coordinates i and j the nearest site of a square is found by rounding. With six neighbours the
    three numbers i, -j and j - i add up to zero: rounding each and then giving up the one that was rounded furthest
    finds the hexagon.

    Args:
        x: In site spacings, any shape.
        y: Broadcast against `x`.
        lattice: Whose sites.

    >>> [int(v) for v in nearest_site(np.array(-0.5), np.array(0.9))]
    [1, 0]
    """
    inverse = np.linalg.inv(np.array(lattice.directions))
    i = x * inverse[0, 0] + y * inverse[1, 0]
    j = x * inverse[0, 1] + y * inverse[1, 1]
    row, column = np.rint(i), np.rint(j)
    if (1, 1) in lattice.neighbours:
        third = np.rint(j - i)
        off_row, off_column, off_third = np.abs(row - i), np.abs(column - j), np.abs(third - (j - i))
        row_is_worst = (off_row > off_column) & (off_row > off_third)
        column_is_worst = ~row_is_worst & (off_column > off_third)
        row, column = np.where(row_is_worst, column - third, row), np.where(column_is_worst, row + third, column)
    return row.astype(np.int64), column.astype(np.int64)
