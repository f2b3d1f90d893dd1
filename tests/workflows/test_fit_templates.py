"""Descriptions of fits to begin with: they run as they are printed, and find what made the data."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.reactor.templates import read_template
from nakaya.workflows.fit_reactor import NOISE

EXAMPLES = Path(__file__).parents[2] / "examples" / "reactor"

FOUND = 0.03
"""Relative, of parameters from data without noise: what the reports of a fifth of a per cent of the run leave open."""


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["fit", "reactor", "--template", name]) == 0
    return capsys.readouterr().out.replace('intervals = "profile" ', 'intervals = "covariance"', 1)


def test_the_template_of_a_published_set_fits_the_log_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(EXAMPLES / "batch-slow.csv", tmp_path / "log.csv")
    shutil.copy(EXAMPLES / "columns.toml", tmp_path)
    (tmp_path / "fit.toml").write_text(printed("dextrose", capsys), encoding="utf-8")
    assert run(["fit", "reactor", str(tmp_path / "fit.toml"), "--out", str(tmp_path / "fit"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["flags"] == []
    assert document["rmse"]["first run/concentration"] < 1.5 * NOISE["concentration"]  # 25 values and their noise


def test_the_template_of_a_system_finds_what_made_a_simulated_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = read_template("simulate", "system").replace('method = "finite-volume" ', 'method = "moments" ', 1)
    for law in ("dissolution", "nucleation.primary"):  # moments know no dissolution, the fit no second nucleation
        case = re.sub(rf"\[system\.{re.escape(law)}\].*?\n\n", "", case, count=1, flags=re.DOTALL)
    (tmp_path / "case.toml").write_text(case, encoding="utf-8")
    assert run(["simulate", "reactor", str(tmp_path / "case.toml"), "--out", str(tmp_path / "simulated")]) == 0
    capsys.readouterr()
    fit = printed("system", capsys)
    for old, new in (
        ('log = "log.csv"', 'record = "simulated/records"'),
        ('map = "columns.toml"\n', ""),
        ('"mean_size"', '"mean_size_l43"'),
    ):
        assert fit.count(old) == 1
        fit = fit.replace(old, new)
    (tmp_path / "fit.toml").write_text(fit, encoding="utf-8")
    assert run(["fit", "reactor", str(tmp_path / "fit.toml"), "--out", str(tmp_path / "fit"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["parameters"]
    for name, true in (
        ("growth.rate_constant", 2e-7), ("growth.order", 1.2), ("nucleation.secondary.rate_constant", 1e6)
    ):  # fmt: skip
        assert found[name]["value"] == pytest.approx(true, rel=FOUND), name


def test_templates_go_with_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in (
        (["--template", "system", "--out", "fit"], "fits nothing: leave the others out"),
        (["--template", "sistem"], "did you mean 'system'?"),
        ([], "name the description of a fit, or print one with --template"),
        (["fit.toml"], "--out is missing"),
    ):
        assert run(["fit", "reactor", *words]) == 2
        message = capsys.readouterr().err
        assert told in message
        assert message.count("\n") == 1
