"""Study files, resumed studies and tables, and their reports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import ConfigError, OutputError, ParameterError, UnknownNameError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.table import TableLookup
from nakaya.workflows.tuning.comparison import _verdict
from nakaya.workflows.tuning.config import StudyConfig, read_study, searched_space

STUDY = """
[study]
name = "svm on a table"
model = "svm"
evidence = "A"
folds = 3
sampler = "random"
seed = 7

[space.C]
low = 1.0
high = 100.0

[fixed]
epsilon = 0.1

[[first]]
C = 10.0

[grid]
C = 3

[running]
heartbeat = 1
grace = 3
"""

MODEL_SPACE = (
    Parameter("C", 1e-2, 1e4, "log"),
    Parameter("gamma", 1e-3, 10.0, "log"),
    Parameter("epsilon", 1e-3, 1.0, "log"),
    Parameter("kernel", 0, 2, "integer", labels=("linear", "rbf", "matern")),
)


def _write(folder: Path, text: str = STUDY) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


def _config(folder: Path, text: str = STUDY) -> StudyConfig:
    return read_study(_write(folder, text))


def test_a_study_file_narrows_fixes_and_names_what_it_searches(tmp_path: Path) -> None:
    config = _config(tmp_path)
    space = searched_space(config, MODEL_SPACE)
    assert [(parameter.name, parameter.low, parameter.high) for parameter in space] == [
        ("C", 1.0, 100.0),
        ("gamma", 1e-3, 10.0),
        ("kernel", 0.0, 2.0),
    ]
    assert config.first == ({"C": 10.0},)
    assert config.grid == {"C": 3}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("[fixed]", "[fixd]"), "did you mean 'fixed'"),
        (("folds = 3", "folds = 1"), "folds"),
        (('sampler = "random"', 'sampler = "grid"'), "study.sampler"),
        (('name = "svm on a table"', 'name = " "'), "needs a name"),
    ],
)
def test_a_wrong_study_file_is_refused(tmp_path: Path, change: tuple[str, str], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        _config(tmp_path, STUDY.replace(*change))


def test_a_parameter_that_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'epsilon'"):
        searched_space(_config(tmp_path, STUDY.replace("epsilon =", "epsilom =")), MODEL_SPACE)
    kinds = STUDY.replace("[space.C]\nlow = 1.0\nhigh = 100.0", "[space.kernel]\nlow = 0\nhigh = 3")
    with pytest.raises(ParameterError, match="leaves the kinds"):
        searched_space(_config(tmp_path, kinds), MODEL_SPACE)
    narrowed = kinds.replace("low = 0\nhigh = 3", "low = 1\nhigh = 2")
    assert searched_space(_config(tmp_path, narrowed), MODEL_SPACE)[-1].labels == ("rbf", "matern")


# Tables ---------------------------------------------------------------------------------------------------------------

SPACE = (Parameter("x", 0, 3, "integer"), Parameter("y", 0, 2, "integer"))
SCORES = np.random.default_rng(2).random((4, 3))


# Comparisons and reports ----------------------------------------------------------------------------------------------


def test_a_verdict_counts_strict_wins_and_says_how_likely_four_of_five_are() -> None:
    pytest.importorskip("optuna", reason='studies need the extra "ml"')
    from nakaya.learn.tuning.comparison import SamplerComparison

    gp, chance = [0.0, 0.0, 0.0, 1.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    drawn = np.array([[0, 1, 2, 3, 4, 5], [5, 5, 5, 5, 5, 5]])
    regret = {"gp": np.array(gp)[:, None], "random": np.array(chance)[:, None]}  # one trial each
    found = _verdict(SamplerComparison(regret, 1.0, {}), "gp", drawn)
    assert (found.wins, found.ties) == (4, 1)
    # Of the six ways to leave one repeat out, the two that leave out no win keep all four of them.
    assert found.four_of_five == pytest.approx(2 / 6)
    assert found.win_share == pytest.approx((4 / 6, 0.223, 0.957), abs=1e-3)  # Clopper-Pearson, from tables
    assert found.less_regret == pytest.approx((0.5, -1.0, 0.5))
    few = {name: values[:4] for name, values in regret.items()}
    assert _verdict(SamplerComparison(few, 1.0, {}), "gp", drawn[:, :4] % 4).four_of_five is None


def test_a_study_reports_goes_on_and_refuses_another(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna", reason='studies need the extra "ml"')
    from nakaya.workflows.tuning.report import write_report
    from nakaya.workflows.tuning.search import check_report_folder, run

    config = _config(tmp_path)
    problem = Problem(SPACE, TableLookup(("x", "y"), SCORES), ({"x": 1.0, "y": 2.0},), 1.0)
    out = tmp_path / "report"

    def search(trials: int, study: StudyConfig = config, evidence: str = "abc") -> object:
        return run(
            study,
            problem,
            unvaried={"epsilon": 0.1},
            mean_score=0.5,
            evidence_hash=evidence,
            trials=trials,
            workers=1,
            timeout=60.0,
            storage=f"sqlite:///{tmp_path / 'study.db'}",
        )

    check_report_folder(out, config, overwrite=False)
    outcome = search(12)
    assert outcome.complete == 12  # type: ignore[attr-defined]
    assert outcome.first_score == SCORES[1, 2]  # type: ignore[attr-defined]
    best = outcome.best  # type: ignore[attr-defined]
    assert best["score"] == min(trial["score"] for trial in outcome.trials)  # type: ignore[attr-defined]
    assert best["all_settings"] == {"epsilon": 0.1, **best["settings"]}
    assert sum(outcome.importances.values()) == pytest.approx(1.0)  # type: ignore[attr-defined]
    write_report(outcome, out, score_label="error (m/s)")  # type: ignore[arg-type]
    assert json.loads((out / "study.json").read_text())["complete"] == 12
    page = (out / "report.html").read_text()
    assert page.count("<figure") == 3
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    check_report_folder(out, config, overwrite=False)  # the same study may go on
    stored = optuna.load_study(study_name=config.name, storage=f"sqlite:///{tmp_path / 'study.db'}")
    recorded = {**stored.user_attrs["configuration"]}
    del recorded["repeats"]  # as earlier versions kept it
    stored.set_user_attr("configuration", recorded)
    again = search(12)
    assert again.trials == outcome.trials  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="repeats was 1, now 2"):
        search(12, replace(config, repeats=2))
    report = json.loads((out / "study.json").read_text())
    del report["configuration"]["repeats"]
    (out / "study.json").write_text(json.dumps(report))
    check_report_folder(out, config, overwrite=False)
    other = _config(tmp_path, STUDY.replace("seed = 7", "seed = 8"))
    with pytest.raises(ConfigError, match="another configuration"):
        check_report_folder(out, other, overwrite=False)
    with pytest.raises(ConfigError, match="seed was 7, now 8"):
        search(13, other)
    with pytest.raises(ConfigError, match="evidence_hash"):
        search(13, config, "abd")
    (tmp_path / "diary").mkdir()
    for left in ("", ".DS_Store", ".study.json.0-1-2.part"):  # by a command that was killed in its first moments
        (tmp_path / "diary" / left).write_text("{") if left else None
        check_report_folder(tmp_path / "diary", config, overwrite=False)
    (tmp_path / "diary" / "monday").write_text("")
    with pytest.raises(OutputError, match="holds no study"):
        check_report_folder(tmp_path / "diary", config, overwrite=False)


def test_a_search_without_a_storage_or_a_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nakaya.cli.app import run

    assert run(["tune", str(_write(tmp_path))]) == 2
    assert "--storage is missing" in capsys.readouterr().err
    database = f"sqlite:///{tmp_path / 'study.db'}"
    for workers in ("-2", "0"):
        assert run(["tune", str(_write(tmp_path)), "--storage", database, "--workers", workers]) == 2
        assert f"workers={workers} is outside the range from 1 to 256" in capsys.readouterr().err
