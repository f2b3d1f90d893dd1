"""The ceiling: scipy's analysis of variance, planted variances, and how often the interval holds them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f_oneway

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.nuclei.ceiling import Outcomes, draw_nuclei, fraction_interval

BETWEEN, WITHIN, BRANCHES, NUCLEI = 0.5, 0.6, 4, 50
PLANTED = BETWEEN / (BETWEEN + WITHIN / BRANCHES)


def branches(rng: np.random.Generator, *, between: float = BETWEEN, nuclei: int = NUCLEI) -> list[FloatArray]:
    means = np.sqrt(between) * rng.standard_normal(nuclei)
    return [mean + np.sqrt(WITHIN) * rng.standard_normal(BRANCHES) for mean in means]


def once(count: int) -> FloatArray:
    return np.ones((1, count))


def test_it_is_one_less_the_inverse_of_the_f_statistic() -> None:
    changes = branches(np.random.default_rng(0))
    outcomes = Outcomes.of(changes, ["Al 640 K"] * NUCLEI)
    statistic = f_oneway(*changes).statistic
    assert outcomes.ceiling(once(NUCLEI))[0] == pytest.approx(1 - 1 / statistic, rel=1e-12)


def test_it_is_the_planted_one_in_the_mean_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(2)
    found, held = [], 0
    for _ in range(400):
        outcomes = Outcomes.of(branches(rng), ["Al 640 K"] * NUCLEI)
        found.append(outcomes.ceiling(once(NUCLEI))[0])
        low, high = fraction_interval(found[-1], outcomes.ceiling(draw_nuclei(NUCLEI, 300, rng=rng)))
        held += low <= PLANTED <= high
    # Of 1/F the mean is (k-1)/(k-3) of the planted one: .01 for 50 nuclei; the mean of 400 is known to .002.
    assert np.mean(found) == pytest.approx(PLANTED, abs=0.02)
    assert held / 400 == pytest.approx(0.93, abs=0.04)  # see there; 3 sigma of 400


def test_it_is_zero_where_positions_decide_nothing() -> None:
    rng = np.random.default_rng(3)
    found = [Outcomes.of(branches(rng, between=0.0), ["x"] * NUCLEI).ceiling(once(NUCLEI))[0] for _ in range(100)]
    assert np.mean(found) == pytest.approx(0.0, abs=0.09)  # (k-1)/(k-3), and 3 sigma of a mean of 100


def test_a_model_that_knows_every_expectation_reaches_it_and_one_that_knows_groups_has_none() -> None:
    rng = np.random.default_rng(4)
    count = 4000
    expected = np.sqrt(BETWEEN) * rng.standard_normal(count)
    group = np.where(np.arange(count) < 1000, "Al 640 K", "Cu 934 K")
    shift = np.where(np.arange(count) < 1000, 5.0, -1.0)
    changes = [shift[i] + expected[i] + np.sqrt(WITHIN) * rng.standard_normal(BRANCHES) for i in range(count)]
    outcomes = Outcomes.of(changes, group.tolist())
    # Standard errors with 4,000 nuclei: sqrt(2/4000) = .022 of a variance, .004 of a ceiling.
    assert outcomes.variance(once(count))[0] == pytest.approx(BETWEEN + WITHIN / BRANCHES, rel=0.07)
    assert outcomes.ceiling(once(count))[0] == pytest.approx(PLANTED, abs=0.02)
    assert outcomes.explained(shift + expected, once(count))[0] == pytest.approx(PLANTED, abs=0.03)
    assert outcomes.explained(shift, once(count))[0] == pytest.approx(0.0, abs=0.03)


def test_different_numbers_of_branches_count_as_they_should() -> None:
    rng = np.random.default_rng(5)
    numbers = np.where(np.arange(3000) % 2, 2, 6)
    changes = [
        np.sqrt(BETWEEN) * rng.standard_normal() + np.sqrt(WITHIN) * rng.standard_normal(number) for number in numbers
    ]
    mean_noise = WITHIN * np.mean(1 / numbers)
    found = Outcomes.of(changes, ["x"] * 3000).ceiling(once(3000))[0]
    assert found == pytest.approx(BETWEEN / (BETWEEN + mean_noise), abs=0.03)


def test_what_cannot_be_told_is_nan() -> None:
    single = Outcomes.of([np.array([1.0]), np.array([2.0]), np.array([4.0])], ["x"] * 3)
    assert np.isnan(single.ceiling(once(3))[0])
    apart = Outcomes.of([np.array([1.0, 2.0]), np.array([2.0, 3.0])], ["x", "y"])
    assert np.isnan(apart.variance(once(2))[0])
    assert np.isnan(fraction_interval(float("nan"), np.zeros(3))).all()
    with pytest.raises(ParameterError, match="do not go together"):
        Outcomes.of([np.array([1.0])], [])
