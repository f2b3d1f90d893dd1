"""Study file in, best settings or a table out: on growth runs whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tabulate import tabulate_study
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.models.catalogue import MODELS, find_model
from nakaya.learn.tuning.table import axis_levels, read_table
from nakaya.records.store import RecordStore
from nakaya.workflows.tuning import studies as tuning_kinetics
from nakaya.workflows.tuning.config import StudyConfig, read_study, searched_space
from nakaya.workflows.tuning.studies import CEILING, tune_study
from support.synthetic_growth import SyntheticGrowth

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')

EXAMPLES = Path(__file__).parents[3] / "examples"
LEVELS = 3


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> StudyConfig:
    folder = tmp_path_factory.mktemp("tuning")
    RecordStore(folder / "records", create=True).merge(SyntheticGrowth(seeds=(0, 1)).records())
    path = folder / "study.toml"
    path.write_text(
        f"""
[study]
name = "ridge"
model = "ridge"
records = "{folder / "records"}"
folds = 3
repeats = 2
sampler = "random"
seed = 4

[[first]]
alpha = 10.0

[grid]
alpha = {LEVELS}
"""
    )
    return read_study(path)


def _search(config: StudyConfig, trials: int, out: Path | None, **options: object) -> tuning_kinetics.StudyOutcome:
    arguments: dict[str, object] = {"workers": 1, "timeout": 60.0, "storage": None, "overwrite": False, **options}
    return tune_study(config, trials=trials, out=out, **arguments)  # type: ignore[arg-type]


def test_a_table_holds_the_score_of_every_level(config: StudyConfig, tmp_path: Path) -> None:
    summary = tabulate_study(config, tmp_path / "table", workers=1)
    table = read_table(tmp_path / "table" / "table.json")
    (parameter,) = find_model("ridge").search_space
    assert table.axes == (axis_levels(parameter, LEVELS),)
    problem = tuning_kinetics.prepare_study(config).problem
    scores = [problem.score({"alpha": level}) for level in table.axes[0].levels]
    assert table.scores == pytest.approx(np.array(scores), rel=1e-5)
    assert summary["best"] == pytest.approx(min(scores))
    assert summary["best"] < 0.6 * summary["mean_score"]  # the laws are there to be learned
    assert table.about["description"].startswith("ridge for growth velocity, evidence B: error in 2 times repeated 3-")
    with pytest.raises(ParameterError, match="has no grid"):
        tabulate_study(replace(config, grid={}), tmp_path / "other", workers=1)
    with pytest.raises(UnknownNameError, match="did you mean 'alpha'"):
        tabulate_study(replace(config, grid={"alpa": 2}), tmp_path / "other", workers=1)


def test_a_study_goes_on_in_its_folder_and_is_told_beside_its_controls(
    config: StudyConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna", reason='studies need the extra "ml"')
    monkeypatch.setattr(tuning_kinetics, "CONTROL_REPEATS", 1)
    tabulate_study(config, tmp_path / "table", workers=1)
    out = tmp_path / "study"
    first = _search(config, 2, out)
    outcome = _search(config, 4, out, controls=str(tmp_path / "table"))
    assert outcome.trials[:2] == first.trials
    scores = [trial["score"] for trial in outcome.trials]
    assert outcome.trials[0]["settings"] == {"alpha": 10.0}
    assert outcome.first_score == scores[0]
    assert outcome.history == np.minimum.accumulate(scores).tolist()
    assert outcome.best is not None
    assert outcome.best["score"] == min(scores) == outcome.history[-1]
    report = json.loads((out / "study.json").read_text())
    assert report["controls"]["trials"] == LEVELS  # no more than there are cells
    assert set(report["controls"]["regret"]) == {"gp", "tpe", "random"}
    assert report["history"] == outcome.history
    page = (out / "report.html").read_text()
    for section in ("History", "Slices", "Against the controls", "Best settings"):
        assert section in page
    with pytest.raises(ParameterError, match="is of evidence 'B', the study of 'A'"):
        _search(replace(config, evidence="A"), 2, tmp_path / "a", controls=str(tmp_path / "table"))
    assert not (tmp_path / "a").exists()


def test_no_score_is_above_the_ceiling(config: StudyConfig) -> None:
    study = tuning_kinetics.prepare_study(config)
    assert study.problem.ceiling == CEILING * study.mean_score
    diverged = replace(study.problem, objective=lambda settings: float("nan"))
    assert diverged.score({"alpha": 1.0}) == study.problem.ceiling


def test_other_records_are_another_study(config: StudyConfig, tmp_path: Path) -> None:
    store = tmp_path / "records"
    RecordStore(store, create=True).merge(SyntheticGrowth(seeds=(0, 2)).records())
    hashes = {
        tuning_kinetics.prepare_study(entry).evidence_hash for entry in (config, replace(config, records=str(store)))
    }
    assert len(hashes) == 2


def test_a_model_that_needs_evidence_b_refuses_a(config: StudyConfig) -> None:
    with pytest.raises(ParameterError, match="cannot learn from evidence A"):
        _search(replace(config, model="ridge-bond-order", evidence="A"), 1, None, storage="sqlite://")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("study-*.toml")), ids=lambda path: path.stem)
def test_every_example_fits_its_model(path: Path) -> None:
    """Names, ranges, fixed values, first settings and grids are checked without training anything."""
    study = read_study(path)
    model = find_model(study.model)
    assert study.evidence in MODELS[study.model].evidence
    space = searched_space(study, model.search_space, options=tuning_kinetics._options(study.model))
    by_name = {parameter.name: parameter for parameter in space}
    for name, levels in study.grid.items():
        axis_levels(by_name[name], levels)
    for first in study.first:
        for name, value in first.items():
            by_name[name].check(value)
    assert model.defaults.keys() <= by_name.keys() | study.fixed.keys()


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"workers": 0}, {"timeout": float("nan")}])
def test_a_wrong_budget_leaves_nothing_behind(config: StudyConfig, tmp_path: Path, wrong: dict[str, float]) -> None:
    budget = {"trials": 2, "workers": 1, "timeout": 60.0, "overwrite": False, **wrong}
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        tune_study(config, storage=None, out=tmp_path / "study", **budget)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
