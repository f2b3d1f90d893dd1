"""Size reports: one text file per sample that lists crystals one by one, with the time in the file's name."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.files import is_litter
from nakaya.core.reading import input_errors
from nakaya.reactor.logs.column_map import SizeReports
from nakaya.reactor.logs.table import Layout, RawTable, read_text
from nakaya.records.units import same_dimension, to_si

__all__ = ["SizeSample", "read_reports", "report_files"]

MAX_FILES = 10_000
MAX_NAME = 200
_PLAIN = Layout()


@dataclass(frozen=True, eq=False)
class SizeSample:
    """Crystals that were measured one by one.

    Attributes:
        path: File.
        time: s.
        sizes: float64 [n], m.
        resolution: Last digit that the file writes, m; 0 where it cannot be told.
        flags: What did not fit together.
    """

    path: Path
    time: float
    sizes: FloatArray
    resolution: float
    flags: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Mean size, m."""
        return float(self.sizes.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean size, m; NaN for a single crystal."""
        return float(self.sizes.std(ddof=1) / math.sqrt(self.sizes.size)) if self.sizes.size > 1 else math.nan


def _compile(pattern: str) -> re.Pattern[str]:
    if len(pattern) > MAX_NAME:
        raise ParameterError("the pattern for file names is longer than 200 characters")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ParameterError(f"pattern={pattern!r} is no regular expression: {error}") from None
    if "time" not in compiled.groupindex:
        raise ParameterError(f"pattern={pattern!r} has no group (?P<time>...) for the time of a sample")
    return compiled


def report_files(folder: Path, reports: SizeReports) -> list[tuple[float, Path]]:
    """Files of a folder whose names match, with their times in s, in time order.

    Raises:
        InputFileError: The folder cannot be read.
        FormatError: No name matches.
    """
    pattern = _compile(reports.pattern)
    with input_errors(folder):
        entries = sorted(entry for entry in folder.iterdir() if not is_litter(entry.name))
    if len(entries) > MAX_FILES:
        raise FormatError(f"{folder} holds {len(entries)} files, more than {MAX_FILES}: part it")
    found = []
    for entry in entries:
        match = pattern.search(entry.name[:MAX_NAME])
        if match and entry.is_file():
            found.append((_time_in_name(entry, match, reports.time_unit), entry))
    if not found:
        raise FormatError(f"{folder}: no file name matches the pattern {reports.pattern!r}")
    return sorted(found)


def _time_in_name(entry: Path, match: re.Match[str], unit: str) -> float:
    try:
        time = float(to_si(float(match["time"] or ""), unit))  # a group that takes part in no match is None
    except ValueError:
        time = math.nan
    if not math.isfinite(time):
        raise FormatError(f"{entry}: {match['time'] or ''!r} in the name is no time: see the pattern for names")
    return time


def read_reports(folder: Path, reports: SizeReports, layout: Layout = _PLAIN) -> list[SizeSample]:
    """Read all size reports of a folder.

    Args:
        folder: Where they lie.
        reports: What they hold.
        layout: Decimal sign, encoding and separator of thousands; its lines and delimiter are not looked at.

    Raises:
        InputFileError: Something cannot be read.
        FormatError: A file does not hold what the map says.
        ParameterError: A unit or the pattern is wrong.
    """
    if not same_dimension(reports.unit, "m") or not same_dimension(reports.time_unit, "s"):
        raise ParameterError(f"units {reports.unit!r} and {reports.time_unit!r}: expected a length and a time")
    return [_read_report(path, time, reports, layout) for time, path in report_files(folder, reports)]


def _read_report(path: Path, time: float, reports: SizeReports, layout: Layout) -> SizeSample:
    lines = read_text(path, layout.encoding).splitlines()
    starts = [number for number, line in enumerate(lines) if reports.first_line in line]
    if not starts:
        raise FormatError(f"{path}: no line holds {reports.first_line!r}, which comes before the first crystal")
    fields, numbers = [], []
    for number in range(starts[0] + 1, len(lines)):
        if reports.end in lines[number]:
            break
        if lines[number].strip():
            fields.append(tuple(re.split(r"[\t;]+|\s{2,}", lines[number].strip())))
            numbers.append(number + 1)
    short = next((n for n, row in zip(numbers, fields, strict=True) if len(row) < reports.column), None)
    if not fields or short is not None:
        place = f"line {short} has no column {reports.column}" if short else "the list of crystals is empty"
        raise FormatError(f"{path}: {place}")
    entries = [row[reports.column - 1] for row in fields]
    table = RawTable(path, ("",), (), tuple((entry,) for entry in entries), tuple(numbers), layout)
    sizes = table.numbers(0)
    if not np.isfinite(sizes).all() or (sizes <= 0).any():
        raise FormatError(f"{path}: a crystal has no size, or one that is not positive")
    digits = [len(entry.partition(layout.decimal)[2]) for entry in entries]
    flags = _check_summary(lines[: starts[0]], sizes, path.name, max(digits), layout.decimal)
    scale = float(to_si(1.0, reports.unit))
    return SizeSample(path, time, sizes * scale, 10.0 ** -max(digits) * scale, flags)


def _check_summary(head: list[str], sizes: FloatArray, name: str, digits: int, decimal: str) -> tuple[str, ...]:
    """Compare the report's own total, greatest, least and mean with the list."""
    own = {
        "total": float(sizes.size),
        "max": float(sizes.max()),
        "min": float(sizes.min()),
        "mean": float(sizes.mean()),
    }
    flags = []
    for line in head:
        words = line.strip().split("\t")
        key = words[0].strip().lower().partition(".")[0].partition("/")[0]
        if len(words) < 2 or key not in own:
            continue
        try:
            stated = float(words[1].replace(decimal, "."))
        except ValueError:
            continue
        if abs(stated - own[key]) > (0.5 if key == "total" else 0.51 * 10.0**-digits + 1e-9):
            flags.append(f"{name} states {key} = {stated:g}, but its list gives {own[key]:.4g}")
    return tuple(flags)
