"""Tables of trainings: grids, files, and searches that look scores up."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import FormatError, ParameterError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.table import Axis, ScoreTable, axis_levels, grid_points, parse_table


def smooth_table() -> ScoreTable:
    """A narrow valley in four dimensions, 4096 cells: what the error of a network looks like, without its noise."""
    steps = np.linspace(-1, 1, 8)
    a, b, c, d = np.meshgrid(steps, steps, steps, steps, indexing="ij")
    scores = 1 + (a - 0.6) ** 2 + 3 * (b + 0.3 * a) ** 2 + 0.5 * (c - 0.2) ** 2 + 0.01 * d**2
    axes = tuple(Axis(name, tuple(steps.tolist())) for name in "abcd")
    return ScoreTable(axes, scores, {"description": "a valley"})


def test_levels_are_even_on_the_scale_of_the_parameter_and_include_both_ends() -> None:
    assert axis_levels(Parameter("rate", 1e-4, 1e-1, "log"), 4).levels == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1))
    assert axis_levels(Parameter("width", 4, 64, "power-of-two"), 5).levels == (4, 8, 16, 32, 64)
    assert axis_levels(Parameter("width", 4, 64, "power-of-two"), 3).levels == (4, 16, 64)
    assert axis_levels(Parameter("layers", 1, 5, "integer"), 3).levels == (1, 3, 5)
    assert axis_levels(Parameter("dropout", 0, 0.5), 3).levels == (0, 0.25, 0.5)
    with pytest.raises(ParameterError, match="it can take 5"):
        axis_levels(Parameter("layers", 1, 5, "integer"), 6)


@given(low=st.floats(1e-6, 1.0), factor=st.floats(1.5, 1e6), num_levels=st.integers(2, 30))
@settings(max_examples=50, deadline=None)
def test_every_level_is_a_value_of_the_parameter(low: float, factor: float, num_levels: int) -> None:
    parameter = Parameter("rate", low, low * factor, "log")
    for level in axis_levels(parameter, num_levels).levels:
        parameter.check(level)


def test_a_grid_goes_through_all_points_the_last_axis_fastest() -> None:
    points = list(grid_points((Axis("a", (1.0, 2.0)), Axis("b", (0.0, 5.0, 7.0)))))
    assert [tuple(point.values()) for point in points] == [(1, 0), (1, 5), (1, 7), (2, 0), (2, 5), (2, 7)]
    with pytest.raises(ParameterError, match="choose fewer levels"):
        grid_points(tuple(Axis(name, tuple(range(20))) for name in "abcd"))


def test_a_table_comes_back_from_its_file_and_looks_scores_up() -> None:
    table = smooth_table()
    back = parse_table(table.encode(), "table.json")
    assert back.axes == table.axes
    assert back.scores == pytest.approx(table.scores, rel=1e-5)
    assert back.about == table.about
    problem = back.problem()
    place = np.unravel_index(int(back.scores.argmin()), back.scores.shape)
    best = {axis.name: float(index) for axis, index in zip(back.axes, place, strict=True)}
    assert problem.score(best) == back.best
    assert back.rank(back.best) == 0
    assert back.best_settings()["a"] == back.axes[0].levels[place[0]]


@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
@settings(max_examples=100, deadline=None)
def test_whatever_a_file_holds_the_error_is_clear(content: bytes) -> None:
    with pytest.raises(FormatError, match=r"table\.json is no table of trainings"):
        parse_table(content, "table.json")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document["scores"].pop(),
        lambda document: document["axes"].pop(),
        lambda document: document.update(format=2),
        lambda document: document.pop("about"),
        lambda document: document["scores"].__setitem__(0, math.nan),
        lambda document: document["axes"][0]["levels"].reverse(),
    ],
)
def test_a_spoilt_table_is_refused(spoil: object) -> None:
    document = json.loads(smooth_table().encode())
    spoil(document)  # type: ignore[operator]
    with pytest.raises((FormatError, ParameterError)):
        parse_table(json.dumps(document).encode(), "table.json")


def test_the_gaussian_process_finds_the_valley_that_chance_misses() -> None:
    pytest.importorskip("optuna", reason='studies need the extra "ml"')
    pytest.importorskip("torch", reason='networks need the extra "ml"')
    from nakaya.learn.tuning.comparison import CONTENDERS, compare_samplers

    table = smooth_table()
    chosen = {name: CONTENDERS[name] for name in ("gp", "random")}
    found = compare_samplers(table, chosen, trials=22, repeats=1, seed=3)
    assert (found.regret["gp"][0, :10] == found.regret["random"][0, :10]).all()  # they begin with the same settings
    assert found.wins("gp", "random") == 1
    assert found.ties("gp", "random") == 0
    assert found.ties("gp", "gp") == 1
    assert found.rank["gp"][0] < 0.01 * table.scores.size < found.rank["random"][0]
    for course in found.regret.values():
        assert (np.diff(course[0]) <= 0).all()
        assert (course >= 0).all()
