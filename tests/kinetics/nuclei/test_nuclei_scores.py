"""Scores of forecasts: known answers, pairing, and folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from nakaya.kinetics.nuclei.committor import fit_committor
from nakaya.kinetics.nuclei.folds import SPONTANEOUS, freeze_splits, inner_folds, outer_folds
from nakaya.kinetics.nuclei.scores import score_rows
from nakaya.kinetics.nuclei.table import as_text
from nakaya.kinetics.samples.splits import assignment_hash, hashed
from support.synthetic_nuclei import planted_nuclei

COUNT, BRANCHES = 400, 4
BETWEEN, WITHIN = 0.5, 0.6
SHA256_DIGITS = 64


def result(
    model: str, error: float, inner: float, *, split: str = "nucleus", half_width: float = 0.5, luck: str = ""
) -> dict[str, Any]:
    """Forecasts of a model that is off the truth by a normal error; the truth is the same for all."""
    rng = np.random.default_rng(0)
    expected = np.sqrt(BETWEEN) * rng.standard_normal(COUNT)
    changes = expected[:, None] + np.sqrt(WITHIN) * rng.standard_normal((COUNT, BRANCHES))
    told = expected + error * np.random.default_rng(hashed(luck or model, 1000)).standard_normal(COUNT)
    rows = [
        {
            "nucleus": f"n{number}",
            "group": "Al 640 K",
            "changes": changes[number].tolist(),
            "forecast": float(told[number]),
            "half_width": half_width,
            "grown": int((changes[number] > 0).sum()),
            "dissolved": int((changes[number] <= 0).sum()),
            "probability": float(norm.cdf(told[number] / np.sqrt(WITHIN))),
        }
        for number in range(COUNT)
    ]
    return {
        "model": model, "split": split, "fold": "fold 0", "train_nuclei": 100, "rows": rows, "settings": {},
        "inner_rmse": inner, "calibration": "conformal", "cpu_seconds": 1.0,
    }  # fmt: skip


def test_r2_of_known_errors_and_what_lies_between_models() -> None:
    rows = score_rows([result("size", 0.6, 0.9), result("ridge", 0.4, 0.7), result("msgnn", 0.0, 0.1)])
    by_model = {row["model"]: row for row in rows}
    total = BETWEEN + WITHIN / BRANCHES

    def told(error: float) -> float:
        return 1 - (error**2 + WITHIN / BRANCHES) / total

    for name, error in (("size", 0.6), ("ridge", 0.4), ("msgnn", 0.0)):
        row = by_model[name]
        assert row["r2"] == pytest.approx(told(error), abs=0.08)  # 400 nuclei: 2 sigma of a variance are 14 %
        assert row["r2_interval"][0] < row["r2"] < row["r2_interval"][1]
        # The network never is a baseline, though its inner error is the smallest.
        assert row["best_baseline"] == "ridge"
    low, middle, high = by_model["msgnn"]["difference_to_best_baseline"]
    assert middle == pytest.approx(told(0.0) - told(0.4), abs=0.05)
    assert 0 < low < middle < high
    # The truth is at the ceiling; half of the variance of the errors is half of the way.
    assert by_model["msgnn"]["way_to_ceiling"][1] == pytest.approx(1.0, abs=0.12)
    assert by_model["ridge"]["way_to_ceiling"][1] == pytest.approx(1 - 0.4**2 / 0.6**2, abs=0.12)
    assert by_model["size"]["way_to_ceiling"] == [0.0, 0.0, 0.0]


def test_paired_differences_are_narrower_than_the_intervals_of_either() -> None:
    rows = score_rows([result("size", 0.6, 0.9), result("ridge", 0.59, 0.7, luck="size")])
    one, other = rows
    own = other["r2_interval"][1] - other["r2_interval"][0]
    # Nearly the same errors: the difference is known far better than either.
    assert other["difference_to_size"][2] - other["difference_to_size"][0] < own / 10
    assert other["difference_to_size"][0] > 0
    assert one["difference_to_size"] == [0.0, 0.0, 0.0]


def test_coverage_is_that_of_the_means() -> None:
    deviation = np.sqrt(WITHIN / BRANCHES)
    (row,) = score_rows([result("size", 0.0, 0.9, half_width=float(1.645 * deviation))])
    assert row["coverage90"] == pytest.approx(0.9, abs=0.045)  # 3 sigma of 400
    assert row["coverage90_interval"][0] < 0.9 < row["coverage90_interval"][1]
    assert row["width90"] == pytest.approx(2 * 1.645 * deviation)


def test_the_brier_score_of_the_truth_is_the_least_and_that_of_the_rate_is_a_quarter() -> None:
    rows = score_rows([result("size", 0.6, 0.9), result("ridge", 0.0, 0.7)])
    size, truth = rows
    assert truth["decided_branches"] == COUNT * BRANCHES
    assert truth["brier"] < size["brier"] < truth["brier_of_rate"]
    assert truth["brier_of_rate"] == pytest.approx(0.25, abs=0.01)  # as many grow as dissolve
    # The mean of p (1 - p), p = Phi(a / s), over the planted normal distribution of a.
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    p = norm.cdf(np.sqrt(BETWEEN / WITHIN) * points)
    assert truth["brier"] == pytest.approx(float(weights @ (p * (1 - p)) / weights.sum()), abs=0.012)  # 3 sigma


def test_branches_that_nobody_decided_have_no_score() -> None:
    told = result("size", 0.6, 0.9)
    for row in told["rows"]:
        row |= {"grown": 0, "dissolved": 0, "probability": None}
    (row,) = score_rows([told])
    assert np.isnan(row["brier"])
    assert row["decided_branches"] == 0


def test_a_model_without_all_folds_is_not_compared() -> None:
    part = result("ridge", 0.1, 0.1)
    part["rows"] = part["rows"][:100]
    assert [row["model"] for row in score_rows([result("size", 0.6, 0.9), part])] == ["size"]
    assert score_rows([{**part, "rows": []}]) == []


def test_the_committor_finds_the_planted_one() -> None:
    rng = np.random.default_rng(3)
    told = rng.normal(0.5, 2.0, 3000)
    grown = rng.binomial(4, 1 / (1 + np.exp(-(1.5 * told - 1.0)))).astype(float)
    found = fit_committor(told, grown, 4 - grown)
    assert found is not None
    # 12,000 branches: 3 standard errors by Fisher's information are .15.
    assert (found.slope, found.constant) == pytest.approx((1.5, -1.0), abs=0.15)
    np.testing.assert_allclose(found(np.array([2 / 3])), 0.5, atol=0.05)
    assert fit_committor(told, np.zeros(3000), 4 - grown) is None


def test_folds_hold_every_nucleus_out_once_and_know_their_groups() -> None:
    rng = np.random.default_rng(1)
    nuclei = [*planted_nuclei(60, rng), *planted_nuclei(30, rng, material="Cu", temperature=934.0)]
    warm = planted_nuclei(30, rng, temperature=690.0)
    natural = planted_nuclei(10, rng, temperature=641.0, shapes=[SPONTANEOUS])
    every = [*nuclei, *warm, *natural]
    for split in ("nucleus", "temperature", "shape", "material"):
        folds = outer_folds(every, split)
        names = [nucleus.name for fold in folds for nucleus in fold.test]
        assert sorted(names) == sorted(nucleus.name for nucleus in (*nuclei, *warm))
        for fold in folds:
            assert not {n.name for n in fold.test} & {n.name for n in fold.train}
            assert len(fold.test) + len(fold.train) == 120
    assert [fold.name for fold in outer_folds(every, "material")] == ["Al", "Cu"]
    assert [fold.name for fold in outer_folds(every, "temperature")] == ["T/T_m 0.69", "T/T_m 0.74"]
    assert [fold.name for fold in outer_folds(every, "shape")] == ["balls", "elongated", "faulted", "rough"]
    (last,) = outer_folds(every, "spontaneous")
    assert (len(last.train), len(last.test)) == (120, 10)
    assert outer_folds(nuclei, "spontaneous") == []
    parts = inner_folds(nuclei)
    assert sorted(n.name for _, test in parts for n in test) == sorted(n.name for n in nuclei)


def test_a_fold_does_not_depend_on_which_other_nuclei_there_are() -> None:
    nuclei = planted_nuclei(40, np.random.default_rng(2))
    assert freeze_splits(nuclei) == freeze_splits(list(reversed(nuclei)))
    few = {n.name: fold.name for fold in outer_folds(nuclei[:10], "nucleus") for n in fold.test}
    many = {n.name: fold.name for fold in outer_folds(nuclei, "nucleus") for n in fold.test}
    assert few.items() <= many.items()
    assert freeze_splits(nuclei)["nucleus"]["sha256"] == assignment_hash(many)
    assert len(assignment_hash(many)) == SHA256_DIGITS


def test_the_text_has_a_line_for_every_row_and_reason() -> None:
    document = {
        "rows": score_rows([result("size", 0.6, 0.9), result("ridge", 0.4, 0.7, split="shape")]),
        "nuclei": {
            "count": 400, "after_ps": 8.0, "sha256": "a" * 64, "left_out": [["x", "no snapshot of the release"]],
            "groups": [
                {
                    "group": "Al 640 K", "nuclei": 400, "branches": 1600, "size_quartiles": [80.0, 92.0, 104.0],
                    "critical_size": float("nan"), "fates": {"grown": 0, "dissolved": 0, "undecided": 1600},
                    "ceiling": 0.77, "ceiling_interval": [0.7, 0.8],
                }
            ],
        },
        "not_scored": [{"model": "trees", "split": "shape", "fold": "rough", "reason": "8 training nuclei"}],
    }  # fmt: skip
    text = as_text(document)
    assert "nucleus held out: 400 nuclei, ceiling" in text
    assert "n* is not seen" in text
    assert "left out: 1 records: no snapshot of the release" in text
    assert "not scored: shape: trees (rough): 8 training nuclei" in text
    assert max(map(len, text.splitlines())) < 160
