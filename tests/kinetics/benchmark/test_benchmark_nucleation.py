"""The table of nucleation rates: folds are apart, known answers come out, nothing is computed twice."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.kinetics import Folder, as_markdown, benchmark_kinetics, describe_rates
from nakaya.kinetics.benchmark import nucleation as module
from nakaya.kinetics.benchmark.nucleation import rate_folds, rate_results, run_rate_fold
from nakaya.kinetics.benchmark.scores import score_rows
from nakaya.kinetics.benchmark.table import as_text
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.records.record import Record
from nakaya.records.store import RecordStore
from support.synthetic_growth import SyntheticGrowth
from support.synthetic_nucleation import synthetic_quenches

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')

CONDITIONS = {("Al", 440.0): 1e36, ("Al", 465.0): 4e35, ("Cu", 610.0): 6e35, ("Cu", 650.0): 2e35}
CHEAP = ("mean", "ridge", "arrhenius-rate", "nucleation-law")
GROWTH = SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "100")), reduced_temperatures=(0.60, 0.76), seeds=(0, 1))


def all_records(rates: dict[tuple[str, float], float] = CONDITIONS) -> list[Record]:
    quenches = [
        record
        for (material, kelvin), rate in rates.items()
        for record in synthetic_quenches(material, kelvin, rate)
    ]  # fmt: skip
    return [*GROWTH.records(), *quenches]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return all_records()


def results(records: list[Record], out: Path, compute: bool = True, **changes: Any) -> list[dict[str, Any]]:
    options: dict[str, Any] = {
        "models": CHEAP,
        "evidence": ("A", "B"),
        "splits": ("temperature", "material"),
        "seed": 0,
    }
    return rate_results(
        records, read_corpus(records, graphs=False), kept=Folder(out, compute), **{**options, **changes}
    )


def test_a_fold_holds_one_temperature_or_one_material(records: list[Record]) -> None:
    samples = nucleation_samples(records, read_corpus(records, graphs=False).tables)
    assert [sample.condition for sample in samples] == ["Al-440K", "Al-465K", "Cu-610K", "Cu-650K"]
    single = rate_folds(samples, "temperature")
    assert [name for name, _, _ in single] == ["Al 440 K", "Al 465 K", "Cu 610 K", "Cu 650 K"]
    assert all((len(train), len(test)) == (3, 1) for _, train, test in single)
    whole = rate_folds(samples, "material")
    assert [name for name, _, _ in whole] == ["Al", "Cu"]
    for _, train, test in (*single, *whole):
        assert not {sample.condition for sample in train} & {sample.condition for sample in test}
        runs = [
            {name for sample in part for name in sample.labels["nucleation_rate"].record_ids} for part in (train, test)
        ]
        assert not runs[0] & runs[1]
    assert rate_folds(samples[:2], "temperature") == []  # nothing left to learn from


@pytest.mark.parametrize("model", [*CHEAP, "svm", "gp"])
def test_what_is_held_out_does_not_move_what_is_said_of_it(records: list[Record], model: str) -> None:
    """Other waiting times at Cu, 650 K, change the label and the error there, and no prediction."""
    other = all_records({**CONDITIONS, ("Cu", 650.0): 3e34})
    told = []
    for chosen in (records, other):
        samples = nucleation_samples(chosen, read_corpus(chosen, graphs=False).tables)
        fold = next(entry for entry in rate_folds(samples, "temperature") if entry[0] == "Cu 650 K")
        told.append(run_rate_fold(model, fold, 0))
    (before,), (after,) = (found["rows"] for found in told)
    assert (after["mean"], after["deviation"]) == (before["mean"], before["deviation"])
    assert told[0]["inner_rmse"] == told[1]["inner_rmse"]
    assert after["label"] < before["label"] - 1


def test_errors_are_in_natural_logarithms(records: list[Record], tmp_path: Path) -> None:
    rows = score_rows(results(records, tmp_path), target="nucleation_rate", unit="ln(1/(m^3 s))")
    found = {(row["model"], row["split"]): row for row in rows}
    assert set(found) == {(model, split) for model in CHEAP for split in ("temperature", "material")}
    labels = [entry["ln_rate"] for entry in describe_rates(records, read_corpus(records, graphs=False))]
    alone = [label - np.mean([other for other in labels if other != label]) for label in labels]
    mean = found["mean", "temperature"]
    assert mean["rmse"] == pytest.approx(math.sqrt(np.mean(np.square(alone))))
    assert mean["target"] == "nucleation_rate"
    assert (mean["rows"], mean["conditions"], len(mean["folds"])) == (4, 4, 4)
    assert all(math.isnan(end) for end in mean["rmse_interval"])  # one condition in a fold cannot be resampled
    assert math.isnan(mean["sign_accuracy"])
    errors = [entry["standard_error"] for entry in describe_rates(records, read_corpus(records, graphs=False))]
    assert mean["noise_floor_rmse"] == pytest.approx(math.sqrt(np.mean(np.square(errors))))
    assert 0.3 < mean["noise_floor_rmse"] < 0.5  # 9 counted events each, or a little less
    assert found["mean", "material"]["best_baseline"] is None  # too little for an inner cross-validation


def test_nothing_is_computed_twice_and_nothing_for_other_evidence(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = results(records, tmp_path)
    assert len(list(tmp_path.iterdir())) == len(first) == len(CHEAP) * 6
    monkeypatch.setattr(module, "run_rate_fold", lambda *_: pytest.fail("it was there"))
    assert results(records, tmp_path) == first
    assert results(records, tmp_path / "none", evidence=("B",)) == []
    assert results(records, tmp_path / "none", compute=False) == []
    assert results(records, tmp_path / "none", models=("slope", "growth-law")) == []


def test_rates_stand_in_the_table_beside_velocities(records: list[Record], tmp_path: Path) -> None:
    RecordStore(tmp_path / "records", create=True).merge(records)
    models = ("mean", "growth-law", "nucleation-law")
    found = benchmark_kinetics(str(tmp_path / "records"), models=models, evidence=("A",), splits=("material",))
    assert {row["model"] for row in found["rows"] if row["target"] == "nucleation_rate"} == {"mean", "nucleation-law"}
    assert not any(row["model"] == "nucleation-law" for row in found["rows"] if row["target"] == "growth_velocity")
    assert [entry["condition"] for entry in found["nucleation"]] == ["Al-440K", "Al-465K", "Cu-610K", "Cu-650K"]
    text, document = as_text(found), as_markdown(found)

    def headings(words: str) -> list[str]:
        return [line for line in words.splitlines() if "best baseline" in line]

    assert headings(text)
    for words in (text, document):
        assert "Cu-650K: ln J = " in words
        assert "nucleation-law" in words
    json.dumps(found["nucleation"])
    for row in found["rows"]:  # a model that is not done yet stands below the heading of the others
        behind = [{**other, "rows": 1, "conditions": 1} if other is row else other for other in found["rows"]]
        assert headings(as_text({**found, "rows": behind})) == headings(text)
    without = {**found, "rows": [row for row in found["rows"] if row["target"] == "growth_velocity"]}
    del without["nucleation"]  # as tables were before
    assert "ln J" not in as_text(without) + as_markdown(without)


def test_few_quenches_give_no_rows(tmp_path: Path) -> None:
    few = [*GROWTH.records(), *synthetic_quenches("Cu", 650.0, 5e35)]
    assert results(few, tmp_path) == []
    failed = [replace(record, status="failed", flags=["no"]) for record in synthetic_quenches("Cu", 650.0, 5e35)]
    assert describe_rates([*GROWTH.records(), *failed], read_corpus(GROWTH.records(), graphs=False)) == []
