"""A user's own LAMMPS input: run it, and analyse the dump that it writes."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from nakaya.core.errors import OutputError, ParameterError
from nakaya.md.ingest import known_records
from nakaya.md.lammps.program import find_lammps, run_lammps
from nakaya.md.trajectory_records import TrajectoryOptions, ingest_trajectory
from nakaya.records.collection import write_store
from nakaya.records.store import to_document

__all__ = ["run_own_input"]

MAX_COPY_BYTES = 256 << 20
"""Larger files beside an input are left where they are."""


def run_own_input(
    script: Path,
    dump: str,
    options: TrajectoryOptions,
    *,
    out: Path,
    overwrite: bool = False,
    time_limit: float | None = None,
) -> dict[str, Any]:
    """Run a user's own LAMMPS input in a copy of its folder, and analyse the dump that it writes.

    Args:
        script: The input; the regular files beside it are copied along.
        dump: Name of the dump file that the input writes.
        options: As for `ingest md`.
        out: Store to write.
        overwrite: Whether to replace it.
        time_limit: Seconds of wall time.

    Raises:
        OutputError, MissingExtraError, LammpsError: As elsewhere.
        ParameterError: The input or the dump is not there.
    """
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists: choose another --out, or give --overwrite")
    if not script.is_file():
        raise ParameterError(f"there is no LAMMPS input {script}")
    if Path(dump).name != dump:
        raise ParameterError(f"--dump {dump!r} must be a file name without folders: the input writes it beside itself")
    find_lammps()
    folder = out.parent / f".{out.name}.{os.getpid()}.run"
    try:
        folder.mkdir(parents=True)
        for entry in sorted(script.parent.iterdir()):
            if entry.is_file() and entry.stat().st_size <= MAX_COPY_BYTES:
                shutil.copyfile(entry, folder / entry.name)
        (folder / dump).unlink(missing_ok=True)
        run_lammps(folder, script=script.name, time_limit=time_limit, leashed=True)
        if not (folder / dump).is_file():
            raise ParameterError(f"{script} ran, but wrote no {dump}: name the file of its dump command")
        record = ingest_trajectory(folder / dump, options, known=known_records())
        record = replace(
            record,
            provenance=replace(record.provenance, source="own LAMMPS input", commands=(f"lmp -in {script.name}",)),
        )
        write_store([record], out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"records": [to_document(record)], "out": out}
