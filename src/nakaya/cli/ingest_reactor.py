"""`nakaya ingest reactor`: logs and size reports of crystallizers become records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json, echo_outlines, echo_tables
from nakaya.core.errors import ParameterError

__all__ = ["reactor"]

NAMED: Final = 8
"""Of columns that are not read; a log has up to some hundreds, and --json names all."""


def reactor(
    source: Annotated[
        Path,
        typer.Argument(help="Log (CSV, plain or gz); where the map describes size reports: their folder, or one."),
    ],
    out: Annotated[
        Path, typer.Option(help="Directory to make: record, tables/ and chart.png; with --guess: the map to write.")
    ],
    column_map: Annotated[
        Path | None, typer.Option("--map", help="Column map, TOML: which column is what, in which unit.")
    ] = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="Draft a column map for a log of unknown columns, to correct by hand.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Turn a reactor log into a record: series, clear and cloud points, induction times, supersaturation, sizes.

    Example: nakaya ingest reactor examples/reactor/batch-slow.csv --map examples/reactor/columns.toml --out ingested/

    The map names columns (by name, "name#2" for a repeated one, or position from 1) and their units (degC, rpm, um;
    kg/kg, wt%, g/L, mol/mol for concentrations). What does not fit together is an error, or a flag in the record: never
    a silent guess.

    No map yet: nakaya ingest reactor log.csv --guess --out columns.toml looks at names, units and values and writes a
    draft with its reasons; what it cannot tell is commented out. Correct it, then run again with --map columns.toml.
    """
    from nakaya.workflows.ingest_reactor import guess_column_map, ingest_reactor

    if guess and column_map is not None:
        raise ParameterError(f"--guess drafts a map, and --map {column_map} is one: give one of them")
    if guess:
        result = guess_column_map(source, out, overwrite=overwrite)
        if as_json:
            echo_json(result)
        else:
            echo(*_guess_lines(source, result))
        return
    if column_map is None:
        raise ParameterError(
            "--map is missing; without one, nakaya ingest reactor LOG --guess --out columns.toml drafts it"
        )
    result = ingest_reactor(source, column_map, out, overwrite=overwrite)
    if unread := result.get("unread_columns"):
        echo(_unread_line(unread, column_map), err=True)
    if as_json:
        echo_json(result)
        return
    echo_outlines(out / "records")
    echo_tables(result["tables"])
    echo(f"look at {Path(result['out']) / 'chart.png'}")


def _unread_line(columns: Sequence[str | int], column_map: Path) -> str:
    """One line about what was left out: on purpose, or because the map was made for another log."""
    first = ", ".join(repr(column) if isinstance(column, str) else f"column {column}" for column in columns[:NAMED])
    more = f" and {len(columns) - NAMED} more" if columns[NAMED:] else ""
    return f"not read, for {column_map} does not name them: {first}{more}"


def _guess_lines(source: Path, result: Mapping[str, Any]) -> Iterator[str]:
    for entry in result["columns"]:
        about = " ".join(str(value) for value in entry["entries"].values())
        taken = "not told" if entry["channel"] is None else f"{entry['channel']} ({about})"
        yield f"{entry['column']!s:<24} {taken:<28} {entry['reason']}"
    tried = result["tried"]
    if tried is None:
        yield "the draft lacks a time or a channel: complete it by hand"
    elif "error" in tried:
        yield f"with this draft the log is refused: {tried['error']}"
    else:
        yield from (f"flag: {flag}" for flag in tried["flags"])
    out = result["out"]
    yield f"written to {out}: correct it, then nakaya ingest reactor {source} --map {out} --out DIRECTORY"
