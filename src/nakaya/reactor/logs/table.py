"""Text tables as instruments write them: delimiter, decimal sign, a header that may lie, lines that may be cut off.

A table is read whole and nothing is guessed in silence: what does not fit together is an error, or a remark that the
record carries on.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError, UnknownNameError
from nakaya.core.reading import read_bounded

__all__ = ["Layout", "RawTable", "align_header", "read_table", "read_text"]

MAX_BYTES = 128 << 20
"""Greatest size of a log, after decompression: a small gz can claim anything."""

MAX_LINES = 2_000_000
MAX_FIELDS = 7_000_000
"""A field costs 60 bytes as text, a line 80 more: at these limits a log takes less than 1 GB of memory."""

MAX_COLUMNS = 10_000
_SHOWN = 40
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_THOUSANDS = (".", ",", " ", "'")
_PLAIN_COLUMN = re.compile(r"(?:(?:[+-]?\d{1,30}(?:\.\d{0,30})?)?\n)*", re.ASCII)
"""A column that needs no second look: in every line an ordinary number, or nothing."""


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out.

    Attributes:
        delimiter: One character between fields; a tab may be written "tab".
        decimal: "." or ",".
        encoding: Of the text.
        header_line: Number of the line with the names of the columns, from 1; 0 = there is none.
        data_line: Number of the first line with numbers; None: the line after the header.
        missing: Fields that stand for "no value", besides empty ones.
        thousands: Sign between groups of three digits: ".", ",", " " (any kind of blank) or "'"; "": there is none.
    """

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    header_line: int = 1
    data_line: int | None = None
    missing: tuple[str, ...] = ("NaN", "nan", "NA", "-", "--")
    thousands: str = ""

    def __post_init__(self) -> None:
        if self.delimiter in ("tab", "\\t"):
            object.__setattr__(self, "delimiter", "\t")
        if len(self.delimiter) != 1 or self.delimiter in "\r\n\0":
            raise ParameterError(f"delimiter={self.delimiter!r} is not one character: write , or ; or a tab")
        if self.decimal not in (".", ","):
            raise ParameterError(f"decimal={self.decimal!r} is neither . nor ,")
        if self.thousands and (self.thousands not in _THOUSANDS or self.thousands == self.decimal):
            raise ParameterError(
                f"thousands={self.thousands!r} separates no thousands where decimal={self.decimal!r}: it is one of . , "
                "' or a blank, and not the decimal sign"
            )
        if self.header_line < 0 or (self.data_line is not None and self.data_line <= self.header_line):
            raise ParameterError("header_line counts from 1 (0: none), and data_line comes after it")
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ParameterError(f"encoding={self.encoding!r} is not known: utf-8 and cp1252 are common") from None

    @property
    def first_data_line(self) -> int:
        """Number of the first line with numbers, from 1."""
        return self.header_line + 1 if self.data_line is None else self.data_line


