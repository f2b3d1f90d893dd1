"""What a finished study says: how the best score fell, and which parameters mattered."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator

from nakaya.core.arrays import FloatArray
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.coding import distributions, encode
from nakaya.learn.tuning.study import Trial, complete_trials

__all__ = ["best_so_far", "importances"]

MIN_TRIALS_FOR_IMPORTANCES = 10
SEED_OF_THE_FOREST = 0


def best_so_far(scores: Sequence[float]) -> FloatArray:
    """Return the lowest score up to each trial, float64 [trial].

    >>> best_so_far([3.0, 4.0, 1.0]).tolist()
    [3.0, 3.0, 1.0]
    """
    return np.minimum.accumulate(np.asarray(scores, np.float64))


def importances(trials: Sequence[Trial], space: Sequence[Parameter]) -> dict[str, float]:
    """Return each parameter's share of the variance of the score, the largest first.

    Functional analysis of variance over a random forest (Hutter, Hoos, Leyton-Brown 2014). A search looks where scores
    are low, so this describes the visited part of the space, not all of it.

    Args:
        trials: Of one study.
        space: What it varied.

    Returns:
        Shares that add to 1; empty below ten scores, or where all scores are equal.
    """
    scored = complete_trials(trials)
    varied = [parameter for parameter in space if parameter.low < parameter.high]
    scores = [trial.score for trial in scored if trial.score is not None]
    if len(scored) < MIN_TRIALS_FOR_IMPORTANCES or not varied or min(scores) == max(scores):
        return {}
    study = optuna.create_study(direction="minimize")
    entries = {name: entry for name, entry in distributions(space).items() if not entry.single()}
    for trial in scored:
        coordinates = encode(trial.settings, space)
        chosen = {name: coordinates[name] for name in entries}
        study.add_trial(optuna.trial.create_trial(params=chosen, distributions=entries, value=trial.score))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        shares = optuna.importance.get_param_importances(
            study, evaluator=FanovaImportanceEvaluator(seed=SEED_OF_THE_FOREST)
        )
    return {name: float(share) for name, share in shares.items()}
