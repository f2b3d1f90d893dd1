"""Small files of others: read up to a largest size, as bytes, JSON or TOML, or refused in words."""

from __future__ import annotations

import errno
import json
import math
import os
import tomllib
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

from nakaya.core.errors import ConfigError, FormatError, InputFileError, NakayaError, shown

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "check_input",
    "foreign_description",
    "input_errors",
    "open_input",
    "parse_json",
    "read_bounded",
    "read_json",
    "read_toml_document",
]

MAX_DOCUMENT_BYTES: Final = 2**24
"""Of a document that is not known to be smaller."""

_PLAN: Final = "a plan of molecular dynamics: nakaya md campaign run {name}"

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "columns": 'a column map: nakaya ingest reactor LOG --map {name}, or map = "{name}" in an experiment of a fit',
    "reports": "a column map of size reports: nakaya ingest reactor FOLDER --map {name}",
    "experiments": "the description of a fit: nakaya fit reactor {name}",
    "start": "the description of a simulated run: nakaya simulate reactor {name}",
    "points": "a sweep: nakaya campaign run {name}",
    "study": "a study: nakaya tune {name}",
    "part": "a training of kinetics: nakaya train {name}",
    "network": "a training of an emulator: nakaya train {name}",
    "growth": _PLAN, "melting": _PLAN, "nucleation": _PLAN,
}  # fmt: skip
"""Top-level key of one kind of description alone -> what a file is that has it."""


@contextmanager
def input_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the body into an `InputFileError` that names `path` and the reason."""
    if "\0" in str(path):  # a ValueError to whoever opens it
        raise InputFileError(f"cannot read {path}: no file has a zero byte in its name")
    try:
        yield
    except NakayaError:  # some of ours are OSErrors, and say already what is wrong
        raise
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {(error.strerror or 'input error').lower()}") from None


def open_input(path: Path) -> BufferedReader:
    """Open a file of others for reading.

    Pipes, devices and sockets, which may never answer or never end, are refused at once: opening a pipe would wait for
    somebody who writes into it. What takes a path alone (Pillow, zipfile) is preceded by `check_input`.

    Raises:
        InputFileError: It cannot be read, or is no plain file.
    """
    with input_errors(path):
        try:
            stream = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 (the caller closes it)
        except OSError as error:
            if error.errno != errno.ENXIO:  # a socket
                raise
            raise _not_plain(path) from None
    if not S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise _not_plain(path)
    return stream


def check_input(path: Path) -> None:
    """Check that a file can be opened for reading; errors as in `open_input`."""
    open_input(path).close()


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _not_plain(path: Path) -> InputFileError:
    return InputFileError(
        f"cannot read {path}: it is not a plain file (a pipe, device or socket may never end): write what it holds to "
        "a file first"
    )


def read_bounded(path: Path, most: int) -> bytes:
    """Return all bytes of a file.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        InputFileError: It cannot be read, or is no plain file.
        FormatError: It is longer; no more than `most` bytes of it were read.
    """
    with input_errors(path), open_input(path) as stream:
        content = stream.read(min(os.fstat(stream.fileno()).st_size, most) + 1)  # read() allocates what it is told
    if len(content) > most:
        raise FormatError(f"{path} has more than {most} bytes, the most that a file of this kind has")
    return content


def parse_json(text: str | bytes, where: str, *, finite: bool = True) -> Any:  # any JSON value
    """Return JSON values: integers beyond 64 bits as floats, and only text that can be written and printed.

    Args:
        text: One document.
        where: Named in the error: the file, say.
        finite: Whether NaN, Infinity and numbers beyond all floats, none of which JSON has, make it no JSON; else they
            are floats, and whoever asked can say where they stand.

    Raises:
        FormatError: It is not JSON, or nested or long beyond what is read.
    """
    try:
        if finite:
            document = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        else:
            document = json.loads(text, parse_int=_integer_or_infinity)
        _check_text(text, document)
    except (ValueError, RecursionError) as error:  # beside wrong JSON: wrong UTF-8
        raise FormatError(
            f"{where} is not JSON ({error}): it may be damaged, cut off or another kind of file"
        ) from None
    return document


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{shown(digits)} is no finite number")
    return value


def _integer(digits: str) -> int | float:
    if not math.isfinite(float(digits)):
        raise ValueError(f"an integer of {len(digits)} digits")
    return _integer_or_infinity(digits)


def _integer_or_infinity(digits: str) -> int | float:
    if len(digits) < 19:
        return int(digits)
    value = float(digits)
    if not math.isfinite(value):  # and perhaps of more digits than int() reads
        return value
    whole = int(digits)
    return whole if -(2**63) <= whole < 2**64 else value


def _check_text(text: str | bytes, document: Any) -> None:  # any JSON value
    r"""Raise `ValueError` for half a character, such as "\ud800", at which whoever writes or prints it would fail."""
    halves = ("\\ud", "\\uD") if isinstance(text, str) else (b"\\ud", b"\\uD", b"\xed")
    if any(half in text for half in halves):  # type: ignore[operator]  # both are text, or both bytes
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{error.object[error.start]!a}: half a character, which no file can hold") from None


def read_json(path: Path, most: int = MAX_DOCUMENT_BYTES, *, finite: bool = True) -> Any:  # any JSON value
    """Return the JSON values of a file of at most `most` bytes; errors as in `read_bounded` and `parse_json`."""
    return parse_json(read_bounded(path, most), str(path), finite=finite)


def read_toml_document(path: Path, most: int) -> dict[str, Any]:
    """Return what a TOML file of at most `most` bytes holds.

    Raises:
        InputFileError: It cannot be read.
        ConfigError: It is longer, or no TOML.
    """
    try:
        content = read_bounded(path, most)
    except FormatError as error:
        raise ConfigError(str(error)) from None
    try:
        document = tomllib.loads(content.decode("utf-8"))
        _check_integers(document)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, UnicodeDecodeError, integers of 5,000 digits
        raise ConfigError(f"{path} is not TOML, as descriptions are: {error}") from None
    return document


def _check_integers(value: Any) -> None:  # any TOML value
    """Raise `ValueError` for an integer that TOML does not have; Python reads it, and fails where a float is needed."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"an integer of {len(str(abs(value)))} digits does not fit into 64 bits")
    if isinstance(value, (dict, list)):
        for entry in value.values() if isinstance(value, dict) else value:
            _check_integers(entry)


def foreign_description(document: Mapping[str, Any], known: Container[str], path: Path) -> str | None:
    """Say what a TOML file is that was given to the wrong command, and which command takes it; None = not known.

    Args:
        document: What it holds.
        known: Top-level keys of the kind of file that was expected.
        path: The file.
    """
    words = (words for key, words in _DESCRIPTIONS.items() if key in document and key not in known)
    kind = next(words, None)
    return None if kind is None else f"{path} is {kind.format(name=path.name)}"
