"""How the next setting is chosen: by a Gaussian process, by a tree of Parzen estimators, or at random.

Optuna's samplers carry random state from trial to trial. Started again after a kill with the same seed they would draw
the first settings a second time; with another seed the study could not be repeated. Here a choice is a function of the
space, of the other trials, and of (seed of the study, rank of the trial), so that a study that was stopped and resumed
equals one that was not, where one worker runs it. With several workers the choice also depends on which trials had
finished by then.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from nakaya.core.arrays import FloatArray
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.coding import distributions
from nakaya.learn.tuning.storage import retry_history

__all__ = ["DEFAULT_SURROGATE", "SamplerName", "ScoreScale", "SeededSampler", "Surrogate", "warp"]

SamplerName: TypeAlias = Literal["gp", "tpe", "random"]

ScoreScale: TypeAlias = Literal["plain", "log", "rank"]

Coordinates: TypeAlias = dict[str, Any]
"""Parameter -> int or float, as Optuna keeps it."""

PROPOSALS: Final = 4
"""So often the Gaussian process may propose a setting that was trained; each proposal counts as one that is running."""

DRAWS: Final = 1000
"""After them, so many random settings are looked at for one that was not trained."""

SAME: Final = 1e-9
"""Coordinates that differ by less than this fraction of their range are the same setting."""


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


DEFAULT_SURROGATE: Final = Surrogate()


class SeededSampler(BaseSampler):  # type: ignore[misc]  # Optuna's types are not followed
    """A sampler without memory of its own.

    "gp": Gaussian process with a Matern-5/2 kernel and the logarithm of the expected improvement (Ament et al. 2023);
    with trials running elsewhere its batch form. "tpe": Bergstra et al. 2011. "random": the control.

    Args:
        name: Which one.
        space: What the study varies.
        seed: Of the study.
        surrogate: How the Gaussian process is used.
    """

    def __init__(
        self, name: SamplerName, space: Sequence[Parameter], seed: int, surrogate: Surrogate = DEFAULT_SURROGATE
    ) -> None:
        self._name: SamplerName = name
        self._space = distributions(space)
        self._seed = seed
        self._surrogate = surrogate
        self._chosen: tuple[int, Coordinates] = (-1, {})

    def reseed_rng(self) -> None:
        """Do nothing: two workers never draw for the same trial."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return an empty space: all coordinates are chosen when the first is wanted, while the heartbeat runs."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> Coordinates:
        """Choose nothing before the trial has begun."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # a coordinate: int or float
        """Return one coordinate of the setting that is chosen for a trial."""
        if self._chosen[0] != trial.number:
            self._chosen = (trial.number, self._choose(study, trial))
        return self._chosen[1][param_name]

    def _choose(self, study: Study, trial: FrozenTrial) -> Coordinates:
        trials = study.get_trials(deepcopy=False)
        complete = [entry for entry in trials if entry.state == TrialState.COMPLETE]
        others = [entry for entry in trials if entry.state == TrialState.RUNNING and entry.number != trial.number]
        running = [entry.params for entry in others if entry.params.keys() == self._space.keys()]
        seed = int(np.random.SeedSequence([self._seed, _rank(trials, trial)]).generate_state(1)[0])
        name: SamplerName = "random" if len(complete) < self._surrogate.startup else self._name
        return _propose(name, self._space, complete, running, seed=seed, surrogate=self._surrogate)


def _rank(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> int:
    """How many settings were chosen before this one; a retry has the rank of what it retries."""
    original = (*retry_history(trial), trial.number)[0]
    return sum(
        entry.number < original and not retry_history(entry) and entry.state != TrialState.PRUNED for entry in trials
    )


def _propose(
    name: SamplerName,
    space: Mapping[str, BaseDistribution],
    complete: Sequence[FrozenTrial],
    running: Sequence[Coordinates],
    *,
    seed: int,
    surrogate: Surrogate,
) -> Coordinates:
    """Return the choice of one of Optuna's samplers, made in a copy of the study that is thrown away."""
    scores = np.array([entry.value for entry in complete])
    replica = optuna.create_study(sampler=_make_sampler(name, seed, surrogate))
    values = warp(scores, surrogate.scores) if name == "gp" else scores
    for entry, value in zip(complete, values.tolist(), strict=True):
        replica.add_trial(create_trial(params=entry.params, distributions=dict(space), value=value))
    for params in running:
        replica.add_trial(create_trial(state=TrialState.RUNNING, params=params, distributions=dict(space)))
    chosen: Coordinates = replica.ask(dict(space)).params
    if name != "gp" or surrogate.revisit:
        return chosen
    taken = [*(entry.params for entry in complete), *running]
    for attempt in range(1, PROPOSALS + DRAWS):  # beyond them everything was trained
        if not _is_among(chosen, taken, space):
            break
        if attempt == PROPOSALS:
            replica.sampler = RandomSampler(seed=seed)
        chosen = replica.ask(dict(space)).params
    return chosen


def _make_sampler(name: SamplerName, seed: int, surrogate: Surrogate) -> BaseSampler:
    if name == "gp":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return GPSampler(
                seed=seed,
                n_startup_trials=surrogate.startup,
                deterministic_objective=surrogate.exact,
                warn_independent_sampling=False,
            )
    if name == "tpe":
        return TPESampler(seed=seed, n_startup_trials=surrogate.startup)
    return RandomSampler(seed=seed)


def _is_among(chosen: Coordinates, taken: Sequence[Coordinates], space: Mapping[str, Any]) -> bool:
    tolerances = {name: SAME * (entry.high - entry.low) for name, entry in space.items()}
    return any(all(abs(chosen[name] - one[name]) <= tolerances[name] for name in space) for one in taken)


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
