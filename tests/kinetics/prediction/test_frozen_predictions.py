"""A frozen model says tomorrow what it said today, and a comparison notices where it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nakaya.core.errors import FormatError
from nakaya.kinetics.benchmark.evaluate import disagreements
from nakaya.kinetics.models.protocol import PredictiveDistribution
from nakaya.kinetics.prediction.reference import (
    compare_predictions,
    predictions_file,
    read_predictions,
    recompute_predictions,
    write_predictions,
)
from nakaya.kinetics.training.training import KineticsTraining, PartConfig, train_kinetics
from nakaya.records.store import RecordStore
from support.synthetic_growth import SyntheticGrowth

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frozen") / "records"
    growth = SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "110")), reduced_temperatures=(0.60, 0.68, 0.76, 0.84, 0.9))
    RecordStore(path, create=True).merge(growth.records())
    return path


@pytest.fixture(scope="module")
def trained(store: Path) -> Path:
    out = store.parent / "model"
    parts = (
        PartConfig("growth_velocity", "A", ("ridge", "mean"), also=("ridge",)),
        PartConfig("growth_velocity", "B", ("slope",)),
    )
    train_kinetics(KineticsTraining("small", str(store), 0, parts), out)
    return out


def test_training_keeps_what_every_part_says(trained: Path) -> None:
    rows = read_predictions(predictions_file(trained, "growth_velocity", "A", "ridge"))
    assert rows
    errors = [row["mean"] - row["label"] for row in rows]
    labels = [row["label"] for row in rows]
    assert np.std(errors) < np.std(labels)  # a fit, so labels and means belong to the same samples
    assert all(row["standard_deviation"] > 0 for row in rows)


def test_the_model_says_the_same_again(trained: Path) -> None:
    found = recompute_predictions(trained)
    assert [(part["evidence"], part["model"]) for part in found["parts"]][-1] == ("B", "slope")
    for part in found["parts"]:
        assert part["stored"]
        assert part["difference"] < 1e-6  # the same machine, nine digits
        assert part["problem"] == ""
    assert found["notes"] == []
    assert disagreements(found) == []


def changed(trained: Path, folder: Path, change: Any) -> dict[str, Any]:
    copy = folder / "model"
    shutil.copytree(trained, copy)
    path = predictions_file(copy, "growth_velocity", "A", "ridge")
    document = json.loads(path.read_text())
    change(document["rows"])
    path.write_text(json.dumps(document))
    return recompute_predictions(copy)


def test_another_prediction_is_noticed(trained: Path, tmp_path: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[3]["mean"] += 0.1 * float(np.std([row["mean"] for row in rows]))

    found = changed(trained, tmp_path, change)
    part = next(entry for entry in found["parts"] if entry["model"] == "ridge")
    assert part["difference"] == pytest.approx(0.1, rel=0.1)
    assert disagreements(found) == ["growth_velocity, evidence A, ridge"]


def test_other_samples_are_noticed(trained: Path, tmp_path: Path) -> None:
    found = changed(trained, tmp_path, lambda rows: rows.pop())
    part = next(entry for entry in found["parts"] if entry["model"] == "ridge")
    assert part["difference"] is None
    assert "other ones" in part["problem"]
    assert disagreements(found) == ["growth_velocity, evidence A, ridge"]


def test_a_model_without_stored_predictions_says_so(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(trained, copy)
    for path in copy.glob("predictions-*.json"):
        path.unlink()
    found = recompute_predictions(copy)
    assert all(part["difference"] is None and "kept no" in part["problem"] for part in found["parts"])
    assert disagreements(found) == []  # nothing was claimed


def test_a_missing_number_is_kept_and_compared(tmp_path: Path, trained: Path) -> None:
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.samples.arranging import labelled_samples

    model = load_model(trained)
    samples = labelled_samples(model.corpus, model.records, "growth_velocity", "A")[:3]
    told = PredictiveDistribution("growth_velocity", "linear", np.array([1.0, np.nan, 3.0]), np.ones(3))
    write_predictions(tmp_path / "p.json", samples, told)
    rows = read_predictions(tmp_path / "p.json")
    assert compare_predictions(rows, samples, told) == (0.0, "")
    other = PredictiveDistribution("growth_velocity", "linear", np.array([1.0, 2.0, 3.0]), np.ones(3))
    difference, problem = compare_predictions(rows, samples, other)
    assert difference == float("inf")
    assert "missing" in problem


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1, "kind": "kinetics-predictions", "rows": [{}]}', "[" * 10**5])
def test_damaged_files_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(FormatError, match="p.json is .*damaged"):
        read_predictions(path)
