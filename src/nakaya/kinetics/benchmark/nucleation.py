"""The table of nucleation rates: a temperature of a material, or a material, is held out and told by the others.

Quenches are dear, so there are few conditions, and one row is one condition. Errors are in ln J. Folds hold one
temperature of one material ("temperature") or all temperatures of one material ("material"). No hyperparameter is tuned
on so little, so models have their default settings.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from nakaya.core.errors import NakayaError
from nakaya.kinetics.benchmark.tasks import Kept, computed
from nakaya.kinetics.models.catalogue import MODELS, find_model
from nakaya.kinetics.models.conformal import normal_factor
from nakaya.kinetics.models.protocol import KineticModel
from nakaya.kinetics.samples.corpus import Corpus, corpus_hash
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.kinetics.samples.sample import EvidenceKind, Sample, label_values
from nakaya.kinetics.samples.splits import Split
from nakaya.records.encoding import record_hash
from nakaya.records.record import Record

__all__ = ["RATE_SPLITS", "rate_folds", "rate_results", "run_rate_fold"]

TARGET: Final = "nucleation_rate"
RATE_SPLITS: Final[tuple[Split, ...]] = ("temperature", "material")
FEWEST_TRAIN: Final = 2
VERSION: Final = 1
LN10: Final = math.log(10)


def rate_folds(samples: Sequence[Sample], split: Split) -> list[tuple[str, list[Sample], list[Sample]]]:
    """List the folds: (name, training samples, test samples), those with enough left to learn from."""
    names = [_group(sample, split) for sample in samples]
    found = []
    for name in dict.fromkeys(names):
        train = [sample for sample, own in zip(samples, names, strict=True) if own != name]
        test = [sample for sample, own in zip(samples, names, strict=True) if own == name]
        if len(train) >= FEWEST_TRAIN:
            found.append((name, train, test))
    return found


def rate_results(
    records: Sequence[Record],
    corpus: Corpus,
    *,
    models: Sequence[str],
    evidence: Sequence[EvidenceKind],
    splits: Sequence[Split],
    seed: int,
    kept: Kept = computed,
) -> list[dict[str, Any]]:
    """Return the results of all folds, in the form of those of growth velocities.

    Args:
        records: All of a set; those of quenches are taken.
        corpus: Holds the properties of the materials.
        models: Names in the catalogue; those that cannot learn a rate are passed over.
        evidence: Rates are told from conditions alone: nothing is done without "A".
        splits: What is held out; rates know two of them.
        seed: Of everything random.
        kept: Keeps results, one for each model and fold, or leaves them out.
    """
    samples = nucleation_samples(records, corpus.tables) if "A" in evidence else ()
    used = {name for sample in samples for name in sample.labels[TARGET].record_ids}
    quenches = [f"{record.id} {record_hash(record)}" for record in records if record.id in used]
    found = []
    for name in models:
        if TARGET not in MODELS[name].targets or "A" not in MODELS[name].evidence:
            continue
        for split in (split for split in RATE_SPLITS if split in splits):
            for number, fold in enumerate(rate_folds(samples, split)):
                task = {
                    "model": name, "evidence": "A", "target": TARGET, "split": split, "fold": number, "seed": seed
                }  # fmt: skip
                identity = hashlib.sha256(
                    json.dumps([VERSION, task, corpus_hash(corpus), quenches]).encode()
                ).hexdigest()
                title = f"{name}--A--{TARGET}--{split}--{number}"
                run = partial(_run, identity, task, fold)
                if (done := kept(title, identity, run)) is not None:
                    found.append(done)
    return found


def _run(identity: str, task: dict[str, Any], fold: tuple[str, list[Sample], list[Sample]]) -> dict[str, Any]:
    return {"identity": identity, "task": task, **run_rate_fold(task["model"], fold, task["seed"])}


def run_rate_fold(name: str, fold: tuple[str, list[Sample], list[Sample]], seed: int) -> dict[str, Any]:
    """Fit a model to the training samples of a fold, and score its test samples once.

    Standard deviations are at least the error of an inner cross-validation, as in predictions of a trained model.
    """
    title, train, test = fold
    document: dict[str, Any] = {"fold_name": title, "train_rows": len(train), "rows": []}
    model = find_model(name)
    started = time.process_time()
    try:
        inner = _inner_error(model, train, seed)
        told = model.fit(train, TARGET, model.defaults, seed=seed).predict(test)
    except NakayaError as error:
        return document | {"reason": str(error)}
    labels = label_values(test, TARGET) * LN10
    rows = [
        {
            "record": sample.record_id,
            "condition": sample.condition,
            "label": float(label),
            "label_error": sample.labels[TARGET].standard_error / sample.labels[TARGET].value,
            "mean": float(mean) * LN10,
            "deviation": max(float(deviation) * LN10, inner or 0.0),
            "whole_run": None,
        }
        for sample, label, mean, deviation in zip(test, labels, told.mean, told.standard_deviation, strict=True)
    ]
    return document | {
        "rows": rows,
        "inner_rmse": inner,
        "factor": normal_factor(),
        "calibration": "too few conditions: a normal distribution is assumed",
        "calibration_groups": 0,
        "cpu_seconds": time.process_time() - started,
    }


def _group(sample: Sample, split: Split) -> str:
    return sample.material if split == "material" else f"{sample.material} {sample.temperature:g} K"


def _inner_error(model: KineticModel, train: Sequence[Sample], seed: int) -> float | None:
    """Root mean square error in ln J with each training condition held out; None where too little is left."""
    if len(train) <= FEWEST_TRAIN:
        return None
    errors = []
    for _, rest, left in rate_folds(train, "temperature"):
        told = model.fit(rest, TARGET, model.defaults, seed=seed).predict(left)
        errors += ((told.mean - label_values(left, TARGET)) * LN10).tolist()
    return float(np.sqrt(np.mean(np.square(errors))))
