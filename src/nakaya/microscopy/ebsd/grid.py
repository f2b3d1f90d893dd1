"""The grids on which EBSD measures: square, and hexagonal with every other row shifted by half a step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import FormatError
from nakaya.microscopy.grains.measures import frame_of
from nakaya.microscopy.grains.topology import connected_groups

__all__ = ["HEXAGONAL", "SQUARE", "Grid", "GridKind", "make_grid"]

GridKind: TypeAlias = Literal["square", "hexagonal"]
SQUARE: GridKind = "square"
HEXAGONAL: GridKind = "hexagonal"

MAX_POINTS = 100_000_000
MIN_FILLED = 0.1
"""A map with fewer of its points present is taken for a lying header or a stray position."""
OFF_GRID = 0.25
"""Greatest distance of a point from its place, in steps: half a step would make the place ambiguous."""
SAME_STEP = 1e-3
"""Steps that differ by less than this fraction are one: sizes are known no better, and headers are rounded."""
NOISE = 0.05
"""Of the step that the header states: what lies nearer together stands at one place."""
MAX_EXTENT = 1.0
"""m; no stage reaches further, and squares of positions beyond overflow."""


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
    shifted_rows: int
    short_rows: bool

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

    def open_places(self, absent: BoolArray) -> BoolArray:
        """Those of some places that are connected with the frame through one another: bool [n].

        Args:
            absent: The places, bool [n].
        """
        absent = absent & self.exists
        if not absent.any():
            return absent
        pairs, _ = self.pairs()
        group = connected_groups(pairs[absent[pairs].all(axis=1)], self.num_points)
        return np.asarray(absent & np.isin(group, np.unique(group[absent & self.on_frame])), np.bool_)

    def rim(self, measured: BoolArray) -> BoolArray:
        """Measured points beside places that were not measured and that reach the frame: bool [n].

        So ends a free-form area, or a map of which rows are lost. A hole inside the map has no rim: what lies around it
        is as large as it looks.

        Args:
            measured: Points that there are, bool [n].
        """
        rim = np.zeros(self.num_points, np.bool_)
        outside = self.open_places(~measured)
        if outside.any():
            pairs, _ = self.pairs()
            for here, there in (pairs.T, pairs.T[::-1]):
                rim[here[outside[there]]] = True
        return np.asarray(rim & measured, np.bool_)

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


def _gaps(values: FloatArray) -> FloatArray:
    """Distances between distinct coordinates; what is below 10 pm is rounding."""
    gaps = np.diff(np.unique(np.round(values, 12)))
    return np.asarray(gaps[gaps > 1e-11], np.float64)


def _infer_step(values: FloatArray) -> float:
    """The least distance between distinct coordinates, or 0 where all are equal."""
    return float(np.min(_gaps(values), initial=np.inf)) if len(_gaps(values)) else 0.0


def _fit_step(values: FloatArray, smallest: float) -> float:
    """The step of a regular row of coordinates, some of which may be missing, or 0 where all are equal.

    The median gap is a first estimate, off by the rounding of the file. Coordinates ever further from the first one
    are then numbered with the estimate so far, and the step is fitted to them: x = k step, least squares. Gaps below
    the smallest are noise.
    """
    gaps = _gaps(values)
    if not len(gaps):
        return 0.0
    gaps = gaps[gaps > smallest] if gaps.max() > smallest else gaps
    distance = np.unique(values - values.min())
    step, reach = float(np.median(gaps)), 8.0
    while distance[-1] <= MAX_POINTS * step:
        near = distance[distance <= reach * step]
        number = np.rint(near / step)
        if number.any():
            step = float(number @ near / (number @ number))
        if len(near) == len(distance):
            break
        reach *= 2
    return step


def _resolution(values: FloatArray) -> float:
    """Place value of the last decimal with which coordinates were written, m: 1e-10 for 0.0274 um; 0 = none seen."""
    for decimals in range(7):
        unit = 10.0 ** -(6 + decimals)
        if (np.abs(values / unit - np.rint(values / unit)) < 1e-3).all():
            return unit
    return 0.0


def _choose_step(stated: float, along: FloatArray, all_values: FloatArray) -> float:
    """Return the step of the header, or that of the points where the header contradicts them.

    A header that agrees with the points within their own rounding stays, for it may have more digits than they.

    Args:
        stated: Of the header; 0 = none.
        along: Coordinates of points one step apart, or several.
        all_values: Every coordinate in this direction, from 0.
    """
    least, fitted = _infer_step(along), _fit_step(along, NOISE * stated)
    found = least if np.isclose(least, fitted, rtol=1e-9, atol=0) else fitted
    if not stated or not found:
        return stated or found
    if abs(found / stated - 1) <= SAME_STEP:
        return stated
    distance = np.unique(along - along.min())
    number = np.rint(distance / found)
    agrees = (np.abs(distance - number * stated) <= 0.75 * _resolution(all_values)).all()
    return stated if agrees else found


@dataclass(frozen=True)
class _Placement:
    """Where points come to lie with given steps; offset: their distance from there, in steps, float64 [n]."""

    kind: GridKind
    step: float
    row_step: float
    shifted_rows: int
    rows_of: FloatArray
    columns_of: FloatArray
    offset: FloatArray

    @property
    def num_off(self) -> int:
        """Points that lie on no place of the grid."""
        return int((~(self.offset <= OFF_GRID) | (self.columns_of < 0)).sum())  # NaN lies nowhere


def _steps_of_points(x: FloatArray, y: FloatArray, steps: tuple[float, float], name: str) -> tuple[float, float]:
    """Steps along rows and between them: those of the header unless the points contradict it."""
    row_step = _choose_step(steps[1], y, y) or steps[0]
    odd = np.rint(y / row_step) % 2 == 1 if row_step > 0 else np.zeros(len(y), np.bool_)
    step = _choose_step(steps[0], x[~odd], x) or (_choose_step(0.0, x[odd], x) if odd.any() else 0.0) or row_step
    if not step > 0:
        raise FormatError(f"{name}: all points lie at one place and the header states no step")
    return step, row_step or step


def _is_hexagonal(x: FloatArray, odd: BoolArray, step: float) -> bool:
    """Whether one point in two rows is shifted by half a step; stray points do not count."""
    if odd.all() or not odd.any():
        return False
    off = np.abs(x / step - np.rint(x / step)) > OFF_GRID
    shifted, straight = sorted((float(off[odd].mean()), float(off[~odd].mean())), reverse=True)
    return shifted > 1 - MIN_FILLED and straight < MIN_FILLED


def _place(x: FloatArray, y: FloatArray, kind: GridKind | None, steps: tuple[float, float]) -> _Placement:
    step, row_step = steps
    rows_of = np.rint(y / row_step)
    odd = np.asarray(rows_of % 2 == 1, np.bool_)
    kind = kind or (HEXAGONAL if _is_hexagonal(x, odd, step) else SQUARE)
    shift = np.zeros(len(x))
    shifted_rows = 1
    if kind == HEXAGONAL:
        even_start, odd_start = x[~odd].min(initial=np.inf), x[odd].min(initial=np.inf)
        shifted_rows = 0 if odd_start < even_start - step / 4 else 1
        shift = np.where(rows_of % 2 == shifted_rows, step / 2, 0.0)
    columns_of = np.rint((x - shift) / step)
    offset = np.maximum(np.abs(rows_of * row_step - y) / row_step, np.abs(columns_of * step + shift - x) / step)
    return _Placement(kind, step, row_step, shifted_rows, rows_of, columns_of, offset)


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
        steps: Steps along rows and between rows as the header states them, m; 0 = not stated. Where the points
            contradict them, or the kind, those of the points are used and flagged.
        shape: Rows and columns as the header states them; 0 = not stated.
        name: File, for messages.

    Returns:
        The grid, the place of every point int64 [n], and flags for what is missing.

    Raises:
        FormatError: The points lie on no grid, two lie on one place, or most of the map is missing.
    """
    x, y = positions[:, 0] - positions[:, 0].min(), positions[:, 1] - positions[:, 1].min()
    if max(x.max(), y.max()) > MAX_EXTENT:
        raise FormatError(f"{name}: positions span {max(x.max(), y.max()):g} m: they are no micrometres of a map")
    seen = _steps_of_points(x, y, steps, name)
    placed = _place(x, y, kind, seen)
    if placed.num_off and kind is not None and not (other := _place(x, y, None, seen)).num_off:
        placed = other
    if placed.num_off:
        with np.errstate(over="ignore", invalid="ignore"):  # of a header that is no step at all
            stated = _place(x, y, kind, (steps[0] or placed.step, steps[1] or placed.row_step))
        placed = min(placed, stated, key=lambda one: one.num_off)
    if placed.num_off:
        worst = int(placed.offset.argmax())
        raise FormatError(
            f"{name}: point {worst + 1} at ({positions[worst, 0] * 1e6:g}, {positions[worst, 1] * 1e6:g}) um does not "
            f"lie on the {placed.kind} grid with steps {placed.step * 1e6:g} and {placed.row_step * 1e6:g} um"
        )
    kind_flags = []
    if kind not in (None, placed.kind):
        kind_flags = [f"the header states a {kind} grid, the points lie on a {placed.kind} one: that is used"]
    kind, step, row_step, shifted_rows = placed.kind, placed.step, placed.row_step, placed.shifted_rows
    rows_of, columns_of = placed.rows_of, placed.columns_of
    rows, columns = int(rows_of.max()) + 1, int(columns_of.max()) + 1
    short = False
    if kind == HEXAGONAL:
        in_shifted = rows_of % 2 == shifted_rows
        short = bool(columns_of[in_shifted].max(initial=-1) < columns - 1)
    flags, shape = _step_flags(steps, (step, row_step), shape, (rows, columns))
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
    return grid, index, [*kind_flags, *flags, *_missing(grid, index)]


