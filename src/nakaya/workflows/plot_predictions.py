"""Predictions of a range as a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.velocities import PredictedCurve, predicted_velocities
from nakaya.viz.style import LIGHT
from nakaya.viz.writing import check_format

__all__ = ["CHART_FORMATS", "plot_velocities"]

CHART_FORMATS = {".png": "png", ".svg": "svg"}
TARGET = "growth_velocity"


def plot_velocities(
    documents: Sequence[Mapping[str, Any]], path: Path, *, melting_point: float | None, title: str
) -> bytes:
    """Return velocities against temperature, one colour for each orientation, as PNG or SVG by the ending of `path`.

    Args:
        documents: Of `kinetics.prediction.ranges.predict_range`.
        path: Where it will be written.
        melting_point: K; None = not known.
        title: Of the chart.

    Raises:
        ParameterError: An ending that stands for no format, or no velocity at all.
    """
    kind = cast(Literal["svg", "png"], check_format(path, CHART_FORMATS))
    by_orientation: dict[str, list[Mapping[str, Any]]] = {}
    for document in documents:
        by_orientation.setdefault(str(document["orientation"]), []).append(document)
    curves = []
    for orientation, entries in by_orientation.items():
        rising = sorted(entries, key=lambda entry: float(entry["temperature"]))
        told = [entry[TARGET] for entry in rising]
        low, high = (
            np.array([np.nan if entry["interval90"] is None else entry["interval90"][end] for entry in told])
            for end in (0, 1)
        )
        curves.append(
            PredictedCurve(
                f"({orientation})",
                np.array([entry["temperature"] for entry in rising]),
                np.array([np.nan if entry["value"] is None else entry["value"] for entry in told]),
                low,
                high,
                np.array([TARGET in entry["outside_training"] for entry in rising]),
            )
        )
    return encode_figure(predicted_velocities(curves, LIGHT, melting_point=melting_point, title=title), kind)
