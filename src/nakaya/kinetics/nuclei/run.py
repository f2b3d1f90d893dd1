"""The table of nuclei: every model on every fold of every split, tuned alike inside the training part."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nakaya.core.checks import check_seed
from nakaya.core.errors import MissingExtraError, NakayaError, UnknownNameError
from nakaya.core.provenance import package_version
from nakaya.kinetics.benchmark.tasks import Kept, computed
from nakaya.kinetics.models.conformal import calibrate
from nakaya.kinetics.models.protocol import PredictiveDistribution, Settings
from nakaya.kinetics.nuclei.ceiling import RESAMPLES, Outcomes, draw_nuclei, fraction_interval
from nakaya.kinetics.nuclei.committor import Committor, fit_committor
from nakaya.kinetics.nuclei.folds import SPLITS, Fold, NucleusSplit, freeze_splits, inner_folds, outer_folds
from nakaya.kinetics.nuclei.forecast import FateModel
from nakaya.kinetics.nuclei.models import MODELS, find_fate_model
from nakaya.kinetics.nuclei.samples import TARGET, NucleusSample, NucleusSet
from nakaya.kinetics.nuclei.scores import score_rows

__all__ = ["MIN_TRAIN", "Tuned", "describe_nuclei", "fit_and_score", "score_nuclei", "tune"]

MIN_TRAIN: Final = 12
"""Fewer nuclei teach nothing: the fold is left out, and named."""

LEVEL: Final = 0.9
VERSION: Final = 1


def score_nuclei(
    nuclei: NucleusSet,
    *,
    models: Sequence[str] = tuple(MODELS),
    splits: Sequence[NucleusSplit] = SPLITS,
    seed: int = 0,
    kept: Kept = computed,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Score every model on every fold, and return the table.

    Args:
        nuclei: Of `read_nuclei`.
        models: Names of `MODELS`.
        splits: What is held out.
        seed: Of everything random.
        kept: Keeps results of single folds, or leaves them out.
        progress: Told how many fits are done, and of how many.

    Returns:
        {"rows": [...], "nuclei": {...}, "splits": {...}, "seed": seed, "not_scored": [...]}.

    Raises:
        UnknownNameError: A model or split that there is none of.
        MissingExtraError: A model needs packages that are not installed.
    """
    check_seed(seed)
    for name in models:
        find_fate_model(name)
    for split in splits:
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
    folds = [fold for split in splits for fold in outer_folds(nuclei.nuclei, split)]
    identity = _identity(nuclei)
    results = []
    for number, (name, fold) in enumerate((name, fold) for name in models for fold in folds):
        if progress is not None:
            progress(number, len(models) * len(folds))
        title = f"{name}--{fold.split}--{fold.name.replace('/', '-').replace(' ', '-')}"
        whose = hashlib.sha256(json.dumps([identity, title, seed]).encode()).hexdigest()

        def run(name: str = name, fold: Fold = fold, whose: str = whose) -> dict[str, Any]:
            return {"identity": whose, **fit_and_score(find_fate_model(name), fold, seed=seed)}

        if (done := kept(title, whose, run)) is not None:
            results.append(done)
    if progress is not None:
        progress(len(models) * len(folds), len(models) * len(folds))
    return {
        "rows": score_rows(results),
        "nuclei": describe_nuclei(nuclei),
        "splits": freeze_splits(nuclei.nuclei),
        "seed": seed,
        "not_scored": [
            {key: result[key] for key in ("model", "split", "fold", "reason")}
            for result in results
            if not result["rows"]
        ],
    }


def fit_and_score(model: FateModel, fold: Fold, *, seed: int) -> dict[str, Any]:
    """Tune a model on the training nuclei of a fold, fit it to all of them, and let it forecast the test nuclei once.

    Returns:
        JSON values: model, split, fold, train_nuclei, rows (nucleus, group, changes and fates of its branches,
        forecast, half_width of the 90 % interval, probability to grow), settings, inner_rmse, calibration,
        cpu_seconds; or a "reason" without rows.
    """
    document: dict[str, Any] = {
        "model": model.name, "split": fold.split, "fold": fold.name, "train_nuclei": len(fold.train), "rows": []
    }  # fmt: skip
    if len(fold.train) < MIN_TRAIN:
        return document | {"reason": f"{len(fold.train)} training nuclei, expected at least {MIN_TRAIN}"}
    started = time.process_time()
    try:
        tuned = tune(model, fold.train, seed=seed)
        forecasts = model.fit(fold.train, tuned.settings, seed=seed)(fold.test)
    except MissingExtraError:  # true of this machine today, and nothing to keep as a result
        raise
    except NakayaError as error:
        return document | {"reason": str(error)}
    rows = [
        {
            "nucleus": nucleus.name,
            "group": nucleus.group,
            "changes": nucleus.change.changes.tolist(),
            "grown": nucleus.grown,
            "dissolved": nucleus.dissolved,
            "forecast": float(forecast),
            "half_width": tuned.half_width,
            "probability": None if tuned.committor is None else float(tuned.committor(forecast)),
        }
        for nucleus, forecast in zip(fold.test, forecasts, strict=True)
    ]
    return document | {
        "rows": rows,
        "settings": dict(tuned.settings),
        "inner_rmse": tuned.error,
        "calibration": tuned.calibration,
        "cpu_seconds": time.process_time() - started,
    }


