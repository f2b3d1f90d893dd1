"""`nakaya ingest md`: atomistic trajectories become records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.formatting import split_names
from nakaya.cli.output import echo_json

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command to the group `ingest`."""
    group.command("md")(ingest_trajectory)


def ingest_trajectory(
    files: Annotated[list[Path], typer.Argument(help="LAMMPS text dumps or extended XYZ files, also .gz.")],
    lammps_units: Annotated[
        str | None, typer.Option(help="Unit style of a LAMMPS dump (metal, real, si); dumps do not say.")
    ] = None,
    elements: Annotated[
        str | None, typer.Option(help="Elements of the types 1, 2, ... of a dump, such as Cu or Cu,Al.")
    ] = None,
    time_step: Annotated[float | None, typer.Option(help="Time step of the dumps, in picoseconds.")] = None,
    frame_interval: Annotated[
        float | None, typer.Option(help="Time between frames, in picoseconds, instead of --time-step.")
    ] = None,
    equilibration: Annotated[float, typer.Option(help="Leave out this much at the start, in picoseconds.")] = 0.0,
    temperature: Annotated[float | None, typer.Option(help="Temperature in K; from velocities if left out.")] = None,
    orientation: Annotated[str | None, typer.Option(help="Growth direction, such as 100.")] = None,
    structure: Annotated[str | None, typer.Option(help="Crystal: fcc, bcc or diamond (known for Al, Cu, Si).")] = None,
    potential: Annotated[
        Path | None, typer.Option(help="File of the potential: its known melting point gives the driving force.")
    ] = None,
    melting_point: Annotated[float | None, typer.Option(help="Of the potential, in K (not of the element).")] = None,
    latent_heat: Annotated[float | None, typer.Option(help="Of the potential, in J/mol.")] = None,
    out: Annotated[Path | None, typer.Option(help="Store to write (a new directory).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Follow the crystal in trajectories of atoms and write one record per file.

    Example: nakaya ingest md dump.gz --lammps-units metal --elements Cu --time-step 0.002 --out mine/

    A LAMMPS dump carries numbers of types and no units: both must be given.
    """
    from nakaya.md.ingest import hash_input, ingest_md
    from nakaya.md.trajectory_records import TrajectoryOptions

    options = TrajectoryOptions(
        lammps_units=lammps_units,
        elements=split_names(elements),
        time_step_ps=time_step,
        frame_ps=frame_interval,
        temperature=temperature,
        orientation=orientation,
        structure=structure,
        equilibration_ps=equilibration,
        potential=None if potential is None else hash_input(potential),
        melting_point=melting_point,
        latent_heat=latent_heat,
    )
    document = ingest_md(files, options, out=out, overwrite=overwrite)
    if as_json:
        echo_json({"records": document["records"], "out": document["out"]})
        return
    for line in document["summary"]:
        typer.echo(line)
    typer.echo(f"written to {out}" if out is not None else "not stored: give --out to keep the records")
