"""`nakaya ingest md`: atomistic trajectories become records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite, StatedOrientation, StatedTemperature, TrajectoryGroup, with_groups
from nakaya.cli.output import echo, echo_json

__all__ = ["ingest_trajectory"]


@with_groups
def ingest_trajectory(
    files: Annotated[
        list[Path], typer.Argument(help="LAMMPS text dumps or extended XYZ files, also compressed (gz, bz2, xz, zst).")
    ],
    about: TrajectoryGroup,
    temperature: StatedTemperature = None,
    orientation: StatedOrientation = None,
    out: Annotated[Path | None, typer.Option(help="Store to write (a new directory).")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Follow the crystal in trajectories of atoms and write one record per file.

    Example: nakaya ingest md examples/md/copper.dump.gz --lammps-units metal --elements Cu --time-step 0.003
    --out mine/

    A LAMMPS dump carries numbers of types and no units: both must be given.
    """
    from nakaya.md.ingest import ingest_md

    document = ingest_md(files, about.options(temperature, orientation), out=out, overwrite=overwrite)
    if as_json:
        echo_json({"records": document["records"], "out": document["out"]})
        return
    echo(*document["summary"])
    echo(f"written to {out}" if out is not None else "not stored: give --out to keep the records")
    if out is not None:
        echo(f"tables (CSV) in {out / 'tables'}")
