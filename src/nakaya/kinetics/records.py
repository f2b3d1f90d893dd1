"""Records on disk: JSON schema version 1, and a store of one file per record that survives being killed.

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
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, InputFileError, NakayaError, OutputError, ParameterError, UnknownNameError
from nakaya.core.provenance import sha256_of_bytes, sha256_of_file
from nakaya.core.record import (
    CONDITION_UNITS,
    QUANTITY_UNITS,
    Axis,
    Interval,
    Provenance,
    Quantity,
    Record,
    Snapshot,
)
from nakaya.kinetics.units import check_unit

__all__ = [
    "SCHEMA_VERSION",
    "RecordStore",
    "check_record",
    "check_snapshots",
    "from_document",
    "from_json",
    "load_records",
    "problems",
    "record_hash",
    "records_place",
    "shipped_sets",
    "to_document",
    "to_json",
    "write_atomically",
]

SCHEMA = "nakaya-record"
SCHEMA_VERSION = 1
MAX_FILE_BYTES = 256 << 20
SUFFIX = ".json"

_FIELDS = {
    "schema", "version", "id", "kind", "material", "composition", "orientation", "conditions", "quantities",
    "evidence", "status", "flags", "provenance", "snapshots",
}  # fmt: skip
_REQUIRED = {"schema", "version", "id", "kind", "material", "conditions", "quantities", "provenance"}


def _numbers(values: FloatArray | None) -> Any:  # a number, null or nested lists of them
    if values is None:
        return None
    if values.ndim:
        return [_numbers(entry) for entry in values]
    number = float(values)
    return number if math.isfinite(number) else None


def _quantity_document(quantity: Quantity) -> dict[str, Any]:
    document: dict[str, Any] = {"values": _numbers(quantity.values), "unit": quantity.unit}
    if quantity.uncertainty is not None:
        document["uncertainty"] = _numbers(quantity.uncertainty)
    if (interval := quantity.interval) is not None:
        ends = [end if math.isfinite(end) else None for end in (interval.low, interval.high)]
        document["interval"] = [*ends, interval.level]
    if (axis := quantity.axis) is not None:
        document["axis"] = {"name": axis.name, "unit": axis.unit, "values": axis.values.tolist()}
    return document


def to_document(record: Record) -> dict[str, Any]:
    """Return the record as JSON values, schema version 1. Infinite values, like NaN, become null."""
    provenance = record.provenance
    return {
        "schema": SCHEMA,
        "version": SCHEMA_VERSION,
        "id": record.id,
        "kind": record.kind,
        "material": record.material,
        "composition": dict(record.composition),
        "orientation": record.orientation,
        "status": record.status,
        "flags": list(record.flags),
        "conditions": {name: _quantity_document(entry) for name, entry in record.conditions.items()},
        "quantities": {name: _quantity_document(entry) for name, entry in record.quantities.items()},
        "evidence": {name: _quantity_document(entry) for name, entry in record.evidence.items()},
        "snapshots": [
            {"path": shot.path, "sha256": shot.sha256, "form": shot.form, "time": shot.time}
            for shot in record.snapshots
        ],
        "provenance": {
            "source": provenance.source,
            "files": dict(provenance.files),
            "software": dict(provenance.software),
            "seeds": list(provenance.seeds),
            "commands": list(provenance.commands),
            "settings": dict(provenance.settings),
        },
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
            raise self.fail(f"{what} is {value!r}, expected text")
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
            if isinstance(entry, bool) or not isinstance(entry, (int, float)):
                raise self.fail(f"{what} holds {str(entry)[:40]!r}, expected numbers or null")
            return entry

        try:
            return np.array(convert(value, 0), dtype=np.float64)
        except (ValueError, OverflowError) as error:
            raise self.fail(f"{what} is not a block of numbers: {error}") from None

    def texts(self, value: Any, what: str) -> dict[str, str]:
        return {key: self.text(entry, f"{what}.{key}") for key, entry in self.object_at(value, what).items()}

    def quantity(self, value: Any, what: str) -> Quantity:
        document = self.object_at(value, what)
        unknown = set(document) - {"values", "unit", "uncertainty", "interval", "axis"}
        if unknown or "values" not in document or "unit" not in document:
            raise self.fail(
                f"{what} needs values and unit, may have uncertainty, interval, axis; got {sorted(document)}"
            )
        interval = axis = spread = None
        if document.get("uncertainty") is not None:
            spread = self.numbers(document["uncertainty"], f"{what}.uncertainty")
        if document.get("interval") is not None:
            ends = self.numbers(document["interval"], f"{what}.interval")
            if ends.shape != (3,):
                raise self.fail(f"{what}.interval needs [low, high, level]")
            low, high, level = ends.tolist()
            interval = Interval(-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high, level)
        if document.get("axis") is not None:
            entries = self.object_at(document["axis"], f"{what}.axis")
            if set(entries) != {"name", "unit", "values"}:
                raise self.fail(f"{what}.axis needs name, unit and values; got {sorted(entries)}")
            axis = Axis(
                self.text(entries["name"], f"{what}.axis.name"),
                self.text(entries["unit"], f"{what}.axis.unit"),
                self.numbers(entries["values"], f"{what}.axis"),
            )
        values = self.numbers(document["values"], f"{what}.values")
        return Quantity(values, self.text(document["unit"], f"{what}.unit"), spread, interval, axis)

    def quantities(self, value: Any, what: str) -> dict[str, Quantity]:
        entries = self.object_at(value, what)
        return {name: self.quantity(entry, f"{what}.{name}") for name, entry in entries.items()}

    def snapshot(self, value: Any) -> Snapshot:
        document = self.object_at(value, "a snapshot")
        time = document.get("time")
        if time is not None and (isinstance(time, bool) or not isinstance(time, (int, float))):
            raise self.fail(f"time of a snapshot is {time!r}, expected seconds or null")
        path, digest, form = (self.text(document.get(key), f"snapshot.{key}") for key in ("path", "sha256", "form"))
        return Snapshot(path, digest, form, None if time is None else float(time))

    def provenance(self, value: Any) -> Provenance:
        document = self.object_at(value, "provenance")
        unknown = set(document) - {"source", "files", "software", "seeds", "commands", "settings"}
        if unknown:
            raise self.fail(f"provenance has unknown entries {sorted(unknown)}")
        seeds = self.list_at(document.get("seeds", []), "provenance.seeds")
        if not all(isinstance(seed, int) and not isinstance(seed, bool) for seed in seeds):
            raise self.fail("provenance.seeds must be integers")
        commands = self.list_at(document.get("commands", []), "provenance.commands")
        return Provenance(
            source=self.text(document.get("source"), "provenance.source"),
            files=self.texts(document.get("files", {}), "provenance.files"),
            software=self.texts(document.get("software", {}), "provenance.software"),
            seeds=tuple(seeds),
            commands=tuple(self.text(command, "a command") for command in commands),
            settings=self.texts(document.get("settings", {}), "provenance.settings"),
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
        raise reader.fail(f'"schema" is {document.get("schema")!r}, expected "{SCHEMA}"')
    if document.get("version") != SCHEMA_VERSION:
        raise reader.fail(f"version {document.get('version')!r} is not {SCHEMA_VERSION}: update nakaya to read it")
    if unknown := set(document) - _FIELDS:
        raise reader.fail(f"unknown entries {sorted(unknown)}; known: {', '.join(sorted(_FIELDS))}")
    if missing := _REQUIRED - set(document):
        raise reader.fail(f"entries are missing: {', '.join(sorted(missing))}")
    orientation = document.get("orientation")
    composition = reader.object_at(document.get("composition", {}), "composition")
    flags = reader.list_at(document.get("flags", []), "flags")
    try:
        return Record(
            id=reader.text(document["id"], "id"),
            kind=document["kind"],
            material=reader.text(document["material"], "material"),
            conditions=reader.quantities(document["conditions"], "conditions"),
            quantities=reader.quantities(document["quantities"], "quantities"),
            evidence=reader.quantities(document.get("evidence", {}), "evidence"),
            provenance=reader.provenance(document["provenance"]),
            composition={name: float(reader.numbers(value, "composition")) for name, value in composition.items()},
            orientation=None if orientation is None else reader.text(orientation, "orientation"),
            status=document.get("status", "ok"),
            flags=tuple(reader.text(flag, "a flag") for flag in flags),
            snapshots=tuple(
                reader.snapshot(entry) for entry in reader.list_at(document.get("snapshots", []), "snapshots")
            ),
        )
    except (ParameterError, TypeError) as error:
        raise FormatError(f"{where}: {error}") from None


def _parse_json(text: str, where: str) -> Any:  # any JSON value
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"{where} is not JSON: {error}: it may be truncated or another kind of file") from None


def from_json(text: str, *, where: str = "record") -> Record:
    """Return the record that `to_json` wrote; errors as in `from_document`."""
    return from_document(_parse_json(text, where), where=where)


def check_record(record: Record) -> None:
    """Check units: all SI, and those of the names with a fixed meaning of the right dimension.

    Raises:
        ParameterError: What is wrong, with the record's id.
    """
    for group, vocabulary in (
        (record.conditions, CONDITION_UNITS),
        (record.quantities, QUANTITY_UNITS),
        (record.evidence, QUANTITY_UNITS),
    ):
        for name, entry in group.items():
            check_unit(f"record {record.id}: {name}", entry.unit, vocabulary.get(name))
            if entry.axis is not None:
                check_unit(f"record {record.id}: axis {entry.axis.name} of {name}", entry.axis.unit)


def check_snapshots(record: Record, folder: Path) -> None:
    """Check that every snapshot of a record lies under `folder` with the stated hash.

    Raises:
        FormatError: A file is missing or has other bytes.
    """
    for shot in record.snapshots:
        path = folder / shot.path
        if not path.is_file():
            raise FormatError(f"record {record.id}: snapshot {shot.path} is not in {folder}")
        if sha256_of_file(path) != shot.sha256:
            raise FormatError(f"record {record.id}: snapshot {shot.path} has other bytes than the record says")


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise FormatError(f"{path} has {size} bytes: a file of records is at most {MAX_FILE_BYTES}")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not text: {error.reason}") from None
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {(error.strerror or 'unknown reason').lower()}") from None


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a temporary sibling, fsync, rename.

    Raises:
        OutputError: The disk is full or the place cannot be written; nothing is left behind.
    """
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {(error.strerror or 'unknown reason').lower()}") from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class RecordStore:
    """A directory with one JSON file per record, named by its id.

    Writing is atomic and each record has its own file, so a process that is killed loses at most the record that it
    was writing, and several processes may add different records at once.

    Args:
        path: The directory; `create` makes it where it is missing.
        create: Whether to make the directory.

    Raises:
        InputFileError: The directory does not exist.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = Path(path)
        if create:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"cannot make {path}: {(error.strerror or 'unknown reason').lower()}") from None
        if not self.path.is_dir():
            raise InputFileError(f"{path} is not a directory of records")

    def ids(self) -> list[str]:
        """Ids of all records, sorted."""
        names = (entry.name for entry in self.path.iterdir() if entry.suffix == SUFFIX and entry.is_file())
        return sorted(name[: -len(SUFFIX)] for name in names if not name.startswith("."))

    def __contains__(self, record_id: str) -> bool:
        return self._file(record_id).is_file()

    def __len__(self) -> int:
        return len(self.ids())

    def __iter__(self) -> Iterator[Record]:
        return (self.get(record_id) for record_id in self.ids())

    def get(self, record_id: str) -> Record:
        """Return one record.

        Raises:
            UnknownNameError: There is no such record; the nearest id is named.
            FormatError: The file is damaged, or holds a record of another id.
        """
        path = self._file(record_id)
        if not path.is_file():
            raise UnknownNameError("record", record_id, self.ids())
        record = from_json(_read_text(path), where=str(path))
        if record.id != record_id:
            raise FormatError(f"{path} holds record {record.id!r}: the file must be named after the id")
        return record

    def add(self, record: Record, *, overwrite: bool = False) -> bool:
        """Validate and write one record; return whether the store changed.

        A record that is there already with the same content is left alone.

        Raises:
            ParameterError: Units are wrong.
            OutputError: Another record of this id is there and `overwrite` is not set, or the disk refuses.
        """
        check_record(record)
        path = self._file(record.id)
        text = to_json(record)
        if path.exists():
            if _read_text(path) == text:
                return False
            if not overwrite:
                raise OutputError(f"record {record.id} exists in {self.path} with other content")
        write_atomically(path, text.encode())
        return True

    def merge(self, records: Iterable[Record]) -> int:
        """Add records, all or (on a conflict) none; return how many were new.

        Raises:
            OutputError: A record of the same id and other content is there; the message names it.
        """
        pending: dict[str, Record] = {}
        for record in records:
            check_record(record)
            known = pending.get(record.id) or (self.get(record.id) if record.id in self else None)
            if known is not None and known != record:
                raise OutputError(f"record {record.id} comes with two different contents: rename or remove one")
            pending[record.id] = record
        return sum(self.add(record) for record in pending.values())

    def _file(self, record_id: str) -> Path:
        return self.path / f"{record_id}{SUFFIX}"


def shipped_sets() -> dict[str, Path]:
    """Name -> directory of every set of records that ships with the package."""
    root = Path(str(files("nakaya.kinetics"))) / "data"
    if not root.is_dir():
        return {}
    return {entry.name: entry / "records" for entry in sorted(root.iterdir()) if (entry / "records").is_dir()}


def records_place(name_or_path: str | Path) -> Path:
    """Where records of this name lie: a store, or a file. The output of a campaign is its folder `records`."""
    path = Path(name_or_path)
    if not path.exists() and str(name_or_path) in (sets := shipped_sets()):
        return sets[str(name_or_path)]
    nested = path / "records"
    return nested if nested.is_dir() and not list(path.glob(f"*{SUFFIX}")) else path


def load_records(name_or_path: str | Path) -> list[Record]:
    """Return records from a shipped set, a store, a file of one record, or a file {"records": [...]}.

    Args:
        name_or_path: "al-cu-si", say, or a path; a path that exists wins over a name.

    Raises:
        InputFileError: Neither a file nor a directory nor a known name.
        FormatError: Something in it is not a valid record.
    """
    path = records_place(name_or_path)
    if path.is_dir():
        return list(RecordStore(path))
    if not path.is_file():
        known = ", ".join(shipped_sets()) or "none"
        raise InputFileError(f"{name_or_path} is neither a file, a directory nor a shipped set (known: {known})")
    document = _parse_json(_read_text(path), str(path))
    if isinstance(document, dict) and "records" in document:
        entries: Sequence[Any] = document["records"]
        if not isinstance(entries, list):
            raise FormatError(f'{path}: "records" is not a list')
        return [from_document(entry, where=f"{path}, record {number}") for number, entry in enumerate(entries)]
    return [from_document(document, where=str(path))]


def problems(records_path: Path) -> list[tuple[str, str]]:
    """Return (file, what is wrong) for every record in a store that is damaged, has wrong units or lacks a snapshot."""
    found = []
    store = RecordStore(records_path)
    for record_id in store.ids():
        try:
            record = store.get(record_id)
            check_record(record)
            check_snapshots(record, records_path)
        except NakayaError as error:
            found.append((f"{record_id}{SUFFIX}", str(error)))
    return found
