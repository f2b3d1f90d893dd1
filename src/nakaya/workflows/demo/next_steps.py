"""The end of the report: what to try next."""

from __future__ import annotations

from typing import Final

from nakaya.viz.reports.report import Code, Link, Report
from nakaya.workflows.demo.sources import EMULATOR_PAPER, SNOW_CRYSTALS

__all__ = ["COMMANDS", "add_next_steps"]

COMMANDS: Final = (
    (
        "nakaya grow --rho 0.58 --geometry full --size 221 --out flake.zarr",
        "Grow a flake of your own: another density is another crystal.",
    ),
    ("nakaya film flake.zarr --out flake.gif", "See how it grew, as a film."),
    (
        "nakaya predict --material Al --orientation 111 --temperature 850",
        "Ask how fast aluminium grows from its melt at 850\N{NO-BREAK SPACE}K, and how sure that is.",
    ),
)
"""Commands that run as they stand, one after the other, and what each does."""


def add_next_steps(report: Report) -> None:
    """Add three commands to try, where to go with data of one's own, and what all this stands on."""
    report.add_section("What next")
    report.add_commands(COMMANDS)
    report.add_text(
        ("In a checkout, ", Code("python3 nk.py shell"), " stands for ", Code("nakaya"), "."),
    )
    report.add_list(
        [
            ("A micrograph of yours: ", Code("nakaya ingest micrograph --help")),
            ("A log of a crystallizer: ", Code("nakaya ingest reactor --help")),
            ("Runs of molecular dynamics: ", Code("nakaya ingest md --help")),
            ("All commands: ", Code("nakaya --help")),
            (
                "What to cite: ",
                Code("nakaya cite"),
                "; first of all the ",
                Link("model of snow crystals", SNOW_CRYSTALS),
                " and its ",
                Link("emulator", EMULATOR_PAPER),
            ),
        ]
    )
