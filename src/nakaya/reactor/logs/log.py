"""A reactor log: series in SI units on clocks that run forward, and everything about them that did not fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.reactor.logs.column_map import CHANNEL_UNITS, Channel, ColumnMap, SizeClasses, Stream, TimeColumn
from nakaya.reactor.logs.table import RawTable, read_table
from nakaya.records.units import same_dimension, si_unit, to_si

__all__ = ["ReactorLog", "Series", "SizeSeries", "read_log"]

_PLAUSIBLE = {  # SI; outside is a wrong unit or a wrong column
    "temperature": (100.0, 1500.0),
    "setpoint": (100.0, 1500.0),
    "transmissivity": (-0.05, 1.5),
    "concentration": (0.0, 100.0),
    "crystal_mass": (0.0, 100.0),
    "stirring": (0.0, 1000.0),
}
_GAP_FACTOR = 20.0
_MANY_MISSING = 0.05


@dataclass(frozen=True, eq=False)
class Series:
    """One channel in time.

    Attributes:
        times: float64 [n], s since the first row of the log, strictly increasing.
        values: float64 [n], SI; NaN where there is no value.
        unit: SI unit.
    """

    times: FloatArray
    values: FloatArray
    unit: str


@dataclass(frozen=True, eq=False)
class SizeSeries:
    """Counts of crystals in classes of size in time.

    Attributes:
        times: float64 [n], s, strictly increasing.
        edges: float64 [k + 1], m.
        counts: float64 [n, k].
    """

    times: FloatArray
    edges: FloatArray
    counts: FloatArray


@dataclass(frozen=True, eq=False)
class ReactorLog:
    """What a log holds.

    Attributes:
        channels: Name -> series.
        sizes: Size classes in time, or None.
        flags: What did not fit together, one sentence each.
        num_rows: Rows of data in the file.
    """

    channels: Mapping[str, Series]
    sizes: SizeSeries | None
    flags: tuple[str, ...] = ()
    num_rows: int = 0


@dataclass(eq=False)
class _Clock:
    """Times of the rows that are kept, and how rows of one stamp are merged."""

    times: FloatArray
    rows: np.ndarray  # int [kept]: row of the table, in time order
    group: np.ndarray  # int [kept]: which time every kept row belongs to
    flags: list[str] = field(default_factory=list)

    def merge(self, values: FloatArray) -> FloatArray:
        """Mean over the rows of one stamp, NaN left out; float64 [times, ...]."""
        kept = values[self.rows]
        known = np.isfinite(kept)
        shape = (self.times.size, *kept.shape[1:])
        total, count = np.zeros(shape), np.zeros(shape)
        np.add.at(total, self.group, np.where(known, kept, 0.0))
        np.add.at(count, self.group, known)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / count)


def read_log(path: Path, columns: ColumnMap) -> ReactorLog:
    """Read a log under a column map.

    Raises:
        InputFileError: The file is missing or cannot be read.
        FormatError: It contradicts itself or the map in a way that a flag cannot carry.
        UnknownNameError: The map names a column that the file does not have.
        ParameterError: A unit of the map measures something else than its channel.
    """
    table = read_table(path, columns.layout)
    flags = list(table.remarks)
    start: float | None = None
    channels: dict[str, Series] = {}
    sizes: SizeSeries | None = None
    for stream in columns.streams:
        clock, start = _read_clock(table, stream, start)
        flags += clock.flags
        for name, channel in stream.channels.items():
            values, unit, remarks = _read_channel(table, name, channel, clock, f"{stream.place}columns.{name}")
            channels[name] = Series(clock.times, values, unit)
            flags += remarks
        if stream.classes is not None:
            if sizes is not None:
                raise ParameterError("the map has size classes in two streams: a record holds one size distribution")
            sizes = _read_classes(table, stream.classes, clock, f"{stream.place}sizes")
    return ReactorLog(channels, sizes, tuple(flags), len(table.rows))


def _read_clock(table: RawTable, stream: Stream, start: float | None) -> tuple[_Clock, float]:
    """Seconds since the first row of the log, from a column of stamps."""
    time = stream.time
    index = table.position(time.column, key=f"{stream.place}time")
    flags: list[str] = []
    seconds = _seconds(table, index, time)
    known = np.isfinite(seconds)
    if not known.any():
        raise FormatError(f"{table.path}: column {time.column!r} holds no time at all")
    last = int(np.flatnonzero(known)[-1])
    inside = int((~known[:last]).sum())
    if inside > 0.5 * last:
        raise FormatError(f"{table.path}: {inside} of {last + 1} rows have no time in column {time.column!r}")
    if inside:
        flags.append(f"{inside} rows without a time stamp (column {time.column}) are left out")
    rows = np.flatnonzero(known)
    times = seconds[rows]
    behind = times < np.maximum.accumulate(times)
    if behind.any():
        first = int(np.flatnonzero(behind)[0])
        line, gap = table.lines[rows[first]], float(np.maximum.accumulate(times)[first] - times[first])
        hint = " (a change to or from summer time?)" if abs(gap - 3600.0) < 120.0 else ""
        if time.backwards == "error":
            raise FormatError(
                f"{table.path}, line {line}: time runs backwards by {gap:g} s{hint} ({int(behind.sum())} rows are "
                'behind): sort out the clock, or set backwards = "drop" to leave such rows out'
            )
        flags.append(f"time runs backwards by {gap:g} s at line {line}{hint}: {int(behind.sum())} rows are left out")
        rows, times = rows[~behind], times[~behind]
    start = float(times[0]) if start is None else start
    unique, group, counts = np.unique(times - start, return_inverse=True, return_counts=True)
    if unique.size < times.size:
        stamps = int((counts > 1).sum())
        flags.append(
            f"{times.size - unique.size} rows repeat a time stamp (column {time.column}, {stamps} stamps): rows of one "
            "stamp are averaged"
        )
    flags += _gaps(unique, time.column)
    return _Clock(unique, rows, group, flags), start


def _gaps(times: FloatArray, column: str | int) -> list[str]:
    steps = np.diff(times)
    if steps.size < 10:
        return []
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > _GAP_FACTOR * usual)
    if gaps.size == 0:
        return []
    worst = int(gaps[np.argmax(steps[gaps])])
    return [
        f"{gaps.size} gaps in time (column {column}), the longest {steps[worst]:g} s at {times[worst]:g} s, where rows "
        f"are usually {usual:g} s apart"
    ]


def _seconds(table: RawTable, index: int, time: TimeColumn) -> FloatArray:
    if time.unit is not None:
        if not same_dimension(time.unit, "s"):
            raise ParameterError(f"unit {time.unit!r} of the time column does not measure time: use s, min or h")
        return to_si(table.numbers(index), time.unit)
    assert time.format is not None
    seconds = np.full(len(table.rows), np.nan)
    zero = datetime(2000, 1, 1)
    for number, entry in enumerate(table.text(index)):
        if not entry:
            continue
        try:
            if time.format == "H:M:S":
                seconds[number] = _passed(entry)
            else:
                stamp = datetime.strptime(entry, time.format)
                seconds[number] = (
                    stamp.replace(tzinfo=None) - (stamp.utcoffset() or zero - zero) - zero
                ).total_seconds()
        except (ValueError, OverflowError):
            raise FormatError(
                f"{table.path}, line {table.lines[number]}, column {index + 1}: {entry[:40]!r} does not have the "
                f"format {time.format!r}"
            ) from None
    return seconds


def _passed(entry: str) -> float:
    words = entry.split(":")
    if len(words) != 3 or not all(word.replace(".", "", 1).isdigit() and word.isascii() for word in words):
        raise ValueError(entry)
    hours, minutes, seconds = (float(word) for word in words)
    return hours * 3600.0 + minutes * 60.0 + seconds


def _read_channel(
    table: RawTable, name: str, channel: Channel, clock: _Clock, key: str
) -> tuple[FloatArray, str, list[str]]:
    raw = table.numbers(table.position(channel.column, key=key))
    expected = CHANNEL_UNITS.get(name)
    unit = channel.unit
    if unit.strip().lower() in ("rpm", "1/min") and (expected in ("1/s", None)):
        values, si = raw / 60.0, "1/s"  # revolutions, not radians, which pint would make of rpm
    else:
        if expected is not None and not same_dimension(unit, expected):
            raise ParameterError(f"channel {name} has the unit {unit!r}: expected one that measures {expected!r}")
        values, si = to_si(raw, unit), expected or si_unit(unit)
    values = clock.merge(values)
    remarks = []
    missing = float(np.isnan(values).mean())
    if missing == 1.0:
        raise FormatError(f"{table.path}: column {channel.column!r} ({name}) holds no number at all")
    if missing > _MANY_MISSING:
        remarks.append(f"{name}: {missing:.0%} of the values are missing")
    low, high = _PLAUSIBLE.get(name, (-np.inf, np.inf))
    least, greatest = float(np.nanmin(values)), float(np.nanmax(values))
    if least < low or greatest > high:
        raise FormatError(
            f"{table.path}: {name} runs from {least:.4g} to {greatest:.4g} {si}, outside [{low:g}, {high:g}]: wrong "
            f"column ({channel.column!r}) or wrong unit ({unit!r})?"
        )
    return values, si, remarks


def _read_classes(table: RawTable, classes: SizeClasses, clock: _Clock, key: str) -> SizeSeries:
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
        try:
            sizes = np.array([float(entry.replace(",", ".")) for entry in fields])
        except ValueError:
            raise FormatError(
                f"{table.path}, line {classes.sizes_line}: the sizes of the classes are no numbers"
            ) from None
    if sizes.size != num or not (np.diff(sizes) > 0).all() or not np.isfinite(sizes).all() or sizes[0] < 0:
        raise FormatError(
            f"{table.path}: {sizes.size} sizes for {num} classes, or sizes that do not increase from 0 on"
        )
    edges = to_si(_edges(sizes, classes.edge), classes.unit)
    counts = np.column_stack([table.numbers(column) for column in range(first, last + 1)])
    if (counts < 0).any():
        row = int(np.flatnonzero((counts < 0).any(axis=1))[0])
        raise FormatError(f"{table.path}, line {table.lines[row]}: a size class holds fewer than no crystals")
    merged = clock.merge(counts)
    known = np.isfinite(merged).all(axis=1)
    if not known.any():
        raise FormatError(f"{table.path}: the size classes hold no complete row")
    return SizeSeries(clock.times[known], edges, merged[known])


def _edges(sizes: FloatArray, edge: str) -> FloatArray:
    """Edges of classes from one size each; the outermost class is as wide as its neighbour."""
    if edge == "middle":
        inner = 0.5 * (sizes[1:] + sizes[:-1])
        edges = np.concatenate([[2 * sizes[0] - inner[0]], inner, [2 * sizes[-1] - inner[-1]]])
    elif edge == "upper":
        edges = np.concatenate([[sizes[0] - (sizes[1] - sizes[0])], sizes])
    else:
        edges = np.concatenate([sizes, [2 * sizes[-1] - sizes[-2]]])
    return np.maximum(edges, 0.0) if edges[0] < 0 <= edges[1] else edges
