"""Records on disk: a store of one file per record that survives being killed; the schema is in `encoding`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nakaya.core.errors import (
    FormatError,
    InputFileError,
    NakayaError,
    OutputError,
    OutputExistsError,
    UnknownNameError,
    shown,
)
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes, sha256_of_file
from nakaya.core.reading import input_errors, read_bounded, read_json
from nakaya.records.checks import check_record, record_faults
from nakaya.records.encoding import (
    SCHEMA,
    SCHEMA_VERSION,
    from_document,
    from_json,
    record_hash,
    to_document,
    to_json,
)
from nakaya.records.record import Record, Snapshot
from nakaya.records.shipped import shipped_folder

__all__ = [
    "SCHEMA_VERSION",
    "RecordStore",
    "check_record",
    "check_snapshots",
    "chosen_records",
    "from_document",
    "from_json",
    "hash_records",
    "load_records",
    "problems",
    "record_folder",
    "record_hash",
    "records_place",
    "shipped_sets",
    "snapshot_file",
    "to_document",
    "to_json",
]

MAX_FILE_BYTES = 256 << 20
SUFFIX = ".json"

MAX_SHOWN = 80
"""Characters of a path or an id in a message."""


def check_snapshots(record: Record, folder: Path) -> None:
    """Check that every snapshot of a record lies under `folder` with the stated hash; errors of `snapshot_file`."""
    for shot in record.snapshots:
        snapshot_file(record, shot, folder)


def snapshot_file(record: Record, shot: Snapshot, folder: Path) -> Path:
    """Return where a snapshot of a record lies, whose paths start at `folder`.

    Raises:
        InputFileError: It cannot be read.
        FormatError: The file is missing, lies elsewhere (behind a link), or has other bytes.
    """
    path, where = folder / shot.path, f"record {record.id}: snapshot {shown(shot.path, MAX_SHOWN)}"
    with input_errors(path):
        if not path.is_file():
            raise FormatError(f"{where} is not in {folder}")
        if not path.resolve().is_relative_to(folder.resolve()):
            raise FormatError(f"{where} is a link to a place outside {folder}: copy the file there")
        if sha256_of_file(path) != shot.sha256:
            raise FormatError(f"{where} has other bytes than the record says")
    return path


class RecordStore:
    """A directory with one JSON file per record, named by its id.

    Writing is atomic and each record has its own file, so a process that is killed loses at most the record that it
    was writing, and several processes may add different records at once.

    Args:
        path: The directory; `create` makes it where it is missing.
        create: Whether to make the directory.

    Raises:
        InputFileError: The directory does not exist.

    >>> import tempfile
    >>> store = RecordStore(Path(tempfile.mkdtemp()) / "records", create=True)
    >>> store.add(load_records("al-cu-si")[0]), len(store)
    (True, 1)
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
        return sorted(name.removesuffix(SUFFIX) for name in _names(self.path))

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
        record = _checked(read_json(path, MAX_FILE_BYTES, finite=False), str(path))
        if record.id != record_id:
            raise FormatError(f"{path} holds record {record.id!r}: the file must be named after the id")
        return record

    def add(self, record: Record, *, overwrite: bool = False) -> bool:
        """Validate and write one record; return whether the store changed.

        A record that is there already with the same content is left alone.

        Raises:
            ParameterError: `records.checks.record_faults` finds something.
            OutputError: Another record of this id is there and `overwrite` is not set, or the disk refuses.
        """
        check_record(record)
        path = self._file(record.id)
        text = to_json(record)
        if path.exists():
            # A checkout may have changed the ends of lines.
            there = read_bounded(path, MAX_FILE_BYTES).replace(b"\r\n", b"\n")
            if there == text.encode():
                return False
            if not overwrite:
                raise OutputError(f"record {record.id} exists in {self.path} with other content")
        try:
            write_whole(path, text.encode(), overwrite=overwrite)
        except OutputExistsError:  # another process was faster: with the same content, perhaps
            return self.add(record)
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


def _names(folder: Path) -> Iterator[str]:
    """Names of the files of records in a folder; hidden ones are parts, or of the operating system."""
    if folder.is_dir():
        yield from (
            entry.name
            for entry in folder.iterdir()
            if entry.suffix == SUFFIX and entry.is_file() and not entry.name.startswith(".")
        )


def shipped_sets() -> dict[str, Path]:
    """Name -> directory of every set of records that ships with the package."""
    root = shipped_folder("")
    if not root.is_dir():
        return {}
    return {entry.name: entry / "records" for entry in sorted(root.iterdir()) if (entry / "records").is_dir()}


