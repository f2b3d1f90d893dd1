"""Bootstrap intervals over points: coverage, pairing, floors of zero."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.scoring import draw_points, mean_interval, ratio_interval


def test_intervals_cover_the_true_mean_about_as_often_as_they_say():
    """Percentile intervals of 64 points are known to cover some 1.5 % less than 95 %; four standard errors of 500."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(500):
        interval = mean_interval(rng.exponential(size=64), draw_points(64, 300, rng=rng))
        covered.append(interval.low <= 1 <= interval.high)
    assert abs(np.mean(covered) - 0.935) < 4 * np.sqrt(0.95 * 0.05 / 500)


def test_the_ratio_is_that_of_the_means_and_points_stay_paired():
    rng = np.random.default_rng(1)
    floors = rng.exponential(size=50)
    floors[:5] = 0
    drawn = draw_points(50, 500, rng=rng)
    ratio = ratio_interval(3 * floors, floors, drawn)
    assert ratio.value == pytest.approx(3, rel=1e-12)
    assert (ratio.low, ratio.high) == (pytest.approx(3, rel=1e-12), pytest.approx(3, rel=1e-12))
    mean = mean_interval(floors, drawn)
    assert mean.low < floors.mean() < mean.high


def test_a_floor_of_zero_has_no_ratio():
    drawn = draw_points(4, 200, rng=np.random.default_rng(2))
    assert np.isnan(ratio_interval(np.ones(4), np.zeros(4), drawn).value)
    sometimes = ratio_interval(np.ones(4), np.array([0, 0, 0, 1.0]), drawn)
    assert sometimes.value == 4
    assert np.isinf(sometimes.high)
    assert np.isnan(mean_interval(np.array([1, np.nan, 2, 3]), drawn).value)


def test_the_same_generator_draws_the_same_intervals():
    values = np.arange(10.0)
    first, second = (mean_interval(values, draw_points(10, 100, rng=np.random.default_rng(7))) for _ in range(2))
    assert first == second
    assert str(first).startswith("4.5 [")
