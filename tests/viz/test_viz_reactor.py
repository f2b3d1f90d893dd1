"""Charts of crystallizers: what they draw, and that the same chart gives the same bytes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.flags import hoist
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
from nakaya.viz.style import DARK, LIGHT, NARROW_WIDTH, PAGE_WIDTH

HOURS = np.linspace(0.0, 9.0, 50)


def test_panels_share_their_time_axis_and_marks_are_written():
    panels = [
        TracePanel("temperature / °C", [Trace("T", HOURS, 60 - HOURS)], [Mark("clear 55.0 °C", 5.0, 55.0)]),
        TracePanel("S", [Trace("", HOURS, 1 + HOURS, "points"), Trace("", HOURS, HOURS, "dashes")], log=False),
    ]
    figure = trace_chart(panels, LIGHT, title="a run")
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    assert [text.get_text() for text in first.texts if text.get_text()] == ["clear 55.0 °C"]
    assert second.get_xlabel() == "time / h"
    assert first.get_xlabel() == ""
    assert encode_figure(figure, "png") == encode_figure(trace_chart(panels, LIGHT, title="a run"), "png")


@pytest.mark.parametrize("width", [PAGE_WIDTH, NARROW_WIDTH])
def test_words_of_marks_hide_no_curve_and_kinds_are_in_the_legend(width):
    temperature = 40 + 15 * np.sin(1.4 * HOURS)
    marks = [
        Mark(f"{value:.1f}", time, value, bool(number % 2), ("clear point", "cloud point")[number % 2])
        for number, (time, value) in enumerate(zip(HOURS[5::6], temperature[5::6], strict=True))
    ]
    figure = trace_chart([TracePanel("temperature / °C", [Trace("T", HOURS, temperature)], marks)], LIGHT, width=width)
    figure.draw_without_rendering()
    (panel,) = figure.axes
    words = [text.get_window_extent() for text in panel.texts if text.get_text()]
    assert len(words) == len(marks)
    assert all(box.y0 > panel.get_window_extent().y1 for box in words)
    assert not any(one.overlaps(other) for one, other in combinations(words, 2))
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["T", "clear point", "cloud point"]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), max_size=12))
def test_no_flag_hinders_another_and_none_could_hang_lower(flags):
    poles, widths = [float(pole) for pole, _ in flags], [float(width) for _, width in flags]
    hoisted = hoist(poles, widths)
    assert [(flag.pole, flag.width) for flag in hoisted] == list(zip(poles, widths, strict=True))
    assert not any(one.hinders(other) for one, other in combinations(hoisted, 2))
    if hoisted:
        assert {flag.row for flag in hoisted} == set(range(max(flag.row for flag in hoisted) + 1))


def test_flags_far_apart_share_a_row():
    assert [flag.row for flag in hoist([10.0, 90.0, 170.0], [40.0, 40.0, 40.0])] == [0, 0, 0]


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
