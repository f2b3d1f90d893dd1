"""Results of tasks become the rows of the table: errors, noise floor, coverage, and ratios with paired intervals.

A label is the mean of a few noisy runs, so even a perfect model has an error: the noise floor, the root mean square
standard error of the labels. Models are compared by what lies above it, sqrt(RMSE^2 - floor^2), zero below the floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.kinetics.models.catalogue import BASELINES, MODELS

__all__ = ["REFERENCES", "score_rows"]

RESAMPLES: Final = 2000
REFERENCES: Final = ("ann", "svm")
SEED: Final = 20240229
SCATTERED: Final = ("run", "random")
"""Splits in which replicates of one condition lie in several folds."""

_TAIL = 0.025


@dataclass(frozen=True, eq=False)
class _Scored:
    """All test rows of one model, evidence and split; sums per condition.

    Attributes:
        keys: (fold, condition) of every group. Where folds do not hold out conditions, replicates of one condition lie
            in several folds: it is one group all the same, in fold 0.
        squares: Sum of squared errors, float64 [group].
        floors: Sum of squared standard errors of labels, float64 [group].
        counts: Rows, float64 [group].
        covered: Sum of rows inside their interval, float64 [group].
        inner: Mean squared error of the inner cross-validation, weighted by training rows; NaN = none.
    """

    keys: tuple[tuple[int, str], ...]
    squares: FloatArray
    floors: FloatArray
    counts: FloatArray
    covered: FloatArray
    inner: float
    documents: tuple[Mapping[str, Any], ...]


def score_rows(
    results: Iterable[Mapping[str, Any]], *, target: str = "growth_velocity", unit: str = "m/s"
) -> list[dict[str, Any]]:
    """Return one row per evidence, model and split that has test rows; all results are of one target.

    The best baseline is the one with the smallest error in the inner cross-validations of all folds; test rows do not
    choose it.
    """
    groups: dict[tuple[str, str], dict[str, list[Mapping[str, Any]]]] = {}
    for result in results:
        task = result["task"]
        groups.setdefault((task["evidence"], task["split"]), {}).setdefault(task["model"], []).append(result)
    rows = []
    for (evidence, split), models in groups.items():
        scored = {name: found for name, entries in models.items() if (found := _gather(entries)) is not None}
        complete = _complete(scored)
        best = _best_baseline(scored, complete)
        for name in MODELS:
            if name in scored:
                row: dict[str, Any] = {
                    "evidence": evidence, "model": name, "target": target, "split": split, "unit": unit
                }  # fmt: skip
                row |= _measures(scored[name]) | _ratios(scored, complete, name, best)
                if target == "nucleation_rate":
                    row["sign_accuracy"] = math.nan  # of a logarithm
                rows.append(row)
    return rows


def _gather(entries: Sequence[Mapping[str, Any]]) -> _Scored | None:
    usable = tuple(sorted((e for e in entries if e["rows"]), key=lambda e: int(e["task"]["fold"])))
    if not usable:
        return None
    grouped = usable[0]["task"]["split"] not in SCATTERED
    sums: dict[tuple[int, str], FloatArray] = {}
    for entry in usable:
        for row in entry["rows"]:
            error = row["mean"] - row["label"]
            inside = abs(error) <= entry["factor"] * row["deviation"]
            noise = 0.0 if row["label_error"] is None else row["label_error"]
            key = int(entry["task"]["fold"]) if grouped else 0, str(row["condition"])
            sums.setdefault(key, np.zeros(4))
            sums[key] += np.array([error**2, noise**2, 1.0, float(inside)])
    table = np.array(list(sums.values()))
    # A fold whose training part is a single group has no inner folds: it has no say.
    known = [(e["inner_rmse"] ** 2, e["train_rows"]) for e in usable if e["inner_rmse"] is not None]
    inner = np.average([m for m, _ in known], weights=[w for _, w in known]) if known else math.nan
    return _Scored(tuple(sums), table[:, 0], table[:, 1], table[:, 2], table[:, 3], float(inner), usable)


def _complete(scored: Mapping[str, _Scored]) -> set[str]:
    # Only models with the same test rows can be compared; one whose folds are not all done yet has fewer.
    most = max((entry.keys for entry in scored.values()), key=len, default=())
    return {name for name, entry in scored.items() if set(entry.keys) == set(most)}


def _best_baseline(scored: Mapping[str, _Scored], complete: set[str]) -> str | None:
    ranked = [
        (scored[name].inner, name) for name in BASELINES if name in complete and math.isfinite(scored[name].inner)
    ]
    return min(ranked)[1] if ranked else None


def _measures(scored: _Scored) -> dict[str, Any]:
    drawn = _draw(scored.keys)
    mean_square = scored.squares[drawn].sum(axis=1) / scored.counts[drawn].sum(axis=1)
    rmse, floor, reducible = _errors(scored.squares.sum(), scored.floors.sum(), scored.counts.sum())
    every = [(row, entry["factor"]) for entry in scored.documents for row in entry["rows"]]
    widths = [2 * factor * row["deviation"] for row, factor in every]
    signs = [np.sign(row["mean"]) == np.sign(row["label"]) for row, _ in every]
    whole = [row["whole_run"] - row["label"] for row, _ in every if row["whole_run"] is not None]
    coverage = float(scored.covered.sum() / scored.counts.sum())
    return {
        "rmse": rmse,
        "rmse_interval": [
            float(value) if _resampled(scored.keys) else math.nan
            for value in np.sqrt(np.quantile(mean_square, [_TAIL, 1 - _TAIL]))
        ],
        "noise_floor_rmse": floor,
        "reducible_rmse": reducible,
        "sign_accuracy": float(np.mean(signs)),
        "coverage90": coverage,
        "coverage90_interval": _binomial(coverage, len(scored.keys)),
        "width90": float(np.mean(widths)),
        "inner_rmse": math.sqrt(scored.inner),
        "whole_run_rmse": float(np.sqrt(np.mean(np.square(whole)))) if whole else math.nan,
        "rows": int(scored.counts.sum()),
        "conditions": len(scored.keys),
        "cpu_seconds": float(sum(entry["cpu_seconds"] for entry in scored.documents)),
        "folds": [_fold(entry) for entry in scored.documents],
    }


def _fold(entry: Mapping[str, Any]) -> dict[str, Any]:
    scored = _gather([entry])
    assert scored is not None  # folds without rows were left out
    rmse, floor, reducible = _errors(scored.squares.sum(), scored.floors.sum(), scored.counts.sum())
    return {
        "fold": entry["fold_name"],
        "rmse": rmse,
        "noise_floor_rmse": floor,
        "reducible_rmse": reducible,
        "coverage90": float(scored.covered.sum() / scored.counts.sum()),
        "rows": int(scored.counts.sum()),
        "train_rows": entry["train_rows"],
        "calibration": entry["calibration"],
    }


def _errors(squares: float, floors: float, count: float) -> tuple[float, float, float]:
    return (
        math.sqrt(squares / count),
        math.sqrt(floors / count),
        math.sqrt(max(0.0, (squares - floors) / count)),
    )


def _ratios(scored: Mapping[str, _Scored], complete: set[str], name: str, best: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for reference in REFERENCES:
        found[f"ratio_to_{reference}"] = _ratio(scored, complete, name, reference)
        found[f"rmse_ratio_to_{reference}"] = _ratio(scored, complete, name, reference, above_floor=False)
    found["best_baseline"] = best
    found["ratio_to_best_baseline"] = _ratio(scored, complete, name, best)
    return found


def _ratio(
    scored: Mapping[str, _Scored], complete: set[str], name: str, reference: str | None, *, above_floor: bool = True
) -> list[float]:
    """Ratio of reducible errors, or of whole ones: [2.5 % percentile, estimate, 97.5 %] over paired resamples."""
    if reference not in complete or name not in complete or reference is None:
        return [math.nan] * 3
    ours, theirs = scored[name], scored[reference]
    place = {key: number for number, key in enumerate(theirs.keys)}
    same = np.array([place[key] for key in ours.keys])  # the same conditions in the same folds, in our order
    excess = ours.squares - ours.floors * above_floor
    other = (theirs.squares - theirs.floors * above_floor)[same]
    drawn = _draw(ours.keys)
    with np.errstate(invalid="ignore", divide="ignore"):
        sampled = np.sqrt(np.maximum(excess[drawn].sum(axis=1), 0) / np.maximum(other[drawn].sum(axis=1), 0))
        middle = float(np.sqrt(np.maximum(excess.sum(), 0) / np.maximum(other.sum(), 0)))
    known = sampled[~np.isnan(sampled)]  # both at the floor: no ratio
    if not known.size or not _resampled(ours.keys):
        return [math.nan, middle, math.nan]
    low, high = np.quantile(known, [_TAIL, 1 - _TAIL], method="inverted_cdf")
    return [float(low), middle, float(high)]


def _resampled(keys: Sequence[tuple[int, str]]) -> bool:
    """Whether conditions can be drawn within folds: with one condition in each, all draws are the same."""
    return len({fold for fold, _ in keys}) < len(keys)


def _draw(keys: Sequence[tuple[int, str]]) -> IntArray:
    """Resamples of conditions, with replacement within each fold: int64 [resample, group]; the same for all models."""
    rng = np.random.default_rng(SEED)
    ranked = sorted(range(len(keys)), key=lambda number: keys[number])
    columns = []
    for fold in sorted({fold for fold, _ in keys}):
        members = np.array([number for number in ranked if keys[number][0] == fold])
        columns.append(members[rng.integers(0, len(members), (RESAMPLES, len(members)))])
    return np.concatenate(columns, axis=1)


def _binomial(share: float, count: int) -> list[float]:
    """Interval of 95 % for a fraction of independent conditions (Clopper & Pearson 1934)."""
    found = binomtest(round(share * count), count).proportion_ci(1 - 2 * _TAIL, method="exact")
    return [float(found.low), float(found.high)]
