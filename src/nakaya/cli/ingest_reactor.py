"""`nakaya ingest reactor`: logs and size reports of crystallizers become records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo_json

__all__ = ["reactor"]


def reactor(
    source: Annotated[
        Path,
        typer.Argument(help="Log (CSV, plain or gz); where the map describes size reports: their folder, or one."),
    ],
    column_map: Annotated[Path, typer.Option("--map", help="Column map, TOML: which column is what, in which unit.")],
    out: Annotated[Path, typer.Option(help="Directory to make: a record (SI units) and chart.png.")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Turn a reactor log into a record: series, clear and cloud points, induction times, supersaturation, sizes.

    Example: nakaya ingest reactor log.csv --map examples/reactor/columns.toml --out ingested/

    The map names columns (by name, "name#2" for a repeated one, or position from 1) and their units (degC, %, rpm, um,
    kg/kg, ...). What does not fit together is an error, or a flag in the record: never a silent guess.
    """
    from nakaya.workflows.ingest_reactor import ingest_reactor

    result = ingest_reactor(source, column_map, out, overwrite=overwrite)
    if as_json:
        echo_json(result)
        return
    typer.echo(f"record {result['record']}: {result['status']}")
    for flag in result["flags"]:
        typer.echo(f"  flag: {flag}")
    for kind in ("clear", "cloud"):
        for point in result.get(f"{kind}_points", []):
            typer.echo(
                f"  {kind} point {point['temperature_C']:.1f} +- {point['uncertainty_K']:.1f} C "
                f"at {point['time_s'] / 3600:.2f} h"
            )
    for zone in result.get("metastable_zones", []):
        typer.echo(
            f"  metastable zone {zone['width_K']:.1f} K below {zone['saturation_temperature_C']:.1f} C, "
            f"induction time {zone['induction_time_s']:.0f} s"
        )
    for sample in result.get("samples", []):
        mark = "  suspect" if sample["suspect"] else ""
        minutes, mean = sample["time_s"] / 60, sample["mean_size_m"] * 1e6
        typer.echo(f"  {minutes:g} min: {sample['crystals']} crystals, mean {mean:.4g} um{mark}")
    typer.echo(f"written to {result['out']}")