def records_place(name_or_path: str | Path) -> Path:
    """Where records of this name lie: a store, or a file. The output of a campaign is its folder `records`.

    Raises:
        InputFileError: The system takes no such name.
    """
    path = Path(name_or_path)
    with input_errors(path):
        if not path.exists() and str(name_or_path) in (sets := shipped_sets()):
            return sets[str(name_or_path)]
        nested = path / "records"
        return path if any(_names(path)) or not nested.is_dir() else nested


def record_folder(name_or_path: str | Path) -> Path:
    """Folder from which the paths of snapshots start: that of the records themselves."""
    place = records_place(name_or_path)
    return place if place.is_dir() else place.parent


def load_records(name_or_path: str | Path) -> list[Record]:
    """Return records from a shipped set, a store, a file of one record, or a file {"records": [...]}.

    Args:
        name_or_path: "al-cu-si", say, or a path; a path that exists wins over a name.

    Raises:
        InputFileError: Neither a file nor a directory nor a known name.
        FormatError: Something in it is not a valid record.

    >>> records = load_records("al-cu-si")
    >>> sorted({record.material for record in records})
    ['Al', 'Cu', 'Si']
    """
    path = records_place(name_or_path)
    if path.is_dir():
        return list(RecordStore(path))
    if not path.is_file():
        known = ", ".join(shipped_sets()) or "none"
        raise InputFileError(f"{name_or_path} is neither a file, a directory nor a shipped set (known: {known})")
    ids: set[str] = set()
    return [_one_of_file(document, where, ids) for where, document in _documents(path)]


def _documents(path: Path) -> list[tuple[str, Any]]:
    """The records of a file as JSON values, each with where it stands.

    Raises:
        FormatError: The file is no JSON object, holds no records, or "records" in it is no list.
    """
    document = read_json(path, MAX_FILE_BYTES, finite=False)
    if not isinstance(document, dict):
        raise FormatError(f"{path}: the document is {type(document).__name__}, expected an object")
    if "records" not in document:
        if "schema" not in document:  # another kind of file
            raise FormatError(f'{path}: "schema" is None, expected "{SCHEMA}"')
        return [(str(path), document)]
    if not isinstance(document["records"], list):
        raise FormatError(f'{path}: "records" is not a list')
    return [(f"{path}, record {number}", entry) for number, entry in enumerate(document["records"])]


def _one_of_file(document: Any, where: str, ids: set[str]) -> Record:  # any JSON value
    """A record of a file, whose id is added to those that the file had before it."""
    record = _checked(document, where)
    if record.id in ids:
        raise FormatError(f"{where}: a second record of the id {record.id}: remove one of them, or give it another id")
    ids.add(record.id)
    return record


def _checked(document: Any, where: str) -> Record:  # any JSON value
    """A record that keeps the schema and says nothing that cannot be; `FormatError` where it does not."""
    record = from_document(document, where=where)
    if faults := list(record_faults(record)):
        raise FormatError(f"{where}: record {record.id}: {'; '.join(faults)}")
    return record


def chosen_records(records: Sequence[Record], ids: Iterable[str]) -> list[Record]:
    """Return the records of some ids, in the order of the ids and each once; all of them where no id is named.

    Raises:
        UnknownNameError: There is no record of an id; the nearest ones are named.
    """
    by_id = {record.id: record for record in records}
    wanted = dict.fromkeys(ids)
    for name in wanted:
        if name not in by_id:
            raise UnknownNameError("record", name, by_id)
    return [by_id[name] for name in wanted] or list(records)


def problems(place: Path) -> list[tuple[str, str]]:
    """Return (entry, what is wrong) for every record that is not what it should be; nothing in one stops the next.

    Args:
        place: A store, in which every snapshot must lie, or a file; the entries of `{"records": [...]}` have numbers.

    Raises:
        FormatError: A file is no JSON object, holds no records, or "records" in it is no list.
    """
    if place.is_dir():
        store = RecordStore(place)
        looks: list[tuple[str, str, Callable[[], object]]] = [
            (f"{name}{SUFFIX}", str(place / f"{name}{SUFFIX}"), partial(_look_at, store, name)) for name in store.ids()
        ]
    else:
        ids: set[str] = set()
        looks = [
            (where.removeprefix(f"{place}, "), where, partial(_one_of_file, document, where, ids))
            for where, document in _documents(place)
        ]
    return [(entry, said.removeprefix(f"{where}: ")) for entry, where, look in looks if (said := _said(look))]


def _said(look: Callable[[], object]) -> str | None:
    try:
        look()
    except NakayaError as error:
        return str(error)
    return None


def _look_at(store: RecordStore, record_id: str) -> None:
    check_snapshots(store.get(record_id), store.path)


def hash_records(records: Sequence[Record]) -> str:
    """sha256 over the hashes of records, in the order of their ids."""
    lines = "".join(f"{record.id} {record_hash(record)}\n" for record in sorted(records, key=lambda entry: entry.id))
    return sha256_of_bytes(lines.encode())
