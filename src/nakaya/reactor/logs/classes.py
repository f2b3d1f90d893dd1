"""Columns of size classes to numbers of crystals: edges in equal steps or ratios, weights, sums, fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.reactor.logs.clock import Clock
from nakaya.reactor.logs.column_map import WEIGHT_POWERS, SizeClasses
from nakaya.reactor.logs.table import RawTable
from nakaya.reactor.sizes import cell_moments
from nakaya.records.units import same_dimension, to_si

__all__ = ["SizeSeries", "class_edges", "read_classes", "refined"]

_WHOLE = 0.005
"""Relative: rows of per cents with one decimal in a hundred classes add up to 100 within half a per cent."""

_SIZES = (1e-8, 0.2)
"""m, of the upper edge of the largest class: crystals of a reactor are below a decimetre."""

_MAX_COUNT = 1e18
_ROWS = 500
"""Rows that are cut into sixteenths at a time, for memory's sake."""

_AGAIN = 4
"""So many rows of whole numbers that add up to about 100 are no chance."""

_PARTS = 16
_END_SCORE = 3.0
"""Normal score at the outer edge of the outermost crystals: one in a thousand lies beyond."""


@dataclass(frozen=True, eq=False)
class SizeSeries:
    """Crystals in classes of size in time.

    Attributes:
        times: float64 [n], s, strictly increasing.
        edges: float64 [k + 1], m.
        counts: float64 [n, k].
        is_counted: Whether they are counts; else fractions of the number of crystals, each row adding up to 1 (or 0).
        is_geometric: Whether the classes are in a constant ratio.
    """

    times: FloatArray
    edges: FloatArray
    counts: FloatArray
    is_counted: bool = True
    is_geometric: bool = False


def read_classes(table: RawTable, classes: SizeClasses, clock: Clock, key: str) -> tuple[SizeSeries, list[str]]:
    """Read the size classes of a log.

    Returns:
        Numbers of crystals in time, and what is odd about them.

    Raises:
        FormatError: Sizes that do not increase, columns that are no counts, or per cents of what is not said.
        ParameterError: The unit is no length.
    """
    first, last = table.position(classes.first, key=key), table.position(classes.last, key=key)
    if last <= first:
        raise FormatError(f"{table.path}: the last size class (column {last + 1}) is not right of the first")
    num = last - first + 1
    if not same_dimension(classes.unit, "m"):
        raise ParameterError(f"unit {classes.unit!r} of the size classes does not measure a length: use um")
    if classes.sizes is not None:
        sizes = np.array(classes.sizes, dtype=np.float64)
    else:
        assert classes.sizes_line is not None
        if not 1 <= classes.sizes_line <= len(table.head):
            raise FormatError(f"{table.path}: sizes_line={classes.sizes_line} is not a line before the data")
        fields = table.head[classes.sizes_line - 1][first : last + 1]
        sizes = np.array([table.size(entry, first + place, classes.sizes_line) for place, entry in enumerate(fields)])
    if sizes.size != num or not (np.diff(sizes) > 0).all() or not np.isfinite(sizes).all() or sizes[0] < 0:
        raise FormatError(
            f"{table.path}: {sizes.size} sizes for {num} classes, or sizes that do not increase from 0 on"
        )
    edges, is_geometric = class_edges(sizes, classes.edge)
    edges = to_si(edges, classes.unit)
    if not (np.diff(edges) > 0).all():
        raise FormatError(f"{table.path}: a size class ends at size 0: are the sizes the {classes.edge} edges?")
    if not _SIZES[0] <= edges[-1] <= _SIZES[1]:
        raise FormatError(
            f"{table.path}: the size classes end at {edges[-1]:.3g} m, outside [{_SIZES[0]:g}, {_SIZES[1]:g}]: are the "
            f"sizes in {classes.unit!r}?"
        )
    counts = np.column_stack([table.numbers(column) for column in range(first, last + 1)])
    if (counts < 0).any():
        row = int(np.flatnonzero((counts < 0).any(axis=1))[0])
        raise FormatError(
            f"{table.path}, line {table.lines[row]}: a size class holds fewer than no crystals ({counts[row].min():g}"
            "): name it under missing if it stands for no value"
        )
    if np.nanmax(counts, initial=0.0) > _MAX_COUNT:
        raise FormatError(f"{table.path}: a size class holds {np.nanmax(counts):.3g} crystals: wrong columns?")
    merged = clock.merge(counts)
    known = np.isfinite(merged).all(axis=1)
    if not known.any():
        raise FormatError(f"{table.path}: the size classes hold no complete row")
    numbers, is_counted, flags = _numbers(merged[known], edges, classes, is_geometric, str(table.path))
    return SizeSeries(clock.times[known], edges, numbers, is_counted, is_geometric), flags


