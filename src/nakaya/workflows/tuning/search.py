"""Study file to best settings: a search that goes on where it stopped, and a report of what it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from nakaya.core.checks import check_count
from nakaya.core.errors import ConfigError, MissingExtraError, OutputError, ParameterError
from nakaya.core.files import check_output, output_errors, write_whole
from nakaya.core.provenance import package_version
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem, Settings
from nakaya.workflows.tuning.config import NOT_RECORDED_BEFORE, StudyConfig
from nakaya.workflows.tuning.outcome import StudyOutcome

__all__ = ["as_json", "check_budget", "check_report_folder", "run", "write_report"]

MAX_WORKERS = 256
MAX_TRIALS = 10_000
REPORT_FILE = "study.json"
PAGE_FILE = "report.html"
STORAGE_FILE = "study.db"


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
        from nakaya.learn.tuning.analysis import best_so_far, importances
        from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
        from nakaya.learn.tuning.study import best_trial, complete_trials, open_study, read_trials, seconds_used
        from nakaya.learn.tuning.workers import Budget, run_study
    except ImportError as error:
        raise MissingExtraError("studies", "ml") from error
    check_budget(trials=trials, workers=workers, timeout=timeout)
    place = StorageConfig(storage, config.heartbeat, config.grace, config.retries)
    decided_by = {
        **config.as_plain(),
        "space": [_plain_parameter(parameter) for parameter in problem.space],
        "unvaried": dict(unvaried),
        "evidence_hash": evidence_hash,
    }
    opened = open_storage(place)
    with storage_errors(place):
        study = open_study(
            opened,
            config.name,
            problem,
            sampler=config.sampler,
            seed=config.seed,
            configuration=decided_by,
            assumed=NOT_RECORDED_BEFORE,
        )
    stopped_by = run_study(
        study,
        problem,
        place,
        Budget(trials, timeout, workers),
        sampler=config.sampler,
        seed=config.seed,
        requeue=requeue,
        report=lambda found: report(len(complete_trials(found)), trials),
    )
    with storage_errors(place):
        found = read_trials(study, problem.space)
        seconds = round(seconds_used(study), 1)
    best = best_trial(found)
    return StudyOutcome(
        study=config.name,
        configuration=decided_by,
        parameters=[_plain_parameter(parameter) for parameter in problem.space],
        wanted=trials,
        complete=len(complete_trials(found)),
        stopped_by=stopped_by,
        seconds_used=seconds,
        mean_score=mean_score,
        first_score=next((trial.score for trial in complete_trials(found) if problem.first), None),
        best=None
        if best is None
        else {
            "trial": best.number,
            "score": best.score,
            "settings": dict(best.settings),
            "all_settings": {**unvaried, **best.settings},
        },
        importances=importances(found, problem.space),
        trials=[asdict(trial) for trial in found],
        history=best_so_far([trial.score for trial in complete_trials(found) if trial.score is not None]).tolist(),
        seconds_per_trial=_median([trial.seconds for trial in complete_trials(found) if trial.seconds is not None]),
        storage=place.shown_url,
        version=package_version(),
    )


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 2) if values else None


def _plain_parameter(parameter: Parameter) -> dict[str, Any]:
    return {**asdict(parameter), "labels": list(parameter.labels)}


def hash_of(values: Sequence[object]) -> str:
    """Return a short hash of JSON values, to tell one set of samples from another."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


# The report -----------------------------------------------------------------------------------------------------------


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
        OutputError: There is something else.
        ConfigError: There is the report of a study with another configuration.
    """
    check_output(out, overwrite=True)
    if overwrite or not (out.exists() or out.is_symlink()):
        return
    file = out / REPORT_FILE
    if not file.is_file() and not (out / STORAGE_FILE).is_file():
        raise OutputError(f"{out} exists already and holds no study: choose another name, or add --overwrite")
    if not file.is_file():
        return
    try:
        found = {**NOT_RECORDED_BEFORE, **json.loads(file.read_bytes())["configuration"]}
        same = all(found[name] == value for name, value in config.as_plain().items())
    except (ValueError, TypeError, KeyError):
        raise OutputError(f"{file} is no report of a study: choose another name, or add --overwrite") from None
    if not same:
        raise ConfigError(
            f"{out} is the report of a study with another configuration: choose another name, or add --overwrite"
        )


def as_json(outcome: StudyOutcome) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    controls = None if outcome.controls is None else outcome.controls.as_json()
    return {**asdict(replace(outcome, controls=None)), "controls": controls}


def write_report(outcome: StudyOutcome, out: Path, *, score_label: str) -> None:
    """Write study.json and the page report.html into a folder; each appears whole.

    Raises:
        OutputError: They cannot be written.
    """
    from nakaya.workflows.tuning.report import study_page

    with output_errors(out):
        out.mkdir(exist_ok=True)
        write_whole(out / REPORT_FILE, (json.dumps(as_json(outcome), indent=1) + "\n").encode())
        write_whole(out / PAGE_FILE, study_page(outcome, score_label=score_label).encode())
