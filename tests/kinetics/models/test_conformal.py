"""Calibrated intervals cover what they promise, group by group."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.conformal import calibrate, fewest_groups, normal_factor
from nakaya.kinetics.models.protocol import PredictiveDistribution


def overconfident(rng: np.random.Generator, num_groups: int) -> tuple[PredictiveDistribution, np.ndarray, list[str]]:
    """Three replicates a group that share most of their error, 3 times as large as the model says, with heavy tails."""
    errors = np.repeat(rng.standard_t(4, num_groups), 3) * 3 + rng.normal(0, 0.3, 3 * num_groups)
    groups = [f"g{number // 3}" for number in range(3 * num_groups)]
    told = PredictiveDistribution("growth_velocity", "linear", np.zeros(3 * num_groups), np.ones(3 * num_groups))
    return told, errors, groups


@pytest.mark.parametrize(
    ("num_groups", "level", "rank"),
    [
        (9, 0.9, 9),
        (10, 0.9, 10),
        (18, 0.9, 18),
        (19, 0.9, 18),
        (29, 0.9, 27),
        (99, 0.9, 90),
        (4, 0.8, 4),
        (39, 0.95, 38),
    ],
)
def test_the_factor_is_the_score_of_rank_level_times_one_more_than_the_groups(
    num_groups: int, level: float, rank: int
) -> None:
    """The k-th of the K ordered scores, k = ceil(level (K + 1)), for one sample a group: split-conformal prediction."""
    rng = np.random.default_rng(5)
    scores = 1.0 + np.arange(num_groups)
    order = rng.permutation(num_groups)
    deviations = rng.uniform(0.5, 2.0, num_groups)
    means = rng.normal(size=num_groups)
    signs = rng.choice([-1.0, 1.0], num_groups)
    told = PredictiveDistribution("growth_velocity", "linear", means, deviations)
    found = calibrate(
        told, means + signs * deviations * scores[order], [f"g{n}" for n in range(num_groups)], level=level
    )
    assert found.factor == pytest.approx(rank, rel=1e-12)
    assert (found.groups, found.level, found.method) == (num_groups, level, "conformal")


def test_groups_of_several_sizes_weigh_the_same() -> None:
    """Ten groups reach 0.9 (1 + 1/10) = 0.99 with the last sample of the tenth; eleven, 0.9 (12/11) = 10.8 of 11."""
    sizes = [1, 2, 5, 1, 1, 3, 1, 1, 1, 1, 5]
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    scores = 1.0 + np.arange(len(groups))
    told = PredictiveDistribution("growth_velocity", "linear", np.zeros(len(groups)), np.ones(len(groups)))
    # Of the last group's five samples the fourth brings the sum to 10 + 4/5, the share that is asked for.
    assert calibrate(told, scores, groups).factor == len(groups) - 1
    ten = np.array(groups) != "g10"
    told = PredictiveDistribution("growth_velocity", "linear", np.zeros(ten.sum()), np.ones(ten.sum()))
    assert calibrate(told, scores[ten], np.array(groups)[ten].tolist()).factor == ten.sum()


@pytest.mark.parametrize("num_groups", [9, 20, 60])
def test_new_groups_are_covered_at_the_stated_rate(num_groups: int) -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        told, errors, groups = overconfident(rng, num_groups)
        factor = calibrate(told, errors, groups).factor
        _, fresh, _ = overconfident(rng, 1)
        covered.append(np.mean(np.abs(fresh) <= factor))
    mean, error = np.mean(covered), np.std(covered) / 20
    assert mean > 0.9 - 3 * error
    assert mean < 0.9 + 1 / (num_groups + 1) + 3 * error  # conservative by at most one group


def test_a_group_counts_once_however_many_replicates_it_has() -> None:
    rng = np.random.default_rng(1)
    told, errors, groups = overconfident(rng, 12)
    doubled = PredictiveDistribution(
        "growth_velocity", "linear", np.concatenate([told.mean, told.mean[:3]]), np.ones(len(errors) + 3)
    )
    again = calibrate(doubled, np.concatenate([errors, errors[:3]]), [*groups, *groups[:3]])
    assert again.factor == calibrate(told, errors, groups).factor
    assert again.groups == 12


def test_the_scale_of_the_model_does_not_matter_for_the_width() -> None:
    told, errors, groups = overconfident(np.random.default_rng(2), 15)
    wider = PredictiveDistribution("growth_velocity", "linear", told.mean, 7 * told.standard_deviation)
    np.testing.assert_allclose(7 * calibrate(wider, errors, groups).factor, calibrate(told, errors, groups).factor)


def test_too_few_groups_are_told_and_taken_as_normal() -> None:
    told, errors, groups = overconfident(np.random.default_rng(3), 8)
    found = calibrate(told, errors, groups)
    assert found.method == "normal"
    assert found.factor == normal_factor() == pytest.approx(1.645, abs=1e-3)
    assert "8 groups are too few" in found.note
    assert calibrate(told, errors, groups, level=0.8).method == "conformal"
    assert [fewest_groups(level) for level in (0.5, 0.8, 0.9, 0.95)] == [1, 4, 9, 19]


def test_what_does_not_fit_is_refused() -> None:
    told, errors, groups = overconfident(np.random.default_rng(4), 9)
    with pytest.raises(ParameterError, match="do not go together"):
        calibrate(told, errors[:-1], groups)
    with pytest.raises(ParameterError, match="not finite"):
        calibrate(told, np.where(np.arange(27) == 3, np.nan, errors), groups)
    with pytest.raises(ParameterError, match="level=1.5"):
        calibrate(told, errors, groups, level=1.5)