@dataclass(frozen=True)
class Tuned:
    """What the inner cross-validation chose.

    Attributes:
        settings: Of the smallest error.
        error: Root mean square, over all training nuclei, each forecast by a model that had not seen it.
        half_width: Of the 90 % interval of a new nucleus: split-conformal, the same for all.
        calibration: How that was found.
        committor: Of a forecast; None where too few branches were decided.
    """

    settings: Settings
    error: float
    half_width: float
    calibration: str
    committor: Committor | None


def tune(model: FateModel, nuclei: Sequence[NucleusSample], *, seed: int) -> Tuned:
    """Try every setting of a model's grid on the same inner folds."""
    parts = inner_folds(nuclei)
    tested = [nucleus for _, test in parts for nucleus in test]
    names = [nucleus.name for nucleus in tested]
    labels = np.array([nucleus.change.mean for nucleus in tested])
    found = []
    for number, settings in enumerate(model.grid):
        told = np.concatenate([model.fit(train, settings, seed=seed)(test) for train, test in parts])
        found.append((float(np.sqrt(np.mean((told - labels) ** 2))), number, told))
    error, number, told = min(found, key=lambda entry: entry[:2])
    level = calibrate(
        PredictiveDistribution(TARGET, "linear", told, np.full(len(told), error)), labels, names, level=LEVEL
    )
    grown, dissolved = (
        np.array([getattr(nucleus, kind) for nucleus in tested], dtype=np.float64) for kind in ("grown", "dissolved")
    )
    committor = fit_committor(told, grown, dissolved)
    return Tuned(model.grid[number], error, level.factor * error, level.note or level.method, committor)


def describe_nuclei(nuclei: NucleusSet) -> dict[str, Any]:
    """What was scored, as JSON values: nuclei and fates of branches of every material and temperature."""
    groups: dict[str, list[NucleusSample]] = {}
    for nucleus in nuclei.nuclei:
        groups.setdefault(nucleus.group, []).append(nucleus)
    described = []
    for name, members in groups.items():
        changes = [nucleus.change for nucleus in members]
        branches = sum(len(change.later) for change in changes)
        grown, dissolved = (sum(getattr(nucleus, kind) for nucleus in members) for kind in ("grown", "dissolved"))
        critical = nuclei.critical_sizes.get(name)
        outcomes = Outcomes.of([change.changes for change in changes], [name] * len(changes))
        ceiling = float(outcomes.ceiling(np.ones((1, len(changes))))[0])
        resampled = outcomes.ceiling(draw_nuclei(len(changes), RESAMPLES, rng=np.random.default_rng(0)))
        described.append(
            {
                "group": name,
                "nuclei": len(members),
                "branches": branches,
                "size_quartiles": np.quantile([change.size for change in changes], [0.25, 0.5, 0.75]).tolist(),
                "critical_size": math.nan if critical is None else critical.value,
                "critical_size_interval90": [math.nan] * 2 if critical is None else [critical.low, critical.high],
                "fates": {"grown": grown, "dissolved": dissolved, "undecided": branches - grown - dissolved},
                "ceiling": ceiling,
                "ceiling_interval": list(fraction_interval(ceiling, resampled)),
            }
        )
    return {
        "count": len(nuclei.nuclei),
        "after_ps": nuclei.after_ps,
        "sha256": _identity(nuclei),
        "groups": described,
        "left_out": [list(entry) for entry in nuclei.left_out],
    }


def _identity(nuclei: NucleusSet) -> str:
    """sha256 over the version, and what the models see and have to tell."""
    lines = [f"{VERSION} {package_version()} {nuclei.after_ps:g}"]
    for nucleus in nuclei.nuclei:
        later = " ".join(f"{size:.6g}" for size in nucleus.change.later)
        numbers = " ".join(f"{name}={value:.6g}" for name, value in sorted(nucleus.columns.items()))
        lines.append(f"{nucleus.name} {nucleus.shape} {nucleus.change.size:g} {later} {numbers}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
