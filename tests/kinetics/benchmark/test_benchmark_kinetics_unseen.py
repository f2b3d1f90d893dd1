"""Models that learned from one set are scored on another: as a fold of the first would be, and on nothing they knew."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import run as run_study
from benchmarks.kinetics import BEGIN_UNSEEN, END_UNSEEN, write_table
from nakaya.cli.app import run
from nakaya.core.errors import FormatError, InputFileError, ParameterError, UnknownNameError
from nakaya.kinetics.benchmark.table import as_text
from nakaya.kinetics.benchmark.tasks import Task, run_task
from nakaya.kinetics.benchmark.unseen import KNOWN, UNKNOWN, _same_front, score_on
from nakaya.kinetics.models.tuned import tuned_settings
from nakaya.kinetics.samples.corpus import load_corpus, snapshot_folder
from nakaya.kinetics.samples.splits import fold_of, for_tuning
from nakaya.records.record import Quantity, Record, Snapshot
from nakaya.records.store import RecordStore
from support.synthetic_growth import SyntheticGrowth

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')

METALS = (("Al", "100"), ("Cu", "110"))
COLD, HOT = (0.60, 0.68, 0.76), (0.84, 0.92)
SAME_ARITHMETIC = 1e-6
"""The same samples in another order: sums of float64, and fits that stop at relative differences of about 1e-7."""


def store(path: Path, records: list[Record]) -> Path:
    RecordStore(path, create=True).merge(records)
    return path


def growth(records: list[Record]) -> list[Record]:
    return [record for record in records if record.id.startswith("growth-")]


@pytest.fixture(scope="module")
def metals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = SyntheticGrowth(pairs=METALS, reduced_temperatures=COLD).records()
    return store(tmp_path_factory.mktemp("learned") / "records", records)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other temperatures of the metals, and silicon, which the first set does not know, with its bulk."""
    hot = growth(SyntheticGrowth(pairs=METALS, reduced_temperatures=HOT, seeds=(0, 1)).records())
    silicon = SyntheticGrowth(pairs=(("Si", "100"),), reduced_temperatures=HOT, seeds=(0, 1)).records()
    return store(tmp_path_factory.mktemp("others") / "records", [*hot, *silicon])


@pytest.mark.parametrize("evidence", ["A", "B"])
def test_a_fold_as_a_set_of_its_own_gets_the_same_predictions(evidence: str, tmp_path: Path) -> None:
    records = SyntheticGrowth(pairs=METALS, reduced_temperatures=(*COLD, *HOT)).records()
    whole = store(tmp_path / "whole", records)
    corpus = load_corpus(str(whole), False)
    settings = tuned_settings("ridge", evidence)  # type: ignore[arg-type]
    task = Task("ridge", evidence, "temperature", 2, tuple(sorted(settings.items())), 0, "")  # type: ignore[arg-type]
    fold = run_task(corpus, task)
    inside = {record.id for record in growth(records) if fold_of(record, "temperature") == 2}
    learned = store(tmp_path / "learned", [record for record in records if record.id not in inside])
    other = store(tmp_path / "other", [record for record in records if record.id in inside])
    found = score_on(str(other), str(learned), models=["ridge"], evidence=[evidence])  # type: ignore[list-item]
    (row,) = found["rows"]
    assert row["split"] == KNOWN
    assert not any(for_tuning(record) for record in records if record.id in inside)  # a fold does not score those
    errors = [entry["mean"] - entry["label"] for entry in fold["rows"]]
    expected = math.sqrt(sum(error**2 for error in errors) / len(errors))
    assert len(errors) == row["rows"]
    assert row["rmse"] == pytest.approx(expected, rel=SAME_ARITHMETIC)
    assert row["inner_rmse"] == pytest.approx(fold["inner_rmse"], rel=SAME_ARITHMETIC)


def test_unknown_materials_stand_apart(metals: Path, others: Path) -> None:
    found = score_on(str(others), str(metals), models=["ridge", "svm", "ann"], evidence=["A", "B"])
    rows = {(row["evidence"], row["split"], row["model"]): row for row in found["rows"]}
    assert len(rows) == 12
    known, unknown = rows["B", KNOWN, "svm"], rows["B", UNKNOWN, "svm"]
    assert [fold["fold"] for fold in known["folds"]] == ["Al", "Cu"]
    assert [fold["fold"] for fold in unknown["folds"]] == ["Si"]
    assert (known["rows"], known["conditions"], unknown["rows"]) == (8, 4, 4)
    assert rows["A", KNOWN, "svm"]["rows"] == 4  # no run was seen: one row for each condition
    assert known["ratio_to_ann"][1] > 0
    text = as_text(found)
    assert "evidence A, unknown materials: 2 rows of 2 conditions" in text
    assert "held out" not in text


def test_laws_know_a_material_of_no_catalogue_by_its_stated_structure(metals: Path, tmp_path: Path) -> None:
    copper = SyntheticGrowth(pairs=(("Cu", "110"),), reduced_temperatures=HOT, seeds=(0, 1)).records()
    silver = [
        replace(
            record,
            id=record.id.replace("Cu", "Ag"),
            material="Ag",
            composition={"Ag": 1.0},
            provenance=replace(record.provenance, settings={"structure": "fcc"}),
        )
        for record in copper
    ]
    found = score_on(str(store(tmp_path / "silver", silver)), str(metals), models=["growth-law", "svm-on-start"])
    assert found["not_scored"] == []
    assert {(row["model"], row["evidence"], row["split"]) for row in found["rows"]} == {
        (model, evidence, UNKNOWN) for model in ("growth-law", "svm-on-start") for evidence in ("A", "B")
    }
    assert "settings" in found
    assert "svm-on-start" in found["settings"]


