from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.growth.campaigns.sampling import Axis, PointsPlan, sample_points

VARY = {"rho": Axis(0.35, 0.64), "sigma": Axis(1e-5, 1e-2, "log")}


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["uniform", "sobol"]), st.integers(1, 200), st.integers(0, 2**63 - 1))
def test_points_lie_between_their_bounds_and_differ(method: str, count: int, seed: int) -> None:
    points = sample_points(PointsPlan(method, VARY, count, seed))  # type: ignore[arg-type]
    for name, axis in VARY.items():
        assert points[name].shape == (count,)
        assert points[name].dtype == np.float64
        assert axis.low is not None
        assert axis.high is not None
        assert ((points[name] >= axis.low) & (points[name] <= axis.high)).all()
        assert len(np.unique(points[name])) == count


@pytest.mark.parametrize("method", ["uniform", "sobol"])
def test_a_longer_plan_begins_with_the_shorter_one(method: str) -> None:
    short, long = (sample_points(PointsPlan(method, VARY, count, 3)) for count in (10, 37))  # type: ignore[arg-type]
    for name in VARY:
        assert np.array_equal(short[name], long[name][:10])


@pytest.mark.parametrize("method", ["uniform", "sobol"])
def test_the_seed_decides(method: str) -> None:
    one, same, other = (
        sample_points(PointsPlan(method, VARY, 8, seed))["rho"].tolist()  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_sobol_fills_every_cell_and_says_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points = sample_points(PointsPlan("sobol", VARY, 64, 5))
        sample_points(PointsPlan("sobol", VARY, 63, 5))
    rows = ((points["rho"] - 0.35) / 0.29 * 8).astype(int)
    columns = ((np.log10(points["sigma"]) + 5) / 3 * 8).astype(int)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == 64  # a (0, 6, 2)-net: one in each of 8 x 8


def test_uniform_points_on_a_log_axis_are_uniform_in_the_logarithm() -> None:
    exponents = np.log10(sample_points(PointsPlan("uniform", VARY, 4000, 0))["sigma"])
    # uniform on (-5, -2): mean -3.5, standard deviation 3 / sqrt(12); five standard errors
    assert abs(exponents.mean() + 3.5) < 5 * 3 / np.sqrt(12 * 4000)
    assert abs(np.median(exponents) + 3.5) < 5 * 1.5 / np.sqrt(4000)


def test_a_grid_has_all_combinations_the_last_axis_fastest() -> None:
    plan = PointsPlan("grid", {"rho": Axis(0.4, 0.6, count=3), "mu": Axis(values=(0.2, 0.1))})
    points = sample_points(plan)
    assert plan.num_points == 6
    assert points["mu"].tolist() == [0.2, 0.1] * 3
    assert points["rho"][::2].tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert (points["rho"][0], points["rho"][-1]) == (0.4, 0.6)  # the ends are exact
    logarithmic = sample_points(PointsPlan("grid", {"sigma": Axis(1e-4, 1e-2, "log", 3)}))["sigma"]
    assert logarithmic.tolist() == pytest.approx([1e-4, 1e-3, 1e-2])
    assert logarithmic[-1] == 1e-2


def test_points_on_a_logarithmic_axis_are_rounded_once_and_so_the_same_on_every_processor() -> None:
    halfway = Axis(1.0, 4.0, "log").between(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    assert halfway.tolist() == [1.0, np.sqrt(2.0), 2.0, 2.0 * np.sqrt(2.0), 4.0]  # IEEE 754 rounds roots correctly
    assert Axis(2.0**-9, 2.0**11, "log", 21).on_grid().tolist() == [2.0**k for k in range(-9, 12)]
    smallest, largest = np.finfo(float).smallest_subnormal, np.finfo(float).max
    assert Axis(smallest, largest, "log", 2).on_grid().tolist() == [smallest, largest]


def test_a_grid_without_axes_is_one_point() -> None:
    assert PointsPlan("grid").num_points == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Axis(0.5, 0.4), "not below"),
        (lambda: Axis(0.5, float("inf"), "log"), "not below"),
        (lambda: Axis(0.5), "low and high"),
        (lambda: Axis(0.0, 1.0, "log"), "logarithm"),
        (lambda: Axis(0.1, values=(0.2,)), "stand alone"),
        (lambda: Axis(values=()), "at least one"),
        (lambda: Axis(values=(0.1, 0.1)), "repeated"),
        (lambda: Axis(0.1, 0.2, count=1), "count"),
        (lambda: PointsPlan("uniform", VARY, None, 0), "count"),
        (lambda: PointsPlan("uniform", VARY, 4, -1), "seed"),
        (lambda: PointsPlan("sobol", {}, 4, 0), "0 parameters vary"),
        (lambda: PointsPlan("uniform", {"rho": Axis(0.1, 0.2, count=3)}, 4, 0), "rho takes low and high alone"),
        (lambda: PointsPlan("grid", VARY), "rho needs a count"),
        (lambda: PointsPlan("grid", {"rho": Axis(values=(0.1,))}, 4), "no count"),
        (lambda: PointsPlan("grid", {name: Axis(0, 1, count=10**4) for name in ("a", "b")}), "more than"),
    ],
)
def test_contradictions_are_refused(make: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()  # type: ignore[operator]
