"""`nakaya ingest reactor`: logs and size reports of crystallizers become records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json, echo_outlines, echo_tables

__all__ = ["reactor"]


def reactor(
    source: Annotated[
        Path,
        typer.Argument(help="Log (CSV, plain or gz); where the map describes size reports: their folder, or one."),
    ],
    column_map: Annotated[Path, typer.Option("--map", help="Column map, TOML: which column is what, in which unit.")],
    out: Annotated[Path, typer.Option(help="Directory to make: a record (SI units), tables/ (CSV) and chart.png.")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Turn a reactor log into a record: series, clear and cloud points, induction times, supersaturation, sizes.

    Example: nakaya ingest reactor examples/reactor/batch-slow.csv --map examples/reactor/columns.toml --out ingested/

    The map names columns (by name, "name#2" for a repeated one, or position from 1) and their units (degC, rpm, um;
    kg/kg, wt%, g/L, mol/mol for concentrations). What does not fit together is an error, or a flag in the record: never
    a silent guess.
    """
    from nakaya.workflows.ingest_reactor import ingest_reactor

    result = ingest_reactor(source, column_map, out, overwrite=overwrite)
    if as_json:
        echo_json(result)
        return
    echo_outlines(out / "records")
    echo_tables(result["tables"])
    echo(f"written to {result['out']}")
