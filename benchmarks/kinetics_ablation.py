"""What the start of the network owes to which cause: its law and its measurements, changed one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.assimilation import MEASUREMENTS, assimilated, fitted_gains, measurements
from nakaya.kinetics.models.physics import velocity_physics
from nakaya.kinetics.samples.arranging import arrange_fold, outer_folds
from nakaya.kinetics.samples.corpus import load_corpus
from nakaya.kinetics.samples.sample import EvidenceKind, Sample
from nakaya.kinetics.samples.splits import GROUPED, SPLITS
from nakaya.theory import HARD_SPHERE, NICKEL

__all__ = ["ablate_start", "as_lines", "kinetics_ablation"]

TARGET: Final = "growth_velocity"
ISOTROPIC: Final[Mapping[str, float]] = {"100": 1.0}

Start = Callable[[Sequence[Sample], FloatArray, Sequence[Sample]], FloatArray]
"""From training samples, their labels and test samples to velocities of the latter, m/s."""


def _law(coefficients: Mapping[str, float], *, activated: bool) -> Start:
    def start(train: Sequence[Sample], labels: FloatArray, test: Sequence[Sample]) -> FloatArray:
        mobility = velocity_physics(train, coefficients).fitted(labels, activated=activated)
        return velocity_physics(test, coefficients).velocity(mobility)

    return start


def _mixture(allowed: Sequence[str]) -> Start:
    law = _law(NICKEL, activated=True)

    def start(train: Sequence[Sample], labels: FloatArray, test: Sequence[Sample]) -> FloatArray:
        gains = fitted_gains(train, labels, allowed=allowed)
        return assimilated(law(train, labels, test), measurements(test), gains)

    return start


LAWS: Final[Mapping[str, Start]] = {
    "the law: nickel's faces, activation": _law(NICKEL, activated=True),
    "all faces alike": _law(ISOTROPIC, activated=True),
    "faces of hard spheres": _law(HARD_SPHERE, activated=True),
    "no activation": _law(NICKEL, activated=False),
    "all faces alike, no activation": _law(ISOTROPIC, activated=False),
}
MIXTURES: Final[Mapping[str, Start]] = {
    "the law and all that was measured": _mixture(MEASUREMENTS),
    "without the first 10 ps": _mixture(MEASUREMENTS[1:]),
    "without known faces": _mixture(MEASUREMENTS[:1]),
    "without either": _mixture(()),
}


def ablate_start(records: str) -> list[dict[str, Any]]:
    """Score the law of evidence A (conditions) and the mixture of B (and 10 ps), whole and with one thing changed.

    Args:
        records: Shipped set, store or file.

    Returns:
        One entry per evidence, cause and split: evidence, cause, split, rmse, noise_floor_rmse, reducible_rmse, m/s.
    """
    corpus = load_corpus(records, False)
    found = []
    plan: list[tuple[EvidenceKind, Mapping[str, Start]]] = [("A", LAWS), ("B", MIXTURES)]
    for evidence, starts in plan:
        for split in (split for split in SPLITS if split in GROUPED):
            arranged = [arrange_fold(corpus, evidence, TARGET, split, fold) for fold in outer_folds(corpus, split)]
            scored = [fold for fold in arranged if fold.train and fold.test]
            errors = np.concatenate([[sample.labels[TARGET].standard_error for sample in fold.test] for fold in scored])
            floor = math.sqrt(float(np.nanmean(errors**2)))
            for cause, start in starts.items():
                missed = [start(fold.train, _labels(fold.train), fold.test) - _labels(fold.test) for fold in scored]
                rmse = math.sqrt(float((np.concatenate(missed) ** 2).mean()))
                found.append(
                    {
                        "evidence": evidence,
                        "cause": cause,
                        "split": split,
                        "rmse": rmse,
                        "noise_floor_rmse": floor,
                        "reducible_rmse": math.sqrt(max(rmse**2 - floor**2, 0.0)),
                    }
                )
    return found


def as_lines(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table: RMSE, and what of it lies above the noise floor."""
    lines = []
    for evidence, title in (("A", "conditions only: the law alone"), ("B", "the first 10 ps too: what is weighed")):
        rows = [row for row in found if row["evidence"] == evidence]
        splits = list(dict.fromkeys(row["split"] for row in rows))
        lines.append(f"Evidence {evidence}, {title}; RMSE in m/s (above the noise floor)")
        lines.append(" " * 38 + "".join(f"{split:>16s}" for split in splits))
        for cause in dict.fromkeys(row["cause"] for row in rows):
            cells = [f"{row['rmse']:.1f} ({row['reducible_rmse']:.1f})" for row in rows if row["cause"] == cause]
            lines.append(f"{cause:38s}" + "".join(f"{cell:>16s}" for cell in cells))
    return lines


def _labels(samples: Sequence[Sample]) -> FloatArray:
    return np.array([sample.labels[TARGET].value for sample in samples], dtype=np.float64)


def kinetics_ablation(
    records: Annotated[
        str, typer.Option(help="Shipped set, store or file of records with growth velocities.")
    ] = "al-cu-si",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score the law that the network of kinetics starts from, and what it measures, with one thing changed at a time.

    Example: python3 nk.py benchmark kinetics-ablation
    """
    found = ablate_start(records)
    if as_json:
        echo_json({"rows": found})
    else:
        typer.echo("\n".join(as_lines(found)))
