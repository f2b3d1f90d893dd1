"""Folders with the record of one file or fit, and what belongs to it: tables, pictures to check, graphs, results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nakaya.core.files import write_whole
from nakaya.core.folders import new_folder
from nakaya.records.record import Record
from nakaya.records.store import RecordStore
from nakaya.records.tables import TABLES, tables_of, write_tables

__all__ = ["RECORDS", "write_record_folder"]

RECORDS = "records"
"""Folder of the records in it; a folder without one is never replaced."""


def write_record_folder(
    record: Record, files: Mapping[str, bytes], out: Path, *, overwrite: bool = False
) -> dict[str, Any]:
    """Write a record in `records/`, its tables in `tables/` and other files, whole or not at all.

    Args:
        record: The record.
        files: Path in the folder -> content.
        out: Folder to make; `core.files.check_output` has checked it before the work.
        overwrite: Whether something there is replaced.

    Returns:
        Plain values: record (its id), status, flags, out, tables (their paths).

    Raises:
        OutputError: It cannot be written.
    """
    with new_folder(out, overwrite=overwrite) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / name, content)
        RecordStore(folder / RECORDS, create=True).add(record)
        tables = tables_of([record], folder / RECORDS)
        write_tables(tables, folder / TABLES)
    about = {"record": record.id, "status": record.status, "flags": list(record.flags), "out": out}
    return about | {"tables": [out / TABLES / name for name in tables]}
