"""`nakaya demo`: everything once, in one report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report; an earlier report of the demo is replaced.")] = Path(
        "nakaya-demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of all crystals.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Grow crystals exactly, emulate the same conditions, compare, and write one HTML report.

    Takes a minute or two. The report is one file that loads nothing from elsewhere: open it in a browser, send it on.

    Example: nakaya demo --out nakaya-demo
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.checks import check_seed
    from nakaya.workflows.demo import demonstrate

    with progress_reporter("demo", "chapters") as report:
        done = demonstrate(out, seed=check_seed(seed), stage=lambda _, number, total: report(number, total))
    if as_json:
        echo_json({"report": done.report, "summary": done.summary, "seconds": done.seconds})
        return
    echo(*done.summary)
    echo(f"report: {done.report} ({done.seconds:.0f} s)")
