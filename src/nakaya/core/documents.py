"""JSON documents: values to what JSON can say and to bytes, and entries that nobody vouches for."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.errors import FormatError, nearest_name
from nakaya.core.files import write_whole

__all__ = ["Entries", "dump_json", "plain", "write_json"]

MAX_TEXT = 200


def plain(value: Any) -> Any:  # JSON values have no narrower type
    """Return `value` as plain JSON values: arrays as lists, NaN and infinities as null, paths as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, range)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value


def dump_json(document: object, *, indent: int | None = 1) -> bytes:
    """Return a JSON document as the bytes of a file, in ASCII: the same document, the same bytes.

    Args:
        document: Plain values: `plain` makes them of others.
        indent: Spaces of each level; None: all on one line.

    Raises:
        TypeError, ValueError: A value is none of JSON, or a number that is not finite.
    """
    return (json.dumps(document, indent=indent, allow_nan=False) + "\n").encode("ascii")


def write_json(path: Path, document: object) -> None:
    """Write what `plain` makes of a document to a file: whole, or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    write_whole(path, dump_json(plain(document)))


class Entries:
    """The entries of a JSON object, each checked as it is taken.

    Args:
        document: The object.
        where: What it is, for messages ("flakes.zarr/zarr.json: metadata").

    Raises:
        FormatError: It is no object; later, from each method: an entry is missing or of the wrong kind.
    """

    def __init__(self, document: object, where: str) -> None:
        if not isinstance(document, dict):
            raise FormatError(f"{where} is {_kind(document)}, not an object")
        self._document = document
        self._where = where

    def _take(self, key: str, expected: str, accepted: bool, value: object) -> None:
        if key not in self._document:
            raise FormatError(f"{self._where} has no entry {key!r}: {expected} was expected")
        if not accepted:
            raise FormatError(f"{self._where}: {key!r} is {_kind(value)}: {expected} was expected")

    def only(self, known: Collection[str]) -> Entries:
        """Check that no other keys are there, and return self."""
        for key in self._document:
            if key not in known:
                nearest = nearest_name(str(key)[:MAX_TEXT], known)
                hint = f": did you mean {nearest!r}?" if nearest else ""
                raise FormatError(f"{self._where} has an unknown entry {str(key)[:MAX_TEXT]!a}{hint}")
        return self

    def whole(self, key: str, least: int, most: int) -> int:
        """A whole number in [least, most]."""
        value = self._document.get(key)
        accepted = type(value) is int and least <= value <= most
        self._take(key, f"a whole number from {least} to {most}", accepted, value)
        return value  # type: ignore[return-value]  # _take has refused everything else

    def text(self, key: str, among: Collection[str] | None = None) -> str:
        """A short printable text, one of `among` where that is given."""
        value = self._document.get(key)
        accepted = isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable() and value != ""
        expected = "a short text" if among is None else " or ".join(repr(name) for name in among)
        self._take(key, expected, accepted and (among is None or value in among), value)
        return value  # type: ignore[return-value]

    def truth(self, key: str) -> bool:
        """True or false."""
        value = self._document.get(key)
        self._take(key, "true or false", isinstance(value, bool), value)
        return value  # type: ignore[return-value]

    def positive_or_null(self, key: str) -> float | None:
        """A positive finite number, or None."""
        value = self._document.get(key)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        accepted = value is None or (is_number and abs(value) < 1e300 and math.isfinite(value) and value > 0)
        self._take(key, "a positive number or null", accepted, value)
        return None if value is None else float(value)

    def wholes(self, key: str, least: int, most: int, lengths: range) -> tuple[int, ...]:
        """A list of whole numbers."""
        value = self._document.get(key)
        accepted = (
            isinstance(value, list)
            and len(value) in lengths
            and all(type(number) is int and least <= number <= most for number in value)
        )
        expected = f"a list of {lengths.start} to {lengths.stop - 1} whole numbers from {least} to {most}"
        self._take(key, expected, accepted, value)
        return tuple(value)  # type: ignore[arg-type]

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        """A list of short texts."""
        value = self._document.get(key)
        accepted = (
            isinstance(value, list)
            and len(value) <= most
            and all(isinstance(word, str) and len(word) <= MAX_TEXT for word in value)
        )
        self._take(key, f"a list of at most {most} texts", accepted, value)
        return tuple(value)  # type: ignore[arg-type]

    def sha256(self, key: str) -> str:
        """A hexadecimal sha256."""
        value = self._document.get(key)
        accepted = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
        self._take(key, "a sha256 of 64 hexadecimal digits", accepted, value)
        return value  # type: ignore[return-value]

    def entries(self, key: str) -> Entries:
        """An object."""
        value = self._document.get(key)
        self._take(key, "an object", isinstance(value, dict), value)
        return Entries(value, f"{self._where}: {key}")

    def each(self, key: str, most: int) -> list[Entries]:
        """A list of objects."""
        value = self._document.get(key)
        self._take(key, f"a list of at most {most} objects", isinstance(value, list) and len(value) <= most, value)
        return [Entries(entry, f"{self._where}: {key}") for entry in value]  # type: ignore[union-attr]

    def keys(self) -> tuple[str, ...]:
        """The keys that are there."""
        return tuple(self._document)

    def has(self, key: str) -> bool:
        """Whether an entry is there and not null."""
        return self._document.get(key) is not None

    def raw(self) -> dict[str, object]:
        """The object itself."""
        return self._document


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), f"the number {str(value)[:40]}" if isinstance(value, (int, float)) else "foreign")
