"""What a picture needs to know of a lattice in the plane: where its sites lie, their cells, their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.growth.lattice.hexagonal import COLUMN_DIRECTION, NEIGHBOURS, ROW_DIRECTION

__all__ = ["HEXAGONAL", "PlaneLattice", "nearest_site", "site_positions"]


class PlaneLattice(Protocol):
    """A lattice in the plane with one site for every entry of an array; lengths in site spacings.

    Attributes:
        neighbours: Offsets (row, column) of a site's neighbours; where (1, 1) is one of them, cells are hexagons.
        directions: Steps (x, y) from site to site along rows and columns of the array: down one row, along one column.
        cell: Corners (x, y) of a site's cell about its centre: the points nearer to it than to any other site.
    """

    @property
    def neighbours(self) -> Sequence[tuple[int, ...]]:  # noqa: D102
        ...

    @property
    def directions(self) -> Sequence[Sequence[float]]:  # noqa: D102
        ...

    @property
    def cell(self) -> Sequence[Sequence[float]]:  # noqa: D102
        ...


@dataclass(frozen=True)
class _Hexagonal:
    neighbours: Sequence[tuple[int, ...]] = NEIGHBOURS
    directions: Sequence[Sequence[float]] = (tuple(ROW_DIRECTION.tolist()), tuple(COLUMN_DIRECTION.tolist()))
    cell: Sequence[Sequence[float]] = tuple(
        (float(np.sin(turn)) / 3**0.5, float(np.cos(turn)) / 3**0.5) for turn in np.arange(6) * np.pi / 3
    )


HEXAGONAL: PlaneLattice = _Hexagonal()


def site_positions(rows: IntArray | FloatArray, columns: IntArray | FloatArray, lattice: PlaneLattice) -> FloatArray:
    """Return where sites lie in the plane, float64 [..., 2], y upwards."""
    return np.asarray(np.stack(np.broadcast_arrays(rows, columns), axis=-1) @ np.array(lattice.directions))


def nearest_site(x: FloatArray, y: FloatArray, lattice: PlaneLattice = HEXAGONAL) -> tuple[IntArray, IntArray]:
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
