"""A study: made once, refused where it differs, read back as plain values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import optuna
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nakaya.core.documents import plain
from nakaya.core.errors import ConfigError, FormatError, NakayaError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.coding import decode, encode, suggest
from nakaya.learn.tuning.problem import Problem, check_settings
from nakaya.learn.tuning.samplers import DEFAULT_SURROGATE, SamplerName, SeededSampler, Surrogate
from nakaya.learn.tuning.stale import ERROR, PROCESS, process_identity
from nakaya.learn.tuning.storage import retry_history

__all__ = [
    "Trial",
    "best_trial",
    "complete_trials",
    "note_seconds",
    "open_study",
    "read_trials",
    "run_trial",
    "seconds_used",
]

CONFIGURATION: Final = "configuration"
SECONDS: Final = "seconds_used"
ENQUEUED: Final = "enqueued"
MAX_ERROR: Final = 1000

State = Literal["complete", "failed", "surplus", "running", "waiting"]

_STATES: Final[Mapping[TrialState, State]] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "surplus",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes:
        number: In the order in which trials were begun or queued.
        state: "complete", "failed" (killed, or ended by an error), "surplus" (given up at once, because another
            command had begun the last one that was wanted), "running" or "waiting".
        settings: What was tried; empty where it was not chosen yet.
        score: None unless complete.
        seconds: How long it ran; None unless complete.
        retry_of: Number of the killed trial that this one repeats.
    """

    number: int
    state: State
    settings: Mapping[str, float]
    score: float | None
    seconds: float | None
    retry_of: int | None


