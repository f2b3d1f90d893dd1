"""Readers of foreign files that packages outside bring: a file becomes records.

A package adds one by the entry point group "nakaya.readers": name = "package.module:READER". `nakaya ingest NAME FILE
--out RECORDS` calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nakaya.core.errors import OutputExistsError
from nakaya.core.registry import Registry
from nakaya.records.checks import check_record
from nakaya.records.record import Record
from nakaya.records.store import RecordStore
from nakaya.records.tables import TABLES, tables_of, write_tables

__all__ = ["READERS", "Reader", "ingest"]


@dataclass(frozen=True)
class Reader:
    """What an entry point of the group "nakaya.readers" names.

    Attributes:
        name: Of the entry point.
        meaning: What it reads, for help texts: "logs of the XY furnace (.xy)".
        read: Returns the records that a file holds; raises `FormatError` or `InputFileError` where it holds none.
    """

    name: str
    meaning: str
    read: Callable[[Path], Iterable[Record]]


READERS: Registry[Reader] = Registry("reader", "nakaya.readers", Reader, {})
"""Readers of plug-ins by name; ours have commands of their own."""


def ingest(reader: Reader, file: Path, out: Path, *, overwrite: bool = False) -> list[str]:
    """Read a file and add its records to a store of records, which is made where there is none.

    The tables of a record, in `tables/ID/`, are there before it: a record that is there has all of them.

    Returns:
        The ids of the records.

    Raises:
        OutputExistsError: A record of this id is there, and is another one; nothing was written.
        InputFileError, FormatError: The file cannot be read, or holds no records.
    """
    records = list(reader.read(file))
    store = RecordStore(out, create=True)
    known = {record.id for record in records if record.id in store and store.get(record.id) != record}
    if known and not overwrite:
        raise OutputExistsError(f"{out} holds other records of these ids: {', '.join(sorted(known))}: name another")
    for record in records:
        if record.id in known or record.id not in store:
            check_record(record)
            write_tables(tables_of([record], out), out / TABLES / record.id)
        store.add(record, overwrite=overwrite)
    return [record.id for record in records]
