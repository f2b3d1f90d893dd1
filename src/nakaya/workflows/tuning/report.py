"""The page of a study: charts, tables and the sentences between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.documents import write_json
from nakaya.core.files import output_errors, write_whole
from nakaya.viz.charts.tuning import (
    SLICES_PER_ROW,
    Slice,
    history_chart,
    importance_chart,
    regret_chart,
    slice_chart,
    words,
)
from nakaya.viz.reports.report import KeyNumber, Report
from nakaya.viz.style import Theme
from nakaya.workflows.tuning.comparison import SamplerTable
from nakaya.workflows.tuning.search import REPORT_FILE, StudyOutcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["add_regret", "study_page", "write_report"]

PAGE_FILE = "report.html"


def write_report(outcome: StudyOutcome, out: Path, *, score_label: str) -> None:
    """Write study.json and the page report.html into a folder; each appears whole.

    Raises:
        OutputError: They cannot be written.
    """
    with output_errors(out):
        out.mkdir(exist_ok=True)
    write_json(out / REPORT_FILE, outcome)
    write_whole(out / PAGE_FILE, study_page(outcome, score_label=score_label).encode())


def study_page(outcome: StudyOutcome, *, score_label: str) -> str:
    """Return the page of a study as HTML.

    Args:
        outcome: What it came to.
        score_label: What a score is, with its unit.
    """
    about = outcome.configuration
    page = Report(
        f"Study {outcome.study}",
        f"{about['model']} for {words(about['target'])}, evidence {about['evidence']}: "
        f"{outcome.complete} of {outcome.wanted} trials in {outcome.seconds_used:.0f} s",
    )
    scored = [trial for trial in outcome.trials if trial["score"] is not None]
    if outcome.best is None or not scored:
        page.add_text("No trial has a score yet.")
        return page.html()
    _add_history(page, outcome, scored, score_label)
    if outcome.importances:
        page.add_section("Importances")
        page.add_figure(
            lambda theme, width: importance_chart(outcome.importances, theme, width=width),
            caption="Functional analysis of variance over a random forest of the trials. A search looks where scores "
            "are low: this describes the visited part of the space.",
            alt="Bars of the share of the variance that each parameter explains",
        )
    _add_slices(page, outcome, scored, score_label)
    if outcome.controls is not None:
        page.add_section("Against the controls")
        page.add_text(
            f"The same samplers on {outcome.controls.cells} trainings of {outcome.controls.description}, "
            f"{outcome.controls.repeats} searches of {outcome.controls.trials} trainings each."
        )
        add_regret(page, outcome.controls)
    page.add_section("Best settings")
    labels = {entry["name"]: entry for entry in outcome.parameters}
    page.add_table(
        ("parameter", "value", "varied"),
        [
            (words(name), _shown(labels.get(name), value), name in labels)
            for name, value in outcome.best["all_settings"].items()
        ],
        caption="The setting of the lowest score.",
    )
    page.add_facts(
        {
            "sampler": about["sampler"],
            "seed": about["seed"],
            "inner folds": about["folds"],
            "records": about["records"],
            "samples (hash)": about["evidence_hash"],
            "stopped by": outcome.stopped_by,
            "killed and repeated": sum(trial["retry_of"] is not None for trial in outcome.trials),
            "storage": outcome.storage,
            "nakaya": outcome.version,
        },
        caption="How it was run.",
    )
    return page.html()


def _add_history(page: Report, outcome: StudyOutcome, scored: Sequence[Mapping[str, Any]], score_label: str) -> None:
    assert outcome.best is not None
    references = {"setting tried first": outcome.first_score} if outcome.first_score else {}
    page.add_numbers(
        [
            KeyNumber(f"{outcome.best['score']:.3g}", f"best {score_label}", f"trial {outcome.best['trial']}"),
            *(KeyNumber(f"{score:.3g}", name) for name, score in references.items()),
            KeyNumber(f"{outcome.mean_score:.3g}", "predicting the mean", "same folds"),
        ]
    )
    scores = np.array([trial["score"] for trial in scored])
    numbers = np.array([trial["number"] for trial in scored], np.float64)
    page.add_section("History")
    page.add_figure(
        lambda theme, width: history_chart(
            numbers, scores, theme, y_label=score_label, references=references, width=width
        ),
        caption="Every trial and the best so far. The first trials are drawn at random, then the sampler chooses.",
        alt="Scores of the trials and the lowest so far, against the number of the trial",
    )


def _add_slices(page: Report, outcome: StudyOutcome, scored: Sequence[Mapping[str, Any]], score_label: str) -> None:
    scores = np.array([trial["score"] for trial in scored])
    page.add_section("Slices")
    slices = [_slice(parameter, scored) for parameter in outcome.parameters]
    for start in range(0, len(slices), SLICES_PER_ROW):
        row = slices[start : start + SLICES_PER_ROW]
        page.add_figure(
            partial(_draw_slices, row, scores, score_label),
            caption=f"Scores against {', '.join(words(entry.name) for entry in row)}; later trials are darker, the "
            "best has a ring.",
            alt="Scattered scores against single parameters",
        )


def _draw_slices(row: Sequence[Slice], scores: FloatArray, label: str, theme: Theme, width: float) -> Figure:
    return slice_chart(row, scores, theme, y_label=label, width=width)


def _slice(parameter: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> Slice:
    values = np.array([trial["settings"][parameter["name"]] for trial in trials])
    labels = {parameter["low"] + place: label for place, label in enumerate(parameter["labels"])} or None
    scale = {"log": "log", "power-of-two": "log2"}.get(parameter["kind"], "linear")
    return Slice(parameter["name"], values, scale, labels)


def _shown(parameter: Mapping[str, Any] | None, value: float) -> object:
    """A value as it is read: whole numbers whole, kinds by their names."""
    if parameter is not None and parameter["labels"]:
        return parameter["labels"][int(value - parameter["low"])]
    return f"{value:.4g}"


def add_regret(page: Report, table: SamplerTable) -> None:
    """Add the chart and the table of regrets."""
    regret = {name: np.array(values) for name, values in table.regret.items()}
    floor = table.floor
    page.add_figure(
        lambda theme, width: regret_chart(regret, theme, y_label="regret", floor=floor, width=width),
        caption="Medians over the repeats; bands from the best repeat to the worst. Zero is drawn on the lower edge.",
        alt="Regret against the number of trainings for each sampler, on a logarithmic axis",
    )
    page.add_table(
        table.columns,
        table.rows,
        caption="Mean regret after so many trainings, its interval over the repeats at the end, cells that are better "
        "than the one found (median), repeats that ended strictly lower than chance, ties, and how likely four of five "
        "repeats end so.",
    )
