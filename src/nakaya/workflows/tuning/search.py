"""Study file to best settings: a search that goes on where it stopped, and a report of what it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from nakaya.core.checks import check_count
from nakaya.core.errors import MissingExtraError, OtherConfigurationError, OutputExistsError, ParameterError
from nakaya.core.files import check_output, is_as_good_as_empty
from nakaya.core.provenance import package_version
from nakaya.learn.tuning.problem import Problem, Settings
from nakaya.workflows.tuning.comparison import SamplerTable
from nakaya.workflows.tuning.config import NOT_RECORDED_BEFORE, StudyConfig

if TYPE_CHECKING:
    from nakaya.learn.tuning.study import Trial

__all__ = ["StudyOutcome", "check_budget", "check_report_folder", "run"]

MAX_WORKERS = 256
MAX_TRIALS = 10_000
REPORT_FILE = "study.json"
STORAGE_FILE = "study.db"


@dataclass(frozen=True)
class StudyOutcome:
    """What a study came to.

    Attributes:
        study: Its name.
        configuration: What decided the trials.
        parameters: What was varied: name, low, high, kind, labels.
        wanted: Scores that were asked for.
        complete: Scores that there are.
        stopped_by: "trials", or "timeout": the time was over first, and a longer one goes on.
        seconds_used: That all commands of this study took, together.
        mean_score: Error of predicting the mean label, on the same folds.
        first_score: Error of the setting that was tried first.
        best: {"trial", "score", "settings", "all_settings"}: the last one with those that were not varied.
        importances: Parameter -> share of the variance of the score; empty below ten scores.
        trials: {"number", "state", "score", "seconds", "retry_of", "settings"} of all.
        history: Lowest score after every trial with a score, in their order.
        seconds_per_trial: Median over the trials with a score; None without one.
        storage: Where the study is, without a password.
        version: Of nakaya.
        controls: What this and the other samplers find on a table of trainings, where one was named.
    """

    study: str
    configuration: Mapping[str, Any]
    parameters: Sequence[Mapping[str, Any]]
    wanted: int
    complete: int
    stopped_by: Literal["trials", "timeout"]
    seconds_used: float
    mean_score: float
    first_score: float | None
    best: Mapping[str, Any] | None
    importances: Mapping[str, float]
    trials: Sequence[Mapping[str, Any]]
    history: Sequence[float]
    seconds_per_trial: float | None
    storage: str
    version: str
    controls: SamplerTable | None = None


def run(
    config: StudyConfig,
    problem: Problem,
    *,
    unvaried: Settings,
    mean_score: float,
    evidence_hash: str,
    trials: int,
    workers: int,
    timeout: float,
    storage: str,
    requeue: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> StudyOutcome:
    """Run a study until it has its scores, or go on with one.

    Args:
        config: The study file.
        problem: What is searched.
        unvaried: The parameters that keep a value.
        mean_score: Error of predicting the mean label.
        evidence_hash: Identifies the samples; other samples are another study.
        trials: Scores wanted, those of earlier commands included.
        workers: Processes of one thread each.
        timeout: Seconds that all commands may work on the study, together.
        storage: Address of the database.
        requeue: Repeat at once the trials that an earlier command left running, without waiting for a heartbeat.
        report: Called with how many scores there are, and how many are wanted.

    Raises:
        ConfigError: A study of this name was begun with another configuration.
        OutputError: The storage cannot be used.
        MissingExtraError: Optuna is not installed.
    """
    try:
        from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
        from nakaya.learn.tuning.study import complete_trials, open_study, read_trials, seconds_used
        from nakaya.learn.tuning.workers import Budget, run_study
    except ImportError as error:
        raise MissingExtraError("studies", "ml") from error
    check_budget(trials=trials, workers=workers, timeout=timeout)
    place = StorageConfig(storage, config.heartbeat, config.grace, config.retries)
    parameters = [{**asdict(parameter), "labels": list(parameter.labels)} for parameter in problem.space]
    decided_by = {
        **config.as_plain(), "space": parameters, "unvaried": dict(unvaried), "evidence_hash": evidence_hash
    }  # fmt: skip
    sampling: dict[str, Any] = {"sampler": config.sampler, "seed": config.seed}
    opened = open_storage(place)
    with storage_errors(place):
        study = open_study(
            opened, config.name, problem, configuration=decided_by, assumed=NOT_RECORDED_BEFORE, **sampling
        )
    stopped_by = run_study(
        study,
        problem,
        place,
        Budget(trials, timeout, workers),
        requeue=requeue,
        report=lambda found: report(len(complete_trials(found)), trials),
        **sampling,
    )
    with storage_errors(place):
        found = read_trials(study, problem.space)
        seconds = round(seconds_used(study), 1)
    return StudyOutcome(
        study=config.name,
        configuration=decided_by,
        parameters=parameters,
        wanted=trials,
        stopped_by=stopped_by,
        seconds_used=seconds,
        mean_score=mean_score,
        storage=place.shown_url,
        version=package_version(),
        **_findings(found, problem, unvaried),
    )


def _findings(trials: Sequence[Trial], problem: Problem, unvaried: Settings) -> dict[str, Any]:
    """What the trials say, by the names of `StudyOutcome`."""
    from nakaya.learn.tuning.analysis import best_so_far, importances
    from nakaya.learn.tuning.study import best_trial, complete_trials

    complete = complete_trials(trials)
    scores = [trial.score for trial in complete if trial.score is not None]
    seconds = [trial.seconds for trial in complete if trial.seconds is not None]
    best = best_trial(trials)
    return {
        "complete": len(complete),
        "first_score": scores[0] if scores and problem.first else None,
        "best": None
        if best is None
        else {
            "trial": best.number,
            "score": best.score,
            "settings": dict(best.settings),
            "all_settings": {**unvaried, **best.settings},
        },
        "importances": importances(trials, problem.space),
        "trials": [asdict(trial) for trial in trials],
        "history": best_so_far(scores).tolist(),
        "seconds_per_trial": round(median(seconds), 2) if seconds else None,
    }


def hash_of(values: Sequence[object]) -> str:
    """Return a short hash of JSON values, to tell one set of samples from another."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


