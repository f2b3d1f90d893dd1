"""Kinetic parameters from two synthetic batches whose truth is known."""

from __future__ import annotations

import re

from nakaya.viz.charts.reactors import trace_chart
from nakaya.viz.formatting import format_number
from nakaya.viz.reports.report import Code, Report
from nakaya.workflows.fit_reactor import demonstrate_fit

__all__ = ["fit_a_reactor"]


def fit_a_reactor(report: Report, seed: int) -> list[str]:
    """Fit growth and nucleation to two noisy batches and hold the intervals against the truth."""
    result, panels = demonstrate_fit(seed=seed)
    rows, held = [], 0
    for path, entry in result["parameters"].items():
        low, high = entry["interval90"]
        inside = (low is None or low <= entry["true"]) and (high is None or entry["true"] <= high)
        held += inside
        ends = " to ".join("open" if end is None else format_number(end, 3, keep_zeros=True) for end in (low, high))
        name = path.replace(".", ": ", 1).replace(".", " ").replace("_", " ")
        rows.append((name, float(entry["true"]), float(entry["value"]), ends, _unit(entry["unit"]), inside))
    report.add_text(
        (
            "A seeded cooling crystallizer, twice: slowly with much seed, fast with little. A population balance with "
            "the published kinetics of dextrose made concentration, mean size and number of crystals; noise was added; "
            "the fit starts from wrong values and knows nothing of the truth. ",
            Code("nakaya fit reactor"),
            " does the same for logs of yours, and says which parameters the data cannot tell.",
        )
    )
    report.add_figure(
        lambda theme, width: trace_chart(panels, theme, width=width),
        caption="Points: two synthetic batches with noise. Lines: the fit.",
        alt="Charts of concentration, mean size and number of crystals against time, points along fitted curves.",
    )
    report.add_table(
        ("parameter", "true", "fitted", "90 % interval", "unit", "holds the truth"),
        rows,
        caption=(
            "The fit against the truth. Of ten such intervals nine should hold it, and one should miss; ",
            Code("python3 nk.py benchmark reactor-coverage"),
            " counts that over many fits.",
        ),
    )
    return [f"kinetics of two synthetic batches fitted: {held} of {len(rows)} 90 % intervals hold the true value"]


def _unit(unit: str) -> str:
    """A unit as it is read: powers raised, none as a dash."""
    return "–" if unit == "1" else re.sub(r"\^(-?\d+)", lambda power: power[1].translate(_RAISED), unit)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
