"""How the next setting is chosen: by a Gaussian process, by a tree of Parzen estimators, or at random.

Optuna's samplers carry random state from trial to trial. Started again after a kill with the same seed they would draw
the first settings a second time; with another seed the study could not be repeated. Here everything random in a trial
comes from (seed of the study, rank of the trial), so that a study that was stopped and resumed equals one that was not,
where one worker runs it. With several workers the choice also depends on which trials had finished by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage
from optuna.storages._heartbeat import get_heartbeat_thread
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.coding import distributions
from nakaya.learn.tuning.surrogate import GaussianProcessSampler, Surrogate

__all__ = [
    "BEATS",
    "DEFAULT_SURROGATE",
    "RETRY_HISTORY",
    "RETRY_OF",
    "SamplerName",
    "SeededSampler",
    "start_heart",
]

SamplerName: TypeAlias = Literal["gp", "tpe", "random"]
RETRY_OF: Final = "failed_trial"
"""Where Optuna's retry callback keeps the number of the trial that was killed."""

RETRY_HISTORY: Final = "retry_history"
"""Where it keeps the numbers of that trial and of the retries that were killed as well."""

BEATS: Final = "beats"
"""Attribute of a trial whose heart has begun to beat; its value is the trial's own number."""

DEFAULT_SURROGATE: Final = Surrogate()


def make_sampler(name: SamplerName, seed: int, surrogate: Surrogate) -> BaseSampler:
    """Return one of Optuna's samplers.

    "gp": Gaussian process with a Matern-5/2 kernel and the logarithm of the expected improvement (Ament et al. 2023);
    with trials running elsewhere its batch form. "tpe": Bergstra et al. 2011. "random": the control.
    """
    if name == "gp":
        return GaussianProcessSampler(surrogate, seed)
    if name == "tpe":
        return TPESampler(seed=seed, n_startup_trials=surrogate.startup)
    return RandomSampler(seed=seed)


class SeededSampler(BaseSampler):  # type: ignore[misc]  # Optuna's types are not followed
    """A sampler without memory of its own.

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
        self._distributions: dict[str, BaseDistribution] = distributions(space)
        self._seed = seed
        self._surrogate = surrogate
        self._current: BaseSampler = RandomSampler(seed=seed)

    def reseed_rng(self) -> None:
        """Do nothing: two workers never draw for the same trial."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Let the trial's heart beat before anything slow begins, and seed the sampler for it."""
        start_heart(study._storage, trial)
        states = np.random.SeedSequence([self._seed, _rank(study, trial)]).generate_state(1)
        self._current = make_sampler(self._name, int(states[0]), self._surrogate)
        self._current.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the whole space: it is flat and never changes."""
        return {name: entry for name, entry in self._distributions.items() if not entry.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Choose all coordinates at once, so that a trial that was killed half-chosen is chosen the same again."""
        chosen: dict[str, Any] = {}
        if self._name == "gp":  # on a busy machine it may take longer than the grace of a silent trial
            with get_heartbeat_thread(trial._trial_id, study._storage):
                chosen = self._current.sample_relative(study, trial, dict(search_space))
        return chosen or {
            name: self._current.sample_independent(study, trial, name, entry) for name, entry in search_space.items()
        }

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # a coordinate: int or float
        """Choose one coordinate, which no study here asks for: spaces are flat."""
        return self._current.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Let the sampler see that the trial has ended."""
        self._current.after_trial(study, trial, state, values)


def start_heart(storage: BaseStorage, trial: FrozenTrial) -> None:
    """Record the first heartbeat: Optuna's own begins when the trial has been asked for, and never ends one before."""
    if getattr(storage, "get_heartbeat_interval", lambda: None)() is not None:
        storage.record_heartbeat(trial._trial_id)
        storage.set_trial_user_attr(trial._trial_id, BEATS, trial.number)


def _rank(study: Study, trial: FrozenTrial) -> int:
    """How many settings were chosen before this one; a retry has the rank of what it retries."""
    original = trial.system_attrs.get(RETRY_OF, trial.number)
    earlier = study.get_trials(deepcopy=False)
    return sum(entry.number < original and RETRY_OF not in entry.system_attrs for entry in earlier)
