"""Stamps in a log to seconds that run forward: dates, clocks without one, time that has passed, and resets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.reactor.logs.column_map import Stream, TimeColumn
from nakaya.reactor.logs.dropouts import without_dropouts
from nakaya.reactor.logs.stated_units import check_stated_unit
from nakaya.reactor.logs.table import RawTable
from nakaya.records.units import same_dimension, to_si

__all__ = ["Clock", "read_clock"]

_GAP_FACTOR = 20.0
_HOUR, _DAY = 3600.0, 86400.0
_PAUSE = 900.0
"""s that a log may pause over midnight, where its rows are closer than a twentieth of that."""

_FEW = 0.05
"""Fraction of the rows that may be advised to be dropped."""

_SERIAL_DAYS, _LONGEST_RUN = (25_000.0, 80_000.0), 60.0
"""Days of spreadsheets from 1968 to 2119, and a log that is longer than any batch."""

_UNIX = (8e8, 4.2e9)
"""Seconds since 1970, from 1995 to 2103."""

_FRACTION = re.compile(r"([.,]\d{6})\d+")
_PASSED = re.compile(
    r"(?P<minus>-)?(?:(?P<days>\d{1,6})(?:\.(?=\d\d:)| days?,? ))?(?P<hours>\d{1,7}):(?P<minutes>[0-5]?\d):"
    r"(?P<seconds>[0-5]?\d(?:[.,]\d{0,12})?)",
    re.ASCII,
)


@dataclass(eq=False)
class Clock:
    """Times of the rows that are kept, and how rows of one stamp are merged."""

    times: FloatArray
    rows: np.ndarray  # int [kept]: row of the table, in time order
    group: np.ndarray  # int [kept]: which time every kept row belongs to
    flags: list[str] = field(default_factory=list)

    def merge(self, values: FloatArray) -> FloatArray:
        """Mean over the rows of one stamp, NaN left out; float64 [times, ...]."""
        kept = values[self.rows]
        known = np.isfinite(kept)
        if self.times.size == self.rows.size:  # no stamp twice
            return np.where(known, kept, np.nan)
        shape = (self.times.size, *kept.shape[1:])
        total, count = np.zeros(shape), np.zeros(shape)
        np.add.at(total, self.group, np.where(known, kept, 0.0))
        np.add.at(count, self.group, known)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / count)


def read_clock(table: RawTable, stream: Stream, start: float | None) -> tuple[Clock, float]:
    """Seconds since the first row of the log, from a column of stamps.

    Args:
        table: The log.
        stream: Whose clock it is.
        start: Stamp of the log's first row in s; None: the first of this clock.

    Returns:
        The clock, and the stamp of the first row.

    Raises:
        FormatError: A stamp that is none, or time that runs backwards in a way that the map does not settle.
    """
    time = stream.time
    index = table.position(time.column, key=f"{stream.place}time")
    flags: list[str] = []
    seconds = _seconds(table, index, time, stream.place, flags)
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
    lines = np.asarray(table.lines)[rows]
    times = seconds[rows]
    if _is_newest_first(times, time):
        rows, lines, times = rows[::-1], lines[::-1], times[::-1]
        flags.append("the newest row comes first: the rows are read from the last to the first")
    times = _over_midnight(times, lines, time, flags)
    if start is not None and not time.has_date and times[0] - start < -0.5 * _DAY:  # it begins after midnight
        times = times + _DAY
    if time.backwards == "continue":
        _check_resets(times, table)
        times = _continued(times, lines, flags)
    behind = times < np.maximum.accumulate(times)
    if behind.any():
        first = int(np.flatnonzero(behind)[0])
        line, gap, lost = lines[first], float(np.maximum.accumulate(times)[first] - times[first]), int(behind.sum())
        hint = " (a change to or from summer time?)" if abs(gap - 3600.0) < 120.0 else ""
        if not time.has_date and gap > 0.25 * _DAY:
            hint = " (its stamps have no date: midnight after a long pause, or another run?)"
        if time.backwards in ("error", "reverse"):
            falls = int((np.diff(times) < 0).sum())
            remedy = (
                'or set backwards = "reverse" where the newest row comes first'
                if falls > 0.5 * times.size and time.backwards == "error"
                else 'or set backwards = "drop" to leave such rows out'
                if lost <= _FEW * times.size
                else 'or set backwards = "continue" where it was reset and goes on; "drop" would lose '
                f"{lost} of {times.size} rows"
            )
            raise FormatError(
                f"{table.path}, line {line}: time runs backwards by {gap:g} s{hint} ({lost} rows are behind): sort out "
                f"the clock, {remedy}"
            )
        flags.append(f"time runs backwards by {gap:g} s at line {line}{hint}: {lost} of {times.size} rows are left out")
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
    if time.format is not None and time.has_date and "%z" not in time.format:
        flags += _summer_time(unique, start)
    return Clock(unique, rows, group, flags), start


def _usual_step(times: FloatArray) -> float:
    steps = np.diff(times)
    return float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0


def _over_midnight(times: FloatArray, lines: np.ndarray, time: TimeColumn, flags: list[str]) -> FloatArray:
    """A clock without a date goes on after midnight, where that leaves no more than a pause between two rows."""
    if time.has_date or np.ptp(times) >= _DAY:
        return times
    longest = max(_GAP_FACTOR * _usual_step(times), _PAUSE)
    falls = np.flatnonzero(np.diff(times) + _DAY <= min(longest, 0.5 * _DAY)) + 1
    if falls.size == 0:
        return times
    flags.append(
        f"the clock, which has no date, passes midnight at line {lines[falls[0]]}"
        + (f" and {falls.size - 1} times more" if falls.size > 1 else "")
        + ": a day is added"
    )
    days = np.zeros(times.size)
    days[falls] = 1.0
    return np.asarray(times + _DAY * np.cumsum(days))


def _continued(times: FloatArray, lines: np.ndarray, flags: list[str]) -> FloatArray:
    """A clock that goes back was reset: the rows follow on one usual step later."""
    steps = np.diff(times)
    falls = np.flatnonzero(steps < 0)
    if falls.size == 0:
        return times
    usual = _usual_step(times)
    flags.append(
        f"the clock was reset at line {lines[falls[0] + 1]} (back by {-steps[falls[0]]:g} s; {falls.size} resets in "
        f"all): the rows follow on after the usual {usual:g} s; how long it stood is not known"
    )
    shift = np.zeros(times.size)
    shift[falls + 1] = usual - steps[falls]
    return np.asarray(times + np.cumsum(shift))


def _is_newest_first(times: FloatArray, time: TimeColumn) -> bool:
    """Whether rows come in falling order: so the map says, or their dates do; a number may count down."""
    if time.backwards == "reverse":
        return True
    steps = np.diff(times)
    is_dated = time.format is not None and time.has_date
    return is_dated and times.size > 2 and bool((steps <= 0).all() and (steps < 0).sum() > 0.5 * steps.size)


def _check_resets(times: FloatArray, table: RawTable) -> None:
    """A clock that mostly goes back is not one that was reset now and then."""
    steps = np.diff(times)
    if (steps < 0).sum() > (steps > 0).sum():
        raise FormatError(
            f"{table.path}: the clock goes back at {int((steps < 0).sum())} of {steps.size} rows, which are no resets: "
            'set backwards = "reverse" where the newest row comes first'
        )


def _summer_time(times: FloatArray, start: float) -> list[str]:
    """A step that is an hour longer than the usual one, in the night to Sunday: a clock put to summer time."""
    usual = _usual_step(times)
    steps = np.diff(times)
    if steps.size < 10 or usual > 0.5 * _HOUR:
        return []
    days = (start + times[:-1]) / _DAY % 7  # since Saturday, as 1 January 2000 was
    is_night = (days > 1 - 2 / 24) & (days < 1 + 4 / 24)
    ahead = np.flatnonzero((np.abs(steps - usual - _HOUR) <= 0.1 * usual + 1.0) & is_night)
    if ahead.size == 0:
        return []
    return [
        f"at {times[ahead[0]]:g} s the clock goes on by {steps[ahead[0]]:g} s, an hour more than the usual {usual:g} "
        "s, in the night to Sunday: if it was put to summer time, all later times are an hour too late"
    ]


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


def _seconds(table: RawTable, index: int, time: TimeColumn, place: str, flags: list[str]) -> FloatArray:
    if time.unit is not None:
        if not same_dimension(time.unit, "s"):
            raise ParameterError(f"unit {time.unit!r} of the time column does not measure time: use s, min or h")
        numbers, remarks = without_dropouts(table, index, "time", table.numbers(index))
        if table.looks_grouped(index) and (np.diff(numbers[np.isfinite(numbers)]) < 0).any():
            raise FormatError(
                f"{table.path}: times such as 1.200 beside 950 may be 1200: set thousands = '.', or write all of them "
                "with decimals"
            )
        flags += _other_epoch(numbers, time)
        flags += remarks + check_stated_unit(table, index, time.unit, "time")
        with np.errstate(over="ignore"):
            return to_si(numbers, time.unit)
    assert time.format is not None
    seconds = np.full(len(table.rows), np.nan)
    zero = datetime(2000, 1, 1)
    dates = None if time.date is None else table.text(table.position(time.date, key=f"{place}time"))
    for number, entry in enumerate(table.text(index)):
        if not entry or (dates is not None and not dates[number]):
            continue
        entry = entry if dates is None else f"{dates[number]} {entry}"
        try:
            if time.format == "H:M:S":
                seconds[number] = _passed(entry)
            else:
                if "%f" in time.format:  # which is six digits at most
                    entry = _FRACTION.sub(r"\1", entry)
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


def _other_epoch(numbers: FloatArray, time: TimeColumn) -> list[str]:
    """Numbers that count days since 1900, or seconds or milliseconds since 1970, but are said to be of another unit."""
    known = numbers[np.isfinite(numbers)]
    if known.size < 2:
        return []
    low, high = float(known.min()), float(known.max())
    is_whole = bool((known == np.round(known)).all())
    found = (
        ("d", "days since 1900, as spreadsheets count")
        if _SERIAL_DAYS[0] <= low and high <= _SERIAL_DAYS[1] and high - low < _LONGEST_RUN and not is_whole
        else ("s", "seconds since 1970")
        if _UNIX[0] <= low and high <= _UNIX[1]
        else ("ms", "milliseconds since 1970")
        if 1e3 * _UNIX[0] <= low and high <= 1e3 * _UNIX[1]
        else None
    )
    if found is None or time.unit is None or float(to_si(1.0, time.unit)) == float(to_si(1.0, found[0])):
        return []
    return [
        f"the times from {low:.10g} to {high:.10g} look like {found[1]}, but are read in {time.unit}: set unit = "
        f'"{found[0]}", unless they are none'
    ]


def _passed(entry: str) -> float:
    """Seconds of h:mm:ss, d.hh:mm:ss or "d days, h:mm:ss"."""
    found = _PASSED.fullmatch(entry)
    if found is None or (found["days"] and int(found["hours"]) > 23):
        raise ValueError(entry)
    hours = 24.0 * float(found["days"] or 0) + float(found["hours"])
    passed = hours * 3600.0 + float(found["minutes"]) * 60.0 + float(found["seconds"].replace(",", "."))
    return -passed if found["minus"] else passed