@dataclass(frozen=True, eq=False)
class RawTable:
    """Fields of a table as text.

    Attributes:
        path: Where it is from, for messages.
        names: Name of every column; "" where it has none.
        head: Fields of every line before the data, header included.
        rows: Fields of every line of data; all of one length.
        lines: Number of the line in the file for every row.
        layout: How it was read.
        remarks: What did not fit together.
    """

    path: Path
    names: tuple[str, ...]
    head: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    lines: Sequence[int]
    layout: Layout
    remarks: tuple[str, ...] = field(default=())

    @property
    def num_columns(self) -> int:
        """How many fields every row has."""
        return len(self.rows[0]) if self.rows else len(self.names)

    @cached_property
    def keys(self) -> tuple[str | int, ...]:
        """How a map names every column: name, name#2, or position from 1."""
        names = [name if name.isprintable() else "" for name in (*self.names, *[""] * self.num_columns)]
        total, before = Counter(names), Counter[str]()
        found: list[str | int] = []
        for index, name in enumerate(names[: self.num_columns]):
            before[name] += 1
            found.append((name if total[name] == 1 else f"{name}#{before[name]}") if name else index + 1)
        return tuple(found)

    def unread(self, read: Collection[int]) -> tuple[str | int, ...]:
        """Keys of all columns whose index is not among those that were read, but for empty ones without a name."""
        return tuple(
            key
            for index, key in enumerate(self.keys)
            if index not in read and (isinstance(key, str) or any(row[index].strip() for row in self.rows))
        )

    def position(self, column: str | int, *, key: str = "") -> int:
        """Index of a column from its name, or from its position counted from 1.

        A name that occurs more than once takes its number: "Timestamp#2" is the second.

        Args:
            column: Name or position.
            key: Which entry of the map asks for it, for errors.

        Raises:
            UnknownNameError: There is no such name.
            FormatError: The name is ambiguous, or the position is outside the table.
        """
        asked = f" for [{key}]" if key else ""
        if isinstance(column, int):
            if not 1 <= column <= self.num_columns:
                raise FormatError(f"{self.path}: column {column}{asked} is outside 1..{self.num_columns}")
            return column - 1
        found = [index for index, name in enumerate(self.names) if name == column]
        if not found:
            name, mark, number = column.rpartition("#")
            again = [index for index, known in enumerate(self.names) if known == name]
            if mark and number.isdigit() and 1 <= int(number) <= len(again):
                return again[int(number) - 1]
            raise UnknownNameError(f"column of {self.path.name}{asked}", column, [name for name in self.names if name])
        if len(found) > 1:
            places = ", ".join(str(index + 1) for index in found)
            raise FormatError(
                f"{self.path}: {len(found)} columns are called {column!r} (positions {places}){asked}: write "
                f"{column}#1, {column}#2, or a position"
            )
        return found[0]

    def text(self, index: int) -> list[str]:
        """Fields of a column, stripped; "" for a missing value."""
        missing = self.layout.missing
        fields = [row[index].strip() for row in self.rows]
        return ["" if entry in missing else entry for entry in fields]

    def numbers(self, index: int) -> FloatArray:
        """A column as float64 [row]; NaN where there is no value.

        Raises:
            FormatError: A field is no number; its line and, where it looks like one, the other decimal sign are named.
        """
        fields = self.text(index)
        if self.layout.decimal == "." and _PLAIN_COLUMN.fullmatch("\n".join([*fields, ""])):
            return np.array([entry or "nan" for entry in fields], dtype=np.float64)
        values = np.full(len(self.rows), np.nan)
        for number, entry in enumerate(fields):
            if entry:
                values[number] = self._number(entry, index, self.lines[number])
        return values

    def size(self, entry: str, index: int, line: int) -> float:
        """A number in the head, of either decimal sign where that is clear; errors as in `numbers`."""
        decimal = self.layout.decimal
        other = "," if decimal == "." else "."
        if _parsed(entry.strip(), decimal, self.layout.thousands) is None and not _is_grouped(entry.strip(), other):
            value = _parsed(entry.strip(), other, "")
            if value is not None:
                return value
        return self._number(entry.strip(), index, line)

    def looks_grouped(self, index: int) -> bool:
        """Whether a column of "950" and "1.200" may be of thousands: three digits behind every point, or no point.

        No group of thousands begins with a zero.
        """
        if self.layout.decimal != "." or self.layout.thousands:
            return False
        fields = [entry for entry in self.text(index) if entry]
        grouped = [entry for entry in fields if _is_grouped(entry, ".")]
        whole = [entry for entry in fields if "." not in entry]
        if any(entry.lstrip("+-").startswith("0") for entry in grouped):
            return False
        return bool(grouped) and len(grouped) + len(whole) == len(fields) and any(len(entry) == 3 for entry in whole)

    def _number(self, entry: str, index: int, line: int) -> float:
        decimal, thousands = self.layout.decimal, self.layout.thousands
        value = _parsed(entry, decimal, thousands)
        if value is not None and np.isfinite(value):
            return value
        what = f"{self.path}, line {line}, column {index + 1}"
        shown = entry if len(entry) <= _SHOWN else entry[:_SHOWN] + "..."
        if value is not None and np.isinf(value):
            raise FormatError(f"{what}: {entry!r} is not a finite number")
        other = "," if decimal == "." else "."
        separator = next((sign for sign in _THOUSANDS if sign != decimal and _is_grouped(entry, sign, decimal)), None)
        is_decimal = separator in (None, other) and _parsed(entry, other, "") is not None and entry.count(other) == 1
        if separator is not None and separator != thousands:
            remedy = f"{separator!r} between groups of three digits: if it separates thousands, set thousands = "
            remedy += f'"{separator}"' + (f", if it is the decimal sign, set decimal = {other!r}" if is_decimal else "")
            raise FormatError(f"{what}: {shown!r} has {remedy}")
        if is_decimal:
            raise FormatError(f"{what}: {shown!r} has the decimal sign {other!r}: set decimal = {other!r}")
        if tail := self._unit_behind(entry):
            raise FormatError(
                f"{what}: {shown!r} has {tail!r} behind its number: take it out of every field, and give the unit in "
                "the map"
            )
        if entry.startswith(("<", ">")):
            raise FormatError(
                f"{what}: {shown!r} is a limit of the instrument, and no value: name it under missing, as long as few "
                "rows hold one"
            )
        raise FormatError(f"{what}: {shown!r} is not a number: name it under missing, or leave the column")

    def _unit_behind(self, entry: str) -> str:
        """What follows a number in its field, such as a unit; "" where there is no number, or nothing."""
        found = _NUMBER_AND_UNIT.fullmatch(entry.translate(_BLANKS))
        if found is None or _parsed(found["number"], self.layout.decimal, self.layout.thousands) is None:
            return ""
        return found["tail"]


