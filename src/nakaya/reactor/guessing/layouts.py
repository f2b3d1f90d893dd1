"""How an unknown text table is laid out: encoding, delimiter, decimal sign, and where header, units and data stand."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nakaya.core.errors import FormatError
from nakaya.core.reading import read_bounded
from nakaya.reactor.logs.table import Layout
from nakaya.reactor.words import standard_unit

__all__ = ["GuessedLayout", "guess_layout", "is_number", "is_stamp"]

SAMPLE_BYTES: Final = 1 << 20
"""Of the beginning: what is looked at."""

MAX_BYTES: Final = 128 << 20
MAX_HEAD: Final = 200
"""Lines that may stand before the data."""

_DELIMITERS: Final = ("\t", ";", "|", ",", " ")
"""The surest first: commas and blanks stand in dates and numbers, too."""

_MISSING: Final = frozenset({"", "nan", "na", "n/a", "-", "--", "---", "#n/a", "null", "none", "#nv", "bad", "---.-"})
_POINT: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\.\d+")
_COMMA: Final = re.compile(r"[+-]?\d+(?:,\d*)?(?:[eE][+-]?\d+)?")
_STAMP: Final = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\.?(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?Z?)?"
    r"|(?:\d+[. ])?\d{1,7}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?"
)


@dataclass(frozen=True)
class GuessedLayout:
    """A layout, and why.

    Attributes:
        layout: For `read_table`.
        units_line: Line of the head that holds units, from 1; None: none does.
        units: Fields of that line.
        reasons: Entry of the layout -> what speaks for it.
    """

    layout: Layout
    units_line: int | None
    units: tuple[str, ...]
    reasons: dict[str, str]


def is_number(text: str, decimal: str) -> bool:
    """Whether a field is a number with this decimal sign."""
    return (_COMMA if decimal == "," else _POINT).fullmatch(text.strip()) is not None


def is_stamp(text: str) -> bool:
    """Whether a field is a date, a time of day, or both."""
    return _STAMP.fullmatch(text.strip()) is not None


def guess_layout(path: Path) -> GuessedLayout:
    """Look at the beginning of a table.

    Raises:
        InputFileError: It is missing or cannot be read.
        FormatError: It is no text, or no table.
    """
    content = _beginning(path)
    encoding, why_encoding = _encoding(content, path)
    text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="ignore")
    if "\0" in text or not text.strip():
        raise FormatError(f"{path} holds {'zero bytes' if text.strip() else 'nothing'}: it is no table of text")
    lines = re.split(r"\r\n|\r|\n", text)
    if len(content) >= SAMPLE_BYTES:
        lines = lines[:-1]  # it may be cut
    try:
        delimiter, width, share = _delimiter(lines, path)
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise FormatError(f"{path} is no table of text: {error}") from None
    decimal, why_decimal = _decimal(rows, width, delimiter)
    first = _first_data_row(rows, width, decimal)
    if first is None:
        raise FormatError(
            f"{path}: no lines of {width} fields hold numbers: it is no table of measurements, or one of its own kind"
        )
    header, units = _head(rows, first, width, decimal)
    layout = Layout(
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        header_line=0 if header is None else header + 1,
        data_line=first + 1,
        missing=tuple(dict.fromkeys([*Layout().missing, *_missing_words(rows[first:])])),
    )
    return GuessedLayout(
        layout,
        None if units is None else units + 1,
        () if units is None else tuple(entry.strip() for entry in rows[units]),
        {
            "delimiter": f"{width} fields in {share:.0%} of the lines",
            "decimal": why_decimal,
            "encoding": why_encoding,
            "header_line": "no line above the numbers has names" if header is None else "the names of the columns",
            "data_line": "the first line of numbers" + (f"; line {units + 1} holds units" if units is not None else ""),
        },
    )


def _beginning(path: Path) -> bytes:
    content = read_bounded(path, MAX_BYTES)
    if content[:2] != b"\x1f\x8b":
        return content[:SAMPLE_BYTES]
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            return packed.read(SAMPLE_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path} is a damaged or cut-off gz file ({error}): copy it again") from None


def _encoding(content: bytes, path: Path) -> tuple[str, str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "its first bytes say so"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)  # a last character that is cut is no fault
    except UnicodeDecodeError:
        if b"\0" in content:
            raise FormatError(f"{path} holds zero bytes: it is no table of text") from None
        return "cp1252", "not utf-8; CHECK: umlauts and units such as µm, °C"
    return "utf-8", ""


def _delimiter(lines: Sequence[str], path: Path) -> tuple[str, int, float]:
    """The sign that cuts most lines of the second half into one number of fields, and that number."""
    body = [line for line in lines[len(lines) // 2 :] if line.strip()]
    for sign in _DELIMITERS:
        counts = Counter(len(row) for row in csv.reader(body, delimiter=sign))
        if not counts:
            continue
        width, times = counts.most_common(1)[0]
        share = times / sum(counts.values())
        if width >= 2 and share >= 0.9:
            return sign, width, share
    raise FormatError(
        f"{path}: neither tabs, semicolons, commas nor blanks cut its lines into one number of fields: it is no table, "
        "or has decimal commas between commas: export it with ; between fields"
    )


def _decimal(rows: Sequence[Sequence[str]], width: int, delimiter: str) -> tuple[str, str]:
    fields = [entry.strip() for row in rows[len(rows) // 2 :] if len(row) == width for entry in row]
    points = sum(bool(re.fullmatch(r"[+-]?\d+\.\d+(?:[eE][+-]?\d+)?", entry)) for entry in fields)
    commas = sum(bool(re.fullmatch(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", entry)) for entry in fields)
    if commas > points and delimiter != ",":
        return ",", f"{commas} numbers with a comma, {points} with a point"
    return ".", "" if not commas or delimiter == "," else f"CHECK: {points} numbers with a point, {commas} with a comma"


def _is_value(entry: str, decimal: str) -> bool:
    text = entry.strip()
    return text.lower() in _MISSING or is_number(text, decimal) or is_stamp(text)


def _first_data_row(rows: Sequence[Sequence[str]], width: int, decimal: str) -> int | None:
    """The first row whose fields are values wherever those of the later rows are, and which has a time.

    Sizes of classes stand in a row of numbers of their own, which is empty where the others have their first columns.
    """
    body = [row for row in rows[len(rows) // 2 :] if len(row) == width]
    valued = [
        column
        for column in range(width)
        if sum(_is_value(row[column], decimal) for row in body) >= 0.9 * len(body)
        and any(row[column].strip() for row in body)
    ]
    if not any(is_number(row[column], decimal) for row in body for column in valued):
        return None
    filled = [column for column in valued[:2] if sum(bool(row[column].strip()) for row in body) >= 0.95 * len(body)]
    for index, row in enumerate(rows[:MAX_HEAD]):
        if len(row) != width or not all(_is_value(row[column], decimal) for column in valued):
            continue
        if not all(row[column].strip() for column in filled):
            continue
        if any(is_number(row[column], decimal) for column in valued):
            return index
    return None


def _head(rows: Sequence[Sequence[str]], first: int, width: int, decimal: str) -> tuple[int | None, int | None]:
    """Rows of the names and of the units above the data; None for each that is not there."""

    def is_named(row: Sequence[str]) -> bool:
        if len(row) <= max(1, width // 2):
            return False
        said = [entry for entry in row if entry.strip()]
        is_first_named = bool(row[0].strip()) and not _is_value(row[0], decimal)  # the others may be named by sizes
        return is_first_named or sum(is_number(entry, decimal) for entry in said) < 0.5 * len(said)

    above = [index for index in range(first - 1, -1, -1) if is_named(rows[index])]
    if not above:
        return None, None
    nearest = above[0]
    named = [entry.strip() for entry in rows[nearest] if entry.strip()]
    units = sum(standard_unit(entry) is not None or entry.strip("[]() ") in ("", "-", "1") for entry in named)
    if len(above) > 1 and above[1] == nearest - 1 and units >= 0.6 * len(named):
        return above[1], nearest
    return nearest, None


def _missing_words(rows: Sequence[Sequence[str]]) -> list[str]:
    found = {entry.strip() for row in rows for entry in row if entry.strip().lower() in _MISSING}
    return sorted(found - {""})
