"""Distances over the floor: what a perfect model and a biased one get."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.scoring.floors import score_over_floor, seed_scales

POINTS, MEMBERS, QUANTITIES = 64, 16, 3


def sample(seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres, spreads = np.linspace(-50, 50, POINTS), np.geomspace(0.1, 10, POINTS)
    noise = rng.normal(loc=shift, size=(POINTS, MEMBERS, QUANTITIES))
    return centres[:, None, None] + spreads[:, None, None] * noise


def test_a_perfect_model_has_one_floor() -> None:
    score = score_over_floor(sample(1), sample(2), rng=np.random.default_rng(0))
    # The mean over 64 points of distances that scatter by a third each: 3 sigma are .13, and so are those of the floor.
    assert score.joint.value == pytest.approx(1, abs=0.18)
    assert all(interval.value == pytest.approx(1, abs=0.25) for interval in score.single)


def test_a_bias_is_told_in_standard_deviations_and_costs_floors() -> None:
    score = score_over_floor(sample(1, shift=2.0), sample(2), rng=np.random.default_rng(0))
    # Of 16 members each: sqrt(2 / 16 / 64) = .044 for every quantity, and the scale is off by 18 % at single points.
    assert score.bias == pytest.approx([2, 2, 2], abs=0.25)
    assert score.joint.value > 2.5
    assert score.joint.low > 2


def test_units_of_a_quantity_do_not_matter() -> None:
    factors = np.array([1.0, 1000.0, 1e-6])
    plain = score_over_floor(sample(1), sample(2), rng=np.random.default_rng(0))
    scaled = score_over_floor(sample(1) * factors, sample(2) * factors, rng=np.random.default_rng(0))
    assert scaled.joint.value == pytest.approx(plain.joint.value, rel=1e-9)


def test_a_quantity_that_never_varies_has_scale_one_and_a_quiet_point_a_tenth() -> None:
    truth = sample(2)
    truth[..., 0] = 7.0
    truth[3, :, 1] = 5.0
    scales = seed_scales(truth)
    assert (scales[..., 0] == 1).all()
    pooled = np.sqrt((truth[..., 1].std(axis=1, ddof=1) ** 2).mean())
    assert scales[3, 0, 1] == pytest.approx(0.1 * pooled)


def test_too_few_members_are_refused() -> None:
    with pytest.raises(ParameterError, match="at least 16 members"):
        score_over_floor(sample(1), sample(2)[:, :9], rng=np.random.default_rng(0))
    with pytest.raises(ParameterError, match="NaN or infinite"):
        score_over_floor(np.full_like(sample(1), np.nan), sample(2), rng=np.random.default_rng(0))
