"""Records in, records out: look into them, check them, join them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nakaya.core.errors import InputFileError, OutputError, ParameterError
from nakaya.core.files import check_output
from nakaya.core.folders import new_folder
from nakaya.records.record import Record
from nakaya.records.store import (
    RecordStore,
    chosen_records,
    load_records,
    problems,
    record_folder,
    records_place,
    snapshot_file,
    to_document,
)
from nakaya.records.summary import summarise_record
from nakaya.records.tables import TABLES, tables_of, write_tables

__all__ = [
    "load_sources",
    "merge_records",
    "record_documents",
    "show_records",
    "summarise_record",
    "validate_records",
    "write_store",
]


def show_records(source: str | Path, ids: Sequence[str] = ()) -> list[Record]:
    """Return the records of a shipped set ("al-cu-si"), a store, or a file.

    Args:
        source: Where they are.
        ids: Only these, in this order; all of them where empty.

    Raises:
        InputFileError: There is nothing of that name.
        FormatError: Something there is not a valid record.
        UnknownNameError: There is no record of an id.
    """
    return chosen_records(_loaded(source), ids)


def _loaded(source: str | Path) -> list[Record]:
    """The records, of which there is at least one: a folder of something else is no empty store."""
    records = load_records(source)
    if not records:
        raise InputFileError(
            f"{source} holds no records: name a store (with files ID.json), a JSON file or a shipped set"
        )
    return records


def record_documents(source: str | Path, ids: Sequence[str] = ()) -> dict[str, Any]:
    """Return {"records": [...]} with every record, or those of `ids`, as JSON values of the schema."""
    return {"records": [to_document(record) for record in show_records(source, ids)]}


def validate_records(source: str | Path) -> list[dict[str, str]]:
    """Return [{"file": ..., "problem": ...}], empty where all is well.

    A store is checked file by file with its snapshots, a file record by record; nothing in a record stops the check. A
    file that is no JSON raises `FormatError`, a folder or a file without records `InputFileError`.
    """
    place = records_place(source)
    if place.exists() and (wrong := problems(place)):
        return [{"file": name, "problem": problem} for name, problem in wrong]
    _loaded(source)  # nothing wrong in nothing at all is no good news
    return []


def merge_records(sources: Sequence[str | Path], out: Path, *, overwrite: bool = False) -> int:
    """Join stores and files into one new store; return the number of records.

    The same record in two sources is kept once; the same id with two contents is an error. Snapshots of stores are
    copied. The new store appears whole or not at all.

    Raises:
        OutputError: `out` exists and `overwrite` is not set, or two records contradict each other.
    """
    if not sources:
        raise ParameterError("nothing to merge: name at least one store or file of records")
    check_output(out, overwrite=overwrite, sign="*.json")
    records, snapshots = load_sources(sources)
    write_store(records, out, snapshots=snapshots, overwrite=overwrite)
    return len(RecordStore(out))


def load_sources(sources: Sequence[str | Path]) -> tuple[list[Record], dict[str, Path]]:
    """Return the records of several places, and for the path of each of their snapshots the file that has it.

    Raises:
        InputFileError: One of them holds no records.
        FormatError: A snapshot is not the file that the record names.
        OutputError: Different files are called the same.
    """
    found: list[Record] = []
    snapshots: dict[str, Path] = {}
    digests: dict[str, str] = {}
    for source in sources:
        folder, records = record_folder(source), _loaded(source)
        found += records
        for record, shot in ((entry, shot) for entry in records for shot in entry.snapshots):
            if digests.setdefault(shot.path, shot.sha256) != shot.sha256:
                raise OutputError(
                    f"record {record.id}: another snapshot is called {shot.path}, too: rename one of them"
                )
            # The store that lacks a file may come before or after one that has it.
            if shot.path not in snapshots and os.path.lexists(folder / shot.path):
                snapshots[shot.path] = snapshot_file(record, shot, folder)
    return found, snapshots


def write_store(
    records: Sequence[Record],
    out: Path,
    *,
    snapshots: Mapping[str, Path] | None = None,
    tables: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a new store, whole or not at all.

    Args:
        records: Of different ids, or the same.
        out: Directory.
        snapshots: Path inside the store -> file to copy there; missing files are left out.
        tables: Whether each record gets its tables, in `tables/ID/`.
        overwrite: Whether it takes the place of what is at `out`.

    Raises:
        OutputError: `out` exists, the disk refuses, or one id comes with two contents.
    """
    with new_folder(out, overwrite=overwrite) as fresh:
        RecordStore(fresh).merge(records)
        for place, source in (snapshots or {}).items():
            if source.is_file() and not (fresh / place).exists():
                (fresh / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, fresh / place)
        for record in records if tables else ():
            write_tables(tables_of([record], fresh), fresh / TABLES / record.id)