def _step_flags(
    stated: tuple[float, float], found: tuple[float, float], shape: tuple[int, int], filled: tuple[int, int]
) -> tuple[list[str], tuple[int, int]]:
    """Say where the header contradicts the points, and make its numbers of rows and columns those of their steps."""
    off = [one > 0 and abs(other / one - 1) > SAME_STEP for one, other in zip(stated, found, strict=True)]
    if not any(off):
        return [], shape
    said, seen = (" and ".join(f"{1e6 * value:g}" for value in pair) for pair in (stated, found))
    flag = f"the header states steps of {said} um, the points lie {seen} um apart: those of the points are used"
    counts = [
        math.ceil(count * stated[axis] / found[axis] - OFF_GRID) if off[axis] and count > number else count
        for count, number, axis in zip(shape, filled, (1, 0), strict=True)
    ]
    return [flag], (counts[0], counts[1])


def _missing(grid: Grid, index: IntArray) -> list[str]:
    """A sentence where places of the grid have no point."""
    absent = grid.exists
    absent[index] = False
    if not absent.any():
        return []
    whole = int((absent | ~grid.exists).reshape(grid.rows, grid.columns).all(axis=1).sum())
    rows_text = f", among them {whole} whole rows" if whole else ""
    return [
        f"{int(absent.sum())} of {grid.num_points} points are missing{rows_text}: taken as not measured, and grains at "
        "the rim of what was measured as cut"
    ]
