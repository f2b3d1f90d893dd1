"""Forecasts of held-out nuclei become the rows of the table.

R^2 is against the variance within groups of one material and temperature (`ceiling`). Intervals of 95 % are bootstraps
over nuclei, which are drawn within the folds and alike for all models, so differences are paired. The best baseline is
the one with the smallest error in the inner cross-validations of all folds: test nuclei do not choose it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.nuclei.ceiling import RESAMPLES, TAIL, Outcomes, draw_nuclei, fraction_interval
from nakaya.kinetics.nuclei.models import BASELINES, MODELS, SIZE

__all__ = ["score_rows"]

SEED: Final = 20240229


def score_rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for every split and model.

    Args:
        results: Of `nakaya.kinetics.nuclei.run.fit_and_score`, one for every model and fold; those without forecasts
            (with a "reason") are passed over, and so are models with fewer nuclei than others of their split.
    """
    by_split: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for result in results:
        if result["rows"]:
            by_split.setdefault(result["split"], {}).setdefault(result["model"], []).append(result)
    rows = []
    for split, by_model in by_split.items():
        most = max(sum(len(entry["rows"]) for entry in entries) for entries in by_model.values())
        whole = {
            name: sorted(entries, key=lambda entry: str(entry["fold"]))
            for name, entries in by_model.items()
            if sum(len(entry["rows"]) for entry in entries) == most
        }
        rows += _score_split(split, whole)
    return rows


def _score_split(split: str, by_model: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    folds = [entry["rows"] for entry in next(iter(by_model.values()))]
    outcomes = Outcomes.of(
        [np.asarray(row["changes"], dtype=np.float64) for fold in folds for row in fold],
        [row["group"] for fold in folds for row in fold],
    )
    rng = np.random.default_rng(SEED)
    drawn = np.concatenate([draw_nuclei(len(fold), RESAMPLES, rng=rng) for fold in folds], axis=1)
    counts = np.concatenate([np.ones((1, drawn.shape[1])), drawn])  # the first row is what was measured
    ceiling = outcomes.ceiling(counts)
    explained = {name: outcomes.explained(_joined(entries, "forecast"), counts) for name, entries in by_model.items()}
    best = _best_baseline(by_model)
    grown, dissolved = (
        np.array([row[kind] for fold in folds for row in fold], dtype=np.float64) for kind in ("grown", "dissolved")
    )
    of_rate = brier(_rates(outcomes, grown, dissolved), grown, dissolved, counts)
    found = []
    for name in (name for name in MODELS if name in by_model):
        entries, r2 = by_model[name], explained[name]
        square = brier(_joined(entries, "probability"), grown, dissolved, counts)
        inside = np.abs(_joined(entries, "forecast") - outcomes.means) <= _joined(entries, "half_width")
        found.append(
            {
                "model": name,
                "split": split,
                "nuclei": len(inside),
                "r2": float(r2[0]),
                "r2_interval": list(fraction_interval(float(r2[0]), r2[1:])),
                "ceiling": float(ceiling[0]),
                "ceiling_interval": list(fraction_interval(float(ceiling[0]), ceiling[1:])),
                "best_baseline": best,
                "difference_to_size": _estimate(r2, explained.get(SIZE)),
                "difference_to_best_baseline": _estimate(r2, explained.get(best or "")),
                "way_to_ceiling": _way(r2, explained.get(SIZE), ceiling),
                "way_to_ceiling_from_best_baseline": _way(r2, explained.get(best or ""), ceiling),
                "rmse": float(np.sqrt(np.mean((_joined(entries, "forecast") - outcomes.means) ** 2))),
                "coverage90": float(inside.mean()),
                "coverage90_interval": _binomial(int(inside.sum()), len(inside)),
                "width90": float(2 * _joined(entries, "half_width").mean()),
                "decided_branches": int((grown + dissolved).sum()),
                "brier": float(square[0]),
                "brier_interval": _interval(square),
                "brier_of_rate": float(of_rate[0]),
                "cpu_seconds": float(sum(entry["cpu_seconds"] for entry in entries)),
                "folds": [
                    {key: entry[key] for key in ("fold", "train_nuclei", "settings", "inner_rmse", "calibration")}
                    for entry in entries
                ],
            }
        )
    return found


def brier(probability: FloatArray, grown: FloatArray, dissolved: FloatArray, counts: FloatArray) -> FloatArray:
    """Mean of (P(grow) - outcome)^2 over the branches that were decided, float64 [resample]; NaN where none was.

    Args:
        probability: float64 [nucleus]; NaN = not told.
        grown: Branches that grew, float64 [nucleus].
        dissolved: Branches that dissolved, float64 [nucleus].
        counts: How often each nucleus is there, float64 [resample, nucleus].
    """
    decided = grown + dissolved
    squares = np.where(decided > 0, grown * (1 - probability) ** 2 + dissolved * probability**2, 0.0)
    total = counts @ decided
    return np.asarray(np.where(total > 0, counts @ squares / np.maximum(total, 1), np.nan))


def _rates(outcomes: Outcomes, grown: FloatArray, dissolved: FloatArray) -> FloatArray:
    """Fraction of the decided branches of its group that grew: what is known without looking, float64 [nucleus]."""
    up, down = (np.bincount(outcomes.group, weights=kind)[outcomes.group] for kind in (grown, dissolved))
    return np.asarray(up / np.maximum(up + down, 1))


def _joined(entries: Sequence[Mapping[str, Any]], key: str) -> FloatArray:
    return np.array([row[key] for entry in entries for row in entry["rows"]], dtype=np.float64)


def _best_baseline(by_model: Mapping[str, Sequence[Mapping[str, Any]]]) -> str | None:
    ranked = [
        (float(np.average([e["inner_rmse"] ** 2 for e in entries], weights=[e["train_nuclei"] for e in entries])), name)
        for name, entries in by_model.items()
        if name in BASELINES
    ]
    return min(ranked)[1] if ranked else None


def _interval(values: FloatArray) -> list[float]:
    known = values[1:][np.isfinite(values[1:])]
    return [math.nan] * 2 if not known.size else np.quantile(known, [TAIL, 1 - TAIL]).tolist()


def _estimate(first: FloatArray, second: FloatArray | None) -> list[float]:
    """Difference of the two: [2.5 % percentile, estimate, 97.5 %]."""
    if second is None:
        return [math.nan] * 3
    difference = first - second
    low, high = _interval(difference)
    return [low, float(difference[0]), high]


def _way(r2: FloatArray, start: FloatArray | None, ceiling: FloatArray) -> list[float]:
    """(R^2 - start) / (ceiling - start): which part of the way to the ceiling; NaN where the start is there already."""
    if start is None:
        return [math.nan] * 3
    room = ceiling - start
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(room > 0, (r2 - start) / room, np.nan)
    if not np.isfinite(part[0]):
        return [math.nan] * 3
    low, high = _interval(part)
    return [low, float(part[0]), high]


def _binomial(hits: int, count: int) -> list[float]:
    """Interval of 95 % for the fraction of independent nuclei (Clopper & Pearson 1934)."""
    found = binomtest(hits, count).proportion_ci(1 - 2 * TAIL, method="exact")
    return [float(found.low), float(found.high)]
