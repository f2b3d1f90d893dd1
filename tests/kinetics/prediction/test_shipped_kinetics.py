"""The model that ships answers, and its files are small and whole."""

from __future__ import annotations

import pytest

from nakaya.kinetics.prediction.model import DEFAULT_MODEL, KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import predict_conditions
from nakaya.kinetics.prediction.report import shipped_models

pytest.importorskip("torch", reason='kinetics models need the extra "ml"')

MAX_BYTES = 2_000_000


@pytest.fixture(scope="module")
def model() -> KineticsModel:
    return load_model()


def test_the_shipped_model_is_small() -> None:
    folder = shipped_models()[DEFAULT_MODEL]
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MAX_BYTES


@pytest.mark.parametrize(("material", "temperature", "melting"), [("Cu", 1200.0, 1328.0), ("Al", 800.0, 930.0)])
def test_fronts_grow_below_and_melt_above_the_melting_point(
    model: KineticsModel, material: str, temperature: float, melting: float
) -> None:
    cold = predict_conditions(material, "100", temperature, model=model)["growth_velocity"]
    hot = predict_conditions(material, "100", 1.06 * melting, model=model)["growth_velocity"]
    assert cold["interval90"][0] < cold["value"] < cold["interval90"][1]
    assert cold["value"] > 0 > hot["value"]
    # The linear law of hard spheres is an upper bound, and the right size, at a tenth below the melting point.
    assert 0.2 < cold["value"] / ((melting - temperature) * 0.6) < 2.5


def test_every_part_can_be_loaded(model: KineticsModel) -> None:
    assert model.card.parts
    for part in model.card.parts:
        model.predictor(part)
        best = part.scores[part.model] <= min(part.scores.values())
        assert best or part.files is not None or "too few" in part.note  # few conditions choose nothing
        assert set(part.covers) <= {"Al", "Cu", "Si"}
