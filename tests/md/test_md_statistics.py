"""Honest errors: walks, seeds, rare events."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nakaya.core.errors import ParameterError
from nakaya.md.growth import planned_duration
from nakaya.md.statistics import (
    combine_runs,
    combine_seeds,
    event_rate,
    log_of_mean_count,
    poisson_interval,
    walk_slope,
    weighted_mean,
)

REPLICATES = 4000
STATED = 0.05
"""Relative, of a stated error against the standard deviation of 4,000 replicates, which know it to 1.1 %: 4 sigma."""


def walks(count: int, *, drift: float = 0.3, diffusion: float = 0.5, frames: int = 61, seed: int = 0) -> np.ndarray:
    """Drifting random walks, float64 [count, frames], one frame per ps."""
    steps = np.random.default_rng(seed).normal(drift, math.sqrt(2 * diffusion), (count, frames - 1))
    return np.concatenate([np.zeros((count, 1)), np.cumsum(steps, axis=1)], axis=1)


def test_the_error_of_a_walk_is_what_repeats_show() -> None:
    times = np.arange(61.0)
    found = [walk_slope(times, walk, block=5.0) for walk in walks(REPLICATES)]
    actual = np.std([estimate.value for estimate in found])
    stated = math.sqrt(np.mean([estimate.standard_error**2 for estimate in found]))
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(0.3, abs=4 * actual / math.sqrt(REPLICATES))
    assert stated == pytest.approx(actual, rel=STATED)


def test_the_error_of_a_walk_is_that_of_its_blocks_in_closed_form() -> None:
    # Displacements of 1, 3, 1, 3 over blocks of 1: s^2 = 4/3, and 6/5 * s^2 / (n tau^2) = 2/5.
    found = walk_slope(np.arange(5.0), np.array([0.0, 1, 4, 5, 8]), block=1.0)
    assert found.value == pytest.approx(2.0)
    assert found.standard_error == pytest.approx(math.sqrt(0.4))
    # Two hundredfold in time and thrice in length: the same walk in other units.
    found = walk_slope(200 * np.arange(5.0), 3 * np.array([0.0, 1, 4, 5, 8]), block=200.0)
    assert found.standard_error == pytest.approx(3 / 200 * math.sqrt(0.4))


def test_the_error_of_a_straight_line_is_several_times_too_small() -> None:
    times = np.arange(61.0)
    slopes, naive = [], []
    for walk in walks(200, seed=1):
        line, covariance = np.polyfit(times, walk, 1, cov=True)
        slopes.append(line[0])
        naive.append(math.sqrt(covariance[0, 0]))
    assert np.std(slopes) > 3 * np.mean(naive)  # the trap that walk_slope avoids


def test_a_slope_without_noise_is_exact() -> None:
    times = np.linspace(0, 40, 41)
    found = walk_slope(times, 2 + 0.7 * times, block=5.0)
    assert found.value == pytest.approx(0.7)
    assert found.standard_error == pytest.approx(0, abs=1e-12)


def test_a_short_walk_has_no_error_and_two_points_no_slope() -> None:
    assert math.isnan(walk_slope(np.arange(6.0), np.arange(6.0), block=5.0).standard_error)
    with pytest.raises(ParameterError, match="too few"):
        walk_slope(np.arange(2.0), np.arange(2.0), block=5.0)


def test_the_mean_over_seeds_covers_the_truth() -> None:
    rng = np.random.default_rng(4)
    for seeds in (2, 3, 6):
        inside = 0
        for _ in range(400):
            values = rng.normal(49.0, 9.0, seeds)
            inner = 9.0 * np.sqrt(rng.chisquare(7, seeds) / 7)  # as runs of eight blocks state it
            estimate = combine_seeds(values, inner)
            inside += abs(estimate.value - 49.0) < 2 * estimate.standard_error
        assert inside / 400 > 0.93  # two standard errors: never much less than 95 %


def test_the_error_of_a_weighted_mean_is_what_replicates_show() -> None:
    errors = np.array([1.0, 2.0, 4.0])
    drawn = 50 + errors * np.random.default_rng(11).standard_normal((REPLICATES, 3))
    values = [weighted_mean(values, errors).value for values in drawn]
    stated = weighted_mean(drawn[0], errors).standard_error
    assert stated == pytest.approx(1 / math.sqrt(1 + 1 / 4 + 1 / 16))
    assert stated == pytest.approx(np.std(values), rel=STATED)
    equal = np.full(3, 2.0)
    assert weighted_mean(np.array([1.0, 2, 6]), equal).value == pytest.approx(3.0)


def test_runs_that_disagree_have_the_error_of_their_dispersion() -> None:
    values = np.array([10.0, 20.0, 30.0])
    assert combine_runs(values, np.full(3, 1.0)).standard_error == pytest.approx(10 / math.sqrt(3))
    assert combine_runs(values, np.full(3, 30.0)).standard_error == pytest.approx(30 / math.sqrt(3))
    assert combine_seeds(values.tolist(), [1.0, 1.0, 1.0]).standard_error == pytest.approx(10 / math.sqrt(3))
    # Within the runs the squares are averaged, over those that tell: sqrt((9 + 25) / 2 / 3).
    seen = combine_seeds([10.0, 10.0, 10.0], [3.0, math.nan, 5.0])
    assert seen.standard_error == pytest.approx(math.sqrt(34 / 2 / 3))


def test_the_error_of_many_seeds_is_what_replicates_show() -> None:
    """With 100 seeds the larger of two estimates of one error is hardly larger than either."""
    drawn = np.random.default_rng(12).normal(49.0, 9.0, (REPLICATES, 100))
    found = [combine_seeds(values.tolist(), [9.0] * 100) for values in drawn]
    stated = math.sqrt(np.mean([estimate.standard_error**2 for estimate in found]))
    assert stated == pytest.approx(np.std([estimate.value for estimate in found]), rel=STATED)


@pytest.mark.parametrize("events", [0, 1, 2, 9, 40])
def test_the_logarithm_of_a_count_has_the_moments_of_its_posterior(events: int) -> None:
    """Mean of the count given n events, Jeffreys' prior: a gamma distribution of shape n + 1/2."""
    drawn = np.log(np.random.default_rng(13).gamma(events + 0.5, size=100_000))
    found = log_of_mean_count(events)
    assert found.value == pytest.approx(drawn.mean(), abs=4 * drawn.std() / math.sqrt(len(drawn)))
    assert found.standard_error == pytest.approx(drawn.std(), rel=STATED)
    with pytest.raises(ParameterError, match="not negative"):
        log_of_mean_count(-1)