def _numbers(
    values: FloatArray, edges: FloatArray, classes: SizeClasses, is_geometric: bool, where: str
) -> tuple[FloatArray, bool, list[str]]:
    """Numbers of crystals [n, k] from what the columns hold, whether they are counts, and what is odd."""
    filled = values[values.sum(axis=1) > 0]
    steps, flags = np.diff(filled, axis=1), []
    rises = bool((steps >= 0).all() and (filled[:, -1] > filled[:, 0]).all())
    falls = bool((steps <= 0).all() and (filled[:, -1] < filled[:, 0]).all())
    if classes.cumulative:
        if not (steps >= 0).all():
            raise FormatError(
                f"{where}: the size classes are said to be cumulative, but fall from one class to the next: write the "
                "fraction below every size, or leave cumulative out"
            )
        values = np.diff(values, axis=1, prepend=0.0)
        filled = values[values.sum(axis=1) > 0]
    elif (rises and _add_up(filled[:, -1], filled)) or (falls and _add_up(filled[:, 0], filled)):
        raise FormatError(
            f"{where}: every row of size classes {'rises' if rises else 'falls'} from class to class "
            f"{'to' if rises else 'from'} {filled[0, -1 if rises else 0]:g}: a cumulative distribution, no counts: "
            + ("set cumulative = true" if rises else "write what is below every size, and set cumulative = true")
        )
    elif rises and filled.size and filled.shape[1] >= 5:
        flags.append("every row of size classes rises up to the last class: is it cumulative, or cut off there?")
    is_whole = _add_up(filled.sum(axis=1), filled)
    if is_whole and classes.weight is None:
        raise FormatError(
            f"{where}: every row of size classes adds up to {filled[0].sum():.4g}: per cent or fractions, no counts, "
            'and nothing says of what: set weight = "number" or "volume" (or "length", "area", "mass")'
        )
    if not is_whole and (per := _density(filled, edges, classes.unit)):
        raise FormatError(
            f"{where}: every row of size classes adds up to 1 or 100 once it is multiplied by {per}: a density, no "
            "counts: multiply every column by that, and set weight"
        )
    if falls and filled.shape[1] >= 5 and filled.max(initial=0.0) <= 100.0 and (filled != np.round(filled)).any():
        flags.append("every row of size classes falls from the first class on: is it the fraction above every size?")
    power = WEIGHT_POWERS[classes.weight or "number"]
    if not is_whole and power == 0:
        return values, True, flags
    numbers = values.copy()
    for start in range(0, len(values) if power > 0 else 0, _ROWS):
        block = values[start : start + _ROWS]
        fine_edges, fine = refined(edges, block, is_geometric)
        weighed = fine / _mean_powers(fine_edges, power, is_geometric)
        numbers[start : start + _ROWS] = weighed.reshape(*block.shape, _PARTS).sum(axis=2)
    total = numbers.sum(axis=1, keepdims=True)
    return np.divide(numbers, total, out=np.zeros_like(numbers), where=total > 0), False, flags


def _add_up(sums: FloatArray, parts: FloatArray) -> bool:
    """Whether all sums are 100, or all are 1, up to the rounding of their parts [n, k].

    Whole numbers that add up to 1 are single crystals; those that add up to about 100 are no counts where that is so
    again and again.
    """
    if sums.size == 0:
        return False
    is_rounded = bool((parts == np.round(parts)).all())
    if is_rounded and sums.size < _AGAIN:
        return False
    slack = 0.01 * np.sqrt(parts.shape[1]) if is_rounded else 0.0  # roundings of 0.3, of which two deviations
    wholes = (100.0,) if is_rounded else (100.0, 1.0)
    return any(bool((np.abs(sums / whole - 1.0) <= _WHOLE + slack).all()) for whole in wholes)


def _density(filled: FloatArray, edges: FloatArray, unit: str) -> str:
    """By what rows [n, k] have to be multiplied to add up to 1 or 100, in words; "" where by nothing, or for counts."""
    if filled.size == 0 or (filled == np.round(filled)).all():
        return ""
    inside = slice(1 if edges[0] == 0 else 0, None)
    logarithms = np.log(edges[inside])
    widths = {
        f"the widths of its classes in {unit}": (slice(None), np.diff(edges) / float(to_si(1.0, unit))),
        "the widths of its classes in log10 of the size": (inside, np.diff(logarithms) / np.log(10.0)),
        "the widths of its classes in ln of the size": (inside, np.diff(logarithms)),
    }
    for words, (part, width) in widths.items():
        if _add_up(filled[:, part] @ width, filled[:, part]):
            return words
    return ""


