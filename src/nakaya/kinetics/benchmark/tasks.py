"""One task of the kinetics benchmark: one frozen model on one fold, its test rows computed once."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

import numpy as np

from nakaya.core.documents import plain
from nakaya.core.errors import MissingExtraError, NakayaError
from nakaya.core.executors import Executor
from nakaya.core.provenance import package_version
from nakaya.kinetics.models.catalogue import MODELS, find_model
from nakaya.kinetics.models.conformal import calibrate, normal_factor
from nakaya.kinetics.models.protocol import KineticModel, PredictiveDistribution, Settings
from nakaya.kinetics.samples.arranging import Arrangement, arrange_fold, arrange_inner, outer_folds
from nakaya.kinetics.samples.corpus import Corpus, corpus_hash, load_corpus
from nakaya.kinetics.samples.sample import TARGET_SCALES, EvidenceKind, Sample
from nakaya.kinetics.samples.splits import Split, fold_name, fold_of
from nakaya.records.record import Record

__all__ = [
    "MIN_TRAIN",
    "TARGET",
    "Kept",
    "Task",
    "computed",
    "fit_and_score",
    "make_tasks",
    "run_task",
    "run_tasks",
]

TARGET: Final = "growth_velocity"
MIN_TRAIN: Final = 6
"""Fewer training rows than this teach nothing: the fold is left out, and named."""

LEVEL: Final = 0.9
VERSION: Final = 1


@dataclass(frozen=True)
class Task:
    """What is computed once.

    Attributes:
        model: Name in the catalogue.
        evidence: "A" or "B".
        split: How folds are made.
        fold: Number of the fold that is held out.
        settings: Hyperparameters, as (name, value).
        seed: Of everything random.
        corpus: Hash of the records.
    """

    model: str
    evidence: EvidenceKind
    split: Split
    fold: int
    settings: tuple[tuple[str, float], ...]
    seed: int
    corpus: str

    @property
    def name(self) -> str:
        """Name of the task and of its file."""
        return f"{self.model}--{self.evidence}--{TARGET}--{self.split}--{self.fold}"

    @property
    def identity(self) -> str:
        """Hash of all that the result depends on."""
        what = [VERSION, package_version(), asdict(self), sorted(find_model(self.model).defaults.items())]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def make_tasks(
    corpus: Corpus,
    *,
    models: Sequence[str],
    evidence: Sequence[EvidenceKind],
    splits: Sequence[Split],
    settings: Callable[[str, EvidenceKind], Settings],
    seed: int,
) -> list[Task]:
    """List the tasks: cheap models first, so that a table is there soon."""
    identity = corpus_hash(corpus)
    return [
        Task(model, kind, split, fold, tuple(sorted(settings(model, kind).items())), seed, identity)
        for model in models
        for kind in evidence
        if kind in MODELS[model].evidence and TARGET in MODELS[model].targets
        for split in splits
        for fold in outer_folds(corpus, split)
    ]


def run_task(corpus: Corpus, task: Task) -> dict[str, Any]:
    """Compute the test rows of one fold, and what the inner cross-validation says.

    Returns:
        JSON values: rows (condition, label with its error, mean and standard deviation of the prediction), the factor
        of the intervals, inner error, CPU seconds; or a "reason" why there are none.
    """
    held, parts = _arranged(corpus, task.evidence, task.split, task.fold)
    inside = [record for record in corpus.records if fold_of(record, task.split) == task.fold]
    document: dict[str, Any] = {
        "identity": task.identity,
        "task": asdict(task),
        "fold_name": fold_name(inside[0], task.split) if inside else f"fold {task.fold}",
        "train_rows": len(held.train),
        "rows": [],
    }
    if len(held.train) < MIN_TRAIN or not held.test:
        return document | {"reason": f"{len(held.train)} training rows and {len(held.test)} test rows"}
    model = find_model(task.model)
    try:
        return document | fit_and_score(held, parts, corpus.records, model, dict(task.settings), seed=task.seed)
    except MissingExtraError:  # true of this machine today, and nothing to keep as a result
        raise
    except NakayaError as error:
        return document | {"reason": str(error)}


def fit_and_score(
    held: Arrangement,
    parts: Sequence[Arrangement],
    records: Iterable[Record],
    model: KineticModel,
    settings: Settings,
    *,
    seed: int,
) -> dict[str, Any]:
    """Fit a model to training samples, and let it predict the test samples once.

    Args:
        held: Training and test samples of one kind of evidence.
        parts: Inner folds, inside the training samples: they give the factor of the intervals.
        records: Of the test samples' runs, for what the whole run would have told.
        model: From the catalogue.
        settings: Of the model.
        seed: Of everything random.

    Returns:
        JSON values: rows (record, condition, label, label_error, mean, deviation, whole_run), inner_rmse, factor,
        calibration, calibration_groups, cpu_seconds.
    """
    started = time.process_time()
    inner = _inner(parts, model, settings, seed)
    found = model.fit(held.train, TARGET, dict(settings), seed=seed).predict(held.test)
    own = {record.id: record.quantities[TARGET].value for record in records}
    rows = [
        {
            "record": sample.record_id,
            "condition": sample.condition,
            "label": _label(sample),
            "label_error": sample.labels[TARGET].standard_error,
            "mean": float(found.mean[place]),
            "deviation": float(found.standard_deviation[place]),
            # Only to say what the whole run would have told: no model is given it.
            "whole_run": own[sample.record_id] if sample.evidence == "B" else None,
        }
        for place, sample in enumerate(held.test)
    ]
    return inner | {"rows": rows, "cpu_seconds": time.process_time() - started}


@lru_cache(maxsize=48)
def _arranged(
    corpus: Corpus, evidence: EvidenceKind, split: Split, fold: int
) -> tuple[Arrangement, tuple[Arrangement, ...]]:
    # The same for all models; a corpus is told from another by being another object.
    held = arrange_fold(corpus, evidence, TARGET, split, fold)
    return held, tuple(arrange_inner(corpus, held, evidence, TARGET, split))


def _label(sample: Sample) -> float:
    value = sample.labels[TARGET].value
    return math.log10(value) if TARGET_SCALES[TARGET] == "log10" else value


def _inner(parts: Sequence[Arrangement], model: KineticModel, settings: Settings, seed: int) -> dict[str, Any]:
    means: list[float] = []
    deviations: list[float] = []
    labels: list[float] = []
    groups: list[str] = []
    for part in parts:
        if len(part.train) < MIN_TRAIN // 2:
            continue
        found = model.fit(part.train, TARGET, dict(settings), seed=seed).predict(part.test)
        means += found.mean.tolist()
        deviations += found.standard_deviation.tolist()
        labels += [_label(sample) for sample in part.test]
        groups += [sample.condition for sample in part.test]
    if not means:
        note = "no inner folds: a normal distribution is assumed"
        return {"inner_rmse": None, "factor": normal_factor(LEVEL), "calibration": note, "calibration_groups": 0}
    distribution = PredictiveDistribution(TARGET, TARGET_SCALES[TARGET], np.array(means), np.array(deviations))
    found_factor = calibrate(distribution, np.array(labels), groups, level=LEVEL)
    errors = np.array(means) - np.array(labels)
    return {
        "inner_rmse": float(np.sqrt((errors**2).mean())),
        "factor": found_factor.factor,
        "calibration": found_factor.note or found_factor.method,
        "calibration_groups": found_factor.groups,
    }


Kept: TypeAlias = Callable[[str, str, Callable[[], dict[str, Any]]], dict[str, Any] | None]
"""(name, identity, compute) -> result of a task, computed or as it was kept; None = left out. Can be pickled."""


def computed(name: str, identity: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """The result of a task, where nothing is kept."""
    return compute()


def run_tasks(
    source: str,
    tasks: Sequence[Task],
    *,
    kept: Kept = computed,
    executor: Executor,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Run tasks, and return their results in the same order.

    Args:
        source: Shipped set, store or file of records.
        tasks: What is wanted.
        kept: Keeps results, or leaves tasks out.
        executor: Runs them.
        progress: Told how many are done, and of how many.
    """
    found: dict[str, dict[str, Any]] = {}
    run = partial(_run, source, kept)
    with closing(executor.at_most(len(tasks)).results(run, tasks, name=lambda task: task.name)) as done:
        for number, (name, document) in enumerate(done, 1):
            if document is not None:
                found[name] = document
            if progress is not None:
                progress(number, len(tasks))
    return [found[task.name] for task in tasks if task.name in found]


def _run(source: str, kept: Kept, task: Task) -> tuple[str, dict[str, Any] | None]:
    def compute() -> dict[str, Any]:
        document: dict[str, Any] = plain(run_task(load_corpus(source, MODELS[task.model].graphs), task))
        return document

    return task.name, kept(task.name, task.identity, compute)
