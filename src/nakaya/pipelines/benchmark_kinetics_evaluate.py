"""Fit the models of the stored table again, and hold the errors beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nakaya.kinetics.models.catalogue import NETWORKS
from nakaya.pipelines.benchmark_kinetics import benchmark_kinetics
from nakaya.pipelines.benchmark_kinetics_table import read_stored

__all__ = ["AGREEMENT", "compare_rows", "evaluate_stored"]

AGREEMENT: Final = 0.02
"""Share by which an error may differ: other versions of linear algebra end small networks and trees elsewhere."""

_NAMES = ("evidence", "model", "target", "split")


def evaluate_stored(
    *, seed: int = 0, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Fit all tabular models of the stored table on the shipped records again.

    Returns:
        {"compared": [...], "largest_difference": share, "agree": bool, "not_recomputed": models that take longer,
        "same_records": whether the shipped records are those of the stored table}.
    """
    stored = read_stored()
    models = list(dict.fromkeys(row["model"] for row in stored["rows"]))
    tabular = [name for name in models if name not in NETWORKS]
    fresh = benchmark_kinetics(models=tabular, seed=seed, workers=workers, progress=progress)
    compared = compare_rows(stored["rows"], fresh["rows"])
    differences = [abs(row["recomputed"] / row["stored"] - 1) for row in compared]
    largest = max(differences, default=0.0)
    same = fresh["records"]["sha256"] == stored["records"]["sha256"]
    return {
        "compared": compared,
        "largest_difference": largest,
        "agree": same and bool(compared) and largest <= AGREEMENT,
        "same_records": same,
        "not_recomputed": [name for name in models if name in NETWORKS],
    }


def compare_rows(stored: Sequence[Mapping[str, Any]], fresh: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Errors that are stored beside those that were computed again, row by row."""
    before = {tuple(row[name] for name in _NAMES): row for row in stored}
    return [
        {**{name: row[name] for name in _NAMES}, "stored": known["rmse"], "recomputed": row["rmse"]}
        for row in fresh
        if (known := before.get(tuple(row[name] for name in _NAMES))) is not None
    ]
