"""Proper scores: analytic values, and that the true law scores best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nakaya.core.errors import ParameterError
from nakaya.scoring import brier_score, crps, energy_score, ensemble_brier_score

ROUNDING = 1e-9

SIGMAS = 4
"""Standard errors by which an expectation may be missed, or must be exceeded."""

FINITE = st.floats(-100, 100, allow_nan=False)


def test_small_ensembles_have_their_analytic_crps():
    assert crps([2.0], 5.0) == 3
    assert crps([0.0, 1.0], 0.0) == pytest.approx(0.5 - 0.25)
    assert crps([0.0, 1.0], 3.0) == pytest.approx(2.5 - 0.25)
    assert crps([0.0, 1.0], 3.0, fair=True) == pytest.approx(2.5 - 0.5)
    assert crps([0.0, 1.0, 5.0], 1.0) == pytest.approx(5 / 3 - 20 / 18)
    assert np.isnan(crps([2.0], 5.0, fair=True))


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, st.integers(1, 8), elements=FINITE), FINITE)
def test_the_crps_is_the_integral_between_the_distribution_functions(members, observation):
    """Integral of (F(t) - 1[y <= t])^2 over t, piecewise constant between members and observation."""
    knots = np.sort(np.append(members, observation))
    middles = (knots[1:] + knots[:-1]) / 2
    below = (members[None, :] <= middles[:, None]).mean(axis=1)
    integral = ((below - (observation <= middles)) ** 2 * np.diff(knots)).sum()
    assert crps(members, observation) == pytest.approx(integral, rel=ROUNDING, abs=ROUNDING)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (6, 2), elements=FINITE), arrays(np.float64, (3, 2), elements=FINITE), st.booleans())
def test_the_energy_score_is_its_double_sum(members, observations, fair):
    pairs = [np.linalg.norm(x - z) for x in members for z in members]
    spread = sum(pairs) / (6 * 5 if fair else 36) / 2
    for score, y in zip(energy_score(members, observations, fair=fair), observations, strict=True):
        expected = np.mean([np.linalg.norm(x - y) for x in members]) - spread
        assert score == pytest.approx(expected, rel=ROUNDING, abs=ROUNDING)


@settings(max_examples=30, deadline=None)
@given(arrays(np.float64, 7, elements=FINITE), FINITE, st.permutations(range(7)), st.booleans())
def test_of_one_quantity_the_energy_score_is_the_crps_in_any_order(members, observation, order, fair):
    score = crps(members, observation, fair=fair)
    assert crps(members[list(order)], observation, fair=fair) == pytest.approx(score, rel=ROUNDING, abs=ROUNDING)
    assert energy_score(members, [observation], fair=fair)[0] == pytest.approx(score, rel=ROUNDING, abs=ROUNDING)


def test_batches_broadcast():
    rng = np.random.default_rng(0)
    members, observations = rng.normal(size=(4, 1, 9)), rng.normal(size=(4, 5))
    scores = crps(members, observations)
    assert scores.shape == (4, 5)
    assert scores[2, 3] == pytest.approx(crps(members[2, 0], observations[2, 3]), rel=ROUNDING)


def test_fair_scores_do_not_depend_on_the_size_of_the_ensemble_and_plain_ones_do():
    """N(0, 1): infinitely many true members score 1 / sqrt pi on average; M members plain (1 + 1 / M) / sqrt pi."""
    rng = np.random.default_rng(1)
    for count in (2, 5, 20):
        members, observations = rng.normal(size=(20_000, count)), rng.normal(size=20_000)
        for fair, expected in ((True, 1 / np.sqrt(np.pi)), (False, (1 + 1 / count) / np.sqrt(np.pi))):
            scores = crps(members, observations, fair=fair)
            assert abs(scores.mean() - expected) < SIGMAS * scores.std() / np.sqrt(20_000)


@pytest.mark.parametrize(
    ("shift", "scale", "fair"),
    [(0.3, 1.0, True), (0.0, 1.6, True), (0.0, 0.6, True), (0.3, 1.0, False), (0.0, 1.6, False)],
)
def test_wrong_forecasters_score_worse(shift, scale, fair):
    """The same random numbers for both forecasters; the differences have a mean above zero.

    Plain scores of ten members reward a spread somewhat below the true one, so that case is asked of fair scores only.
    """
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(2_000, 10, 2))
    wrong = shift + scale * truth
    observations = rng.normal(size=(2_000, 2))
    one = crps(wrong[..., 0], observations[:, 0], fair=fair) - crps(truth[..., 0], observations[:, 0], fair=fair)
    assert one.mean() > SIGMAS * one.std() / np.sqrt(len(one))
    several = np.array(
        [
            energy_score(bad, [y], fair=fair)[0] - energy_score(good, [y], fair=fair)[0]
            for bad, good, y in zip(wrong, truth, observations, strict=True)
        ]
    )
    assert several.mean() > SIGMAS * several.std() / np.sqrt(len(several))


def test_brier_scores_of_single_events():
    assert brier_score([0.0, 0.25, 1.0], [False, True, True]).tolist() == [0.0, 0.5625, 0.0]


@settings(max_examples=40, deadline=None)
@given(arrays(np.bool_, (4, 3)), arrays(np.bool_, (6, 3)))
def test_the_ensemble_brier_score_is_the_mean_over_observations(members, observations):
    expected = brier_score(members.mean(axis=0), observations).mean(axis=0)
    assert ensemble_brier_score(members, observations) == pytest.approx(expected, abs=ROUNDING)


def test_the_fair_brier_score_has_no_bias_and_prefers_the_truth():
    """p = 0.3: an infinite ensemble scores p (1 - p) = 0.21, whatever the number of members."""
    rng = np.random.default_rng(3)
    scores = ensemble_brier_score(rng.random((5, 40_000)) < 0.3, rng.random((1, 40_000)) < 0.3, fair=True)
    assert abs(scores.mean() - 0.21) < SIGMAS * scores.std() / 200
    wrong = ensemble_brier_score(rng.random((5, 40_000)) < 0.4, rng.random((1, 40_000)) < 0.3, fair=True)
    assert abs(wrong.mean() - (0.21 + 0.01)) < SIGMAS * wrong.std() / 200
    assert np.isnan(ensemble_brier_score(np.ones((1, 2), np.bool_), np.ones((1, 2), np.bool_), fair=True)).all()


def test_ensembles_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match="no members"):
        crps(np.zeros((3, 0)), 1.0)
    with pytest.raises(ParameterError, match="2 and observations of 3"):
        energy_score(np.zeros((4, 2)), np.zeros((4, 3)))
