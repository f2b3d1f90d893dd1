"""Explanations beside predictions: the same numbers where one model gives both, both numbers where two do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.core.errors import OutputError, ParameterError, UnstatedError
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import conditions_sample, predict_sample, sample_of
from nakaya.workflows.explain import Explanation, check_picture, explain_sample

pytest.importorskip("torch", reason='kinetics models need the extra "ml"')
pytest.importorskip("vesin", reason='graphs need the extra "ml"')

RUN = "growth-Cu-100-1115K-s0"
SAME = 1e-5
"""Relative; float32 sums depend on how many samples are asked at once."""


@pytest.fixture(scope="module")
def model() -> KineticsModel:
    return load_model()


@pytest.fixture(scope="module")
def by_slope(model: KineticsModel) -> KineticsModel:
    """The shipped model, with the direct fit preferred for what was seen early."""
    parts = model.card.parts
    if all(part.model != "slope" for part in parts):
        (network,) = [part for part in parts if part.evidence == "B"]
        parts = (*parts, replace(network, model="slope", settings={}, files=None))
    return _preferring("slope", replace(model, card=replace(model.card, parts=parts), _predictors={}))


def _preferring(name: str, model: KineticsModel) -> KineticsModel:
    first = sorted(model.card.parts, key=lambda part: part.model != name)
    return replace(model, card=replace(model.card, parts=tuple(first)), _predictors={})


@pytest.fixture(scope="module")
def seen_early(by_slope: KineticsModel) -> Explanation:
    return explain_sample(sample_of("al-cu-si", RUN, by_slope), by_slope)


def test_two_models_stand_beside_each_other(by_slope: KineticsModel, seen_early: Explanation) -> None:
    told = predict_sample(sample_of("al-cu-si", RUN, by_slope), by_slope)["growth_velocity"]
    assert (seen_early.model, told["model"]) == ("msgnn", "slope")
    assert seen_early.predicted == told
    assert not seen_early.is_predicted
    assert set(seen_early.scores) == {"msgnn", "slope"}
    changes = {(entry.kind, entry.part): entry.predicted_change for entry in seen_early.ablations}
    # The direct fit reads one number, and nothing of the graphs.
    assert abs(changes["pooled evidence", "the early slope"] or 0.0) > 1
    assert all(changes[key] == 0 for key in changes if key[0] in ("level", "cluster", "frame", "series", "other runs"))


def test_one_model_gives_one_number(model: KineticsModel) -> None:
    preferred = _preferring("msgnn", model)
    sample = sample_of("al-cu-si", RUN, preferred)
    found, told = explain_sample(sample, preferred), predict_sample(sample, preferred)["growth_velocity"]
    assert found.is_predicted
    assert found.value == pytest.approx(told["value"], rel=SAME)
    assert found.interval90 == pytest.approx(tuple(told["interval90"]), rel=SAME)
    assert all(entry.predicted_change is None for entry in found.ablations)


def test_the_explained_network_does_not_depend_on_what_is_preferred(
    model: KineticsModel, seen_early: Explanation
) -> None:
    preferred = _preferring("msgnn", model)
    found = explain_sample(sample_of("al-cu-si", RUN, preferred), preferred)
    assert found.value == pytest.approx(seen_early.value, rel=SAME)
    assert [entry.part for entry in found.ablations] == [entry.part for entry in seen_early.ablations]


def test_changes_are_counted_in_calibrated_deviations(seen_early: Explanation) -> None:
    low, high = seen_early.interval90
    assert low < seen_early.value < high
    for entry in seen_early.ablations:
        # 1.645 deviations reach from the value to either end of its 90 % interval
        assert entry.change_sigma == pytest.approx(entry.change / ((high - low) / 2 / 1.6448536), rel=1e-6)


def test_conditions_alone_have_no_frames(model: KineticsModel) -> None:
    found = explain_sample(conditions_sample("Cu", "100", 1200.0, model), model)
    assert found.evidence == "A"
    assert {entry.kind for entry in found.ablations} <= {"level", "other runs"}
    assert {entry.part for entry in found.ablations if entry.kind == "level"} <= {"facets"}
    assert found.attention is None or found.attention["frames"] == []
    assert any("no atoms, clusters or frames" in note for note in found.notes)
    with pytest.raises(UnstatedError, match="give an orientation"):
        explain_sample(conditions_sample("Cu", None, 1200.0, model), model)


def test_what_predict_warns_of_is_repeated(model: KineticsModel) -> None:
    sample = conditions_sample("Cu", "100", 1500.0, model)
    warned = [note for note in predict_sample(sample, model)["warnings"] if note.startswith("growth velocity")]
    assert warned
    assert set(warned) <= set(explain_sample(sample, model).notes)


def test_lines_name_both_models(
    by_slope: KineticsModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nakaya.kinetics.prediction.model.load_model", lambda _: by_slope)
    words = ["explain", "--records", "al-cu-si", "--record", RUN]
    assert run(words) == 0
    text = capsys.readouterr().out
    assert "by slope, as `nakaya predict` says" in text
    assert "by msgnn, which sees levels, clusters and frames" in text
    assert "change by slope" in text
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predicted"]["model"] == "slope"
    assert run(["explain", "--material", "Cu", "--orientation", "100", "--temperature", "1200"]) == 0
    text = capsys.readouterr().out
    assert " ps" not in text.replace("first 10 ps", "")
    assert "last frame" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--records", "al-cu-si", "--record", RUN, "--temperature", "900"], "conditions of its own"),
        (["--record", RUN], "--records"),
        (["--material", "Cu", "--orientation", "100", "--temperature", "1200", "--top", "0"], "--top"),
        ([], "give --records"),
    ],
)
def test_contradictions_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out


def test_pictures_are_refused_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "why.png").touch()
    with pytest.raises(OutputError, match="exists"):
        check_picture(tmp_path / "why.png")
    assert check_picture(tmp_path / "why.png", overwrite=True) == "png"
    with pytest.raises(ParameterError, match=r"\.svg"):
        check_picture(tmp_path / "why.gif")
