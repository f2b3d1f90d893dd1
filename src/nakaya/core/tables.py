"""Tables as CSV that spreadsheets, pandas and people read: one header, one row for each thing, no comments.

A header is the column's name, and where the column has one its unit in brackets: `diameter [m]`. What is not known is
an empty cell. Text is quoted and is never a formula to a spreadsheet; numbers stay numbers, `-3.2` too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nakaya.core.errors import ParameterError
from nakaya.core.text import printable

__all__ = ["Cell", "Column", "Table", "encode_csv", "header"]

Cell: TypeAlias = str | int | float | None
"""Text, a number, or nothing; NaN is nothing, too."""

FORMULA: Final = tuple("=+-@＝＋－＠")
"""With these Excel, LibreOffice and others begin to compute; the wide ones where writing is Chinese or Japanese."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_PLAIN_HEADER = re.compile(r"[A-Za-z0-9_.]+( \[[^\[\],;\"]+\])?")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: What stands in it.
        cells: Its cells, or an array [n] of numbers.
        unit: SI unit, "1" for pure numbers; None where it is text, or counts things.
    """

    name: str
    cells: Sequence[Cell] | NDArray[Any]
    unit: str | None = None


@dataclass(frozen=True)
class Table:
    """Columns of one length.

    Raises:
        ParameterError: They are not, or there is none.
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if len({len(column.cells) for column in self.columns}) != 1:
            lengths = ", ".join(f"{column.name} {len(column.cells)}" for column in self.columns)
            raise ParameterError(f"columns of a table need one length, got {lengths or 'no column'}")

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(self.columns[0].cells)


def header(name: str, unit: str | None = None) -> str:
    """Return the header of a column.

    >>> header("diameter", "m"), header("grain")
    ('diameter [m]', 'grain')
    """
    return name if unit is None else f"{name} [{unit}]"


def encode_csv(table: Table) -> bytes:
    r"""Return a table as CSV in UTF-8, with commas between cells and a newline after each row.

    The file begins with a byte order mark where, and only where, it holds more than ASCII: Excel takes it for another
    encoding otherwise.

    >>> encode_csv(Table((Column("name", ["=1+1", "Cu"]), Column("shift", [-3.2, None], "m")))).decode()
    'name,shift [m]\n"\'=1+1",-3.2\n"Cu",\n'
    """
    heads = [header(column.name, column.unit) for column in table.columns]
    columns = [[_cell(value) for value in _values(column.cells)] for column in table.columns]
    rows = [[head if _PLAIN_HEADER.fullmatch(head) else _text(head) for head in heads], *zip(*columns, strict=True)]
    content = "".join(",".join(row) + "\n" for row in rows)
    return content.encode() if content.isascii() else BYTE_ORDER_MARK + content.encode()


def _values(cells: Sequence[Cell] | NDArray[Any]) -> Iterable[Cell]:
    return cells.tolist() if isinstance(cells, np.ndarray) else cells


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(int(value))
    # An infinite number is none that a spreadsheet knows, and "-inf" would be a formula.
    return repr(value) if math.isfinite(value) else ""


def _text(text: str) -> str:
    """Text in quotes, on one line; a spreadsheet shows the apostrophe before what would be a formula, or hides it."""
    line = " ".join(printable(text).split())
    line = f"'{line}" if line.startswith(FORMULA) else line
    return '"' + line.replace('"', '""') + '"' if line else ""
