"""The report of a chain: one page, from the velocities of faces to the sizes of grains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from nakaya.core.arrays import FloatArray
from nakaya.viz.charts.base import Role, ensemble_band
from nakaya.viz.charts.curves import CurvePanel, growth_curves
from nakaya.viz.charts.fidelity import Estimate, estimate_chart
from nakaya.viz.formatting import format_number
from nakaya.viz.reports.report import KeyNumber, Report
from nakaya.workflows.chain.asking import ChainResult
from nakaya.workflows.chain.kinetics import FACES
from nakaya.workflows.chain.microstructure import Seen

__all__ = ["add_lengths", "add_section_pictures", "chain_report", "number_with_interval"]

WAYS: Final = ("closed form", "grown", "EBSD", "micrograph")
ROLES: Final[dict[str, Role]] = {"closed form": "floor", "grown": "solver", "EBSD": "model", "micrograph": "model"}
POINTS: Final = 60
LARGEST: Final = 2.5
"""Diameters over their mean up to which distributions are drawn."""


def chain_report(result: ChainResult, folder: Path) -> Report:
    """Return the page; `folder` holds the pictures that our own ingestion made."""
    options, document = result.options, result.document
    quantities = document["quantities"]
    held = (
        f"held at {options.temperature:g} K"
        if options.temperature is not None
        else f"cooled at {options.cooling_rate:g} K/s"
    )
    report = Report(
        f"From atoms to grains: {options.material} {held}",
        f"{options.members} draws of the kinetics, each grown in {options.size}^3 sites",
    )
    report.add_section("What the melt does")
    report.add_text(
        "Velocities of faces come from molecular dynamics by a trained model, the nucleation rate from classical "
        "theory with the interfacial energy that seeding and quenches taught. Each member takes a draw of both; "
        "intervals hold 90 % of the members."
    )
    report.add_numbers(
        [
            number_with_interval(quantities[name]["prediction"], unit, label)
            for name, unit, label in (
                ("growth_velocity", "m/s", "growth velocity of the fastest face"),
                ("nucleation_rate", "1/(m³ s)", "nucleation rate"),
                *([("temperature", "K", "half of the melt is solid at")] if options.temperature is None else []),
            )
        ]
    )
    rows = [
        (number, each.temperature, *(each.velocities[face] for face in FACES), each.nucleation_rate)
        for number, each in enumerate(result.kinetics)
    ]
    report.add_table(
        ("member", "T (K)", *(f"v ({face}) (m/s)" for face in FACES), "J (1/(m³ s))"),
        rows,
        caption="What each member was grown from.",
    )
    report.add_text("What to keep in mind:")
    report.add_list(document["warnings"])
    report.add_section("Grains that meet")
    add_lengths(report, document)
    report.add_text(
        f"The grown members have {document['closed_form_ratio']:.2f} times as many grains per volume as the closed "
        "form says."
    )
    report.add_section("Under the microscope")
    report.add_text(
        "A section through the first member, as an EBSD map and as an etched micrograph, read by our own tools. Both "
        "lose the smallest grains; orientations are random here, so that twins in the map are there by chance."
    )
    add_section_pictures(report, folder)
    report.add_section("Sizes")
    report.add_figure(
        lambda theme, width: growth_curves(
            [CurvePanel("fraction of grains that are smaller", tuple(
                ensemble_band(way, np.linspace(0, LARGEST, POINTS), _cumulative(rows), role=ROLES[way])
                for way, rows in result.seen.items()
            ))],
            theme, x_label="diameter on the section over its mean", width=width,
        ),
        caption="Diameters of circles of the grains' areas on the section: median and central 90 % of the members. "
        "What the frame cuts is left out of maps and micrographs.",
        alt="Three rising curves with bands.",
    )  # fmt: skip
    report.add_table(
        ("quantity", "way", "value", "90 % from", "to", "unit"),
        [
            (
                name.replace("_", " "),
                way,
                told["value"],
                *told["interval90"],
                "" if entry["unit"] == "1" else entry["unit"],
            )
            for name, entry in quantities.items()
            for way, told in entry.items()
            if way != "unit"
        ],
        caption="Every number; the same as in chain.json.",
    )
    if flags := document.get("flags"):
        report.add_section("What ingestion said")
        report.add_list(flags)
    return report


def add_lengths(report: Report, document: Mapping[str, Any]) -> None:
    """Add the length at which grains meet, by each way of knowing it; `document` is what `run_chain` returns."""
    lengths = document["quantities"]["characteristic_length"]
    report.add_figure(
        lambda theme, width: estimate_chart(
            [_estimate(way, lengths) for way in WAYS], theme, x_label="characteristic length (m)", width=width
        ),
        caption="The length at which grains meet, (.896/n)^(1/3) of n grains per volume, with 90 % of the members. "
        "Closed form: of balls that grow as fast in volume. Grown: counted in the box. EBSD, micrograph: from the "
        "grains that our own ingestion finds on a section, by the ratio of sections to volumes of the grown members.",
        alt="Four values with intervals, one below the other.",
    )


def add_section_pictures(report: Report, folder: Path) -> None:
    """Add the section of the first member as our own ingestion shows it; `folder` is that of the chain."""
    for name, caption in (
        ("ebsd", "The EBSD map: crystal direction along the normal of the section, boundaries as they were found."),
        ("micrograph", "The micrograph, with the grains that were found in it."),
    ):
        with Image.open(folder / name / "overlay.png") as picture:
            report.add_figure(picture.convert("RGB"), caption=caption, alt=caption)


def number_with_interval(told: dict[str, Any], unit: str, label: str) -> KeyNumber:
    """Return a quantity of the chain as a key number."""
    low, high = (format_number(end, 2) for end in told["interval90"])
    interval = f"90 % from {low} to {high}" if low != high else ""
    return KeyNumber(f"{format_number(told['value'], 2)} {unit}", label, interval)


def _estimate(way: str, entry: dict[str, Any]) -> Estimate:
    low, high = entry[way]["interval90"]
    return Estimate(way, entry[way]["value"], low, high, ROLES[way])


def _cumulative(rows: Sequence[Seen]) -> FloatArray:
    """Fraction of grains up to a diameter, float64 [member, point]."""
    places = np.linspace(0, LARGEST, POINTS)
    return np.stack([np.searchsorted(np.sort(row.diameters / row.diameters.mean()), places) / len(row.diameters)
                     for row in rows])  # fmt: skip
