"""`nakaya benchmark`: the tables of the README, measured on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli import benchmark_micrographs
from nakaya.cli.border import echo_json

__all__ = ["register"]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

group = typer.Typer(name="benchmark", help="Measure speed and laws on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    benchmark_micrographs.register(group)
    app.add_typer(group)


@group.command("speed")
def speed(as_json: AsJson = False) -> None:
    """Measure the exact solver beside the NumPy reference and the package snowfake, in one run.

    Prints cell updates (sites x steps) per CPU second of one thread for whole flakes of size 64, 256 and 1024, and the
    ratios to both; then what two threads bring. Takes one to three minutes. Other programs on the machine lower all
    figures; the ratios are measured in alternation and suffer less.

    Example: nakaya benchmark speed --json
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.pipelines.benchmark_speed import PEER, benchmark_speed

    with progress_reporter("measuring", "rounds") as report:
        result = benchmark_speed(stage=report)
    if as_json:
        echo_json(result.as_json())
        return
    head = f"{'size':>5s} {'cell updates / CPU s':>22s} {'(range)':>15s} {'/ reference':>12s} {'/ ' + PEER:>12s}"
    typer.echo(f"{head} {'per flake':>10s}")
    for size, row in result.sizes.items():
        spread = f"({row.solver.low / 1e9:.2f}-{row.solver.high / 1e9:.2f})"
        peer = f"{row.ratio_to_peer:.0f}" if row.ratio_to_peer is not None else "-"
        typer.echo(
            f"{size:5d} {row.solver.median / 1e9:20.2f} G {spread:>15s} {row.ratio_to_reference:12.0f} {peer:>12s} "
            f"{row.seconds_per_flake * 1e3:7.1f} ms"
        )
    typer.echo(f"two threads: {result.speedup_of_two_workers:.2f} times one, on {result.cores} cores")
    typer.echo(f"peer: {result.peer}; {', '.join(f'{name} {value}' for name, value in result.machine.items())}")


@group.command("laws")
def laws(
    small: Annotated[bool, typer.Option("--small", help="Few cases, in seconds, as the tests do it.")] = False,
    seed: Annotated[int, typer.Option(help="Chooses the cases.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure every law that the exact solver keeps: conservation, symmetry, equality with the reference, and others.

    Takes some minutes in full. Leaves with status 1 where a law is broken.

    Example: nakaya benchmark laws
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.growth import check_seed
    from nakaya.pipelines.verify_laws import verify_laws

    with progress_reporter("measuring", "laws") as report:
        results = verify_laws("small" if small else "full", seed=check_seed(seed), stage=report)
    if as_json:
        rows = [
            {
                "law": law.name,
                "statement": law.statement,
                "value": found.value,
                "bound": law.bound,
                "at_least": law.at_least,
                "cases": found.cases,
                "holds": holds,
            }
            for law, found, holds in results
        ]
        echo_json({"laws": rows})
    else:
        typer.echo(f"{'law':17s} {'':8s} {'found':>10s} {'bound':>9s} {'cases':>6s}  what is counted")
        for law, found, holds in results:
            bound = f"{'>=' if law.at_least else '<='} {law.bound:g}"
            mark = "holds" if holds else "BROKEN"
            typer.echo(f"{law.name:17s} {mark:8s} {found.value:10.3g} {bound:>9s} {found.cases:6d}  {law.statement}")
    if not all(holds for _, _, holds in results):
        raise typer.Exit(1)


@group.command("tuning")
def tuning(
    table: Annotated[str, typer.Argument(help="A shipped table of trainings, or the folder of your own.")] = "svm",
    trials: Annotated[int, typer.Option(help="Trainings that each search may look up.")] = 40,
    repeats: Annotated[int, typer.Option(help="Searches of each sampler.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the first repeat; the others follow.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Page to write (HTML).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare Bayesian optimisation with tree-structured Parzen estimators and chance on a table of real trainings.

    Regret is the lowest error that a search has found so far minus the lowest of the table. Takes one to three minutes,
    nearly all of it the Gaussian process.

    Example: nakaya benchmark tuning svm --repeats 5 --trials 40
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.pipelines.comparing_samplers import compare
    from nakaya.pipelines.storing import check_output

    if out is not None:
        check_output(out, overwrite=overwrite)
    with progress_reporter("searching", "searches") as report:
        found = compare(table, trials=trials, repeats=repeats, seed=seed, report=report)
    if out is not None:
        from nakaya.pipelines.tuning_report import comparison_page
        from nakaya.viz.writing import write_whole

        write_whole(out, comparison_page(found).encode())
    if as_json:
        echo_json(found.as_json())
        return
    typer.echo(f"{found.description}: {found.cells} trainings, best {found.best:.4g}, median {found.spread:.3g} above")
    typer.echo("".join(f"{name:>14s}" for name in found.columns))
    for row in found.rows:
        typer.echo("".join(f"{cell:14.3g}" if isinstance(cell, float) else f"{cell!s:>14s}" for cell in row))
