"""The kinetics benchmark: known answers of the scores, nothing computed twice, frozen splits that notice changes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.core.errors import FormatError, ParameterError, UnknownNameError
from nakaya.kinetics.benchmark.evaluate import same_records
from nakaya.kinetics.benchmark.run import score_models
from nakaya.kinetics.benchmark.scores import score_rows
from nakaya.kinetics.benchmark.splits import check_splits, check_splits_of, freeze_splits, read_splits
from nakaya.kinetics.benchmark.tasks import TARGET, _inner
from nakaya.kinetics.samples.arranging import Arrangement
from nakaya.kinetics.samples.splits import fold_of_run
from nakaya.records.encoding import record_hash
from nakaya.records.record import Quantity
from nakaya.records.shipped import shipped_folder
from nakaya.records.store import RecordStore, load_records
from support.synthetic_growth import SyntheticGrowth

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')

CHEAP = ("mean", "ridge", "slope")
FOUR_SIGMA_OF_40 = 0.45
"""Four standard errors of a root mean square over 40 draws: 4 / sqrt(2 x 40)."""


def result(model: str, errors: np.ndarray, *, inner: float, noise: float = 0.0, fold: int = 0) -> dict[str, Any]:
    labels = np.linspace(-50.0, 100.0, len(errors))
    return {
        "task": {"model": model, "evidence": "B", "split": "temperature", "fold": fold},
        "fold_name": f"fold {fold}",
        "train_rows": 20,
        "inner_rmse": inner,
        "factor": 2.0,
        "calibration": "conformal",
        "cpu_seconds": 1.0,
        "rows": [
            {"record": f"r{n}", "condition": f"c{n}", "label": label, "label_error": noise, "mean": label + error,
             "deviation": 1.0, "whole_run": label + 3.0}
            for n, (label, error) in enumerate(zip(labels.tolist(), errors.tolist(), strict=True))
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kinetics") / "records"
    growth = SyntheticGrowth(
        pairs=(("Al", "100"), ("Cu", "110"), ("Si", "100")), reduced_temperatures=(0.60, 0.68, 0.76, 0.84)
    )
    RecordStore(path, create=True).merge(growth.records())
    return path


class Off:
    """A model that is off by 3 and by -4 in turns."""

    def fit(self, *_: Any, **__: Any) -> Off:
        return self

    def predict(self, samples: Any) -> SimpleNamespace:
        labels = np.array([sample.labels[TARGET].value for sample in samples])
        return SimpleNamespace(
            mean=labels + np.resize([3.0, -4.0], len(labels)), standard_deviation=np.full(len(labels), 2.0)
        )


@pytest.mark.parametrize("middle", [0.0, 1000.0])
def test_inner_folds_give_the_error_about_the_labels_and_the_factor_of_intervals(middle: float) -> None:
    def samples(number: int) -> Any:
        return tuple(
            SimpleNamespace(condition=f"c{n}", labels={TARGET: SimpleNamespace(value=middle + n)})
            for n in range(number)
        )

    few, parts = Arrangement(samples(2), samples(5)), Arrangement(samples(3), samples(12))  # half of what teaches
    found = _inner([few, parts, few], Off(), {}, 0)  # type: ignore[arg-type]
    assert found["inner_rmse"] == pytest.approx(math.sqrt((3**2 + 4**2) / 2))
    assert found["factor"] == pytest.approx(4 / 2)  # 90 % of the errors, in standard deviations
    assert (found["calibration"], found["calibration_groups"]) == ("conformal", 12)
    none = _inner([few], Off(), {}, 0)  # type: ignore[arg-type]
    assert (none["inner_rmse"], none["calibration_groups"]) == (None, 0)
    assert none["factor"] == pytest.approx(1.6449, abs=1e-4)


@pytest.mark.parametrize(("split", "conditions"), [("temperature", 60), ("run", 30)])
def test_a_condition_with_replicates_in_several_folds_counts_once(split: str, conditions: int) -> None:
    errors = np.random.default_rng(1).normal(size=30)
    folds = [result("ann", errors, inner=1.0, fold=fold) for fold in (0, 1)]
    for entry in folds:
        entry["task"]["split"] = split
    (row,) = score_rows(folds)
    assert (row["conditions"], row["rows"], len(row["folds"])) == (conditions, 60, 2)
    assert row["rmse"] == pytest.approx(float(np.sqrt((errors**2).mean())))


def test_ratios_of_exact_multiples_are_exact() -> None:
    errors = np.random.default_rng(0).normal(size=30)
    rows = score_rows(
        [result("ann", errors, inner=1.0), result("svm", 2 * errors, inner=2.0), result("msgnn", errors / 2, inner=0.5)]
    )
    ours = next(row for row in rows if row["model"] == "msgnn")
    assert ours["ratio_to_ann"] == pytest.approx([0.5, 0.5, 0.5])
    assert ours["ratio_to_svm"] == pytest.approx([0.25, 0.25, 0.25])
    assert ours["best_baseline"] == "ann"
    assert ours["ratio_to_best_baseline"] == pytest.approx([0.5, 0.5, 0.5])
    low, high = ours["rmse_interval"]
    assert ours["rmse"] == pytest.approx(math.sqrt((errors**2).mean()) / 2)
    assert low < ours["rmse"] < high
    assert ours["whole_run_rmse"] == pytest.approx(3.0)


def test_the_best_baseline_is_chosen_without_the_test_rows() -> None:
    errors = np.ones(10)
    rows = score_rows([result("ann", errors, inner=1.0), result("svm", errors / 10, inner=2.0)])
    assert {row["best_baseline"] for row in rows} == {"ann"}
    own = [result("ann", errors, inner=5.0), result("msgnn", errors, inner=0.1)]
    assert {row["best_baseline"] for row in score_rows(own)} == {"ann"}


def test_a_model_that_knows_the_truth_is_at_the_noise_floor() -> None:
    noise = np.random.default_rng(1).normal(0, 4.0, 40)
    (row,) = score_rows([result("ann", noise, inner=1.0, noise=4.0)])
    assert row["noise_floor_rmse"] == pytest.approx(4.0)
    assert row["rmse"] == pytest.approx(4.0, rel=FOUR_SIGMA_OF_40)
    assert row["reducible_rmse"] == pytest.approx(math.sqrt(max(0.0, row["rmse"] ** 2 - 16.0)))
    (below,) = score_rows([result("ann", noise / 10, inner=1.0, noise=4.0)])
    assert below["reducible_rmse"] == 0.0


def test_shares_of_signs_and_intervals_are_counted() -> None:
    errors = np.array([0.0, 0.0, 1.9, -1.9, 2.1, 60.0, 0.0, 0.0, 0.0, 0.0])
    (row,) = score_rows([result("ann", errors, inner=1.0)])
    assert row["coverage90"] == pytest.approx(0.8)  # half a width is 2: 2.1 and 60 are outside
    assert row["width90"] == pytest.approx(4.0)
    low, high = row["coverage90_interval"]
    assert low < 0.8 < high
    labels = np.linspace(-50, 100, 10)
    assert row["sign_accuracy"] == np.mean(np.sign(labels) == np.sign(labels + errors))


def test_models_with_other_test_rows_are_not_compared() -> None:
    errors = np.ones(10)
    whole = [result("ann", errors, inner=1.0), result("svm", 2 * errors, inner=2.0)]
    for number in (2, 1):
        rows = score_rows([*whole[:number], result("msgnn", errors[:5], inner=1.0)])
        ours = next(row for row in rows if row["model"] == "msgnn")
        assert all(math.isnan(value) for value in ours["ratio_to_ann"])
    svm = next(row for row in score_rows([*whole, result("msgnn", errors[:5], inner=0.1)]) if row["model"] == "svm")
    assert svm["ratio_to_ann"] == pytest.approx([2.0, 2.0, 2.0])  # those that are complete are compared with each other
    assert svm["best_baseline"] == "ann"


def test_what_there_is_not_is_said(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'ridge'"):
        score_models(str(store), models=("rigde",))
    RecordStore(tmp_path / "none", create=True).merge(
        [record for record in load_records(store) if "growth_velocity" not in record.quantities]
    )
    with pytest.raises(ParameterError, match="no growth runs"):
        score_models(str(tmp_path / "none"), models=("mean",))


def test_single_seeds_leave_evidence_b_without_rows(tmp_path: Path) -> None:
    RecordStore(tmp_path / "one", create=True).merge(
        SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "100")), seeds=(0,)).records()
    )
    found = score_models(str(tmp_path / "one"), models=("mean",), splits=("material",))
    assert {row["evidence"] for row in found["rows"]} == {"A"}
    assert found["records"]["single_seed_conditions"] == 12
    (left,) = found["not_scored"]
    assert (left["evidence"], left["reason"]) == ("B", "0 training rows and 0 test rows")


def test_the_shipped_splits_are_as_they_were_frozen() -> None:
    frozen, problems = check_splits_of("al-cu-si")
    assert problems == []
    folds = [entry["runs_per_fold"] for name, entry in frozen["splits"].items() if name != "tuning"]
    assert all(max(counts) < 0.6 * frozen["runs"] for counts in folds)


def test_a_reserve_takes_the_fold_of_the_seed_that_was_lost() -> None:
    def fold(seed: int) -> int:
        return fold_of_run(f"growth-Cu-111-796K-s{seed}", "Cu", "111", 796.0, seed, "run")

    assert [fold(seed) for seed in range(6)] == [0, 1, 2, 0, 1, 2]


def test_a_moved_run_and_a_changed_rule_are_noticed(tmp_path: Path) -> None:
    plan = shipped_folder() / "plan.toml"
    frozen = freeze_splits(plan)
    growth = SyntheticGrowth(pairs=(("Cu", "100"),), reduced_temperatures=(0.84,), seeds=(0,)).records()[-1]
    assert growth.id == "growth-Cu-100-1115K-s0"
    assert check_splits(frozen, plan, [growth]) == []
    moved = replace(growth, conditions={**growth.conditions, "temperature": Quantity(np.array(900.0), "K")})
    assert any("split temperature" in problem for problem in check_splits(frozen, plan, [moved]))
    foreign = replace(growth, id="growth-Cu-100-1115K-s9")
    assert check_splits(frozen, plan, [foreign]) == ["growth-Cu-100-1115K-s9 is not a run of the plan"]
    frozen["splits"]["run"]["sha256"] = "0" * 64
    assert any(problem.startswith("run:") for problem in check_splits(frozen, plan, []))
    other = tmp_path / "splits.json"
    other.write_text("{}")
    with pytest.raises(FormatError, match="frozen splits"):
        read_splits(other)


def test_the_stored_rows_say_what_scripts_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["benchmark", "kinetics", "--stored", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["sha256"]) == 64
    assert len(document["records"]["hashes"]) >= document["records"]["runs"]
    for row in document["rows"]:
        low, high = row["rmse_interval"]
        if low is None:  # one condition in every fold: nothing can be drawn again
            assert row["conditions"] == len(row["folds"])
        else:
            assert low <= row["rmse"] <= high
        assert row["reducible_rmse"] == pytest.approx(
            math.sqrt(max(0.0, row["rmse"] ** 2 - row["noise_floor_rmse"] ** 2))
        )
        assert 0 <= row["coverage90"] <= 1


def test_a_stored_table_is_evaluated_on_the_records_that_it_knew(store: Path) -> None:
    records = load_records(store)
    hashes = {record.id: record_hash(record)[:16] for record in records[:-3]}
    same, changed = same_records(records, hashes)
    assert [record.id for record in same] == list(hashes)  # three came later
    assert changed == []
    hashes[records[0].id] = "0" * 16
    same, changed = same_records(records[1:], hashes)
    assert changed == [records[0].id]
    assert len(same) == len(hashes) - 1
