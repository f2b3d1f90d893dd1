"""Pooled evidence: the direct fit is exact on a straight line, and nothing later than the evidence gets in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.kinetics.samples.pooled import EARLY_VELOCITY, early_velocity, pooled_features
from nakaya.records.record import Axis, Quantity, Record
from support.synthetic_growth import SyntheticGrowth

RECORD = SyntheticGrowth().growth("Cu", "100", 1115.0, 0)
ROUNDING = 1e-9


def with_series(name: str, times_ps: np.ndarray, values: np.ndarray) -> Record:
    series = Quantity(values, "m" if name == "solid_thickness" else "1", axis=Axis("time", "s", times_ps * 1e-12))
    return replace(RECORD, evidence={name: series})


@given(st.floats(-300, 300), st.floats(0, 1e-8), st.integers(3, 20))
@settings(max_examples=30, deadline=None)
def test_a_straight_front_moves_with_half_the_slope_of_the_thickness(velocity: float, start: float, count: int) -> None:
    times = np.linspace(0, 10, count)
    record = with_series("solid_thickness", times, start + 2 * velocity * times * 1e-12)
    assert early_velocity(record) == pytest.approx(velocity, rel=ROUNDING, abs=1e-6)


def test_the_solid_fraction_tells_the_same_where_there_is_no_thickness() -> None:
    fraction = replace(RECORD, evidence={"solid_fraction": RECORD.evidence["solid_fraction"]})
    assert early_velocity(fraction) == pytest.approx(early_velocity(RECORD), rel=1e-6)


def test_later_points_change_nothing() -> None:
    times, values = np.arange(11.0), np.random.default_rng(0).normal(size=11)
    later = np.concatenate([values, [1e6, -1e6]])
    short = pooled_features(with_series("q6_mean", times, values))
    long = pooled_features(with_series("q6_mean", np.arange(13.0), later))
    assert short.keys() == long.keys()
    assert [short[name] for name in sorted(short)] == pytest.approx([long[name] for name in sorted(long)], nan_ok=True)


def test_gaps_are_left_out_and_missing_evidence_is_not_known() -> None:
    values = np.array([1.0, np.nan, 3.0, 3.0])
    found = pooled_features(with_series("q6_mean", np.array([0.0, 3.0, 6.0, 9.0]), values))
    assert found["q6_mean_mean"] == pytest.approx(7 / 3)
    assert found["q6_mean_change"] == pytest.approx(2.0)
    assert np.isnan(found[EARLY_VELOCITY])


def test_results_are_not_evidence() -> None:
    lying = replace(RECORD, quantities={"growth_velocity": Quantity(np.array(-1.0), "m/s")})
    assert pooled_features(lying) == pooled_features(RECORD)
