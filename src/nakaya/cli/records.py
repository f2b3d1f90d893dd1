"""`nakaya records`: look into records, check them, join them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json

__all__ = ["graph", "merge", "show", "validate"]

Source = Annotated[str, typer.Argument(help="A shipped set (al-cu-si), a store (directory), or a JSON file.")]


def show(
    source: Source,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Show these records in full.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what records hold, one line each, or everything about those that are named; SI units.

    Examples: nakaya records show al-cu-si; nakaya records show al-cu-si growth-Cu-100-1115K-s0

    With --json every number is printed; otherwise series are told by their range.
    """
    from nakaya.records.collection import record_documents, show_records
    from nakaya.records.summary import describe_record, summarise_record

    if as_json:
        echo_json(record_documents(source, ids or ()))
        return
    if not ids:
        for record in show_records(source):
            echo(summarise_record(record))
        return
    for number, record in enumerate(show_records(source, ids)):
        echo(*[""] * (number > 0), *describe_record(record))


def validate(source: Source, as_json: AsJson = False) -> None:
    """Check every record: schema, units, ranges, intervals, composition, one id each, and the hashes of its snapshots.

    Example: nakaya records validate mine/

    Leaves with status 2 where something is wrong.
    """
    from nakaya.records.collection import validate_records

    problems = validate_records(source)
    if as_json:
        echo_json({"valid": not problems, "problems": problems})
    else:
        for problem in problems:
            echo(f"{problem['file']}: {problem['problem']}")
        echo(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}" if problems else "all records are valid")
    if problems:
        raise typer.Exit(2)


def merge(
    sources: Annotated[list[str], typer.Argument(help="Stores, files or shipped sets to join.")],
    out: Annotated[Path, typer.Option(help="Store to write (a new directory).")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Join records into one new store; two records of one id with different contents are an error.

    Example: nakaya records merge mine/ steel/ --out all/
    """
    from nakaya.records.collection import merge_records

    count = merge_records(sources, out, overwrite=overwrite)
    if as_json:
        echo_json({"records": count, "out": out})
    else:
        echo(f"{count} records in {out}")


def graph(
    source: Source,
    record: Annotated[list[str] | None, typer.Option(help="Id of a record; may be given several times.")] = None,
    facets_from: Annotated[
        str | None,
        typer.Option(help="Records whose growth velocities shape the facets; never those that are graphed."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write: one file ID.npz per record (new).")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Turn records into multi-scale graphs: atoms, clusters and facets, with conditions, in time.

    Example: nakaya records graph al-cu-si --record growth-Cu-100-1115K-s0 --out graphs/

    Only conditions, evidence and early snapshots are used; results never become features.
    """
    from nakaya.kinetics.graphs.graphs_of_records import graph_records

    done = graph_records(
        source,
        ids=record or (),
        facets_from=facets_from,
        out=out,
        overwrite=overwrite,
        progress=None if as_json else lambda name: echo(name, err=True),
    )
    if as_json:
        echo_json({"graphs": done, "out": out})
        return
    for entry in done:
        levels = ", ".join(f"{name} {max(level['nodes'])}" for name, level in entry["levels"].items())
        echo(f"{entry['record']}  frames: {len(entry['times_s'])}  nodes: {levels or 'none, conditions only'}")
    echo(f"written to {out}" if out is not None else "not stored: give --out to keep the graphs")
