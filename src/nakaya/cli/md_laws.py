"""`nakaya md laws`: records of growth and melting, held against what must be true."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from nakaya.cli.output import echo_json

__all__ = ["register"]

LAW_RULES = {
    "melting point": "within 1.5 %",
    "sign": "right for every condition",
    "hard spheres": "within 30 %",
    "order": "not slower by two standard errors",
    "maximum": "slower again on the cold side, by two standard errors",
}
"""What each law asks for, as `nakaya.md.invariants` decides it."""


def register(group: typer.Typer) -> None:
    """Add the command to the group `md`."""
    group.command("laws")(laws)


def laws(
    source: Annotated[str, typer.Argument(help="Shipped set, store, campaign or file of records.")] = "al-cu-si",
    causes: Annotated[
        bool, typer.Option("--causes", help="Change one cause at a time, and print what it does to the figures.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold growth and melting records against what must be true: one melting point by two ways, signs, orders.

    Kinetic coefficients are read in three ways, so that what the bend of 1 - exp(-delta-mu/kT) does can be seen.

    With --causes the same records are read again with one thing changed at a time (length of the box, classifier,
    temperature of the fronts, range of the fit, first picoseconds), beside the figure that the law takes.

    Example: nakaya md laws al-cu-si --causes
    """
    from nakaya.md.verification import verify_growth

    document = verify_growth(source, causes=causes)
    if as_json:
        echo_json(document)
        return
    verdicts = {True: "holds", False: "FAILS", None: "no data"}
    for finding in document["findings"]:
        numbers = "" if math.isnan(finding["found"]) else f": {finding['found']:.4g} {finding['unit']}"
        numbers += "" if math.isnan(finding["expected"]) else f", expected {finding['expected']:.4g}"
        rule = LAW_RULES[finding["law"]]
        typer.echo(f"{verdicts[finding['holds']]:8} {finding['law']} ({rule}): {finding['subject']}{numbers}")
        typer.echo(f"         {finding['detail']}")
    typer.echo(f"{document['hold']} hold, {document['fail']} fail, {document['open']} lack records")
    if causes:
        for line in _effect_lines(document["effects"]):
            typer.echo(line)


def _effect_lines(effects: list[dict[str, Any]]) -> list[str]:
    lines = []
    subject = ""
    for effect in effects:
        if effect["subject"] != subject:
            subject = effect["subject"]
            lines += ["", f"{subject}, {effect['unit']}:"]
        expected = effect["expected"]
        apart = "" if math.isnan(expected) else f"{effect['found'] / expected - 1:+8.2%} from {expected:.4g}"
        number = f"{effect['found']:9.4g} +- {effect['standard_error']:<6.2g}"
        lines.append(f"  {number} {apart:22} {effect['cause'] or 'as the law takes it'}")
    return lines
