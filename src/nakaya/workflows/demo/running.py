"""Run the chapters in order and write the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nakaya.core.errors import OutputError
from nakaya.core.files import check_output
from nakaya.core.provenance import package_version
from nakaya.viz.reports.report import Report
from nakaya.workflows.demo.atoms_to_grains import CHAIN, SUMMARY, follow_the_chain
from nakaya.workflows.demo.dendrites import grow_dendrites
from nakaya.workflows.demo.emulation import compare_with_the_emulator
from nakaya.workflows.demo.flakes import grow_whole_flakes
from nakaya.workflows.demo.grains import read_a_micrograph
from nakaya.workflows.demo.kinetics import predict_kinetics
from nakaya.workflows.demo.next_steps import add_next_steps
from nakaya.workflows.demo.reactors import fit_a_reactor
from nakaya.workflows.demo.solidification import solidify_a_casting

__all__ = ["CHAPTERS", "DEFAULT_FOLDER", "Demonstration", "demonstrate"]

Chapter = Callable[[Report, int, Path], list[str]]
"""Writes a section, with report, seed and the folder of the report, and returns lines for the summary."""


def _on_the_page(write: Callable[[Report, int], list[str]]) -> Chapter:
    """A chapter that leaves no files of its own."""
    return lambda report, seed, folder: write(report, seed)


CHAPTERS: Final[Mapping[str, Chapter]] = {
    "Whole flakes, grown exactly": _on_the_page(grow_whole_flakes),
    "The same crystals, emulated": _on_the_page(compare_with_the_emulator),
    "Dendrites of a pure melt": _on_the_page(grow_dendrites),
    "Grains of a casting": _on_the_page(solidify_a_casting),
    "How fast crystals grow from their melts": _on_the_page(predict_kinetics),
    "From atoms to grains": follow_the_chain,
    "Grains of a micrograph": _on_the_page(read_a_micrograph),
    "Kinetics from a crystallizer": _on_the_page(fit_a_reactor),
}
"""Title of a section -> what writes it."""

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
        out: Folder for the report, and for the folder of the chain beside it. Those of an earlier demonstration are
            replaced; anything else is left alone.
        seed: Of all crystals.
        stage: Told which chapter runs, its number, and how many there are.

    Raises:
        OutputError: `out` holds something else of the report's name, or cannot be written.
        MissingExtraError: The neural networks, or what reads micrographs, are not installed.
    """
    begin = time.monotonic()
    path = out / REPORT_NAME
    _check_replaceable(path)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{out} is a file: name a folder for the report") from None
    check_output(out / CHAIN, overwrite=True, sign=SUMMARY)
    report = Report(TITLE, f"nakaya {package_version()}: all of this was computed while the page was written")
    summary: list[str] = []
    for number, (title, write) in enumerate(CHAPTERS.items()):
        if stage is not None:
            stage(title, number, len(CHAPTERS))
        report.add_section(title)
        summary += write(report, seed, out)
    add_next_steps(report)
    if stage is not None:
        stage("writing the report", len(CHAPTERS), len(CHAPTERS))
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
