"""`nakaya fit`: kinetic parameters from what was measured, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json, echo_tables
from nakaya.core.errors import ParameterError

__all__ = ["reactor"]


def _tell(message: str) -> None:
    echo(message, err=True)


def reactor(
    config: Annotated[
        Path | None, typer.Argument(help="Description of the fit, TOML: system, free parameters, experiments.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to make: fit.json, charts and a record.")] = None,
    template: Annotated[
        str | None, typer.Option(help="Print a description to begin with and leave: dextrose, or system: your own.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Fit the kinetics of a crystallizer to its logs; say which parameters the data do not determine.

    Example: nakaya fit reactor examples/reactor/fit.toml --out fit/

    To begin: nakaya fit reactor --template system > fit.toml, then change it.

    Measured concentrations are converted to the basis of the system. A run begins at seed_time_h (or start_h) of its
    log and ends at end_h.

    Values are SI; intervals are 90 %. An end that the data do not bound within the search range is null (open), and the
    parameter is then not identifiable; nor is a positive parameter whose interval spans more than a factor of ten.
    """
    if template is not None:
        from nakaya.reactor.templates import read_template

        if config is not None or out is not None or overwrite or as_json:
            raise ParameterError("--template prints a description and fits nothing: leave the others out")
        echo(*read_template("fit", template).splitlines())
        return
    if config is None:
        raise ParameterError(
            "name the description of a fit, or print one with --template dextrose or --template system"
        )
    if out is None:
        raise ParameterError("--out is missing: the directory to make")
    from nakaya.workflows.fit_reactor import fit_reactor

    result = fit_reactor(config, out, overwrite=overwrite, progress=_tell)
    if as_json:
        echo_json(result)
        return
    for flag in result["flags"]:
        echo(f"flag: {flag}")
    for name, entry in result["parameters"].items():
        low, high = ("open" if end is None else f"{end:.4g}" for end in entry["interval90"])
        unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
        verdict = "" if entry["identifiable"] else f"  NOT IDENTIFIABLE: {entry['reason']}"
        echo(f"{name} = {entry['value']:.4g}{unit}  90 % [{low}, {high}]{verdict}")
    for name, error in result["rmse"].items():
        unit = result["rmse_units"][name]
        echo(f"RMSE {name}: {error:.3g} {unit if unit != '1' else '(of the natural logarithm)'}")
    echo(f"written to {result['out']}")
    echo_tables(result["tables"])
