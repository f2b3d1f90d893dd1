"""Studies of kinetics models: study file in, best settings out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.catalogue import MODELS, find_model
from nakaya.kinetics.models.protocol import KineticModel
from nakaya.kinetics.samples.arranging import Arrangement
from nakaya.kinetics.samples.corpus import load_corpus
from nakaya.kinetics.samples.sample import TARGET_SCALES, EvidenceKind, label_values
from nakaya.kinetics.training.objective import InnerScore, inner_folds, mean_score
from nakaya.learn.tuning.problem import Problem, check_settings
from nakaya.workflows.tuning.comparison import compare, find_table
from nakaya.workflows.tuning.config import StudyConfig, searched_space
from nakaya.workflows.tuning.report import write_report
from nakaya.workflows.tuning.search import STORAGE_FILE, StudyOutcome, check_budget, check_report_folder, hash_of, run

__all__ = ["PreparedStudy", "prepare_study", "tune_study"]

CEILING: Final = 2.0
"""A setting whose error is more than so many times that of predicting the mean counts as that bad, and no worse."""

CONTROL_REPEATS: Final = 5


@dataclass(frozen=True)
class PreparedStudy:
    """A study file with its model and samples.

    Attributes:
        problem: What is searched.
        objective: The score of a setting.
        mean_score: Of predicting the mean.
        evidence_hash: Of the samples.
        num_samples: How many there are.
        num_conditions: Of so many conditions.
    """

    problem: Problem
    objective: InnerScore
    mean_score: float
    evidence_hash: str
    num_samples: int
    num_conditions: int


@lru_cache(maxsize=128)
def _folds(
    records: str, graphs: bool, evidence: EvidenceKind, target: str, num_folds: int, seed: int, repeat: int
) -> tuple[Arrangement, ...]:
    return inner_folds(load_corpus(records, graphs), evidence, target, num_folds=num_folds, seed=seed + repeat)


@lru_cache(maxsize=4)
def _model(name: str) -> KineticModel:
    return find_model(name)


def prepare_study(config: StudyConfig) -> PreparedStudy:
    """Read the samples of a study, and say what is searched.

    Raises:
        NakayaError: The study file does not fit its model and records.
    """
    model = _model(config.model)
    if config.evidence not in MODELS[config.model].evidence:
        raise ParameterError(f"{config.model} cannot learn from evidence {config.evidence}: change the study file")
    space = searched_space(config, model.search_space, options=_options(config.model))
    unvaried = {**model.defaults, **config.fixed}
    for parameter in space:
        unvaried.pop(parameter.name, None)
    load = partial(
        _folds, config.records, MODELS[config.model].graphs, config.evidence, config.target, config.folds, config.seed
    )
    folds = load(0)
    varied = {parameter.name: model.defaults[parameter.name] for parameter in space}
    first = tuple(check_settings({**varied, **entry}, space) for entry in config.first)
    every_fold = [fold for repeat in range(config.repeats) for fold in load(repeat)]
    mean = mean_score(every_fold, config.target)
    objective = InnerScore(partial(_model, config.model), load, config.target, unvaried, config.seed, config.repeats)
    rows = [
        (sample.record_id, float(value))
        for fold in folds
        for sample, value in zip(fold.test, label_values(fold.test, config.target), strict=True)
    ]
    return PreparedStudy(
        Problem(space, objective, first, CEILING * mean),
        objective,
        mean,
        hash_of(rows),
        len(rows),
        len({sample.condition for fold in folds for sample in fold.test}),
    )


def _options(model: str) -> tuple[str, ...]:
    """Settings of a model that a study may fix but not vary."""
    if not MODELS[model].graphs:
        return ()
    from nakaya.kinetics.models.msgnn.config import OPTIONS

    return tuple(parameter.name for parameter in OPTIONS)


def tune_study(
    config: StudyConfig,
    *,
    trials: int,
    workers: int,
    timeout: float,
    storage: str | None,
    out: Path | None,
    overwrite: bool,
    controls: str | None = None,
    requeue: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> StudyOutcome:
    """Search the hyperparameters of a kinetics model, or go on with a study.

    Args:
        config: The study file.
        trials: Scores wanted, those of earlier commands included.
        workers: Processes of one thread each.
        timeout: Seconds that all commands may work on the study, together.
        storage: Address of the database; None: a file in `out`.
        out: Folder of the report; None: none.
        overwrite: Replace the report of another study.
        controls: A table of trainings of the same model, target and evidence; on it the samplers are compared, in as
            many trials; None: none.
        requeue: Repeat at once the trials that an earlier command left running, without waiting for a heartbeat.
        report: Called with how many scores there are, and how many are wanted.

    Raises:
        NakayaError: As `nakaya.workflows.tuning.search.run`, or the study file does not fit its model and records.
    """
    check_budget(trials=trials, workers=workers, timeout=timeout)
    if out is not None:
        check_report_folder(out, config, overwrite=overwrite)
    if controls is not None:
        _check_controls(config, controls)
    study = prepare_study(config)
    if storage is None:
        if out is None:
            raise ParameterError("storage and out are both missing: name a database or a folder")
        out.mkdir(exist_ok=True)
        storage = f"sqlite:///{out / STORAGE_FILE}"
    outcome = run(
        config,
        study.problem,
        unvaried=study.objective.unvaried,
        mean_score=study.mean_score,
        evidence_hash=study.evidence_hash,
        trials=trials,
        workers=workers,
        timeout=timeout,
        storage=storage,
        requeue=requeue,
        report=report,
    )
    if controls is not None:
        found = compare(
            controls,
            trials=min(trials, find_table(controls).scores.size),
            repeats=CONTROL_REPEATS,
            seed=config.seed,
            workers=workers,
        )
        outcome = replace(outcome, controls=found)
    if out is not None:
        write_report(outcome, out, score_label=_score_label(config.target))
    return outcome


def _check_controls(config: StudyConfig, controls: str) -> None:
    """Check that a table is of the same kind of training as a study."""
    about = find_table(controls).about
    for name in ("model", "target", "evidence"):
        if about.get(name) != getattr(config, name):
            raise ParameterError(
                f"the table {controls} is of {name} {about.get(name)!r}, the study of {getattr(config, name)!r}: "
                "name a table of the same trainings, or leave it out"
            )


def _score_label(target: str) -> str:
    unit = "m/s" if target == "growth_velocity" else "1/(m³ s)"
    return f"error ({unit})" if TARGET_SCALES[target] == "linear" else "error (decades)"
