"""`nakaya fit`: kinetic parameters from what was measured, with intervals, and the checks behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.output import echo_json

__all__ = ["register"]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the command group to the application."""
    group = typer.Typer(no_args_is_help=True)
    group.callback()(fit)
    group.command("reactor")(reactor)
    group.command("reactor-conventions")(reactor_conventions)
    group.command("reactor-coverage")(reactor_coverage)
    group.command("reactor-speed")(reactor_speed)
    app.add_typer(group, name="fit")


def fit() -> None:
    """Estimate kinetic parameters from measurements, with intervals."""


def _tell(message: str) -> None:
    typer.echo(message, err=True)


def reactor(
    config: Annotated[Path, typer.Argument(help="Description of the fit, TOML: system, free parameters, experiments.")],
    out: Annotated[Path, typer.Option(help="Directory to make: fit.json, charts and a record.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fit the kinetics of a crystallizer to its logs; say which parameters the data do not determine.

    Example: nakaya fit reactor examples/reactor/fit.toml --out fit/

    Values are SI; intervals are 90 %. An end that the data do not bound within the search range is null (open), and the
    parameter is then not identifiable; nor is a positive parameter whose interval spans more than a factor of ten.
    """
    from nakaya.workflows.fit_reactor import fit_reactor

    result = fit_reactor(config, out, overwrite=overwrite, progress=_tell)
    if as_json:
        echo_json(result)
        return
    for flag in result["flags"]:
        typer.echo(f"flag: {flag}")
    for name, entry in result["parameters"].items():
        low, high = ("open" if end is None else f"{end:.4g}" for end in entry["interval90"])
        unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
        verdict = "" if entry["identifiable"] else f"  NOT IDENTIFIABLE: {entry['reason']}"
        typer.echo(f"{name} = {entry['value']:.4g}{unit}  90 % [{low}, {high}]{verdict}")
    for name, error in result["rmse"].items():
        unit = result["rmse_units"][name]
        typer.echo(f"RMSE {name}: {error:.3g} {unit if unit != '1' else '(of the natural logarithm)'}")
    typer.echo(f"written to {result['out']}")


def reactor_conventions(
    log: Annotated[Path, typer.Argument(help="Concentration against time of the published dextrose run (24 h), CSV.")],
    column_map: Annotated[Path, typer.Option("--map", help="Column map, TOML.")],
    as_json: AsJson = False,
) -> None:
    """Compare the published dextrose kinetics, unfitted, with the measured run under every reading of the source.

    Example: nakaya fit reactor-conventions dextrose.csv --map examples/reactor/dextrose.toml
    """
    from nakaya.workflows.fit_reactor import dextrose_conventions

    result = dextrose_conventions(log, column_map)
    if as_json:
        echo_json(result)
        return
    typer.echo("the stated reading, fixed before the comparison:")
    for text in result["stated"].values():
        typer.echo(f"  {text}")
    typer.echo(
        f"RMSE {result['rmse']:.4f} kg/kg over {result['points']} points ({result['fraction_of_range']:.1%} of the "
        f"range); {result['rmse_finite_volume']:.4f} by finite volumes; nothing is fitted"
    )
    typer.echo("\nRMSE / (kg/kg)  every reading tried, by what differs from the stated one")
    for row in result["readings"]:
        typer.echo(f"{row['rmse']:.4f}  {row['reading']}")


def reactor_coverage(
    repeats: Annotated[int, typer.Option(help="Synthetic data sets, 2 to 100000.")] = 100,
    intervals: Annotated[str, typer.Option(help="profile, covariance or bootstrap.")] = "profile",
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Count how often the 90 % intervals of a fit hold the known parameters of synthetic batches.

    Example: nakaya fit reactor-coverage --repeats 100
    """
    from nakaya.workflows.fit_reactor import coverage_experiment

    result = coverage_experiment(repeats=repeats, intervals=intervals, seed=seed, progress=_tell)  # type: ignore[arg-type]  # the fit checks the name
    if as_json:
        echo_json(result)
        return
    typer.echo(f"{repeats} synthetic data sets, 90 % intervals by {intervals}, seed {seed}")
    for name, row in result["parameters"].items():
        low, high = row["binomial95"]
        verdict = "contains 0.90" if row["contains_90_percent"] else "does NOT contain 0.90"
        typer.echo(
            f"{name}: true {row['true']:.4g}, mean estimate {row['mean_estimate']:.4g}, {row['hits']} hits, "
            f"binomial 95 % interval of the coverage [{low:.3f}, {high:.3f}] {verdict}"
        )


def reactor_speed(
    repeats: Annotated[int, typer.Option(help="Timed runs of each solver, 1 to 10000.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Time a seeded 24 h batch by moments and by finite volumes with 400 classes, after compilation.

    Example: nakaya fit reactor-speed
    """
    from nakaya.workflows.fit_reactor import solver_speed

    result = solver_speed(repeats=repeats)
    if as_json:
        echo_json(result)
        return
    typer.echo(f"{result['batch']}, {repeats} runs each")
    for method, row in result["methods"].items():
        typer.echo(
            f"{method}: {row['seconds_median'] * 1e3:.2f} ms (longest {row['seconds_longest'] * 1e3:.2f} ms), "
            f"mass balance within {row['balance_error']:.1e} kg/kg"
        )
