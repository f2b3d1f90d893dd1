"""What one column of a log may be: its time, a channel with a meaning, a series of its own, or nothing that is told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError
from nakaya.reactor.logs.table import RawTable
from nakaya.reactor.words import has_stem, kind_of_unit, name_and_unit, standard_unit, words_of

__all__ = [
    "ColumnFacts",
    "Reading",
    "channel_readings",
    "check_numbers",
    "date_columns",
    "look_at",
    "own_name",
    "time_readings",
]

SAMPLE: Final = 4000
"""Values of a column that are looked at."""

FORMATS: Final = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%y %H:%M:%S", "%d.%m.%y %H:%M",
    "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%y %H:%M:%S",
    "%m/%d/%y %H:%M:%S", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p", "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M:%S",
    "%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p",
)  # fmt: skip
"""Of stamps, as strptime reads them; where two fit, day before month stands first."""

DATES: Final = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%Y",
)

EXCEL: Final = (20_000.0, 80_000.0)
"""Days since 1900 of 1954 to 2119: how spreadsheets count."""

UNIX: Final = (3e8, 5e9)
"""Seconds since 1970 of 1979 to 2128."""

Key: TypeAlias = str | int


@dataclass(frozen=True)
class Reading:
    """What a column may be.

    Attributes:
        channel: "time", a channel of a column map, or a name of its own.
        entries: Of the map beside the column: unit or format, in order.
        reasons: What speaks for it.
        is_told: Whether the log tells it; a reading that is not told stays commented out.
    """

    channel: str
    entries: Mapping[str, Key]
    reasons: tuple[str, ...]
    is_told: bool = True


@dataclass(frozen=True, eq=False)
class ColumnFacts:
    """What is seen of a column.

    Attributes:
        index: From 0.
        key: How a map names it: name, name#2, or position from 1.
        name: Without unit; "" for none.
        words: Of the name.
        unit: As maps write it; None where none is stated.
        unit_from: Where the unit stands: "the header", "line 2", or "".
        fields: Text of a sample of rows, missing values left out.
        values: The same as numbers, float64; empty where they are none.
    """

    index: int
    key: Key
    name: str
    words: list[str]
    unit: str | None
    unit_from: str
    fields: list[str] = field(repr=False)
    values: FloatArray = field(repr=False)

    @property
    def shown(self) -> str:
        """Its name as people see it."""
        return repr(self.key) if isinstance(self.key, str) else f"column {self.key}"

    @property
    def span(self) -> str:
        """Its values in words."""
        if self.values.size == 0:
            return f"values such as {self.fields[0]!r}" if self.fields else "no values"
        low, high = float(self.values.min()), float(self.values.max())
        return f"values {low:.4g} to {high:.4g}"

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest value; NaN where there are none."""
        return (float(self.values.min()), float(self.values.max())) if self.values.size else (math.nan, math.nan)

    def says(self, meaning: str) -> bool:
        """Whether its name holds a stem of this meaning."""
        return has_stem(self.words, meaning)


