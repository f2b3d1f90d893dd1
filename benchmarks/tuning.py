"""Does Bayesian optimisation find more than chance, in as many trainings? The samplers on a table, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from nakaya.cli.output import echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.files import check_output, write_whole
from nakaya.learn.tuning.comparison import Contender
from nakaya.learn.tuning.samplers import Surrogate
from nakaya.viz.reports.report import Report
from nakaya.workflows.tuning.comparison import SamplerTable, compare
from nakaya.workflows.tuning.report import add_regret

__all__ = ["CAUSES", "comparison_page", "tuning"]

CAUSES: Final[Mapping[str, Contender]] = {
    "gp-plain": Contender("gp", Surrogate(scores="plain")),
    "gp-rank": Contender("gp", Surrogate(scores="rank")),
    "gp-exact": Contender("gp", Surrogate(exact=True)),
    "gp-revisit": Contender("gp", Surrogate(revisit=True)),
    "gp-5-draws": Contender("gp", Surrogate(startup=5)),
    "gp-20-draws": Contender("gp", Surrogate(startup=20)),
}
"""The Gaussian process with one thing changed: what it models, whether scores are exact, and so on."""


def comparison_page(table: SamplerTable) -> str:
    """Return the page of a comparison of samplers as HTML."""
    page = Report(
        "Who finds good settings?",
        f"{table.repeats} searches of {table.trials} trainings each over a table of {table.cells} real trainings",
    )
    page.add_text(
        f"The table holds {table.description}. Regret is the best score so far minus the best of the table "
        f"({table.best:.4g}); choosing one cell blindly costs {table.spread:.3g} in the median."
    )
    page.add_section("Regret")
    add_regret(page, table)
    page.add_facts(table.about, caption="The table of trainings.")
    return page.html()


def tuning(
    table: Annotated[str, typer.Argument(help="A shipped table of trainings, or the folder of your own.")] = "svm",
    trials: Annotated[int, typer.Option(help="Trainings that each search may look up.")] = 40,
    repeats: Annotated[int, typer.Option(help="Searches of each sampler.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the first repeat; the others follow.")] = 0,
    ablation: Annotated[
        bool,
        typer.Option("--ablation", "--causes", help="Also search with the Gaussian process changed in one thing."),
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes of one thread each.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Page to write (HTML).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare Bayesian optimisation with tree-structured Parzen estimators and chance on a table of real trainings.

    Regret is the lowest error that a search has found so far minus the lowest of the table; what is printed are means
    over the repeats, the 95 % bootstrap interval of the last, the repeats that ended strictly lower than chance, and
    how likely four of five such repeats are. A search with the Gaussian process takes some seconds.

    Example: python3 nk.py benchmark tuning svm --repeats 5 --trials 40
    """
    if out is not None:
        check_output(out, overwrite=overwrite)
    with progress_reporter("searching", "searches") as report:
        found = compare(
            table,
            trials=trials,
            repeats=repeats,
            seed=seed,
            samplers=("gp", *(CAUSES if ablation else ()), "tpe", "random"),
            others=CAUSES,
            workers=workers,
            report=report,
        )
    if out is not None:
        write_whole(out, comparison_page(found).encode())
    if as_json:
        echo_json(found.as_json())
        return
    typer.echo(
        f"{found.description}: {found.cells} trainings, best {found.best:.4g} ({found.best_cells} cells), "
        f"median {found.spread:.3g} above"
    )
    typer.echo("".join(f"{name:>15s}" for name in found.columns))
    for row in found.rows:
        typer.echo("".join(f"{cell:15.3g}" if isinstance(cell, float) else f"{cell!s:>15s}" for cell in row))
