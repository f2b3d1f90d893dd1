"""Optuna's Gaussian process, with the choices that decide what a search of few trials finds."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import GPSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nakaya.core.arrays import BoolArray, FloatArray

__all__ = ["GaussianProcessSampler", "ScoreScale", "Surrogate", "warp"]

ScoreScale: TypeAlias = Literal["plain", "log", "rank"]

MAX_ENUMERATED: Final = 20_000
"""In a space of whole numbers with no more points the best of them is found by looking at all."""

SAME: Final = 1e-9
"""Coordinates between 0 and 1 that differ by less are the same setting."""


@dataclass(frozen=True)
class Surrogate:
    """How the Gaussian process is used.

    Attributes:
        startup: Scores before it begins to choose; until then settings are drawn at random.
        scores: What it models: the "plain" scores, their "log"arithm, or their "rank" as normal quantiles. Errors are
            positive and long-tailed: in the plain scores a few bad settings set the scale on which the good ones,
            between which a search has to decide, look alike.
        exact: Whether scores are taken for exact: no noise between a setting and its score.
        revisit: Whether a setting that has a score, or is being trained, may be chosen again: with the same seed it
            has the same score, and the trial is lost.
    """

    startup: int = 10
    scores: ScoreScale = "log"
    exact: bool = False
    revisit: bool = False


class GaussianProcessSampler(GPSampler):  # type: ignore[misc]  # Optuna's types are not followed
    """Gaussian process and expected improvement.

    Args:
        surrogate: How.
        seed: Of everything random in one choice.
    """

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(
            seed=seed,
            independent_sampler=RandomSampler(seed=seed),
            n_startup_trials=surrogate.startup,
            deterministic_objective=surrogate.exact,
            warn_independent_sampling=False,
        )
        self._surrogate = surrogate
        self._taken: FloatArray = np.empty((0, 0))

    def _sample_relative_impl(
        self,
        study: Study,
        completed_trials: list[FrozenTrial],
        running_trials: list[FrozenTrial],
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        from optuna._gp.search_space import SearchSpace

        coordinates = [_coordinates(trial) for trial in (*completed_trials, *running_trials)]
        self._taken = SearchSpace(search_space).get_normalized_params([*completed_trials, *running_trials], coordinates)
        values = warp(np.array([trial.value for trial in completed_trials]), self._surrogate.scores)
        warped = [copy.copy(trial) for trial in completed_trials]
        for trial, value in zip(warped, values.tolist(), strict=True):
            trial.values = [value]
        chosen: dict[str, Any] = super()._sample_relative_impl(study, warped, running_trials, search_space)
        return chosen

    def _optimize_acqf(self, acqf: Any, best_params: FloatArray | None) -> FloatArray:
        space = acqf.search_space
        choices = space.get_choices_of_discrete_params()
        if len(space.continuous_indices) == 0 and math.prod(map(len, choices)) <= MAX_ENUMERATED:
            points = np.array(list(product(*choices)))
            fresh = points if self._surrogate.revisit else points[~_among(points, self._taken)]
            return _best(acqf, fresh if len(fresh) else points)
        chosen = np.asarray(super()._optimize_acqf(acqf, best_params))
        if self._surrogate.revisit or not _among(chosen[None], self._taken).any():
            return chosen
        points = space.sample_normalized_params(self._n_preliminary_samples, rng=self._rng.rng)
        fresh = points[~_among(points, self._taken)]
        return _best(acqf, fresh) if len(fresh) else chosen


def _best(acqf: Any, points: FloatArray) -> FloatArray:
    return np.asarray(points[int(np.argmax(acqf.eval_acqf_no_grad(points)))])


def _coordinates(trial: FrozenTrial) -> dict[str, Any]:
    from optuna.samplers._gp.sampler import _get_params

    found: dict[str, Any] = _get_params(trial)
    return found


def _among(points: FloatArray, taken: FloatArray) -> BoolArray:
    """Which points are among the taken ones, bool [point]."""
    found = np.zeros(len(points), bool)
    for one in taken:
        found |= (np.abs(points - one) < SAME).all(axis=-1)
    return found


def warp(scores: FloatArray, kind: ScoreScale) -> FloatArray:
    """Return scores as the Gaussian process sees them, in the same order.

    Logarithms need positive scores: where one is not, the scores stay as they are.

    >>> warp(np.array([1.0, 100.0, 10.0]), "log").round(2).tolist()
    [0.0, 4.61, 2.3]
    """
    if kind == "log" and (scores > 0).all():
        return np.asarray(np.log(scores))
    if kind == "rank":
        from scipy.stats import norm, rankdata

        return np.asarray(norm.ppf((rankdata(scores) - 0.5) / len(scores)))
    return scores
