"""The draft of a column map for an unknown log: which reading each column gets, and the file with its reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nakaya.core.text import printable
from nakaya.reactor.guessing.classes import GuessedClasses, find_classes
from nakaya.reactor.guessing.columns import (
    ColumnFacts,
    Reading,
    channel_readings,
    check_numbers,
    date_columns,
    look_at,
    own_name,
    time_readings,
)
from nakaya.reactor.guessing.layouts import GuessedLayout, guess_layout
from nakaya.reactor.logs.table import Layout, RawTable, read_table

__all__ = ["GuessedColumn", "MapDraft", "draft_map"]

COMMENT_COLUMN: Final = 36
"""Where comments behind entries begin."""


@dataclass(frozen=True)
class GuessedColumn:
    """What a column was taken for.

    Attributes:
        column: Its name in the map, or its position from 1.
        channel: "time", a channel, or None where nothing was told.
        entries: Of the map: unit or format.
        reason: What speaks for it, or why it was not taken.
    """

    column: str | int
    channel: str | None
    entries: Mapping[str, str | int]
    reason: str


@dataclass(frozen=True)
class MapDraft:
    """A draft of a column map.

    Attributes:
        text: TOML with comments.
        columns: What every column was taken for, in their order.
        is_complete: Whether it can be tried: it has a time and a channel.
    """

    text: str
    columns: tuple[GuessedColumn, ...]
    is_complete: bool


@dataclass(frozen=True)
class _Choice:
    column: ColumnFacts
    readings: tuple[Reading, ...]
    reason: str = ""  # why it is left out

    @property
    def taken(self) -> Reading | None:
        return self.readings[0] if self.readings and self.readings[0].is_told and not self.reason else None


def draft_map(path: Path) -> MapDraft:
    """Look at a log of unknown columns and draft its column map.

    Names, units and values are looked at. What they do not tell stays commented out; where two readings are possible
    the second is commented out. The draft is for a person to correct: it is text, and nothing is read by it here.

    Raises:
        InputFileError: The file is missing or cannot be read.
        FormatError: It is no table of text with numbers.
    """
    guessed = guess_layout(path)
    table = read_table(path, guessed.layout)
    columns = look_at(table, guessed.units, guessed.units_line)
    classes = find_classes(table, columns)
    counted = set() if classes is None else classes.columns
    time = _time([column for column in columns if column.index not in counted])
    choices = _channels([column for column in columns if column.index not in counted], table, time)
    told = (
        *([] if time is None else [_described(time)]),
        *(_described(choice) for choice in choices),
    )
    is_complete = time is not None and (
        any(choice.taken for choice in choices) or (classes is not None and classes.is_told)
    )
    if classes is not None:
        key = classes.first if isinstance(classes.first, str) else columns[min(classes.columns)].key
        channel = "sizes" if classes.is_told else None
        told = (*told, GuessedColumn(key, channel, {"last": classes.last, "unit": classes.unit}, classes.reason))
    text = "\n".join(_lines(path, table, guessed, time, choices, classes)).rstrip("\n") + "\n"
    order = {column.key: column.index for column in columns}
    return MapDraft(text, tuple(sorted(told, key=lambda entry: order[entry.column])), is_complete)


def _described(choice: _Choice) -> GuessedColumn:
    taken = choice.taken
    if taken is not None:
        return GuessedColumn(choice.column.key, taken.channel, taken.entries, ", ".join(taken.reasons))
    open_readings = " or ".join(dict.fromkeys(reading.channel for reading in choice.readings))
    reasons = choice.reason or ", ".join(
        choice.readings[0].reasons if choice.readings else ("nothing tells what it is",)
    )
    return GuessedColumn(choice.column.key, None, {}, (f"perhaps {open_readings}: " if open_readings else "") + reasons)


def _time(columns: Sequence[ColumnFacts]) -> _Choice | None:
    """The clock: the column that its name, its values and its place speak for most; None where there is none."""
    dates = date_columns(columns)
    rated = []
    for column in columns:
        if readings := time_readings(column, dates):
            rank = ("format" in readings[0].entries, column.says("time"), -column.index)
            rated.append((rank, column, readings))
    if not rated:
        return None
    # Elapsed time that is named and has a unit is simpler than stamps, and knows no summer time.
    for _, column, readings in rated:
        if column.says("time") and column.unit is not None and "unit" in readings[0].entries:
            return _Choice(column, tuple(readings))
    _, column, readings = max(rated, key=lambda entry: entry[0])
    return _Choice(column, tuple(readings))


def _channels(columns: Sequence[ColumnFacts], table: RawTable, time: _Choice | None) -> list[_Choice]:
    """A choice for every column that is not the clock; every channel is given once."""
    used = {"time"}
    clock = None if time is None else time.column.key
    date = None if time is None else time.readings[0].entries.get("date")
    given: set[str] = set()
    choices = []
    for column in _by_rank(columns):
        if column.key in (clock, date):
            continue
        readings = channel_readings(column)
        reason = ""
        if not readings and time_readings(column, []):
            reason = "another clock"
        elif not column.fields:
            reason = "it is empty"
        elif column.values.size == 0:
            reason = f"text, such as {printable(column.fields[0])[:40]!r}"
        elif readings and (fault := check_numbers(column, table)):
            reason = fault
        choices.append(_Choice(column, tuple(_renamed(column, readings, given, used)), reason))
        if (taken := choices[-1].taken) is not None:
            given.add(taken.channel)
    return sorted(choices, key=lambda choice: choice.column.index)


def _by_rank(columns: Sequence[ColumnFacts]) -> list[ColumnFacts]:
    """Of several temperatures, that of the solution gets the name; of others, the first."""
    return sorted(columns, key=lambda column: (not column.says("reactor"), column.index))


def _renamed(column: ColumnFacts, readings: Sequence[Reading], given: set[str], used: set[str]) -> Iterator[Reading]:
    """Readings whose channel another column has get a name of their own."""
    for reading in readings:
        name = reading.channel
        if name in given:
            name = own_name(column)
            name = f"concentration_{name}" if reading.channel == "concentration" else name
        number = 2
        while name in given or name in used:
            name, number = f"{own_name(column)}_{number}", number + 1
        if name == reading.channel:
            yield reading
        else:
            why = (*reading.reasons, f"{reading.channel} is another column")
            yield Reading(name, reading.entries, why, reading.is_told)


def _lines(
    path: Path,
    table: RawTable,
    guessed: GuessedLayout,
    time: _Choice | None,
    choices: Sequence[_Choice],
    classes: GuessedClasses | None,
) -> Iterator[str]:
    name = printable(path.name)
    yield f"# Draft of a column map for {name}, from its names, units and values. Correct it by hand, then run"
    yield f"#     nakaya ingest reactor {name} --map THIS_FILE --out ingested/"
    yield "# What the log does not tell is commented out with #; CHECK stands where a guess may be wrong."
    yield ""
    yield _entry("material", "unknown", "CHECK: what crystallizes; no log says it")
    yield '# solvent = "water"'
    is_measured = any(reading.channel.startswith("concentration") for choice in choices for reading in choice.readings)
    if is_measured:
        yield "# " + _entry("concentration_basis", "solvent", "or solution, initial-solution: what it is per kg of")
    yield ""
    yield "[file]"
    default = Layout()
    for key in ("delimiter", "decimal", "encoding", "header_line", "data_line"):
        value = getattr(guessed.layout, key)
        yield _entry(key, "tab" if value == "\t" else value, guessed.reasons[key])
    if guessed.layout.missing != default.missing:
        yield _entry("missing", list(guessed.layout.missing), "stands where a value is missing")
    yield ""
    yield from _time_lines(time)
    if not any(choice.readings for choice in choices) and classes is None:
        yield "# No column is told. Name those that you know:"
        yield from ("# [columns.temperature]", "# column = 2", '# unit = "degC"', "")
    for choice in choices:
        yield from _channel_lines(choice)
    if classes is not None:
        yield from _class_lines(classes)
    if is_measured:
        yield from _amount_lines()
    if table.remarks:
        yield from (f"# {printable(remark)}" for remark in table.remarks)


def _time_lines(time: _Choice | None) -> Iterator[str]:
    if time is None:
        yield "# No column was found to be a clock: name one, by its name or position, with its unit or format."
        yield from ("# [time]", "# column = 1", '# unit = "s"', "")
        return
    taken, *others = time.readings
    yield f"# {time.column.shown}: {', '.join(map(printable, taken.reasons))}"
    yield "[time]"
    yield _entry("column", time.column.key)
    for key, value in taken.entries.items():
        yield _entry(key, value)
    for other in others:
        for key, value in other.entries.items():
            if key != "date":
                yield f"# {_entry(key, value, 'or this')}"
    yield ""


def _channel_lines(choice: _Choice) -> Iterator[str]:
    column = choice.column
    if not choice.readings or choice.reason:
        why = choice.reason or f"nothing tells what it is; {column.span}"
        yield f"# {printable(column.shown)}: {printable(why)}"
        if column.values.size and not choice.reason:
            yield f"# [columns.{own_name(column)}]"
            yield f"# {_entry('column', column.key)}"
            yield f"# {_entry('unit', column.unit or '1')}"
        yield ""
        return
    for number, reading in enumerate(choice.readings):
        mark = "" if number == 0 and reading.is_told else "# "
        why = ", ".join(map(printable, reading.reasons))
        yield f"# {'or, ' if number else ''}{printable(column.shown)}: {why}"
        yield f"{mark}[columns.{reading.channel}]"
        yield f"{mark}{_entry('column', column.key)}"
        for key, value in reading.entries.items():
            yield f"{mark}{_entry(key, value)}"
        yield ""


def _class_lines(classes: GuessedClasses) -> Iterator[str]:
    mark = "" if classes.is_told else "# "
    yield f"# {classes.first!r} to {classes.last!r}: {printable(classes.reason)}"
    yield f"{mark}[sizes]"
    yield f"{mark}{_entry('first', classes.first)}"
    yield f"{mark}{_entry('last', classes.last)}"
    if classes.sizes_line is not None:
        yield f"{mark}{_entry('sizes_line', classes.sizes_line, 'holds their sizes')}"
    else:
        yield f"{mark}{_entry('sizes', list(classes.sizes), '' if classes.sizes else 'CHECK: the size of every class')}"
    yield f"{mark}{_entry('unit', classes.unit, 'CHECK')}"
    yield f"{mark}{_entry('edge', 'upper', 'CHECK: what their sizes are; or lower, middle')}"
    yield f"# {_entry('weight', 'volume', 'where they hold no counts of crystals; or mass, area, length')}"
    yield ""


def _amount_lines() -> Iterator[str]:
    yield "# What units of concentrations need:"
    yield "# [amounts]"
    yield "# molar_mass_g_per_mol = 100.0"
    yield "# solution_density = 1000.0           # kg/m3"
    yield ""


def _entry(key: str, value: object, comment: str = "") -> str:
    """A line of TOML, whose strings JSON writes alike."""
    text = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    return f"{text.ljust(COMMENT_COLUMN)}# {printable(comment)}" if comment else text