# Checks before anything runs ------------------------------------------------------------------------------------------


def check_budget(*, trials: int, workers: int, timeout: float) -> None:
    """Check what a study may use, before anything is written.

    Raises:
        ParameterError: A number out of its range.
    """
    check_count("trials", trials, 1, MAX_TRIALS)
    check_count("workers", workers, 1, MAX_WORKERS)
    if not timeout > 0:  # nor NaN
        raise ParameterError(f"timeout={timeout} is not a positive number of seconds, such as 3600")


def check_report_folder(out: Path, config: StudyConfig, *, overwrite: bool) -> None:
    """Check that a report can be written before anything runs: into a new folder, or over one of the same study.

    Raises:
        OutputExistsError: There is something else.
        OtherConfigurationError: There is the report of a study with another configuration.
    """
    check_output(out, overwrite=True)
    if overwrite or not (out.exists() or out.is_symlink()):
        return
    file = out / REPORT_FILE
    if out.is_dir() and is_as_good_as_empty(out):  # a command that was killed in its first moments
        return
    if not file.is_file() and not (out / STORAGE_FILE).is_file():
        raise OutputExistsError(f"{out} exists already and holds no study: choose another name")
    if not file.is_file():
        return
    try:
        found = {**NOT_RECORDED_BEFORE, **json.loads(file.read_bytes())["configuration"]}
        same = all(found[name] == value for name, value in config.as_plain().items())
    except (ValueError, TypeError, KeyError):
        raise OutputExistsError(f"{file} is no report of a study: choose another name") from None
    if not same:
        raise OtherConfigurationError(f"{out} is the report of a study with another configuration: choose another name")
