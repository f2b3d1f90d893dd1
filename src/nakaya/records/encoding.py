"""Records as JSON, schema version 1. `docs/records.md` is the same in words.

The layout of one record (all numbers in SI; NaN and infinities of values as null, of interval ends as null):

    {"schema": "nakaya-record", "version": 1, "id": ..., "kind": ..., "material": ..., "composition": {...},
     "orientation": ..., "conditions": {name: quantity}, "quantities": {...}, "evidence": {...},
     "status": ..., "flags": [...], "provenance": {...}, "snapshots": [...]}

    quantity = {"values": number | list, "unit": "m/s", "uncertainty"?: same shape, "interval"?: [low, high, level],
                "axis"?: {"name": ..., "unit": ..., "values": [...]}}
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.documents import plain
from nakaya.core.errors import FormatError, ParameterError, shown
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import parse_json
from nakaya.records.record import MAX_ID_LENGTH, Axis, Interval, Provenance, Quantity, Record, Snapshot

__all__ = ["SCHEMA", "SCHEMA_VERSION", "from_document", "from_json", "record_hash", "to_document", "to_json"]

SCHEMA = "nakaya-record"
SCHEMA_VERSION = 1

_PLAIN = ("id", "kind", "material", "composition", "orientation", "status", "flags")
_FIELDS = {"schema", "version", *(field.name for field in fields(Record))}
_REQUIRED = {"schema", "version", "id", "kind", "material", "conditions", "quantities", "provenance"}


def _quantity_document(quantity: Quantity) -> dict[str, Any]:
    document: dict[str, Any] = {"values": plain(quantity.values), "unit": quantity.unit}
    if quantity.uncertainty is not None:
        document["uncertainty"] = plain(quantity.uncertainty)
    if (interval := quantity.interval) is not None:
        document["interval"] = plain([interval.low, interval.high, interval.level])
    if (axis := quantity.axis) is not None:
        document["axis"] = {"name": axis.name, "unit": axis.unit, "values": axis.values.tolist()}
    return document


def to_document(record: Record) -> dict[str, Any]:
    """Return the record as JSON values, schema version 1. Infinite values, like NaN, become null."""
    groups = {
        name: {key: _quantity_document(entry) for key, entry in getattr(record, name).items()}
        for name in ("conditions", "quantities", "evidence")
    }
    return {
        "schema": SCHEMA,
        "version": SCHEMA_VERSION,
        **{name: plain(getattr(record, name)) for name in _PLAIN},
        **groups,
        "snapshots": plain(record.snapshots),
        "provenance": plain(record.provenance),
    }


def to_json(record: Record) -> str:
    """Return the record as one JSON document; the same record gives the same text."""
    return _compact(to_document(record)) + "\n"


def _compact(document: Mapping[str, Any]) -> str:
    # One line for each quantity: a series of a thousand numbers stays one line, and a diff stays readable.
    lines = []
    for key, value in document.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"  {json.dumps(name)}: {_dumps(entry)}" for name, entry in value.items())
            lines.append(f"{json.dumps(key)}: {{\n{inner}\n }}")
        else:
            lines.append(f"{json.dumps(key)}: {_dumps(value)}")
    return "{\n " + ",\n ".join(lines) + "\n}"


def _dumps(value: Any) -> str:  # any JSON value
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def record_hash(record: Record) -> str:
    """Hexadecimal sha256 of the record's JSON text: splits are frozen as lists of these."""
    return sha256_of_bytes(to_json(record).encode())


def _names(names: Iterable[str]) -> str:
    """Names of entries as a message lists them."""
    found = sorted(names)
    return ", ".join(shown(name) for name in found[:5]) + (f" and {len(found) - 5} more" if found[5:] else "")


