"""The chain from atoms to a microstructure, as small as it makes sense."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nakaya.viz.reports.report import Code, Report
from nakaya.workflows.chain import ChainOptions, run_chain
from nakaya.workflows.chain.reporting import add_lengths, add_section_pictures, number_with_interval
from nakaya.workflows.chain.running import SUMMARY

__all__ = ["CHAIN", "SUMMARY", "follow_the_chain"]

CHAIN: Final = "chain"
"""Folder of the chain beside the report."""

MATERIAL, TEMPERATURE = "Al", 640.0
MEMBERS, GRAINS, SIZE = 4, 100, 64
"""A few draws of small boxes: `nakaya chain` itself takes more of both."""


def follow_the_chain(report: Report, seed: int, folder: Path) -> list[str]:
    """Predict kinetics, grow grains from them, and look at a section as a microscope would."""
    options = ChainOptions(MATERIAL, TEMPERATURE, members=MEMBERS, grains=GRAINS, size=SIZE, seed=seed)
    document = run_chain(options, folder / CHAIN, overwrite=True)
    quantities = document["quantities"]
    report.add_text(
        f"Molecular dynamics tells how fast faces of {MATERIAL} grow and how often crystals nucleate in its melt at "
        f"{TEMPERATURE:g} K. From {MEMBERS} draws of what is known of both, polycrystals grow, each in a box of "
        f"{SIZE}³ sites; a section of the first becomes an EBSD map and an etched micrograph, which are read as any "
        "file is. Each step carries on how sure the one before was.",
    )
    add_section_pictures(report, folder / CHAIN)
    add_lengths(report, document)
    report.add_numbers(
        [
            number_with_interval(quantities["growth_velocity"]["prediction"], "m/s", "velocity of the fastest face"),
            number_with_interval(quantities["nucleation_rate"]["prediction"], "1/(m³ s)", "nucleation rate"),
            number_with_interval(quantities["characteristic_length"]["grown"], "m", "length at which grains meet"),
        ]
    )
    report.add_text(
        ("All of it, with what to keep in mind: ", Code(f"{CHAIN}/report.html"), " beside this page; ",
         Code(f"nakaya chain --material {MATERIAL} --temperature {TEMPERATURE:g} --out chain/"), " takes more draws.")
    )  # fmt: skip
    length = quantities["characteristic_length"]["grown"]["value"]
    return [
        f"from atoms to grains: {MATERIAL} at {TEMPERATURE:g} K, {MEMBERS} polycrystals whose grains meet at "
        f"{length:.2g} m"
    ]
