"""`nakaya md laws`: records of growth and melting, held against what must be true."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

__all__ = ["laws"]

LAW_RULES = {
    "melting point": "within 1.5 %",
    "sign": "right for every condition",
    "hard spheres": "within 30 %",
    "order": "not slower by two standard errors",
    "maximum": "slower again on the cold side, by two standard errors",
}
"""What each law asks for, as `nakaya.md.invariants` decides it."""


def laws(
    source: Annotated[str, typer.Argument(help="Shipped set, store, campaign or file of records.")] = "al-cu-si",
    second: Annotated[
        str | None, typer.Option(help="Records of another potential: adds the error between potentials.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold growth and melting records against what must be true: one melting point by two ways, signs, orders.

    Kinetic coefficients are read in three ways, so that what the bend of 1 - exp(-delta-mu/kT) does can be seen.

    Example: nakaya md laws al-cu-si
    """
    from nakaya.md.invariants import verify_growth

    document = verify_growth(source, second=second)
    if as_json:
        echo_json(document)
        return
    verdicts = {True: "holds", False: "FAILS", None: "no data"}
    for finding in document["findings"]:
        numbers = "" if math.isnan(finding["found"]) else f": {finding['found']:.4g} {finding['unit']}"
        numbers += "" if math.isnan(finding["expected"]) else f", expected {finding['expected']:.4g}"
        spread = finding.get("between_potentials", math.nan)
        numbers += "" if math.isnan(spread) else f", +- {spread:.2g} between potentials"
        rule = LAW_RULES[finding["law"]]
        echo(f"{verdicts[finding['holds']]:8} {finding['law']} ({rule}): {finding['subject']}{numbers}")
        echo(f"         {finding['detail']}")
    echo(f"{document['hold']} hold, {document['fail']} fail, {document['open']} lack records")