class _Reader:
    """Reads JSON values of one record, and says where something is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, message: str) -> FormatError:
        return FormatError(f"{self.where}: {message}")

    def object_at(self, value: Any, what: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(f"{what} is {type(value).__name__}, expected an object")
        return value

    def text(self, value: Any, what: str) -> str:
        if not isinstance(value, str):
            raise self.fail(f"{what} is {shown(value)}, expected text")
        if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise self.fail(f"{what} is {shown(value)}: half a character, which no file can hold")
        return value

    def list_at(self, value: Any, what: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.fail(f"{what} is {type(value).__name__}, expected a list")
        return value

    def numbers(self, value: Any, what: str) -> FloatArray:
        def convert(entry: Any, depth: int) -> Any:
            if entry is None:
                return math.nan
            if isinstance(entry, list) and depth < 4:
                return [convert(inner, depth + 1) for inner in entry]
            if isinstance(entry, bool) or not isinstance(entry, (int, float)) or not math.isfinite(entry):
                raise self.fail(f"{what} holds {shown(entry)}, expected finite numbers or null")
            return entry

        try:
            return np.array(convert(value, 0), dtype=np.float64)
        except FormatError:
            raise
        except (ValueError, OverflowError) as error:
            raise self.fail(f"{what} is not a block of numbers: {error}") from None

    def number(self, value: Any, what: str) -> float:
        if isinstance(value, list):
            raise self.fail(f"{what} is a list, expected a number")
        return float(self.numbers(value, what))

    def texts(self, value: Any, what: str) -> dict[str, str]:
        entries = self.object_at(value, what).items()
        return {self.text(key, f"a name in {what}"): self.text(entry, f"{what}.{key}") for key, entry in entries}

    @contextmanager
    def naming(self, what: str) -> Iterator[None]:
        """Say which entry it is that contradicts itself."""
        try:
            yield
        except ParameterError as error:
            raise self.fail(f"{what}: {error}") from None

    def quantity(self, value: Any, what: str) -> Quantity:
        document = self.object_at(value, what)
        unknown = set(document) - {"values", "unit", "uncertainty", "interval", "axis"}
        if unknown or "values" not in document or "unit" not in document:
            raise self.fail(
                f"{what} needs values and unit, may have uncertainty, interval, axis; got {_names(document)}"
            )
        values, unit = self.numbers(document["values"], f"{what}.values"), self.text(document["unit"], f"{what}.unit")
        spread = document.get("uncertainty")
        errors = None if spread is None else self.numbers(spread, f"{what}.uncertainty")
        with self.naming(what):
            return Quantity(values, unit, errors, self.interval(document, what), self.axis(document, what))

    def interval(self, document: Mapping[str, Any], what: str) -> Interval | None:
        if document.get("interval") is None:
            return None
        ends = self.numbers(document["interval"], f"{what}.interval")
        if ends.shape != (3,):
            raise self.fail(f"{what}.interval needs [low, high, level]")
        low, high, level = ends.tolist()
        return Interval(-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high, level)

    def axis(self, document: Mapping[str, Any], what: str) -> Axis | None:
        if document.get("axis") is None:
            return None
        entries = self.object_at(document["axis"], f"{what}.axis")
        if set(entries) != {"name", "unit", "values"}:
            raise self.fail(f"{what}.axis needs name, unit and values; got {_names(entries)}")
        name, unit = (self.text(entries[key], f"{what}.axis.{key}") for key in ("name", "unit"))
        return Axis(name, unit, self.numbers(entries["values"], f"{what}.axis"))

    def quantities(self, value: Any, what: str) -> dict[str, Quantity]:
        entries = self.object_at(value, what)
        return {name: self.quantity(entry, f"{what}.{name}") for name, entry in entries.items()}

    def snapshot(self, value: Any, what: str) -> Snapshot:
        document = self.object_at(value, what)
        time = document.get("time")
        if time is not None and (isinstance(time, bool) or not isinstance(time, (int, float))):
            raise self.fail(f"{what}.time is {shown(time)}, expected seconds or null")
        path, digest, form = (self.text(document.get(key), f"{what}.{key}") for key in ("path", "sha256", "form"))
        with self.naming(what):
            return Snapshot(path, digest, form, None if time is None else float(time))

    def provenance(self, value: Any) -> Provenance:
        document = self.object_at(value, "provenance")
        if unknown := set(document) - {field.name for field in fields(Provenance)}:
            raise self.fail(f"provenance has unknown entries {_names(unknown)}")
        seeds = self.list_at(document.get("seeds", []), "provenance.seeds")
        if not all(isinstance(seed, int) and not isinstance(seed, bool) for seed in seeds):
            raise self.fail("provenance.seeds must be integers")
        commands = self.list_at(document.get("commands", []), "provenance.commands")
        return Provenance(
            source=self.text(document.get("source"), "provenance.source"),
            seeds=seeds,
            commands=[self.text(command, "a command") for command in commands],
            **{
                name: self.texts(document.get(name, {}), f"provenance.{name}")
                for name in ("files", "software", "settings")
            },
        )


def from_document(document: Any, *, where: str = "record") -> Record:  # any JSON value
    """Return the record that `to_document` wrote.

    Args:
        document: JSON values.
        where: Named in errors: the file, say.

    Raises:
        FormatError: The document is not a valid record; the message says what and where.
    """
    reader = _Reader(where)
    document = reader.object_at(document, "the document")
    if document.get("schema") != SCHEMA:
        raise reader.fail(f'"schema" is {shown(document.get("schema"))}, expected "{SCHEMA}"')
    if document.get("version") != SCHEMA_VERSION:
        raise reader.fail(f"version {shown(document.get('version'))} is not {SCHEMA_VERSION}: update nakaya to read it")
    if unknown := set(document) - _FIELDS:
        raise reader.fail(f"unknown entries {_names(unknown)}; known: {', '.join(sorted(_FIELDS))}")
    if missing := _REQUIRED - set(document):
        raise reader.fail(f"entries are missing: {', '.join(sorted(missing))}")
    name = reader.text(document["id"], "id")
    reader.where = f"{where}: record {name[:MAX_ID_LENGTH]}"
    orientation = document.get("orientation")
    composition = reader.object_at(document.get("composition", {}), "composition")
    flags = reader.list_at(document.get("flags", []), "flags")
    try:
        return Record(
            id=name,
            kind=document["kind"],
            material=reader.text(document["material"], "material"),
            conditions=reader.quantities(document["conditions"], "conditions"),
            quantities=reader.quantities(document["quantities"], "quantities"),
            evidence=reader.quantities(document.get("evidence", {}), "evidence"),
            provenance=reader.provenance(document["provenance"]),
            composition={
                reader.text(name, "a name in composition"): reader.number(value, f"composition.{name}")
                for name, value in composition.items()
            },
            orientation=None if orientation is None else reader.text(orientation, "orientation"),
            status=document.get("status", "ok"),
            flags=tuple(reader.text(flag, "a flag") for flag in flags),
            snapshots=tuple(
                reader.snapshot(entry, f"snapshots[{number}]")
                for number, entry in enumerate(reader.list_at(document.get("snapshots", []), "snapshots"))
            ),
        )
    except (ParameterError, TypeError) as error:
        raise FormatError(f"{where}: {error}") from None


def from_json(text: str, *, where: str = "record") -> Record:
    """Return the record that `to_json` wrote; errors as in `from_document`."""
    return from_document(parse_json(text, where, finite=False), where=where)
