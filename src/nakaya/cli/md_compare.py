"""`nakaya md compare`: two potentials of one material, held against each other."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

__all__ = ["compare"]


def compare(
    first: Annotated[str, typer.Argument(help="Records of one potential: shipped set, store, campaign or file.")],
    second: Annotated[str, typer.Argument(help="Records of another potential of the same material.")],
    material: Annotated[str | None, typer.Option(help="One of the materials; all that both hold if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare melting points and velocities of two potentials of one material: the error between potentials.

    Velocities are compared at equal T/T_m, T_m being each potential's own, and at equal T.

    Example: nakaya md compare al-cu-si second/records --material Cu
    """
    from nakaya.md.between_potentials import compare_sources

    document = compare_sources(first, second, material=material)
    if as_json:
        echo_json(document)
        return
    for comparison in document["comparisons"]:
        names = " against ".join(f"{entry['file']} ({entry['sha256'][:12]})" for entry in comparison["potentials"])
        echo(f"{comparison['material']}: {names}")
        echo(f"  {'':24}{'first':>18}{'second':>18}{'difference':>18}{'in s.e.':>9}{'between potentials':>20}")
        for row in comparison["rows"]:
            echo(
                f"  {_subject(row):24}{_pair(row, 'first')}{_pair(row, 'second')}{_pair(row, 'difference')}" + _end(row)
            )
        echo(*(f"  {note}" for note in comparison["notes"]))
    echo(document["meaning"])


def _subject(row: dict[str, Any]) -> str:
    if row["quantity"] == "melting_temperature":
        return "melting point"
    where = f"{row['where']:.3f} T_m" if row["equal"] == "T/T_m" else f"{row['where']:.0f} K"
    return f"velocity ({row['orientation']}) {where}"


def _pair(row: dict[str, Any], name: str) -> str:
    return f"{row[name]:.1f} +- {row[f'{name}_standard_error']:.1f}".rjust(18)


def _end(row: dict[str, Any]) -> str:
    errors = row["difference_in_standard_errors"]
    return f"{errors if math.isfinite(errors) else math.nan:9.1f}{row['between_potentials']:15.1f} {row['unit']}"