def open_study(
    storage: RDBStorage | None,
    name: str,
    problem: Problem,
    *,
    sampler: SamplerName,
    seed: int,
    configuration: Mapping[str, Any],
    assumed: Mapping[str, Any] = MappingProxyType({}),
    surrogate: Surrogate = DEFAULT_SURROGATE,
) -> Study:
    """Make a study, or go on with the one of this name.

    Call it once before workers start: two processes that make the tables of one file at once trip over each other.

    Args:
        storage: Where it is kept; None: in memory.
        name: Of the study.
        problem: What is searched.
        sampler: How settings are chosen.
        seed: Of all random numbers.
        configuration: JSON values that describe the study; it goes on only where they are the same.
        assumed: JSON values of what studies of earlier versions did not record.
        surrogate: How the Gaussian process is used.

    Raises:
        ConfigError: The study there has another configuration.
        FormatError: The database is damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _damage(name):
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            sampler=SeededSampler(sampler, problem.space, seed, surrogate),
            direction="minimize",
            load_if_exists=True,
        )
        found = study.user_attrs.get(CONFIGURATION)
        if not isinstance(found, (dict, type(None))):
            raise TypeError(f"its configuration is {type(found).__name__}")
    wanted = plain(configuration)
    if found is None:
        study.set_user_attr(CONFIGURATION, wanted)
    elif {**assumed, **found} != wanted:
        raise ConfigError(
            f"the study {name!r} was begun with another configuration: {_differences({**assumed, **found}, wanted)}: "
            "go on with the study file, the records and the version of nakaya that began it, give the study another "
            "name, or use another storage"
        )
    read_trials(study, problem.space)  # else a worker trips over what is damaged
    for settings in problem.first:
        coordinates = encode(check_settings(settings, problem.space), problem.space)
        study.enqueue_trial(coordinates, user_attrs={ENQUEUED: coordinates}, skip_if_exists=True)
    return study


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    keys = [key for key in sorted({*found, *wanted}) if found.get(key) != wanted.get(key)]
    return "; ".join(f"{key} was {_short(found, key)}, now {_short(wanted, key)}" for key in keys)


def _short(values: Mapping[str, Any], key: str) -> str:
    text = json.dumps(values[key]) if key in values else "not recorded"
    return text if len(text) <= 80 else f"{text[:77]}..."


def run_trial(
    study: Study,
    problem: Problem,
    *,
    scores: float = math.inf,
    worker: str | None = None,
    started: Callable[[int], None] = lambda number: None,
) -> None:
    """Choose one setting, score it and keep the score; a trial that others took for dead counts for them.

    Args:
        study: As `open_study` makes it.
        problem: What is searched.
        scores: How many the study shall have. Two commands may both begin its last trial: the later one is given up
            before it is chosen, and is no failure.
        worker: Name of the worker that runs it, by which its parent finds the trial.
        started: Called with the number of the trial once it is claimed.
    """
    begun: list[int] = []

    def objective(trial: optuna.Trial) -> float:
        begun.append(trial.number)
        trial.set_user_attr(PROCESS, {"trial": trial.number, **process_identity(), "worker": worker})
        started(trial.number)
        if _num_earlier(study, trial.number) >= scores:
            raise optuna.TrialPruned
        try:
            settings = decode({entry.name: suggest(trial, entry) for entry in problem.space}, problem.space)
            return problem.score(settings)
        except Exception as error:  # raised again: only marked, so that nobody takes the trial for a killed one
            trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}"[:MAX_ERROR])
            raise

    # Where a heartbeat was missing for the whole grace, others have failed the trial and queued it again. Optuna says
    # so in three ways: that a trial which has ended cannot be changed; that it cannot be given a value; or, where its
    # own copy of the trial is old, by an assertion.
    try:
        study.optimize(objective, n_trials=1)
    except optuna.exceptions.UpdateFinishedTrialError:
        return
    except (ValueError, AssertionError) as error:
        entry = study.get_trials(deepcopy=False)[begun[0]] if begun else None
        if entry is None or ERROR in entry.user_attrs:
            raise
        if not entry.state.is_finished():  # the score could not be kept: here too an assertion hides the cause
            reason = error.__context__ or error
            raise reason from reason.__cause__


def _num_earlier(study: Study, number: int) -> int:
    """How many trials with a smaller number have a score, or will have one."""
    states = (TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING)
    return sum(entry.number < number for entry in study.get_trials(deepcopy=False, states=states))


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """Turn what Optuna raises where the rows of a database hold what it never wrote into a `FormatError`."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, OverflowError) as error:
        if isinstance(error, NakayaError):
            raise
        raise FormatError(
            f"the database of the study {name!r} is damaged ({type(error).__name__}: {error}): use a copy of it, or "
            "begin another storage"
        ) from None


def read_trials(study: Study, space: Sequence[Parameter]) -> list[Trial]:
    """Return all trials, by number.

    Raises:
        FormatError: The database is damaged.
    """
    with _damage(study.study_name):
        return [_read_trial(entry, space) for entry in study.get_trials(deepcopy=False)]


def _read_trial(entry: FrozenTrial, space: Sequence[Parameter]) -> Trial:
    coordinates = {**entry.user_attrs.get(ENQUEUED, {}), **entry.params}
    chosen = all(parameter.name in coordinates for parameter in space)
    complete = entry.state == TrialState.COMPLETE
    return Trial(
        number=entry.number,
        state=_STATES[entry.state],
        settings=decode(coordinates, space) if chosen else {},
        score=float(entry.value) if complete else None,
        seconds=entry.duration.total_seconds() if complete else None,
        retry_of=next(iter(retry_history(entry)), None),
    )


def complete_trials(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that have a score."""
    return [trial for trial in trials if trial.state == "complete"]


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the lowest score, the earliest of equals; None where none is complete."""
    return min(complete_trials(trials), key=lambda trial: (trial.score, trial.number), default=None)


def seconds_used(study: Study) -> float:
    """Return how long commands have worked on a study, all together."""
    return float(study.user_attrs.get(SECONDS, 0.0))


def note_seconds(study: Study, seconds: float) -> None:
    """Write down how long commands have worked on a study, all together."""
    study.set_user_attr(SECONDS, seconds)