def _mean_powers(edges: FloatArray, power: int, is_geometric: bool) -> FloatArray:
    """Mean of L^power over every class: evenly in ln L where the classes are in a constant ratio, else evenly in L."""
    if is_geometric:
        return np.asarray(np.diff(edges**power) / (power * np.diff(np.log(edges))))
    return np.asarray(cell_moments(edges)[power] / np.diff(edges))


def class_edges(sizes: FloatArray, edge: str) -> tuple[FloatArray, bool]:
    """Edges of classes [k + 1] from one size each [k], and whether they are in a constant ratio.

    The outermost class is as wide as its neighbour, as a difference or a ratio: whichever of both varies less from
    class to class.
    """
    steps = np.diff(sizes)
    is_geometric = False
    if sizes.size > 2 and sizes[0] > 0:
        ratios = np.diff(np.log(sizes))
        is_geometric = bool(np.ptp(ratios) / ratios.mean() < min(np.ptp(steps) / steps.mean(), 0.5))
    scale = np.log(sizes) if is_geometric else sizes
    if edge == "middle":
        inner = 0.5 * (scale[1:] + scale[:-1])
        edges = np.concatenate([[2 * scale[0] - inner[0]], inner, [2 * scale[-1] - inner[-1]]])
    elif edge == "upper":
        edges = np.concatenate([[scale[0] - (scale[1] - scale[0])], scale])
    else:
        edges = np.concatenate([scale, [2 * scale[-1] - scale[-2]]])
    if is_geometric:
        return np.exp(edges), True
    return np.maximum(edges, 0.0) if edges[0] < 0 <= edges[1] else edges, False


def refined(edges: FloatArray, counts: FloatArray, is_geometric: bool) -> tuple[FloatArray, FloatArray]:
    """Cut classes into sixteen along a smooth cumulative count; every class keeps its own count.

    Between edges the normal score of the cumulative fraction runs smoothly over ln L in classes in a constant ratio,
    and over L elsewhere: exact for log-normal and normal sizes. Crystals spread evenly over classes of width h in ln L
    would widen the distribution by h^2/12 and its third moment by a factor of exp(9/24 h^2), which is 1.2 for octaves.

    Args:
        edges: float64 [k + 1], m; positive where geometric.
        counts: float64 [n, k].
        is_geometric: Whether the classes are in a constant ratio.

    Returns:
        Edges [16 k + 1] and counts [n, 16 k].
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.special import ndtr

    num = edges.size - 1
    scale = np.log(edges) if is_geometric else edges
    places = np.interp(np.arange(_PARTS * num + 1) / _PARTS, np.arange(num + 1), scale)
    fine_edges = np.exp(places) if is_geometric else places
    filled = counts.sum(axis=1) > 0
    fine = np.zeros((counts.shape[0], num, _PARTS))
    if filled.any():
        below = ndtr(PchipInterpolator(scale, _scores(counts[filled]), axis=1)(places))
        parts = np.diff(below, axis=1).reshape(-1, num, _PARTS)
        whole = parts.sum(axis=2, keepdims=True)
        parts = np.divide(parts, whole, out=np.full_like(parts, 1 / _PARTS), where=whole > 0)
        fine[filled] = counts[filled][:, :, None] * parts
    return fine_edges, fine.reshape(counts.shape[0], -1)


def _scores(numbers: FloatArray) -> FloatArray:
    """Normal scores of the cumulative fraction at the edges [n, k + 1]; beyond the last crystal they go on in ones."""
    from scipy.special import ndtri

    total = numbers.sum(axis=1, keepdims=True)
    below = np.pad(np.cumsum(numbers, axis=1), ((0, 0), (1, 0))) / total
    above = np.pad(np.cumsum(numbers[:, ::-1], axis=1)[:, ::-1], ((0, 0), (0, 1))) / total  # exact where few are above
    edge, row = np.arange(below.shape[1]), np.arange(below.shape[0])
    first = np.count_nonzero(below == 0, axis=1) - 1  # edges below all crystals, the last of them
    last = below.shape[1] - np.count_nonzero(above == 0, axis=1)
    scores = np.where(below < 0.5, ndtri(below), -ndtri(above))
    lowest, highest = scores[row, first + 1], scores[row, last - 1]  # +inf and -inf where one class holds all
    left = np.minimum(lowest - 1.0, -_END_SCORE)[:, None] - (first[:, None] - edge)
    right = np.maximum(highest + 1.0, _END_SCORE)[:, None] + (edge - last[:, None])
    return np.asarray(np.where(edge <= first[:, None], left, np.where(edge >= last[:, None], right, scores)))
