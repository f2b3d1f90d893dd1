"""`nakaya export`: crystals and records for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json
from nakaya.cli.progress import progress_reporter

__all__ = ["export"]


def export(
    what: Annotated[
        str,
        typer.Argument(help="Store of crystals; or records: a shipped set, a folder of records or of an ingest, JSON."),
    ],
    to: Annotated[str, typer.Option(help="csv; of crystals also netcdf, well, vtk or npz.")],
    out: Annotated[
        Path, typer.Option(help="File to make; a folder for tables of records, and for VTK of several crystals.")
    ],
    point: Annotated[
        list[int] | None, typer.Option(help="Of crystals: a parameter point, from 0; repeat for several (all).")
    ] = None,
    member: Annotated[
        list[int] | None, typer.Option(help="Of crystals: a crystal at every point, from 0; repeat for several (all).")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="Of crystals: a final field, such as temperature; repeat for several (all)."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Of well: at most this many frames at equal intervals, 2 to 10000 (33).")
    ] = None,
    record: Annotated[
        list[str] | None, typer.Option(help="Of records: the id of one; repeat for several (all).")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write crystals or records for other programs: tables, NetCDF, The Well's HDF5, VTK.

    Examples: nakaya export flakes.zarr --to netcdf --out flakes.nc; nakaya export al-cu-si --to csv --out tables/

    csv: of crystals one row each, without their maps; of records all their tables, which `nakaya ingest` writes, too.
    netcdf and npz: all arrays. well: frames of the growth for networks, attachment times beside them. vtk: one file for
    each crystal, .vti, or .vts on a hexagonal lattice. docs/exchange.md says what is in them, and when not to use them.
    """
    from nakaya.growth.store.export import Selected
    from nakaya.workflows.export import export as write

    selected = Selected(point or (), member or (), field or None, frames)
    with progress_reporter("exporting", "points") as report:
        result = write(what, to, out, selected=selected, ids=record or (), overwrite=overwrite, progress=report)
    if as_json:
        echo_json(result)
        return
    kind = "crystals" if "crystals" in result else "records"
    count = result[kind]
    frames_told = f", {result['frames']} frames of {result['steps_between_frames']} steps" if "frames" in result else ""
    echo(f"{count} {kind if count != 1 else kind[:-1]}{frames_told} written to {out}")
    if kind == "records":
        echo(f"tables: {', '.join(result['files'])}")
