"""`nakaya simulate reactor`: templates run as they are printed, and what comes out agrees with itself."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.reactor.fit_config import read_fit_plan
from nakaya.reactor.templates import read_template, template_names
from nakaya.records.checks import check_record
from nakaya.records.store import RecordStore

EXAMPLES = Path(__file__).parents[2] / "examples" / "reactor"

ROUNDING = 1e-9
"""Relative, of sums that solver and reader form in another order."""

HEADER = ["time [s]", "temperature [K]", "concentration [kg/kg]", "solubility [kg/kg]", "supersaturation [1]"]


def columns(path: Path) -> dict[str, np.ndarray]:
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("name", template_names("simulate"))
def test_templates_run_as_they_are_printed(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "reactor", "--template", name]) == 0
    case = tmp_path / "case.toml"
    case.write_text(capsys.readouterr().out, encoding="utf-8")
    out = tmp_path / "out"
    assert run(["simulate", "reactor", str(case), "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["flags"] == []
    assert document["status"] == "ok"
    series = columns(out / "series.csv")
    assert list(series)[:5] == HEADER
    assert np.allclose(series["concentration [kg/kg]"] / series["solubility [kg/kg]"], series["supersaturation [1]"])
    assert series["L43 [m]"][-1] == pytest.approx(series["moment_4 [m^4/kg]"][-1] / series["moment_3 [m^3/kg]"][-1])
    assert document["final"]["L43_m"] == series["L43 [m]"][-1]
    assert document["final"]["crystal_mass"] > series["crystal_mass [kg/kg]"][0] > 0
    assert (out / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "case.toml").read_bytes() == case.read_bytes()
    record = RecordStore(out / "records").get(document["record"])
    check_record(record)
    assert np.array_equal(record.evidence["concentration"].values, series["concentration [kg/kg]"])
    if document["method"] == "finite-volume":
        sizes = columns(out / "sizes.csv")
        widths = sizes["upper_edge [m]"] - sizes["lower_edge [m]"]
        crystals = float((sizes["number_density_at_end [1/(m kg)]"] * widths).sum())
        assert crystals == pytest.approx(document["final"]["crystals_per_kg"], rel=ROUNDING)
    else:
        assert not (out / "sizes.csv").exists()


def test_shipped_templates_are_the_examples() -> None:
    assert (EXAMPLES / "case.toml").read_text(encoding="utf-8") == read_template("simulate", "dextrose")
    assert (EXAMPLES / "own-system.toml").read_text(encoding="utf-8") == read_template("simulate", "system")


def test_a_simulated_record_can_be_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "simulated"
    assert run(["simulate", "reactor", str(EXAMPLES / "case.toml"), "--out", str(out)]) == 0
    text = (EXAMPLES / "fit.toml").read_text(encoding="utf-8")
    experiment = """
[[experiments]]
name = "simulated"
record = "simulated/records"
seed = { loading = 0.125, mean_um = 115.0, deviation_um = 60.0 }
[experiments.observations]
concentration = { channel = "concentration" }
L43 = { channel = "mean_size_l43" }
log_number = { channel = "crystals" }
"""
    (tmp_path / "fit.toml").write_text(text[: text.index("[[experiments]]")] + experiment, encoding="utf-8")
    plan = read_fit_plan(tmp_path / "fit.toml")
    assert plan.flags == {}  # one basis, one unit each
    (found,) = plan.experiments
    series = columns(out / "series.csv")
    assert np.array_equal(found.operation.temperature.values, series["temperature [K]"])
    assert found.operation.initial_concentration == 0.67


def test_words_that_do_not_go_together_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = str(EXAMPLES / "case.toml")
    for words, told in (
        ([], "name the description of a run, or print one with --template: dextrose"),
        ([case], "--out is missing"),
        ([case, "--template", "dextrose"], "--template prints a description and runs nothing"),
        (["--template", "dextros"], "did you mean 'dextrose'?"),
        ([str(EXAMPLES / "fit.toml"), "--out", "new"], "is the description of a fit: nakaya fit reactor fit.toml"),
        ([str(tmp_path / "none.toml"), "--out", "new"], "none.toml"),
    ):
        assert run(["simulate", "reactor", *words]) == 2
        message = capsys.readouterr().err
        assert told in message
        assert message.count("\n") == 1
    assert run(["fit", "reactor", case, "--out", str(tmp_path / "new")]) == 2
    assert "nakaya simulate reactor case.toml" in capsys.readouterr().err


def test_a_run_that_leaves_the_table_is_refused_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (EXAMPLES / "own-system.toml").read_text(encoding="utf-8")
    law = text[text.index('form = "polynomial"') : text.index('basis = "solvent"')]
    table = 'form = "table"\ntemperatures = [30.0, 50.0]\nvalues = [0.2, 0.3]\n'
    (tmp_path / "case.toml").write_text(text.replace(law, table), encoding="utf-8")
    assert run(["simulate", "reactor", str(tmp_path / "case.toml"), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert "the table of solubilities between 303.15 and 323.15 K" in message
    assert message.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["case.toml"]
