"""The corpus of a shipped set, a store or a file of records, read once per process, and its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from nakaya.core.errors import InputFileError
from nakaya.kinetics.samples.corpus import Corpus, read_corpus
from nakaya.records.encoding import record_hash
from nakaya.records.record import Record
from nakaya.records.store import load_records, records_place

__all__ = ["corpus_hash", "load_corpus", "snapshot_folder"]


def corpus_hash(corpus: Corpus) -> str:
    """sha256 over the names and contents of the records that are trained on or scored, and of the materials' tables."""
    lines = [f"{record.id} {record_hash(record)}" for record in corpus.records]
    for material, table in sorted(corpus.tables.items()):
        lines.append(f"{material} {table.melting_temperature:.6g} {table.melting_error:.6g}")
        for name in ("lattice_parameter", "latent_heat", "diffusivity"):
            curve = getattr(table, name)
            lines.append(name + (" -" if curve is None else "".join(f" {curve(t):.6g}" for t in (400, 900, 1600))))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=2)
def load_corpus(source: str, graphs: bool) -> Corpus:
    """Read the records of a shipped set, a store or a file; made once per process.

    Args:
        source: Name or path.
        graphs: Whether samples get their graphs; snapshots that are not there (a set without its patches) leave the
            graphs without atoms.
    """
    records = load_records(source)
    return read_corpus(records, snapshot_folder(source, records) if graphs else None, graphs=graphs)


def snapshot_folder(source: str, records: Sequence[Record]) -> Path | None:
    """Folder in which the snapshots of a set lie; None where the set came without any of those that it names.

    Raises:
        InputFileError: Some are there and some are not.
    """
    place = records_place(source)
    folder = place if place.is_dir() else place.parent
    shots = [shot.path for record in records for shot in record.snapshots]
    missing = [path for path in shots if not (folder / path).is_file()]
    if missing and len(missing) < len(shots):
        raise InputFileError(
            f"{len(missing)} of {len(shots)} snapshots are not in {folder}, such as {missing[0]}: copy them there, or "
            "leave all of them out"
        )
    return None if missing else folder
