"""Charts of crystallizers: what they draw, and that the same chart gives the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.reactors import (
    Mark,
    Profile,
    Sample,
    Trace,
    TracePanel,
    profile_chart,
    sample_chart,
    trace_chart,
)
from nakaya.viz.style import DARK, LIGHT

HOURS = np.linspace(0.0, 9.0, 50)


def test_panels_share_their_time_axis_and_marks_are_written():
    panels = [
        TracePanel("temperature / °C", [Trace("T", HOURS, 60 - HOURS)], [Mark("clear 55.0 °C", 5.0, 55.0)]),
        TracePanel("S", [Trace("", HOURS, 1 + HOURS, "points"), Trace("", HOURS, HOURS, "dashes")], log=False),
    ]
    figure = trace_chart(panels, LIGHT, title="a run")
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    assert [text.get_text() for text in first.texts] == ["clear 55.0 °C"]
    assert second.get_xlabel() == "time / h"
    assert first.get_xlabel() == ""
    assert encode_figure(figure, "png") == encode_figure(trace_chart(panels, LIGHT, title="a run"), "png")


def test_a_suspect_sample_has_another_colour_and_says_so():
    rng = np.random.default_rng(0)
    samples = [Sample("4 min", rng.uniform(1, 3, 20)), Sample("120 min", rng.uniform(80, 200, 20), suspect=True)]
    (axes,) = sample_chart(samples, DARK).axes
    colours = [line.get_color() for line in axes.lines[::2]]
    assert colours == [DARK.models[0], DARK.models[1]]
    assert "suspect" in axes.texts[1].get_text()
    assert axes.get_yscale() == "log"


def test_an_exact_parabola_is_drawn_as_one():
    best, width = 2.0, 0.1
    values = np.array([best - width, best, best + width])
    profile = Profile("order", values, (values - best) ** 2 / width**2 * 2.7, best, (1.9, 2.1), log=False)
    (axes,) = profile_chart([profile], 2.7, LIGHT).axes
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(y, (np.asarray(x) - best) ** 2 / width**2 * 2.7, rtol=1e-6, atol=1e-9)


def test_an_open_profile_is_named():
    values = np.array([1e-6, 1e-3, 1e-2])
    profile = Profile("k", values, np.array([0.1, 0.0, 4.0]), 1e-3, (None, 8e-3))
    (axes,) = profile_chart([profile], 2.7, LIGHT).axes
    assert axes.get_title(loc="left") == "not bounded by the data"


def test_empty_charts_are_refused():
    for draw in (
        lambda: trace_chart([], LIGHT),
        lambda: sample_chart([], LIGHT),
        lambda: profile_chart([], 2.7, LIGHT),
    ):
        with pytest.raises(ParameterError):
            draw()
