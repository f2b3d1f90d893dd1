"""`nakaya simulate`: what a described crystallizer would do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json, echo_tables
from nakaya.core.errors import ParameterError

__all__ = ["reactor"]


def reactor(
    case: Annotated[
        Path | None, typer.Argument(help="Description of the run, TOML: system, start, temperature profile, seed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory to make: series.csv, sizes.csv, chart.png, a record.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(help="Print a description to begin with and leave: dextrose, system (one of your own) or others."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a crystallizer by its population balance: any system, temperature profile and seed.

    Example: nakaya simulate reactor examples/reactor/case.toml --out simulated/

    To begin: nakaya simulate reactor --template dextrose > case.toml, then change it. The profile is constant, linear,
    cubic (slow first), natural (fast first) or piecewise; batch or continuous. Antisolvents, evaporation, agglomeration
    and breakage are not modelled. A fit's system, or one of your own, goes under [system].
    """
    from nakaya.reactor.templates import read_template, template_names

    if template is not None:
        if case is not None or out is not None or overwrite or as_json:
            raise ParameterError("--template prints a description and runs nothing: leave the others out")
        echo(*read_template("simulate", template).splitlines())
        return
    if case is None:
        names = ", ".join(template_names("simulate"))
        raise ParameterError(f"name the description of a run, or print one with --template: {names}")
    if out is None:
        raise ParameterError("--out is missing: the directory to make")
    from nakaya.workflows.simulate_reactor import simulate_reactor

    result = simulate_reactor(case, out, overwrite=overwrite)
    if as_json:
        echo_json(result)
        return
    for flag in result["flags"]:
        echo(f"flag: {flag}")
    final, greatest = result["final"], result["greatest_supersaturation"]
    echo(
        f"{result['name']}: {result['system']}, {result['duration_s'] / 3600:.4g} h, by {result['method']}",
        f"supersaturation S     {final['supersaturation']:.4g} at the end, {greatest:.4g} at most "
        f"(after {result['greatest_supersaturation_time_s'] / 3600:.3g} h)",
        f"concentration         {final['concentration']:.4g} kg/kg ({result['concentration_basis']}), from "
        f"{result['initial_concentration']:.4g}",
        f"crystals              {final['crystal_mass']:.4g} kg and {final['crystals_per_kg']:.3g} per kg of slurry",
    )
    if final["crystals_per_kg"] > 0:
        means = ", ".join(f"{name} {1e6 * final[f'{name}_m']:.4g}" for name in ("L10", "L32", "L43"))
        echo(f"mean sizes / um       {means}")
    echo_tables(result["tables"])
    echo(f"written to {result['out']}")
