"""Charts of studies: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.tuning import SLICES_PER_ROW, Slice, history_chart, importance_chart, regret_chart, slice_chart
from nakaya.viz.style import DARK, LIGHT, Theme

NUMBERS = np.arange(6.0)
SCORES = np.array([5.0, 7.0, 3.0, 4.0, 2.0, 6.0])
BEST = [5.0, 5.0, 3.0, 3.0, 2.0, 2.0]


def test_a_history_shows_every_score_the_best_so_far_and_the_references() -> None:
    figure = history_chart(NUMBERS, SCORES, LIGHT, y_label="error (m/s)", references={"mean": 8.0})
    axes = figure.axes[0]
    trials, best, reference = axes.lines
    assert trials.get_ydata().tolist() == SCORES.tolist()
    assert best.get_ydata().tolist() == BEST
    assert set(reference.get_ydata()) == {8.0}
    assert axes.get_ylabel() == "error (m/s)"
    with pytest.raises(ParameterError, match="6 scores, 5 numbers"):
        history_chart(NUMBERS[:5], SCORES, LIGHT, y_label="error")
    with pytest.raises(ParameterError, match="0 scores"):
        history_chart(NUMBERS[:0], SCORES[:0], LIGHT, y_label="error")


def test_importances_are_bars_with_the_largest_on_top() -> None:
    axes = importance_chart({"learning_rate": 0.2, "depth_atom": 0.7, "dropout": 0.1}, LIGHT).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.2, 0.7]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dropout", "learning rate", "depth atom"]
    with pytest.raises(ParameterError, match="more scores"):
        importance_chart({}, LIGHT)


def test_slices_stand_on_the_scale_of_their_parameter_and_ring_the_best() -> None:
    slices = (
        Slice("learning_rate", np.geomspace(1e-3, 1e-1, 6), "log"),
        Slice("width", 2.0 ** np.arange(3, 9), "log2"),
        Slice("attention", np.array([0.0, 1, 2, 0, 1, 2]), labels={0: "none", 1: "dot", 2: "gatv2"}),
    )
    figure = slice_chart(slices, SCORES, LIGHT, y_label="error")
    rate, width, attention = figure.axes
    assert rate.get_xscale() == width.get_xscale() == "log"
    assert [label.get_text() for label in attention.get_xticklabels()] == ["none", "dot", "gatv2"]
    for axes, entry in zip(figure.axes, slices, strict=True):
        points, ring = axes.collections
        assert points.get_offsets()[:, 0].tolist() == entry.values.tolist()
        assert ring.get_offsets().tolist() == [[entry.values[4], 2.0]]
    few = slice_chart(slices[:1], SCORES, LIGHT, y_label="error")
    assert [axes.get_visible() for axes in few.axes] == [True, False, False]
    with pytest.raises(ParameterError, match=f"1 to {SLICES_PER_ROW}"):
        slice_chart(slices * 2, SCORES, LIGHT, y_label="error")
    with pytest.raises(ParameterError, match="a value for each score"):
        slice_chart(slices[:1], SCORES[:3], LIGHT, y_label="error")
    with pytest.raises(ParameterError, match="at least one score"):
        slice_chart((Slice("width", SCORES[:0]),), SCORES[:0], LIGHT, y_label="error")


def test_regret_is_drawn_as_medians_with_zero_on_the_lower_edge() -> None:
    regret = {
        "gp": np.array([[4.0, 1.0, 0.0], [4.0, 2.0, 0.0], [4.0, 3.0, 0.0]]),
        "random": np.array([[4.0, 4.0, 2.0], [4.0, 4.0, 3.0], [4.0, 4.0, 1.0]]),
    }
    axes = regret_chart(regret, LIGHT, y_label="regret", floor=0.01).axes[0]
    medians = [line.get_ydata().tolist() for line in axes.lines]
    assert medians == [[4.0, 2.0, 0.01], [4.0, 4.0, 2.0]]
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] == 0.01
    with pytest.raises(ParameterError, match="positive floor"):
        regret_chart(regret, LIGHT, y_label="regret", floor=0.0)
    with pytest.raises(ParameterError, match="at least one searcher"):
        regret_chart({}, LIGHT, y_label="regret", floor=0.1)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_chart_becomes_a_picture(theme: Theme) -> None:
    for figure in (
        history_chart(NUMBERS, SCORES, theme, y_label="error"),
        importance_chart({"depth": 1.0}, theme),
        slice_chart((Slice("depth", NUMBERS),), SCORES, theme, y_label="error"),
        regret_chart({"random": np.ones((2, 4))}, theme, y_label="regret", floor=0.1),
    ):
        assert encode_figure(figure, "svg").startswith(b"<?xml")
