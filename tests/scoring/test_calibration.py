"""Coverage and PIT of exact draws, with and without ties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kstest

from nakaya.core.errors import ParameterError
from nakaya.scoring import band_covers, central_band, pit_block, pit_coverage, pit_histogram, randomised_pit

ROUNDING = 1e-12

SIGMAS = 4

TRIALS = 20_000


def exact_draws(rng, members, tied):
    """Members and an observation of one law, continuous or with many ties."""
    draws = rng.normal(size=(TRIALS, members + 1))
    draws = np.round(draws) if tied else draws
    return draws[:, :-1], draws[:, -1]


@pytest.mark.parametrize("members", [19, 39, 64])
def test_bands_cover_exact_draws_at_the_nominal_level(members):
    """19 and 39 members have whole ranks: exactly 90 %; 64 need interpolation, here good to 0.3 %."""
    rng = np.random.default_rng(members)
    ensemble, observation = exact_draws(rng, members, tied=False)
    coverage = band_covers(ensemble, observation).mean()
    slack = SIGMAS * np.sqrt(0.9 * 0.1 / TRIALS)
    assert abs(coverage - 0.9) < slack + (0.003 if members == 64 else 0)


def test_ties_are_covered_by_the_closed_band_but_not_by_the_randomised_transform():
    rng = np.random.default_rng(0)
    ensemble, observation = exact_draws(rng, 39, tied=True)
    assert band_covers(ensemble, observation).mean() > 0.93
    shares = pit_coverage(ensemble, observation)
    assert abs(shares.mean() - 0.9) < SIGMAS * shares.std() / np.sqrt(TRIALS)
    constant = np.ones((1, 64))
    assert band_covers(constant, [1.0]).all()
    assert not band_covers(constant, [1.0 + 1e-9]).any()
    assert pit_coverage(constant, [1.0]) == pytest.approx(0.9, rel=ROUNDING)


def test_few_members_give_their_range():
    assert [float(end) for end in central_band(np.arange(5.0))] == [0, 4]
    assert [float(end) for end in central_band([3.0])] == [3, 3]
    low, high = central_band(np.arange(1.0, 40.0))
    assert (low, high) == (pytest.approx(2), pytest.approx(38))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("members", [1, 7, 64])
def test_the_randomised_transform_of_exact_draws_is_uniform(members, tied):
    rng = np.random.default_rng(members)
    pits = randomised_pit(*exact_draws(rng, members, tied), rng=rng)
    assert kstest(pits, "uniform").pvalue > 1e-4


def test_the_histogram_is_flat_for_exact_draws_and_not_for_others():
    rng = np.random.default_rng(1)
    ensemble, observation = exact_draws(rng, 20, tied=True)
    slack = SIGMAS * np.sqrt(0.1 * 0.9 / TRIALS)
    assert np.abs(pit_histogram(ensemble, observation) - 0.1).max() < slack
    too_alike = pit_histogram(0.5 * ensemble, observation)
    assert too_alike[0] > 0.15
    assert too_alike[-1] > 0.15
    biased = pit_histogram(ensemble - 1, observation)
    assert biased[-1] > 0.2
    assert biased[0] < 0.05


@settings(max_examples=50, deadline=None)
@given(arrays(np.int64, st.integers(1, 9), elements=st.integers(0, 4)), st.integers(-1, 5), st.randoms())
def test_the_histogram_is_the_expectation_of_the_randomised_transform(members, observation, shuffler):
    low, high = pit_block(members, observation)
    below, equal = (members < observation).sum(), (members == observation).sum()
    assert low * (len(members) + 1) == pytest.approx(below)
    assert (high - low) * (len(members) + 1) == pytest.approx(equal + 1)
    borders = np.linspace(0, 1, 6)
    expected = [max(0.0, min(high, end) - max(low, start)) / (high - low) for start, end in itertools.pairwise(borders)]
    histogram = pit_histogram(members, observation, bins=5)
    assert histogram == pytest.approx(expected, abs=ROUNDING)
    assert histogram.sum() == pytest.approx(1, rel=ROUNDING)
    order = list(range(len(members)))
    shuffler.shuffle(order)
    assert (pit_histogram(members[order], observation, bins=5) == histogram).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 90, float("nan")])
def test_levels_are_probabilities(level):
    with pytest.raises(ParameterError, match="level"):
        central_band(np.arange(5.0), level)
    with pytest.raises(ParameterError, match="level"):
        pit_coverage(np.arange(5.0), 1.0, level)
