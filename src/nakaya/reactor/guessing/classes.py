"""Size classes among the columns of an unknown log: many neighbours that differ by a number in their names alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from nakaya.reactor.guessing.columns import ColumnFacts
from nakaya.reactor.guessing.layouts import is_number
from nakaya.reactor.logs.table import RawTable

__all__ = ["GuessedClasses", "find_classes"]

FEWEST: Final = 5
"""Columns that are taken for classes; fewer may be sensors of one kind."""

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class GuessedClasses:
    """A run of columns that count crystals by their size.

    Attributes:
        first: First column, as a map names it.
        last: Last column.
        columns: Their indices, from 0.
        sizes_line: Line of the head with their sizes; None: there is none.
        sizes: Their sizes, where their names are these.
        unit: Of the sizes.
        reason: What speaks for it.
    """

    first: str | int
    last: str | int
    columns: frozenset[int]
    sizes_line: int | None
    sizes: tuple[float, ...]
    unit: str
    reason: str

    @property
    def is_told(self) -> bool:
        """Whether the log says how large they are."""
        return self.sizes_line is not None or bool(self.sizes)


def find_classes(table: RawTable, columns: Sequence[ColumnFacts]) -> GuessedClasses | None:
    """Return the longest run of neighbours whose names differ by a rising number alone; None where there is none."""
    runs = [
        run
        for _, group in groupby(columns, key=lambda column: _pattern(table, column))
        if len(run := list(group)) >= FEWEST and all(column.values.size and column.values.min() >= 0 for column in run)
    ]
    runs = [run for run in runs if _pattern(table, run[0]) and _rises([_number(table, column) for column in run])]
    if not runs:
        return None
    run = max(runs, key=len)
    line = _line_of_sizes(table, run)
    bare = all(_NUMBER.fullmatch(table.names[column.index].strip()) for column in run)
    sizes = tuple(_number(table, column) for column in run) if bare and line is None else ()
    unit = next((column.unit for column in run if column.unit in ("um", "mm", "nm")), "um")
    why = f"{len(run)} neighbours whose names differ by a number alone"
    if line is None and not sizes:
        why += "; CHECK: classes of size? no line holds their sizes"
    indices = frozenset(column.index for column in run)
    return GuessedClasses(run[0].key, run[-1].key, indices, line, sizes, unit, why)


def _pattern(table: RawTable, column: ColumnFacts) -> str:
    """A name with # for its number; "" where it has none, or none alone."""
    name = table.names[column.index].strip()
    return _NUMBER.sub("#", name) if len(_NUMBER.findall(name)) == 1 else ""


def _number(table: RawTable, column: ColumnFacts) -> float:
    return float(_NUMBER.findall(table.names[column.index])[0])


def _rises(values: Sequence[float]) -> bool:
    return all(before < after for before, after in pairwise(values))


def _line_of_sizes(table: RawTable, run: Sequence[ColumnFacts]) -> int | None:
    """The line of the head whose numbers rise over the columns; from 1."""
    decimal = table.layout.decimal
    for index in range(table.layout.header_line, len(table.head)):  # the lines below the names
        row = table.head[index]
        if len(row) <= run[-1].index:
            continue
        entries = [row[column.index].strip() for column in run]
        if all(is_number(entry, decimal) for entry in entries) and _rises(
            [float(entry.replace(",", ".") if decimal == "," else entry) for entry in entries]
        ):
            return index + 1
    return None
