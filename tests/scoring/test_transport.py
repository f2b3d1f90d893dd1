"""Wasserstein distances: known answers, the axioms of a metric, other programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import wasserstein_distance

from nakaya.core.errors import ParameterError
from nakaya.scoring import wasserstein

ROUNDING = 1e-9
"""Absolute, for distances of order one to a hundred; sums in another order."""

PROGRAMME = 1e-6
"""Relative: the linear programme meets its constraints to 1e-7."""

FINITE = st.floats(-100, 100, allow_nan=False)


def samples(size=None):
    sizes = st.integers(1, 6) if size is None else st.just(size)
    return sizes.flatmap(lambda count: arrays(np.float64, (count, 2), elements=FINITE))


@settings(max_examples=60, deadline=None)
@given(samples(), samples(), samples())
def test_it_is_a_metric_between_samples(x, y, z):
    to_y = wasserstein(x, y)
    assert to_y >= 0
    assert wasserstein(x, x) == 0
    assert to_y == pytest.approx(wasserstein(y, x), rel=PROGRAMME, abs=ROUNDING)
    slack = PROGRAMME * 100 + ROUNDING
    assert to_y <= wasserstein(x, z) + wasserstein(z, y) + slack


def test_only_equal_samples_are_at_distance_zero():
    x = np.array([[0.0, 1.0], [2.0, 3.0], [2.0, 3.0]])
    assert wasserstein(x, x[::-1]) == 0
    assert wasserstein(x, np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0]])) == pytest.approx(np.sqrt(8) / 3)
    assert wasserstein(x, np.repeat(x, 2, axis=0)) == pytest.approx(0, abs=ROUNDING)  # the same law, twice the members


@settings(max_examples=40, deadline=None)
@given(samples(), arrays(np.float64, 2, elements=FINITE))
def test_a_shifted_sample_is_as_far_as_its_shift(x, shift):
    assert wasserstein(x, x + shift) == pytest.approx(np.linalg.norm(shift), rel=ROUNDING, abs=ROUNDING)


@settings(max_examples=40, deadline=None)
@given(samples(5), samples(5), st.permutations(range(5)), st.floats(0.1, 10))
def test_members_have_no_order_and_scales_divide(x, y, order, scale):
    distance = wasserstein(x, y)
    assert wasserstein(x[list(order)], y) == pytest.approx(distance, rel=ROUNDING, abs=ROUNDING)
    assert wasserstein(x, y, scales=[scale, scale]) == pytest.approx(distance / scale, rel=ROUNDING, abs=ROUNDING)


def test_each_quantity_has_its_own_scale():
    assert wasserstein([[0.0, 0.0]], [[3.0, 40.0]], scales=[1, 10]) == pytest.approx(5)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, st.integers(1, 7), elements=FINITE), arrays(np.float64, st.integers(1, 7), elements=FINITE))
def test_in_one_dimension_it_is_the_area_between_the_distributions(x, y):
    assert wasserstein(x, y) == pytest.approx(wasserstein_distance(x, y), rel=PROGRAMME, abs=PROGRAMME)


@pytest.mark.parametrize(("num_x", "num_y"), [(3, 4), (1, 7), (6, 4)])
def test_unequal_samples_are_coupled_as_their_replicas(num_x, num_y):
    rng = np.random.default_rng(num_x)
    x, y = rng.normal(size=(num_x, 3)), rng.normal(size=(num_y, 3))
    common = np.lcm(num_x, num_y)
    replicas = wasserstein(np.repeat(x, common // num_x, axis=0), np.repeat(y, common // num_y, axis=0))
    assert wasserstein(x, y) == pytest.approx(replicas, rel=PROGRAMME)


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 1)), {}, "2 and 1 quantities"),
        (np.zeros((0, 2)), np.zeros((3, 2)), {}, "first sample of shape"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), {}, "second sample holds NaN"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"scales": [1.0, 0.0]}, "positive"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"scales": [1.0]}, "2 positive numbers"),
    ],
)
def test_samples_that_do_not_fit_are_refused(first, second, options, message):
    with pytest.raises(ParameterError, match=message):
        wasserstein(first, second, **options)