@pytest.mark.parametrize(("runs", "lag"), [(4, None), (20, None), (3, 40.0), (20, 40.0)])
def test_the_interval_of_a_rate_covers_as_often_as_its_quantiles_say(runs: int, lag: float | None) -> None:
    """The rate times the exposure is a sum of n exponential times, one less than events where the first fixes the lag.

    The lower end misses in 5 % exactly; the upper one counts an event more, as a rate does not know who ends the wait.
    """
    truth = 1 / 60.0
    counted = runs if lag is not None else runs - 1
    high = stats.chi2.ppf(0.95, 2 * counted + 2) / 2
    expected = 0.95 - stats.gamma.sf(high, counted)
    drawn = 40.0 + np.random.default_rng(14).exponential(60.0, (2000, runs))
    found = [event_rate(times, np.array([]), lag=lag) for times in drawn]
    covered = np.mean([entry.low <= truth <= entry.high for entry in found])
    assert all(entry.counted == counted for entry in found)
    assert covered == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 2000))


def test_a_rate_is_events_over_exposure_and_the_lag_the_first_time_less_its_mean_excess() -> None:
    found = event_rate(np.array([50.0, 70.0, 110.0]), np.array([130.0]))
    assert (found.counted, found.exposure) == (2, 20.0 + 60.0 + 80.0)
    assert found.rate == pytest.approx(2 / 160)
    assert found.lag == pytest.approx(50.0 - 160 / 2 / 4)
    assert (found.low, found.high) == pytest.approx([end / 160 for end in poisson_interval(2)])
    known = event_rate(np.array([50.0, 70.0, 110.0]), np.array([130.0]), lag=40.0)
    assert (known.rate, known.lag) == (pytest.approx(3 / (10 + 30 + 70 + 90)), 40.0)