_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2009\u202f", " ") | {"\u2019": "'", "\u2212": "-"})
"""Blanks that do not break a line, the apostrophe of Swiss numbers, and the minus sign of typesetters."""

_NUMBER_AND_UNIT = re.compile(r"(?P<number>[+-]?[\d.,]+(?:[eE][+-]?\d+)?)\s*(?P<tail>[^\W\d_][^\s\d]*|[%°]\s?\w*)")


def _is_grouped(text: str, thousands: str, decimal: str = "") -> bool:
    """Whether a number is written with a separator between all groups of three digits."""
    fraction = rf"(?:{re.escape(decimal)}\d*)?" if decimal else ""
    pattern = rf"[+-]?\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+{fraction}"
    return re.fullmatch(pattern, text.translate(_BLANKS), re.ASCII) is not None


def _parsed(text: str, decimal: str, thousands: str) -> float | None:
    """A number, or None for what is none."""
    if thousands and _is_grouped(text, thousands, decimal):
        text = text.translate(_BLANKS).replace(thousands, "")
    text = text.replace("\u2212", "-")
    if not text.isascii() or "_" in text or (decimal == "," and "." in text):
        return None
    try:
        return float(text.replace(",", ".") if decimal == "," else text)
    except ValueError:
        return None


def _bounded(packed: gzip.GzipFile) -> bytes:
    """All bytes, or a little more than there may be; read(n) would take memory for n at once."""
    content = bytearray()
    while len(content) <= MAX_BYTES and (piece := packed.read(2**20)):
        content += piece
    return bytes(content)


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Read a text file, plain or gz.

    Raises:
        InputFileError: It is missing or cannot be read.
        FormatError: It is no text, is larger than the limit, or is a gz that is damaged or cut off.
    """
    try:
        content = read_bounded(path, MAX_BYTES)
        if content[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                content = _bounded(packed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path} is a damaged or cut-off gz file ({error}): copy it again") from None
    if len(content) > MAX_BYTES:
        raise FormatError(f"{path} holds more than {MAX_BYTES >> 20} MiB: split it, or thin it out")
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path} is not text in {encoding.removesuffix('-sig')} (byte {error.start}): it is another kind of file, "
            "or set encoding (cp1252, utf-16)"
        ) from None
    if "\0" in text:
        raise FormatError(f"{path} holds zero bytes: it is no text, or set encoding = 'utf-16'")
    if max(text.count("\n"), text.count("\r")) > MAX_LINES:
        raise FormatError(f"{path} has more than {MAX_LINES} lines, the most that is read: split it, or thin it out")
    return text


def _lines(text: str) -> Iterator[str]:
    """Lines with their ends, one at a time."""
    return (match[0] for match in _LINE.finditer(text))


def read_table(path: Path, layout: Layout) -> RawTable:
    """Read a text table.

    Raises:
        InputFileError: The file is missing or cannot be read.
        FormatError: It has no data, lines of different lengths, or a header that fits the data in no clear way.
    """
    text = read_text(path, layout.encoding)
    if (num := text.count(layout.delimiter) + text.count("\n")) > MAX_FIELDS:
        raise FormatError(
            f"{path} has about {num} fields, more than the {MAX_FIELDS} that are read: split it, or leave rows or "
            "columns out"
        )
    reader = csv.reader(_lines(text), delimiter=layout.delimiter)
    head: list[tuple[str, ...]] = []
    rows: list[tuple[str, ...]] = []
    lines = array("q")
    header: tuple[str, ...] = ()
    try:
        for fields in reader:
            if reader.line_num == layout.header_line:
                header = tuple(fields)
            if reader.line_num < layout.first_data_line:
                head.append(tuple(fields))
            elif any(entry.strip() for entry in fields):
                rows.append(tuple(fields))
                lines.append(reader.line_num)
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num}: {error}: is the delimiter {layout.delimiter!r}?") from None
    if not rows:
        raise FormatError(f"{path} has no data from line {layout.first_data_line} on")
    remarks: list[str] = []
    _check_lengths(path, rows, lines, layout, remarks)
    if len(rows[0]) > MAX_COLUMNS:
        raise FormatError(f"{path} has {len(rows[0])} columns, more than {MAX_COLUMNS}: is the delimiter right?")
    names: tuple[str, ...] = ("",) * len(rows[0])
    if layout.header_line:
        names, remark = align_header([entry.strip() for entry in header], rows, str(path))
        if remark:
            remarks.append(remark)
    return RawTable(path, names, tuple(head), tuple(rows), lines, layout, tuple(remarks))


def _check_lengths(
    path: Path, rows: list[tuple[str, ...]], lines: array[int], layout: Layout, remarks: list[str]
) -> None:
    """Rows of one length; a short last line (the file was copied while it was written) is left out, with a remark."""
    lengths = np.array([len(fields) for fields in rows])
    values, counts = np.unique(lengths, return_counts=True)
    usual = int(values[np.argmax(counts)])
    odd = np.flatnonzero(lengths != usual)
    if odd.size == 0:
        return
    if odd.size == 1 and odd[0] == len(rows) - 1 and len(rows) > 1 and lengths[-1] < usual:
        remarks.append(f"the last line (line {lines[-1]}) is cut off: {lengths[-1]} of {usual} fields; it is left out")
        rows.pop()
        lines.pop()
        return
    line, num = lines[int(odd[0])], int(lengths[odd[0]])
    hint = ""
    if layout.delimiter == "," and (num > usual or odd.size > 0.2 * len(rows)):
        hint = "; decimal commas in a file with commas between fields look like this: export it with ; between fields"
    raise FormatError(f"{path}, line {line} has {num} fields, most lines have {usual}{hint}")


def align_header(header: Sequence[str], rows: Sequence[Sequence[str]], where: str) -> tuple[tuple[str, ...], str]:
    """Give every column of the data its name, also where the header has fewer names than the data has columns.

    Some instruments put two tables side by side with an empty column between them, and name fewer columns than they
    write. Names then belong to blocks: the blocks of names between empty names are laid over the blocks of columns
    between columns that are empty throughout, each from its left; what is left over in a block has no name. Where the
    blocks do not match one to one, no name can be trusted.

    Returns:
        A name ("" for none) for every column, and a remark ("" where the header fits).

    Raises:
        FormatError: More names than columns, or fewer in a way that cannot be resolved.
    """
    width = len(rows[0])
    if len(header) == width:
        return tuple(header), ""
    if len(header) > width and not any(header[width:]):
        return tuple(header[:width]), ""
    if len(header) > width:
        raise FormatError(f"{where}: the header has {len(header)} names for {width} columns: is the delimiter right?")
    empty = [not any(row[column].strip() for row in rows) for column in range(width)]
    if all(empty[len(header) :]):
        return (*header, *[""] * (width - len(header))), ""
    name_blocks, column_blocks = _blocks([not name for name in header]), _blocks(empty)
    fits = (
        len(name_blocks) == len(column_blocks) > 1
        and all(len(names) <= len(columns) for names, columns in zip(name_blocks, column_blocks, strict=True))
    )  # fmt: skip
    if not fits:
        raise FormatError(
            f"{where}: the header has {len(header)} names for {width} columns, and nothing shows which columns have "
            "none: give columns by position (1 is the first) and set header_line = 0, data_line to the first data line "
            "(decimal commas in a file with commas between fields look like this, too)"
        )
    names = [""] * width
    for block, columns in zip(name_blocks, column_blocks, strict=True):
        for source, target in zip(block, columns, strict=False):
            names[target] = header[source]
    unnamed = [str(column + 1) for column in range(width) if not names[column] and not empty[column]]
    return tuple(names), (
        f"the header has {len(header)} names for {width} columns: names were laid over the blocks between empty "
        f"columns; columns {', '.join(unnamed)} have no name"
    )


def _blocks(gaps: Sequence[bool]) -> list[list[int]]:
    """Runs of indices between gaps."""
    runs: list[list[int]] = [[]]
    for index, is_gap in enumerate(gaps):
        if is_gap:
            runs.append([])
        else:
            runs[-1].append(index)
    return [run for run in runs if run]
