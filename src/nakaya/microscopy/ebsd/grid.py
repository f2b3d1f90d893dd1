"""The grids on which EBSD measures: square, and hexagonal with every other row shifted by half a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import FormatError
from nakaya.microscopy.grains.measures import frame_of

__all__ = ["HEXAGONAL", "SQUARE", "Grid", "GridKind", "make_grid"]

GridKind: TypeAlias = Literal["square", "hexagonal"]
SQUARE: GridKind = "square"
HEXAGONAL: GridKind = "hexagonal"

MAX_POINTS = 100_000_000
MIN_FILLED = 0.1
"""A map with fewer of its points present is taken for a lying header or a stray position."""
OFF_GRID = 0.25
"""Greatest distance of a point from its place, in steps: half a step would make the place ambiguous."""


@dataclass(frozen=True)
class Grid:
    """A regular grid of points; point number = row * columns + column.

    On a hexagonal grid the rows with odd index may be one point shorter; the array keeps the longer rows and the place
    at the end of the shorter ones stays empty.

    Attributes:
        kind: "square" or "hexagonal".
        rows: Number of rows.
        columns: Number of points in the longest row.
        step: Distance of points along a row, m.
        row_step: Distance of rows, m.
        shifted_rows: Hexagonal: 1 where the rows 1, 3, 5, ... are shifted by half a step to the right, 0 where the rows
            0, 2, 4, ... are. Square: meaningless.
        short_rows: Whether the shifted rows are one point shorter.
    """

    kind: GridKind
    rows: int
    columns: int
    step: float
    row_step: float
    shifted_rows: int = 1
    short_rows: bool = False

    @property
    def num_points(self) -> int:
        """Number of places, empty ones included."""
        return self.rows * self.columns

    @property
    def cell_area(self) -> float:
        """Area that one point stands for, m2."""
        return self.step * self.row_step

    @property
    def area(self) -> float:
        """Area of the map, m2."""
        return int(self.exists.sum()) * self.cell_area

    @property
    def _is_shifted(self) -> BoolArray:
        if self.kind == SQUARE:
            return np.zeros(self.rows, np.bool_)
        return np.asarray(np.arange(self.rows) % 2 == self.shifted_rows, np.bool_)

    @property
    def exists(self) -> BoolArray:
        """Places that are part of the grid: bool [n]; False only at the ends of short rows."""
        exists = np.ones((self.rows, self.columns), np.bool_)
        if self.short_rows:
            exists[self._is_shifted, -1] = False
        return exists.ravel()

    @property
    def on_frame(self) -> BoolArray:
        """Points at the frame of the map: bool [n]."""
        frame = frame_of((self.rows, self.columns))
        if self.short_rows and self.columns > 1:
            frame[self._is_shifted, -2] = True
        return frame.ravel()

    def positions(self) -> FloatArray:
        """Positions (x, y) of all points in metres: float64 [n, 2]."""
        rows, columns = np.divmod(np.arange(self.num_points), self.columns)
        x = (columns + 0.5 * self._is_shifted[rows]) * self.step
        return np.stack([x, rows * self.row_step], axis=1)

    def pairs(self) -> tuple[IntArray, FloatArray]:
        """Return all neighbouring points, and the length of boundary that each pair stands for.

        A boundary is crossed by the lines that join neighbours. By Crofton's formula the length of a boundary of all
        directions is pi/2 times the mean, over the directions of the lines, of (crossings x distance of the lines): on
        a square grid pi/4 x (crossings along rows x row_step + crossings along columns x step).

        Returns:
            pairs int64 [m, 2], each once, first < second; length float64 [m], m.
        """
        number = np.arange(self.num_points).reshape(self.rows, self.columns)
        along = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
        if self.kind == SQUARE:
            across = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
            pairs = np.concatenate([along, across])
            length = np.repeat(np.pi / 4 * np.array([self.row_step, self.step]), [len(along), len(across)])
        else:
            # Below a shifted row lie the columns c and c + 1, below an unshifted one c - 1 and c.
            shifted = self._is_shifted[:-1, None]
            columns = np.arange(self.columns)[None]
            diagonals = []
            for offset in (0, 1):
                target = columns + offset - np.where(shifted, 0, 1)
                inside = (target >= 0) & (target < self.columns)
                below = number[1:][np.nonzero(inside)[0], target[inside]]
                diagonals.append(np.stack([number[:-1][inside], below], axis=1))
            pairs = np.concatenate([along, *diagonals])
            length = np.full(len(pairs), np.pi / 2 / 3 * self.step * np.sqrt(3) / 2)
        exists = self.exists
        kept = exists[pairs].all(axis=1)
        return pairs[kept].astype(np.int64), length[kept]

    def raster(self) -> IntArray:
        """Return which point covers each pixel of a picture of the map: int64 [height, width], -1 = none.

        A square grid gives one pixel a point. A hexagonal one gives 2 x 2 pixels, odd rows moved by one.
        """
        number = np.where(self.exists, np.arange(self.num_points), -1).reshape(self.rows, self.columns)
        if self.kind == SQUARE:
            return number
        picture = np.full((2 * self.rows, 2 * self.columns + 1), -1, np.int64)
        for row, shifted in enumerate(self._is_shifted):
            picture[2 * row : 2 * row + 2, int(shifted) : int(shifted) + 2 * self.columns] = np.repeat(number[row], 2)
        return picture


def _infer_step(values: FloatArray) -> float:
    """The least distance between distinct coordinates, or 0 where all are equal."""
    gaps = np.diff(np.unique(np.round(values, 12)))
    return float(np.min(gaps[gaps > 1e-11], initial=np.inf)) if (gaps > 1e-11).any() else 0.0


def make_grid(
    positions: FloatArray,
    *,
    kind: GridKind | None,
    steps: tuple[float, float],
    shape: tuple[int, int],
    name: str,
) -> tuple[Grid, IntArray, list[str]]:
    """Find the grid on which points lie.

    Args:
        positions: (x, y) float64 [n, 2], m.
        kind: "square" or "hexagonal"; None = find out.
        steps: Steps along rows and between rows as the header states them, m; 0 = not stated.
        shape: Rows and columns as the header states them; 0 = not stated.
        name: File, for messages.

    Returns:
        The grid, the place of every point int64 [n], and flags for what is missing.

    Raises:
        FormatError: The points lie on no grid, two lie on one place, or most of the map is missing.
    """
    x, y = positions[:, 0] - positions[:, 0].min(), positions[:, 1] - positions[:, 1].min()
    row_step = steps[1] or _infer_step(y) or steps[0]
    rows_of = np.rint(y / row_step) if row_step > 0 else np.zeros(len(y))
    step = steps[0]
    if step <= 0:
        first_row = x[rows_of == rows_of[0]]
        step = _infer_step(first_row) or row_step
    if not step > 0:
        raise FormatError(f"{name}: all points lie at one place and the header states no step")
    row_step = row_step or step
    if kind is None:
        halves = np.abs(2 * x / step - np.rint(2 * x / step)) < OFF_GRID
        off = np.abs(x / step - np.rint(x / step)) > OFF_GRID
        kind = HEXAGONAL if off.any() and halves.all() else SQUARE
    shift = np.zeros(len(x))
    shifted_rows = 1
    if kind == HEXAGONAL:
        in_even = rows_of % 2 == 0
        even_start = x[in_even].min(initial=np.inf)
        odd_start = x[~in_even].min(initial=np.inf)
        shifted_rows = 0 if odd_start < even_start - step / 4 else 1
        shift = np.where(rows_of % 2 == shifted_rows, step / 2, 0.0)
    columns_of = np.rint((x - shift) / step)
    off = np.maximum(np.abs(rows_of * row_step - y) / row_step, np.abs(columns_of * step + shift - x) / step)
    if off.max() > OFF_GRID or columns_of.min() < 0:
        worst = int(off.argmax())
        raise FormatError(
            f"{name}: point {worst + 1} at ({positions[worst, 0] * 1e6:g}, {positions[worst, 1] * 1e6:g}) um does not "
            f"lie on the {kind} grid with steps {step * 1e6:g} and {row_step * 1e6:g} um"
        )
    rows, columns = int(rows_of.max()) + 1, int(columns_of.max()) + 1
    short = False
    if kind == HEXAGONAL:
        in_shifted = rows_of % 2 == shifted_rows
        short = bool(columns_of[in_shifted].max(initial=-1) < columns - 1)
    flags = []
    if 0 < shape[0] < rows or 0 < shape[1] < columns:
        flags.append(f"the header states {shape[0]} rows and {shape[1]} columns, the points fill {rows} and {columns}")
    rows, columns = max(rows, shape[0]), max(columns, shape[1])
    if rows * columns > min(MAX_POINTS, len(rows_of) / MIN_FILLED + 100):
        raise FormatError(
            f"{name}: {len(rows_of)} points on a grid of {rows} x {columns}: most of the map is missing, "
            "or the header lies"
        )
    grid = Grid(kind, rows, columns, step, row_step, shifted_rows, short)
    index = (rows_of * columns + columns_of).astype(np.int64)
    unique, counts = np.unique(index, return_counts=True)
    if counts.max() > 1:
        row, column = divmod(int(unique[counts.argmax()]), columns)
        raise FormatError(f"{name}: {counts.max()} points lie at row {row}, column {column}")
    return grid, index, [*flags, *_missing(grid, index)]


def _missing(grid: Grid, index: IntArray) -> list[str]:
    """A sentence where places of the grid have no point."""
    absent = grid.exists
    absent[index] = False
    if not absent.any():
        return []
    whole = int((absent | ~grid.exists).reshape(grid.rows, grid.columns).all(axis=1).sum())
    rows_text = f", among them {whole} whole rows" if whole else ""
    return [f"{int(absent.sum())} of {grid.num_points} points are missing{rows_text}: taken as not indexed"]