def look_at(table: RawTable, units: Sequence[str], units_line: int | None) -> list[ColumnFacts]:
    """Return what is seen of every column.

    Args:
        table: The log.
        units: Fields of a line of units; empty for none.
        units_line: Its number.
    """
    step = max(1, len(table.rows) // SAMPLE)
    found = []
    for index in range(table.num_columns):
        header = table.names[index] if index < len(table.names) else ""
        name, unit = name_and_unit(header)
        unit_from = "the header" if unit is not None else ""
        if unit is None and index < len(units) and (unit := standard_unit(units[index])) is not None:
            unit_from = f"line {units_line}"
        fields = [entry for entry in table.text(index)[::step] if entry]
        found.append(
            ColumnFacts(
                index, table.keys[index], name, words_of(name), unit, unit_from, fields, _numbers(table, fields)
            )
        )
    return found


def _numbers(table: RawTable, fields: Sequence[str]) -> FloatArray:
    decimal = table.layout.decimal
    try:
        values = [float(entry.replace(",", ".") if decimal == "," else entry) for entry in fields]
    except ValueError:
        return np.zeros(0)
    array = np.array(values, dtype=np.float64)
    return array[np.isfinite(array)]


def date_columns(columns: Sequence[ColumnFacts]) -> list[tuple[ColumnFacts, list[str]]]:
    """Columns of dates without times of day, with the formats that fit."""
    return [(column, formats) for column in columns if (formats := _fitting(column.fields, DATES))]


def time_readings(column: ColumnFacts, dates: Sequence[tuple[ColumnFacts, list[str]]]) -> list[Reading]:
    """What kind of clock a column may be, the likeliest first; [] where it is none.

    Args:
        column: The column.
        dates: Of `date_columns`, which a time of day is joined with.
    """
    if column.values.size:
        return _numeric_clock(column)
    if not column.fields:
        return []
    formats = _fitting(column.fields, FORMATS)
    if formats and "%d" not in formats[0] and _passes_a_day(column.fields):
        formats = []
    if formats:
        if "%d" not in formats[0] and dates:
            date, known = dates[0]
            joined = [(f"{day} {formats[0]}", day) for day in known]
            return [
                Reading("time", {"date": date.key, "format": both}, (f"times of day, with the dates of {date.shown}",))
                for both, _ in joined
            ]
        runs = [form for form in formats if _runs_forward(column.fields, form)] or formats
        why = "stamps such as " + repr(column.fields[0])
        return [Reading("time", {"format": form}, (why,)) for form in runs]
    if all(re.fullmatch(r"-?(?:\d+[. ])?\d{1,7}:[0-5]?\d:[0-5]?\d(?:[.,]\d*)?", entry) for entry in column.fields):
        return [Reading("time", {"format": "H:M:S"}, (f"time that has passed, such as {column.fields[-1]!r}",))]
    return []


def _passes_a_day(fields: Sequence[str]) -> bool:
    """Whether times of day are rather time that has passed: they begin at zero."""
    return re.fullmatch(r"0?0:00(?::00(?:[.,]0*)?)?", fields[0]) is not None and fields[0].count(":") == 2


def _numeric_clock(column: ColumnFacts) -> list[Reading]:
    values = column.values
    if values.size < 2 or not (np.diff(values) >= 0).all() or values[-1] <= values[0]:
        return []
    low, high = column.range
    kind = kind_of_unit(column.unit)
    if kind == "time":
        return [Reading("time", {"unit": str(column.unit)}, (f"unit of time in {column.unit_from}",))]
    if kind is not None:
        return []
    if low > 0 and EXCEL[0] <= low and high <= EXCEL[1] and high - low < 1000 and (values % 1 != 0).any():
        return [Reading("time", {"unit": "d"}, ("rising days since 1900, as spreadsheets count",))]
    if UNIX[0] <= low and high <= UNIX[1]:
        return [Reading("time", {"unit": "s"}, ("rising seconds since 1970",))]
    if 1e3 * UNIX[0] <= low and high <= 1e3 * UNIX[1]:
        return [Reading("time", {"unit": "ms"}, ("rising milliseconds since 1970",))]
    if not (column.says("time") or (column.index == 0 and not column.name)):
        return []
    # Instruments log every second to every minute; a run takes an hour to a few days.
    steps = np.diff(values)
    usual = float(np.median(steps[steps > 0]))
    likely = "h" if high - low <= 100 and usual < 0.5 else "min" if high - low <= 5000 and usual < 10 else "s"
    if (steps == 1.0).mean() > 0.9 and high - low > 100:
        likely = "s"
    others = [unit for unit in ("s", "min", "h") if unit != likely]
    why = "its name" if column.says("time") else "the first column, and it rises"
    return [
        Reading("time", {"unit": likely}, (why, f"CHECK: no unit stated, {column.span}")),
        *(Reading("time", {"unit": unit}, ("if it is this",), is_told=False) for unit in others),
    ]


def _fitting(fields: Sequence[str], formats: Sequence[str]) -> list[str]:
    """Formats that every field of a sample has, with fractions of seconds where there are any."""
    step = max(1, len(fields) // 400)
    sample = [*fields[::step], fields[-1]] if fields else []
    if not sample:
        return []
    found = []
    has_fraction = any(re.search(r":\d{2}\.\d", entry) for entry in sample)
    for form in formats:
        tried = form.replace("%S", "%S.%f") if has_fraction else form
        if all(_parse(entry, tried) is not None for entry in sample):
            found.append(tried)
    return found


def _parse(entry: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(re.sub(r"([.,]\d{6})\d+", r"\1", entry), form)
    except ValueError:
        return None


def _runs_forward(fields: Sequence[str], form: str) -> bool:
    stamps = [stamp for entry in fields[:: max(1, len(fields) // 400)] if (stamp := _parse(entry, form)) is not None]
    return all(before <= after for before, after in pairwise(stamps))


def channel_readings(column: ColumnFacts) -> list[Reading]:
    """What quantity a column may be, the likeliest first; [] where nothing is told at all."""
    if column.values.size == 0:
        return []
    kind = kind_of_unit(column.unit)
    low, high = column.range
    stated = (f"unit {column.unit} in {column.unit_from}",) if column.unit is not None else ()
    for rule in (_temperature, _amount, _light, _stirring, _size, _count):
        if found := rule(column, kind, low, high, stated):
            return found
    if column.unit is None or kind in ("time", "temperature"):
        return []
    return [Reading(own_name(column), {"unit": str(column.unit)}, (*stated, "kept as a series of its own"))]


def own_name(column: ColumnFacts) -> str:
    """A channel's name from the header: small words joined by _."""
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(column.words)).strip("_")[:60]
    return name if name and name[0].isalpha() else f"column_{column.index + 1}"


def _temperature(
    column: ColumnFacts, kind: str | None, low: float, high: float, stated: tuple[str, ...]
) -> list[Reading]:
    named = [meaning for meaning in ("setpoint", "jacket", "temperature") if column.says(meaning)]
    if kind not in ("temperature", None) or not (named or kind == "temperature"):
        return []
    if kind is None and column.unit is not None:  # a pressure, say
        return []
    if kind is None and (not column.says("temperature") and not _is_warm(low, high)):
        return []
    channel = "temperature"
    if "setpoint" in named:
        channel = "setpoint"
    elif "jacket" in named and not column.says("reactor"):
        channel = "jacket_temperature"
    why = ("its name",) if named else ()
    if kind == "temperature":
        return [Reading(channel, {"unit": str(column.unit)}, (*why, *stated))]
    units = [unit for unit, (least, most) in _DEGREES.items() if least <= low and high <= most]
    return [
        Reading(channel, {"unit": unit}, (*why, f"CHECK: no unit stated, {column.span}"), is_told=number == 0)
        for number, unit in enumerate(units)
    ]


_DEGREES: Final = {"degC": (-60.0, 180.0), "K": (200.0, 500.0), "degF": (100.0, 300.0)}
"""Where crystallizers are run, by the unit."""


def _is_warm(low: float, high: float) -> bool:
    return low >= -60.0 and high <= 500.0 and high - low > 0


def _amount(column: ColumnFacts, kind: str | None, low: float, high: float, stated: tuple[str, ...]) -> list[Reading]:
    is_named = column.says("concentration")
    if column.says("mass") and kind == "amount":
        return [Reading("crystal_mass", {"unit": str(column.unit)}, ("its name", *stated))]
    if kind == "amount":
        why = ("its name", *stated) if is_named else stated
        needs = _NEEDS.get(str(column.unit))
        if needs is None:
            return [Reading("concentration", {"unit": str(column.unit)}, why)]
        why = (*why, f"needs {needs} under [amounts]")
        return [Reading("concentration", {"unit": str(column.unit)}, why, is_told=False)]
    if is_named and kind in (None, "share"):
        pure = "no unit stated" if column.unit is None else f"{column.unit} of what"
        likely = ("kg/kg", "mol/L") if high <= 3.0 else ("wt%", "g/L") if high <= 100.0 else ("g/L", "g/kg")
        return [
            Reading("concentration", {"unit": unit}, ("its name", f"{pure}: {column.span}"), is_told=False)
            for unit in likely
        ]
    return []


_NEEDS: Final = {
    "g/L": "solution_density", "g/mL": "solution_density", "mg/L": "solution_density",
    "mol/L": "molar_mass_g_per_mol and solution_density", "mmol/L": "molar_mass_g_per_mol and solution_density",
    "mol/kg": "molar_mass_g_per_mol",
    "mol/mol": "molar_mass_g_per_mol and solvent_molar_mass_g_per_mol",
    "mol%": "molar_mass_g_per_mol and solvent_molar_mass_g_per_mol",
}  # fmt: skip


def _light(column: ColumnFacts, kind: str | None, low: float, high: float, stated: tuple[str, ...]) -> list[Reading]:
    if column.says("transmissivity") and kind in ("share", None):
        unit = "%" if kind == "share" or high > 1.5 else "1"
        why = stated or (f"CHECK: no unit stated, {column.span}",)
        return [Reading("transmissivity", {"unit": unit}, ("its name", *why))]
    if column.says("turbidity") or kind == "turbidity":
        why = ("its name",) if column.says("turbidity") else ()
        why = (*why, *stated, "on any scale that rises with the crystals")
        return [Reading("turbidity", {"unit": column.unit or "1"}, why)]
    return []


def _stirring(column: ColumnFacts, kind: str | None, low: float, high: float, stated: tuple[str, ...]) -> list[Reading]:
    if kind == "stirring":
        return [Reading("stirring", {"unit": "rpm"}, stated)]
    if not column.says("stirring") or column.unit is not None:
        return []
    why = ("its name", f"CHECK: no unit stated, {column.span}")
    if high > 30:
        return [Reading("stirring", {"unit": "rpm"}, why)]
    return [Reading("stirring", {"unit": unit}, why, is_told=unit == "1/s") for unit in ("1/s", "rpm")]


_QUANTILE: Final = re.compile(r"[dxl]v?n?_?(10|50|90)(?!\d)")


def _size(column: ColumnFacts, kind: str | None, low: float, high: float, stated: tuple[str, ...]) -> list[Reading]:
    if kind not in ("size", None) or (kind is None and column.unit is not None):
        return []
    joined = "".join(column.words)
    quantile = _QUANTILE.search(joined)
    named = quantile is not None or column.says("size")
    if kind is None and not named:
        return []
    channel = f"size_d{quantile[1]}" if quantile else "mean_size"
    why = ("its name",) if named else ()
    if kind == "size":
        return [Reading(channel, {"unit": str(column.unit)}, (*why, *stated))]
    units = ["um", "mm"] if high >= 1 else ["mm", "um"]
    return [
        Reading(
            channel, {"unit": unit}, (*why, f"CHECK: no unit stated, {column.span}"), is_told=number == 0 and high >= 1
        )
        for number, unit in enumerate(units)
    ]


def _count(column: ColumnFacts, kind: str | None, low: float, high: float, stated: tuple[str, ...]) -> list[Reading]:
    if column.unit == "1/kg":
        return [Reading("crystals", {"unit": "1/kg"}, stated)]
    if not (column.says("count") or kind == "count") or kind not in ("count", None) or low < 0:
        return []
    if column.unit is not None and kind is None:
        return []
    why = ("its name",) if column.says("count") else stated
    return [
        Reading("crystal_count", {"unit": "1"}, why),
        Reading("turbidity", {"unit": "1"}, ("to find clear and cloud points in it",), is_told=False),
    ]


def check_numbers(column: ColumnFacts, table: RawTable) -> str:
    """Why the map would refuse a column of numbers; "" where it would not."""
    try:
        table.numbers(column.index)
    except FormatError as error:
        return str(error).partition(": ")[2]
    return ""
