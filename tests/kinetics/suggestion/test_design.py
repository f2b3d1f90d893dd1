"""Laws of the rule: brute force chooses the same, noise and cost move the choice, what a run will say does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.suggestion.design import greedy_batch, observed, variance_reductions

ROUND_OFF = 1e-9
"""Relative: both ways are a few products of double precision on matrices of condition 1e4 at most."""

ALL = np.ones(6, dtype=np.bool_)


def covariance(seed: int, size: int = 6) -> FloatArray:
    root = np.random.default_rng(seed).normal(size=(size, size + 2))
    return np.asarray(root @ root.T + 0.1 * np.eye(size))


def conditioned(prior: FloatArray, places: list[int], noise: FloatArray, values: FloatArray) -> FloatArray:
    """Covariance after all observations at once, with the mean beside it, by augmenting the prior with what is seen."""
    seen = prior[np.ix_(places, places)] + np.diag(noise[places])
    gain = np.linalg.solve(seen, prior[places]).T
    assert np.isfinite(gain @ values).all()  # the mean needs the values, the covariance does not
    return np.asarray(prior - gain @ prior[places])


@given(st.integers(0, 10_000), st.floats(0.05, 20.0))
def test_the_choice_is_that_of_brute_force_over_exact_posterior_variances(seed: int, level: float) -> None:
    prior, rng = covariance(seed), np.random.default_rng([seed, 1])
    noise, costs, interest = level * rng.uniform(0.5, 2, 6), rng.uniform(1, 3, 6), rng.random(6) < 0.7
    interest[0] = True
    candidates = rng.random(6) < 0.7
    candidates[1] = True
    places: list[int] = []
    steps = greedy_batch(prior, noise, costs, candidates, interest, 4)
    for step in steps:
        before = np.diag(conditioned(prior, places, noise, rng.normal(size=len(places))))[interest].sum()
        after = {
            place: float(
                np.diag(conditioned(prior, [*places, place], noise, rng.normal(size=len(places) + 1)))[interest].sum()
            )
            for place in np.flatnonzero(candidates).tolist()
        }
        best = max(after, key=lambda place: (before - after[place]) / costs[place])
        assert step.place == best
        assert step.variance_left == pytest.approx(after[best], rel=ROUND_OFF)
        assert step.reduction == pytest.approx(before - after[best], rel=1e-6)  # a difference of near numbers
        places.append(step.place)


@given(st.integers(0, 10_000))
def test_what_a_run_will_say_does_not_matter(seed: int) -> None:
    # A sampled field that is consistent with the prior, seen through any values: the covariance is the same.
    prior, noise = covariance(seed), np.linspace(0.2, 1.2, 6)
    first = observed(observed(prior, 2, 0.4), 2, 0.4)
    for values in (np.zeros(2), np.array([1e3, -1e3])):
        assert conditioned(prior, [2, 2], np.full(6, 0.4), values) == pytest.approx(first, rel=1e-6, abs=ROUND_OFF)
    assert greedy_batch(prior, noise, np.ones(6), ALL, ALL, 5) == greedy_batch(prior, noise, np.ones(6), ALL, ALL, 5)


def test_more_noise_moves_the_choice_and_so_does_cost() -> None:
    prior = np.diag([4.0, 3.0, 1.0])
    every = np.ones(3, dtype=np.bool_)

    def chosen(noise: list[float], costs: list[float]) -> int:
        return greedy_batch(prior, np.array(noise), np.array(costs), every, every, 1)[0].place

    assert chosen([1, 1, 1], [1, 1, 1]) == 0
    assert chosen([6, 1, 1], [1, 1, 1]) == 1  # 16/10 against 9/4
    assert chosen([1, 1, 1], [2, 1, 1]) == 1  # 16/5/2 against 9/4
    assert chosen([1, 1, 1], [9, 9, 1]) == 2


def test_a_noisy_place_is_observed_again() -> None:
    # One look at the first place leaves 8/3 of its 4, of which a second would take 2/3; the other gives 1.21/1.6.
    steps = greedy_batch(np.diag([4.0, 1.1]), np.array([8.0, 0.5]), np.ones(2), ALL[:2], ALL[:2], 2)
    assert [step.place for step in steps] == [0, 1]
    steps = greedy_batch(np.diag([4.0, 0.3]), np.array([8.0, 0.5]), np.ones(2), ALL[:2], ALL[:2], 2)
    assert [step.place for step in steps] == [0, 0]


def test_only_variance_of_interest_counts() -> None:
    prior = np.array([[9.0, 0.0, 0.0], [0.0, 1.0, 0.9], [0.0, 0.9, 1.0]])
    interest = np.array([False, False, True])
    assert variance_reductions(prior, np.full(3, 0.1), interest) == pytest.approx([0, 0.81 / 1.1, 1 / 1.1])
    (step,) = greedy_batch(prior, np.full(3, 0.1), np.ones(3), ~interest, interest, 1)
    assert step.place == 1
