"""How fast crystals grow from their melts: what molecular dynamics measured, and what a model says of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.models.catalogue import find_model
from nakaya.kinetics.models.conformal import normal_factor
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import predict_conditions
from nakaya.kinetics.prediction.report import Part
from nakaya.kinetics.samples.arranging import arrange_fold, outer_folds
from nakaya.viz.charts.base import Band
from nakaya.viz.charts.calibration import Points, parity_chart, velocity_chart, velocity_panels
from nakaya.viz.formatting import format_number
from nakaya.viz.reports.report import KeyNumber, Report
from nakaya.workflows.demo.sources import ONE_IN_TEN
from nakaya.workflows.show_kinetics import velocities_by_orientation

__all__ = ["predict_kinetics"]

TARGET = "growth_velocity"
MATERIAL, FACE, TEMPERATURE = "Cu", "100", 1200.0
CURVE_POINTS = 15


def predict_kinetics(report: Report, seed: int) -> list[str]:
    """Show the shipped velocities, predict one that nobody measured, and predict temperatures that were held out."""
    del seed  # the records and the model are shipped; nothing here is drawn at random
    model = load_model()
    part = model.card.part(TARGET, "A")
    assert part is not None, "the shipped model tells growth velocities from conditions"
    told = predict_conditions(MATERIAL, FACE, TEMPERATURE, model=model)
    measured = velocities_by_orientation(model.records)
    held_out = _held_out(model, part)

    report.add_text(
        f"The set {model.card.records} holds {len(model.corpus.records)} runs of molecular dynamics, in which "
        "a crystal grew from its melt or melted into it. Every point below is a mean over runs; "
        "the bars are one standard error. "
        "Below the melting point interfaces advance, above it they retreat; silicon slows down in the cold, because "
        "its atoms have to diffuse into place, while metals do not wait for that.",
    )
    report.add_figure(
        lambda theme, width: velocity_panels(measured, theme, width=width),
        caption="Front velocity against temperature, measured by molecular dynamics; dashed: the melting point.",
        alt="One panel for each material, a colour for each face; velocities fall to zero at the melting point.",
    )
    system, kelvins = f"{MATERIAL}\N{NO-BREAK SPACE}({FACE})", f"{TEMPERATURE:g}\N{NO-BREAK SPACE}K"
    report.add_text(
        f"A model ({part.model}, the best of {len(part.scores)} in an inner cross-validation) was fitted to these "
        f"runs. For {system} at {kelvins}, a temperature at which nothing was simulated, it says:",
    )
    entries = {
        name.replace("_", " "): entry for name, entry in told.items() if isinstance(entry, dict) and "value" in entry
    }
    unknown = tuple(name for name, entry in entries.items() if entry["value"] is None)  # which nobody asked for here
    report.add_numbers([_key_number(name, entry) for name, entry in entries.items() if name not in unknown])
    report.add_code(f"nakaya predict --material {MATERIAL} --orientation {FACE} --temperature {TEMPERATURE:g}")
    report.add_text(*(f"It warns: {text}." for text in told["warnings"] if not text.startswith(unknown)))
    series, melting = measured[MATERIAL]
    curves = _curves(series, model)
    report.add_figure(
        lambda theme, width: velocity_chart(series, theme, curves=curves, melting_point=melting, width=width),
        caption=f"The same model along all temperatures of {MATERIAL}: bands are 90 % intervals of a new measurement.",
        alt="Measured velocities with error bars on top of predicted curves with bands.",
    )
    lines = [f"growth of {MATERIAL} ({FACE}) at {TEMPERATURE:g} K: {_in_words(told[TARGET])}"]
    if held_out:
        report.add_figure(
            lambda theme, width: parity_chart(held_out, theme, quantity="velocity (m/s)", width=width),
            caption="Predictions for temperatures that were held out, one group after the other, with 90 % intervals, "
            "against what molecular dynamics measured there. Each material has its own scale.",
            alt="Three charts of predicted against measured velocities, the points along the diagonal.",
        )
        errors = np.concatenate([points.y - points.x for points in held_out])
        halves = np.concatenate([np.asarray(points.y_high) - points.y for points in held_out])
        inside = float((np.abs(errors) <= halves).mean())
        error = math.sqrt(float((errors**2).mean()))
        report.add_numbers(
            [
                KeyNumber(f"{error:.1f} m/s", "root mean square error", f"{errors.size} held-out labels"),
                KeyNumber(f"{100 * inside:.0f} %", "inside their intervals", "90 % promised"),
            ]
        )
        report.add_text(ONE_IN_TEN)
        lines.append(
            f"velocities at held-out temperatures: root mean square error {error:.1f} m/s over {errors.size} labels, "
            f"{inside:.0%} inside their 90 % intervals"
        )
    return lines


def _held_out(model: KineticsModel, part: Part) -> list[Points]:
    """Predictions of temperatures left out of the fit, by material."""
    found: dict[str, list[tuple[Label, float, float]]] = {}
    for fold in outer_folds(model.corpus, "temperature"):
        arranged = arrange_fold(model.corpus, "A", TARGET, "temperature", fold)
        if not arranged.test or len(arranged.train) < 2:
            continue
        fitted = find_model(part.model).fit(arranged.train, TARGET, part.settings, seed=part.seed)
        told = fitted.predict(arranged.test)
        spread = normal_factor() * part.calibrated(told.standard_deviation)
        for sample, mean, half in zip(arranged.test, told.mean, spread, strict=True):
            found.setdefault(sample.material, []).append((sample.labels[TARGET], float(mean), float(half)))
    series = []
    for material, rows in sorted(found.items()):
        labels = np.array([label.value for label, _, _ in rows])
        noise = np.nan_to_num(np.array([label.standard_error for label, _, _ in rows]))
        means, halves = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
        series.append(Points(material, labels, means, means - halves, means + halves, labels - noise, labels + noise))
    return series


def _curves(series: Sequence[Points], model: KineticsModel) -> list[Band]:
    """The model's velocity of every face over the range that was measured."""
    curves = []
    for points in series:
        kelvins = np.linspace(points.x.min(), points.x.max(), CURVE_POINTS)
        told = [
            predict_conditions(MATERIAL, points.label.strip("()"), float(kelvin), model=model)[TARGET]
            for kelvin in kelvins
        ]
        low, high = np.array([entry["interval90"] for entry in told]).T
        curves.append(Band(points.label, kelvins, np.array([entry["value"] for entry in told]), low, high))
    return curves


def _key_number(name: str, entry: dict[str, Any]) -> KeyNumber:
    value, low, high = (format_number(number, 3) for number in (entry["value"], *entry["interval90"]))
    return KeyNumber(f"{value} {entry['unit']}", name, f"90 % interval: {low} to {high}")


def _in_words(entry: dict[str, Any]) -> str:
    low, high = entry["interval90"]
    return f"{entry['value']:.0f} {entry['unit']} ({low:.0f} to {high:.0f})"
