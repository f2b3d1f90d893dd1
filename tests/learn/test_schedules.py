"""Schedules: values that can be worked out by hand."""

from __future__ import annotations

import pytest

from nakaya.core.errors import ParameterError
from nakaya.learn.schedules import Ramp, WarmupCosine


def test_the_paper_s_dropout_schedule_in_its_own_epochs() -> None:
    """p = max(0.1, 1 - (epoch - 10) / 10): 1 up to epoch 10 of 100, 0.5 at epoch 15, 0.1 from epoch 19."""
    dropout = Ramp(1.0, 0.1, 0.10, 0.19)
    for epoch in range(101):
        expected = max(0.1, min(1.0, 1.0 - (epoch - 10) / 10))
        assert dropout.at(epoch / 100) == pytest.approx(expected, abs=1e-12)


def test_a_ramp_keeps_its_ends() -> None:
    annealing = Ramp(0.0, 1.0, 0.0, 0.16)
    assert [annealing.at(progress) for progress in (0.0, 0.08, 0.16, 1.0)] == [0.0, 0.5, 1.0, 1.0]


def test_a_ramp_without_length_is_a_step() -> None:
    step = Ramp(0.0, 1.0, 0.5, 0.5)
    assert (step.at(0.5), step.at(0.500001)) == (0.0, 1.0)


def test_warm_up_and_cosine() -> None:
    rate = WarmupCosine(peak=2.0, warmup=0.1, floor=0.25)
    assert rate.at(0.0) == 0.0
    assert rate.at(0.05) == pytest.approx(1.0)
    assert rate.at(0.1) == pytest.approx(2.0)
    assert rate.at(0.55) == pytest.approx(2.0 * (1.0 + 0.25) / 2.0)
    assert rate.at(1.0) == pytest.approx(0.5)


def test_no_warm_up_starts_at_the_peak() -> None:
    assert WarmupCosine(peak=3.0, warmup=0.0, floor=0.0).at(0.0) == 3.0


@pytest.mark.parametrize("ends", [(0.2, 0.1), (-0.1, 0.5), (0.5, 1.1)])
def test_a_ramp_out_of_order_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(ParameterError, match="in order"):
        Ramp(0.0, 1.0, *ends)


def test_a_learning_rate_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ParameterError, match="positive rate"):
        WarmupCosine(peak=0.0, warmup=0.1, floor=0.1)
