"""`nakaya benchmark`: the tables of the README, measured on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from nakaya.cli.border import echo_json

__all__ = ["register"]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

group = typer.Typer(name="benchmark", help="Measure speed and laws on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
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