def test_a_set_has_all_of_its_snapshots_or_none(tmp_path: Path) -> None:
    front = SyntheticGrowth().growth("Cu", "100", 1009.0, 0)
    shots = tuple(Snapshot(f"patches/{name}.npz", "0" * 64, "interface-patches") for name in "ab")
    named = [replace(front, snapshots=shots)]
    folder = store(tmp_path / "records", [front])
    assert snapshot_folder(str(folder), [front]) == folder
    assert snapshot_folder(str(folder), named) is None
    (folder / "patches").mkdir()
    (folder / "patches" / "a.npz").write_bytes(b"")
    with pytest.raises(InputFileError, match=r"1 of 2 snapshots are not in .*patches/b\.npz"):
        snapshot_folder(str(folder), named)


def test_results_of_the_other_set_are_never_learned_from(metals: Path, others: Path, tmp_path: Path) -> None:
    before = score_on(str(others), str(metals), models=["svm"], evidence=["B"])["rows"]
    lying = []
    for record in RecordStore(others):
        if "growth_velocity" in record.quantities:
            told = record.quantities["growth_velocity"]
            told = replace(told, values=told.values + 100.0)
            record = replace(record, quantities={**record.quantities, "growth_velocity": told})
        lying.append(record)
    after = score_on(str(store(tmp_path / "lying", lying)), str(metals), models=["svm"], evidence=["B"])["rows"]
    for honest, shifted in zip(before, after, strict=True):
        # Every label grew by 100 m/s and no prediction moved, so the mean squared error is that of shifted residuals.
        assert shifted["width90"] == pytest.approx(honest["width90"])
        assert shifted["inner_rmse"] == pytest.approx(honest["inner_rmse"])
        assert shifted["rmse"] > 100.0 - honest["rmse"] - 1e-9


def test_what_was_learned_from_is_not_unseen(metals: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="has the conditions of growth-Al-100-557K-s"):
        score_on(str(metals), str(metals), models=["mean"])
    twin = SyntheticGrowth(pairs=METALS[:1], reduced_temperatures=COLD[:1], seeds=(7,)).records()
    with pytest.raises(ParameterError, match="is not unseen"):
        score_on(str(store(tmp_path / "twin", growth(twin))), str(metals), models=["mean"])
    turned = [replace(record, id="turned", orientation="010") for record in growth(twin)]
    with pytest.raises(ParameterError, match="turned of .* has the conditions of growth-Al-100-557K"):
        score_on(str(store(tmp_path / "turned", turned)), str(metals), models=["mean"])
    bulk = [record for record in twin if not record.id.startswith("growth-")]
    with pytest.raises(ParameterError, match="no growth runs with a velocity"):
        score_on(str(store(tmp_path / "bulk", bulk)), str(metals), models=["mean"])
    with pytest.raises(UnknownNameError, match="kinetics model"):
        score_on(str(metals), str(metals), models=["svn"])


def test_two_runs_have_one_front_where_all_that_a_model_is_told_agrees() -> None:
    run = SyntheticGrowth().growth("Cu", "100", 1009.0, 0)

    def at(**conditions: Quantity) -> Record:
        return replace(run, conditions={**run.conditions, **conditions})

    def kelvin(value: float) -> Quantity:
        return Quantity(np.array(value), "K")

    same = (
        replace(run, id="other", orientation="001"),
        at(temperature=kelvin(1009.4)),
        at(pressure=Quantity(np.array(1e5), "Pa")),
        at(electric_field=Quantity(np.array(0.0), "V/m")),
    )
    others = (
        replace(run, material="Al"),
        replace(run, orientation="110"),
        at(temperature=kelvin(1009.6)),
        at(temperature=kelvin(1008.4)),
        at(electric_field=Quantity(np.array(1e7), "V/m")),
        at(shear_rate=Quantity(np.array(1e9), "1/s")),
    )
    for number, other in enumerate((*same, *others)):
        assert _same_front(run, other) == _same_front(other, run) == (number < len(same)), number


def test_the_command_scores_on_another_set(metals: Path, others: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["benchmark", "kinetics", "--records", str(metals), "--on", str(others), "--model", "mean", "--json"]
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert {row["split"] for row in document["rows"]} == {KNOWN, UNKNOWN}
    assert document["records"]["learned_from"]["runs"] == 18
    assert run_study([*words[1:], "--out", "results"]) == 2
    assert "leave out --out" in capsys.readouterr().err


def test_the_table_goes_between_markers_of_its_own(metals: Path, others: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN_UNSEEN}\n{END_UNSEEN}\nafter\n")
    found = score_on(str(others), str(metals), models=["mean", "ridge"], evidence=["A"])
    write_table(found, page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "Learned from 18 growth runs" in text
    assert "| ridge |" in text
    page.write_text("no markers\n")
    with pytest.raises(FormatError, match="on others: begin"):
        write_table(found, page)
