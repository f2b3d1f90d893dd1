"""A chart of predicted velocities shows every estimate, its interval, and what is extrapolated."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.velocities import PredictedCurve, predicted_velocities
from nakaya.viz.style import LIGHT, PAGE_WIDTH, PIXELS_PER_INCH

T = np.array([900.0, 1000.0, 1100.0, 1200.0])
VALUES = np.array([120.0, 100.0, 70.0, 30.0])


def curve(label: str = "(100)", outside: tuple[bool, ...] = (False, False, False, True)) -> PredictedCurve:
    return PredictedCurve(label, T, VALUES, VALUES - 20, VALUES + 15, np.array(outside))


def test_it_is_as_wide_as_a_page_and_names_every_curve_once() -> None:
    figure = predicted_velocities([curve(), curve("(110)")], LIGHT, melting_point=1329.0)
    assert figure.get_figwidth() * PIXELS_PER_INCH == pytest.approx(PAGE_WIDTH)
    assert figure.get_figheight() * PIXELS_PER_INCH > 300
    narrow = predicted_velocities([curve()], LIGHT, melting_point=None, width=360)
    assert narrow.get_figwidth() * PIXELS_PER_INCH == pytest.approx(360)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["(100)", "(110)", "outside the training"]


def test_bands_are_the_intervals_and_points_outside_of_the_training_are_hollow() -> None:
    figure = predicted_velocities([curve()], LIGHT, melting_point=None)
    (axes,) = figure.axes
    corners = np.concatenate([band.get_paths()[0].vertices for band in axes.collections])
    for place, low, high in zip(T, VALUES - 20, VALUES + 15, strict=True):
        heights = corners[corners[:, 0] == place, 1]
        assert (heights.min(), heights.max()) == (low, high)
    marks = [line for line in axes.lines if line.get_marker() not in ("None", "", None) and len(line.get_xdata())]
    hollow = {
        float(x)
        for line in marks
        for x in np.asarray(line.get_xdata())
        if to_rgba(line.get_markerfacecolor()) == to_rgba(LIGHT.background)
    }
    assert hollow == {1200.0}


def test_one_temperature_has_a_bar_and_none_is_refused() -> None:
    one = PredictedCurve("(100)", T[:1], VALUES[:1], VALUES[:1] - 20, VALUES[:1] + 15, np.array([False]))
    (axes,) = predicted_velocities([one], LIGHT, melting_point=None).axes
    (bar,) = axes.containers
    assert bar.has_yerr
    other = PredictedCurve("(111)", T[:1], VALUES[:1], VALUES[:1] - 20, VALUES[:1] + 15, np.array([True]))
    (axes,) = predicted_velocities([one, other], LIGHT, melting_point=1329.0).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["(100)", "(111)\noutside the training"]
    assert axes.get_xlabel() == f"interface at {T[0]:g} K"
    assert [float(bar[0].get_xdata()[0]) for bar in axes.containers] == [0.0, 1.0]  # none hides another
    nothing = PredictedCurve("(100)", T, *[np.full(4, np.nan)] * 3, np.zeros(4, np.bool_))
    with pytest.raises(ParameterError, match="nothing to draw"):
        predicted_velocities([nothing], LIGHT, melting_point=None)
