"""Trajectories of atoms to records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nakaya.core.errors import InputFileError, OutputError
from nakaya.core.provenance import sha256_of_file
from nakaya.md.trajectory_records import TrajectoryOptions, ingest_trajectory
from nakaya.records.collection import summarise_record, write_store
from nakaya.records.record import Record
from nakaya.records.store import load_records, shipped_sets, to_document

__all__ = ["hash_input", "ingest_md", "known_records"]


def known_records(name_or_path: str | Path | None = "al-cu-si") -> list[Record]:
    """Records that ship with the package (or lie at a path); none where the name stands for nothing shipped."""
    if name_or_path is None or (str(name_or_path) == "al-cu-si" and "al-cu-si" not in shipped_sets()):
        return []
    return load_records(name_or_path)


def hash_input(path: Path) -> str:
    """Hexadecimal sha256 of a file that a user named.

    Raises:
        InputFileError: It cannot be read.
    """
    if not path.is_file():
        raise InputFileError(f"there is no file {path}")
    return sha256_of_file(path)


def ingest_md(
    files: Sequence[Path], options: TrajectoryOptions, *, out: Path | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Read trajectories, one record each, and store them where `out` is given.

    Returns:
        {"records": [...], "summary": [one line per record], "out": ...}.

    Raises:
        NakayaError: As in `ingest_trajectory`; `OutputError` where `out` exists and `overwrite` is not set.
    """
    if out is not None and out.exists() and not overwrite:
        raise OutputError(f"{out} exists: choose another --out, or give --overwrite")
    known = known_records()
    records = [ingest_trajectory(path, options, known=known) for path in files]
    if out is not None:
        write_store(records, out)
    summary = [line for record in records for line in (summarise_record(record), *(f"  {f}" for f in record.flags))]
    return {"records": [to_document(record) for record in records], "summary": summary, "out": out}
