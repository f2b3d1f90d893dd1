"""Run the chapters in order and write the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nakaya.core.errors import OutputError
from nakaya.core.provenance import package_version
from nakaya.viz.reports.report import Report
from nakaya.workflows.demo.dendrites import grow_dendrites
from nakaya.workflows.demo.emulation import compare_with_the_emulator
from nakaya.workflows.demo.flakes import grow_whole_flakes
from nakaya.workflows.demo.grains import read_a_micrograph
from nakaya.workflows.demo.kinetics import predict_kinetics
from nakaya.workflows.demo.next_steps import add_next_steps
from nakaya.workflows.demo.reactors import fit_a_reactor

__all__ = ["CHAPTERS", "DEFAULT_FOLDER", "Demonstration", "demonstrate"]

CHAPTERS: Final[Mapping[str, Callable[[Report, int], list[str]]]] = {
    "Whole flakes, grown exactly": grow_whole_flakes,
    "The same crystals, emulated": compare_with_the_emulator,
    "Dendrites of a pure melt": grow_dendrites,
    "How fast crystals grow from their melts": predict_kinetics,
    "Grains of a micrograph": read_a_micrograph,
    "Kinetics from a crystallizer": fit_a_reactor,
}
"""Title of a section -> what writes it, with report and seed, and returns lines for the summary."""

DEFAULT_FOLDER = Path("nakaya-demo")
REPORT_NAME = "report.html"
TITLE = "nakaya: a demonstration"


@dataclass(frozen=True)
class Demonstration:
    """What was written and what it says.

    Attributes:
        report: Path of the HTML report.
        summary: One line for each thing worth knowing first.
        seconds: How long it took.
    """

    report: Path
    summary: tuple[str, ...]
    seconds: float


def demonstrate(
    out: Path = DEFAULT_FOLDER, *, seed: int = 7, stage: Callable[[str, int, int], None] | None = None
) -> Demonstration:
    """Grow crystals exactly, emulate them, compare both, and write one HTML report.

    Args:
        out: Folder for the report. An earlier report of the demonstration is replaced; anything else is left alone.
        seed: Of all crystals.
        stage: Told which chapter runs, its number, and how many there are.

    Raises:
        OutputError: `out` holds something else of the report's name, or cannot be written.
        MissingExtraError: The neural networks, or what reads micrographs, are not installed.
    """
    begin = time.monotonic()
    path = out / REPORT_NAME
    _check_replaceable(path)
    report = Report(TITLE, f"nakaya {package_version()}: all of this was computed while the page was written")
    summary: list[str] = []
    for number, (title, write) in enumerate(CHAPTERS.items()):
        if stage is not None:
            stage(title, number, len(CHAPTERS))
        report.add_section(title)
        summary += write(report, seed)
    add_next_steps(report)
    if stage is not None:
        stage("writing the report", len(CHAPTERS), len(CHAPTERS))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{out} is a file: name a folder for the report") from None
    report.write(path)
    return Demonstration(path.resolve(), tuple(summary), time.monotonic() - begin)


def _check_replaceable(path: Path) -> None:
    """Only an earlier report of the demonstration may be replaced."""
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as stream:
            if f"<title>{TITLE}</title>".encode() in stream.read(4096):
                return
    raise OutputError(f"{path} exists and is no report of the demonstration: name another folder")
