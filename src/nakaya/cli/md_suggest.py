"""`nakaya md suggest`: which growth runs to simulate next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json

if TYPE_CHECKING:
    from nakaya.kinetics.suggestion.suggesting import Suggestions

__all__ = ["suggest"]


def suggest(
    records: Annotated[str, typer.Argument(help="Shipped set, store, campaign or file with growth runs.")],
    material: Annotated[
        list[str] | None, typer.Option(help="Of the grid; repeat for several (default: all of the growth runs).")
    ] = None,
    orientation: Annotated[
        list[str] | None,
        typer.Option(help="Of the grid: Miller indices, such as 111; repeat (default: those of each material's runs)."),
    ] = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option(
            help="Of the grid, in K; repeat (default: those of each material's growth runs, and the middles between)."
        ),
    ] = None,
    runs: Annotated[int, typer.Option(help="How many runs to suggest: 1 to 1000.")] = 6,
    out: Annotated[Path | None, typer.Option(help="Plan to write, for nakaya md campaign run (TOML).")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Suggest growth runs: those that lower the expected error of velocities on a grid of conditions most per cost.

    Example: nakaya md suggest al-cu-si --material Cu --runs 4 --out next.toml

    The expected error is the root mean square of what a growth law with a Gaussian process does not know about the
    velocities of the grid. A run lowers it the more, the more conditions it tells of and the less noise it has; a
    second seed of a noisy condition may be worth more than a new one. Costs are atoms x ps, as those of the records'
    runs at near conditions. Each run counts those above it as made. The plan adds them to the records:
    nakaya md campaign run next.toml --known al-cu-si --out next/
    """
    from nakaya.core.files import check_output, write_whole
    from nakaya.kinetics.suggestion.suggesting import suggest_runs

    if out is not None:
        check_output(out, overwrite=overwrite)
    found = suggest_runs(
        records, materials=material or (), orientations=orientation or (), temperatures=temperature or (), runs=runs
    )
    if out is not None:
        write_whole(out, found.plan().encode(), overwrite=overwrite)
    if as_json:
        echo_json({"records": records, **found.as_plain(), "plan": out})
        return
    echo(*_lines(found), *([] if out is None else [f"wrote {out}"]))


def _lines(found: Suggestions) -> list[str]:
    lines = [
        f"expected error over {found.conditions} conditions: {found.runs[0].error_before:.2f} m/s",
        f"{'run':<30} {'known':>6} {'velocity, m/s':>16} {'noise':>6} {'error after':>12} {'atoms x ps':>11}",
    ]
    for entry in found.runs:
        velocity = f"{entry.velocity:.1f} +- {entry.standard_deviation:.1f}"
        lines.append(
            f"{entry.run.id:<30} {entry.runs_known:>6} {velocity:>16} {entry.noise:6.1f} {entry.error_after:12.2f} "
            f"{entry.cost:11,.0f}"
        )
    return [*lines, *(f"note: {note}" for note in found.notes)]
