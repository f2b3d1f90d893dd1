"""Trajectories of others to records: files that are there, or what an input of theirs writes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nakaya.core.errors import InputFileError, ParameterError
from nakaya.core.files import check_output, own_part, remove_leftovers
from nakaya.core.provenance import sha256_of_file
from nakaya.md.electric_field import check_charges, field_condition, field_variables
from nakaya.md.lammps.program import find_lammps, run_lammps
from nakaya.md.trajectory_records import TrajectoryOptions, ingest_trajectory
from nakaya.records.collection import summarise_record, write_store
from nakaya.records.record import Record
from nakaya.records.store import load_records, shipped_sets, to_document

__all__ = ["hash_input", "ingest_md", "known_records", "run_own_input"]

MAX_COPY_BYTES = 256 << 20
"""Larger files beside an input are left where they are."""


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
    if out is not None:
        check_output(out, overwrite=overwrite, sign="*.json")
    known = known_records()
    records = [ingest_trajectory(path, options, known=known) for path in files]
    if out is not None:
        write_store(records, out, tables=True, overwrite=overwrite)
    summary = [line for record in records for line in (summarise_record(record), *(f"  {f}" for f in record.flags))]
    return {"records": [to_document(record) for record in records], "summary": summary, "out": out}


def run_own_input(
    script: Path,
    dump: str,
    options: TrajectoryOptions,
    *,
    out: Path,
    overwrite: bool = False,
    time_limit: float | None = None,
    electric_field: float | None = None,
) -> dict[str, Any]:
    """Run a user's own LAMMPS input in a copy of its folder, and analyse the dump that it writes.

    Args:
        script: The input; the regular files beside it are copied along.
        dump: Name of the dump file that the input writes.
        options: As for `ingest md`.
        out: Store to write.
        overwrite: Whether to replace it.
        time_limit: Seconds of wall time.
        electric_field: V/m; handed to the input as its variable `electric_field`, in V/A.

    Raises:
        OutputError, MissingExtraError, LammpsError: As elsewhere.
        ParameterError: The input or the dump is not there; or a field does not act on what is.
    """
    check_output(out, overwrite=overwrite, sign="*.json")
    if not script.is_file():
        raise ParameterError(f"there is no LAMMPS input {script}")
    if Path(dump).name != dump:
        raise ParameterError(f"dump={dump!r} must be a file name without folders: the input writes it beside itself")
    variables = field_variables(script, electric_field, options.lammps_units) if electric_field else {}
    find_lammps()
    remove_leftovers(out)
    folder = own_part(out)
    try:
        folder.mkdir(parents=True)
        for entry in script.parent.iterdir():
            if entry.is_file() and entry.stat().st_size <= MAX_COPY_BYTES:
                shutil.copyfile(entry, folder / entry.name)
        (folder / dump).unlink(missing_ok=True)
        run_lammps(folder, script=script.name, variables=variables, time_limit=time_limit)
        if not (folder / dump).is_file():
            raise ParameterError(f"{script} ran, but wrote no {dump}: name the file of its dump command")
        if electric_field:
            check_charges(folder / dump, options.lammps_units, options.elements)
        record = ingest_trajectory(folder / dump, options, known=known_records())
        record = replace(
            record,
            conditions={**record.conditions, **(field_condition(electric_field) if electric_field else {})},
            provenance=replace(record.provenance, source="own LAMMPS input", commands=(f"lmp -in {script.name}",)),
        )
        write_store([record], out, tables=True, overwrite=overwrite)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"records": [to_document(record)], "out": out}
