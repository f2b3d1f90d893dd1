"""`nakaya info`, `nakaya doctor` and `nakaya cite`."""

from __future__ import annotations

from typing import Annotated

import typer

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

__all__ = ["cite", "doctor", "info"]


def info(as_json: AsJson = False) -> None:
    """Print versions, the models and sets of records that there are, and every parameter with its range.

    Example: nakaya info --json
    """
    from nakaya.workflows.doctor import info as collect

    facts = collect()
    if as_json:
        echo_json(facts)
        return
    echo(f"nakaya {facts['nakaya']}, Python {facts['python']}, {facts['platform']}")
    echo(f"files: {facts['package_directory']}")
    echo(f"models that grow crystals (nakaya grow): {', '.join(facts['models'])}")
    echo(f"models of kinetics (nakaya predict): {', '.join(facts['kinetics_models']) or 'none'}")
    echo(f"sets of records (nakaya records show): {', '.join(facts['record_sets']) or 'none'}")
    for name, grower in facts["growers"].items():
        parts = [f"{grower['lattice']} lattice, {grower['dimension']} dimensions", ", ".join(grower["geometries"])]
        parts += [f"{field} at the end" for field in grower["fields"]] + ["grains"] * grower["grain"]
        echo(f"  {name}: {'; '.join(parts)}; parameters of {grower['parameters']}")
    for family, parameters in facts["parameters"].items():
        echo(f"parameters of {family}:")
        for name, entry in parameters.items():
            unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
            echo(f"  {name:6s} {entry['range'] + unit:9s} {entry['meaning']}")
    for extra, packages in facts["packages"].items():
        listing = ", ".join(f"{name} {found or '(missing)'}" for name, found in packages.items())
        echo(f"{extra}: {listing}")


def doctor(as_json: AsJson = False) -> None:
    """Try every part once, small, and say what works on this machine.

    Leaves with status 1 where a part of the core does not work; optional parts that are missing are only named.

    Example: nakaya doctor
    """
    from nakaya.workflows.doctor import doctor as examine

    checks = examine()
    if as_json:
        echo_json({"checks": checks})
    else:
        for check in checks:
            mark = "works  " if check.works else ("BROKEN " if check.required else "missing")
            echo(f"{mark} {check.name}: {check.detail}")
    if not all(check.works for check in checks if check.required):
        raise typer.Exit(1)


def cite(
    key: Annotated[str | None, typer.Argument(help="One entry: nakaya, gravner-griffeath, cgne or a model.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what to cite, as BibTeX, and when.

    Example: nakaya cite gravner-griffeath
    """
    from nakaya.workflows.doctor import cite as find

    citations = find(key)
    if as_json:
        echo_json({"citations": citations})
        return
    for citation in citations:
        echo(f"% cite for: {citation.why}", *citation.bibtex.splitlines(), "")