def test_one_seed_has_the_error_of_its_run_and_no_seed_is_an_error() -> None:
    assert combine_seeds([5.0], [0.5]).standard_error == 0.5
    assert math.isnan(combine_seeds([5.0], [math.nan]).standard_error)
    with pytest.raises(ParameterError):
        combine_seeds([], [])


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 30.0), st.sampled_from([0.8, 0.9, 0.95]))
def test_poisson_intervals_cover(mean: float, level: float) -> None:
    counts = np.arange(0, 200)
    log_factorials = np.array([math.lgamma(count + 1) for count in counts])
    weights = np.exp(counts * math.log(mean) - mean - log_factorials)
    inside = [low <= mean <= high for low, high in (poisson_interval(int(count), level=level) for count in counts)]
    assert weights[np.array(inside)].sum() >= level - 1e-9


def test_poisson_intervals_of_known_counts() -> None:
    assert poisson_interval(0, level=0.9) == (0.0, pytest.approx(-math.log(0.05)))
    assert poisson_interval(10, level=0.95) == (pytest.approx(4.795, abs=1e-3), pytest.approx(18.39, abs=1e-2))


@pytest.mark.parametrize("end", [math.inf, 130.0])
def test_the_lag_is_subtracted_without_bias(end: float) -> None:
    rng = np.random.default_rng(6)
    lag, rate = 40.0, 1 / 60.0
    rates, lags, naive, covered = [], [], [], 0
    for _ in range(600):
        times = lag + rng.exponential(1 / rate, 20)
        seen = times[times <= end]
        found = event_rate(seen, np.full(20 - len(seen), min(end, 1e9)))
        rates.append(found.rate)
        lags.append(found.lag)
        naive.append(1 / times.mean())
        covered += found.low <= rate <= found.high
    # (r-1)/S has the mean rate (r-1)/(r-2): 5 % at twenty events; the naive rate is 40 % low.
    assert np.mean(rates) == pytest.approx(rate, rel=0.10)
    assert np.mean(lags) == pytest.approx(lag, abs=1.0)
    assert np.mean(naive) < 0.75 * rate
    assert covered / 600 >= 0.88


def test_censored_runs_count_with_their_time() -> None:
    rng = np.random.default_rng(7)
    rates, dropped = [], []
    for _ in range(300):
        times = rng.exponential(100.0, 20)
        seen = times[times < 100.0]
        rates.append(event_rate(seen, np.full(20 - len(seen), 100.0), lag=0.0).rate)
        dropped.append(1 / seen.mean())
    assert np.mean(rates) == pytest.approx(0.01, rel=0.06)
    assert np.mean(dropped) > 2 * 0.01  # forgetting the runs without an event more than doubles the rate


def test_without_events_there_is_an_upper_limit() -> None:
    found = event_rate(np.array([]), np.full(20, 100.0))
    assert (found.rate, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(-math.log(0.05) / 2000)


def test_waiting_times_are_tested_for_exponentiality() -> None:
    rng = np.random.default_rng(9)
    fair = [event_rate(rng.exponential(1.0, 20), np.array([]), lag=0.0).p_exponential for _ in range(300)]
    assert np.mean(np.array(fair) < 0.05) == pytest.approx(0.05, abs=0.04)
    lagged = [event_rate(3.0 + rng.exponential(1.0, 20), np.array([]), lag=0.0).p_exponential for _ in range(50)]
    assert np.median(lagged) < 1e-3  # a lag left in shows
    assert math.isnan(event_rate(np.array([1.0, 2.0]), np.array([]), lag=0.0).p_exponential)


def test_impossible_waiting_times_are_refused() -> None:
    for waiting in ([], [-1.0], [math.nan]):
        with pytest.raises(ParameterError):
            event_rate(np.array(waiting), np.array([]))


def test_the_cost_of_a_velocity_grows_with_the_inverse_square_of_the_undercooling() -> None:
    def duration(undercooling: float) -> float:
        return planned_duration(0.4 * undercooling, 1e-3 * undercooling, 2e-18, 1.2e-29)

    assert duration(20.0) / duration(40.0) == pytest.approx(4, rel=0.02)
    assert duration(0.0) == math.inf


def test_the_planned_error_is_that_of_atoms_that_come_and_go() -> None:
    rng = np.random.default_rng(10)
    reduced_driving_force, area, volume, coming = 0.1, 2.2e-18, 1.2e-29, 3e13  # attachments per second and front
    going = coming * math.exp(-reduced_driving_force)
    velocity = (coming - going) * volume / area
    duration = planned_duration(velocity, reduced_driving_force, area, volume, relative_error=0.1)
    net = rng.poisson(2 * coming * duration, 4000) - rng.poisson(2 * going * duration, 4000)
    assert net.std() / net.mean() == pytest.approx(0.1, rel=0.05)
