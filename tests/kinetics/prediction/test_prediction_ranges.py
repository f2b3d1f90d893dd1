"""Many conditions at once: each as if it had been asked alone, as a table, as a chart, and on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nakaya.cli.app import run
from nakaya.core.errors import ParameterError
from nakaya.core.tables import encode_csv
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import predict_conditions
from nakaya.kinetics.prediction.ranges import CONDITIONS, MAX_CONDITIONS, predict_range, prediction_table, warning_table

pytest.importorskip("torch", reason='kinetics models need the extra "ml"')
pytest.importorskip("vesin", reason='graphs need the extra "ml"')

TEMPERATURES = (620.0, 1000.0, 1400.0)
"""K, of Cu: where it nucleates, where it grows, and where it melts and no run was."""

ORIENTATIONS = ("111", "210")
"""The second face is in no run of the training."""


@pytest.fixture(scope="module")
def model() -> KineticsModel:
    return load_model()


@pytest.fixture(scope="module")
def entries(model: KineticsModel) -> list[dict[str, Any]]:
    return predict_range("Cu", ORIENTATIONS, TEMPERATURES, model=model)


@pytest.fixture
def loads(model: KineticsModel, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that commands load."""
    names: list[str] = []

    def load(name: str) -> KineticsModel:
        names.append(name)
        return model

    monkeypatch.setattr("nakaya.kinetics.prediction.model.load_model", load)
    return names


def test_every_condition_is_predicted_as_if_it_were_alone(model: KineticsModel, entries: list[dict[str, Any]]) -> None:
    conditions = [(orientation, temperature) for orientation in ORIENTATIONS for temperature in TEMPERATURES]
    assert [(entry["orientation"], entry["temperature"]) for entry in entries] == conditions
    for entry in entries:
        alone = predict_conditions("Cu", entry["orientation"], entry["temperature"], model=model)
        assert {key: value for key, value in entry.items() if key not in CONDITIONS} == alone


def test_extrapolations_are_named(entries: list[dict[str, Any]]) -> None:
    outside = {(entry["orientation"], entry["temperature"]): entry["outside_training"] for entry in entries}
    assert outside["111", 620.0] == []
    assert outside["111", 1000.0] == ["nucleation_rate"]  # crystals of Cu were seen to nucleate from 610 to 650 K
    assert outside["111", 1400.0] == ["growth_velocity"]
    assert outside["210", 1000.0] == ["growth_velocity", "nucleation_rate"]


def test_conditions_are_checked_before_the_first_prediction(model: KineticsModel) -> None:
    done: list[int] = []
    for orientations, temperatures, told in (
        (("100", "010"), (1000.0,), "'100' and '010' are of one family of planes"),
        (("100",), (1000.0, 2000.0), r"temperature=2000 K is outside \[399, 1727\] K"),
        (("100",), np.linspace(700, 1300, MAX_CONDITIONS + 1).tolist(), "2,001 conditions are more than the 2,000"),
    ):
        with pytest.raises(ParameterError, match=told):
            predict_range("Cu", orientations, temperatures, model=model, progress=lambda *_: done.append(1))
    assert done == []


def test_a_table_has_a_row_for_each_and_columns_for_what_is_known(entries: list[dict[str, Any]]) -> None:
    rows = list(csv.DictReader(encode_csv(prediction_table(entries)).decode().splitlines()))
    beside = list(csv.DictReader(encode_csv(warning_table(entries)).decode().splitlines()))
    texts = {row["code"]: row["warning"] for row in beside}
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries, strict=True):
        told = entry["growth_velocity"]
        assert (row["material"], row["orientation"], float(row["temperature [K]"])) == (
            "Cu", entry["orientation"], entry["temperature"]
        )  # fmt: skip
        assert float(row["growth_velocity [m/s]"]) == told["value"]
        ends = [float(row[f"growth_velocity_{end}90 [m/s]"]) for end in ("low", "high")]
        assert ends == told["interval90"]
        rate = entry["nucleation_rate"]["value"]
        assert row["nucleation_rate [1/(m^3 s)]"] == ("" if rate is None else repr(rate))
        shared = [
            warning.replace(f"{entry['temperature']:g} K", "this temperature", 1) for warning in entry["warnings"]
        ]
        assert [texts[code] for code in row["warnings"].split()] == shared
    assert list(texts) == [f"W{number}" for number in range(1, len(beside) + 1)]  # each text once, as they come
    assert len(set(texts.values())) == len(texts)
    assert [int(row["rows"]) for row in beside] == [
        sum(row["code"] in other["warnings"].split() for other in rows) for row in beside
    ]
    hot = [entry for entry in entries if entry["temperature"] == 1400.0]
    assert not any("nucleation" in column.name for column in prediction_table(hot).columns)


def test_one_load_a_row_for_each_and_files(
    loads: list[str], entries: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, chart = tmp_path / "new" / "cu.csv", tmp_path / "cu.png"
    words = ["predict", "--material", "Cu", "--orientation", "111,210", "--temperature", "620,1000,1400"]
    assert run([*words, "--csv", str(table), "--plot", str(chart)]) == 0
    assert loads == ["al-cu-si"]
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if line.startswith(ORIENTATIONS)]
    assert [(row[0], float(row[1])) for row in rows] == [
        (entry["orientation"], entry["temperature"]) for entry in entries
    ]
    assert [float(row[2]) for row in rows] == [
        pytest.approx(entry["growth_velocity"]["value"], rel=5e-3) for entry in entries
    ]
    assert rows[0][-1] != "1"
    assert rows[2][-1] == "1"  # the note on what lies outside of the training
    assert any(line.startswith("note 1: growth velocity: this temperature is outside the training") for line in lines)
    assert not any("not known" in line for line in lines)
    assert table.read_bytes().count(b"\n") == len(entries) + 1
    assert lines[-3:] == [f"written to {path}" for path in (table, table.with_name("cu.warnings.csv"), chart)]
    assert "this temperature is outside the training" in table.with_name("cu.warnings.csv").read_text()
    with Image.open(chart) as image:
        assert image.width > 1000
    before = chart.read_bytes()
    assert run([*words, "--plot", str(chart)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run([*words, "--plot", str(chart), "--overwrite"]) == 0
    assert chart.read_bytes() == before


def test_json_of_a_range_is_a_list_and_of_one_condition_the_document(
    loads: list[str], entries: list[dict[str, Any]], model: KineticsModel, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", "--json", "--material", "Cu", "--orientation", "111"]
    assert run([*words, "--temperature", "1000,1400"]) == 0
    assert json.loads(capsys.readouterr().out) == entries[1:3]
    assert run([*words, "--temperature", "1000:1000:1"]) == 0
    assert json.loads(capsys.readouterr().out) == predict_conditions("Cu", "111", 1000.0, model=model)
    assert list(predict_conditions("Cu", "111", 1000.0, model=model)) == [
        "growth_velocity", "nucleation_rate", "nucleation_density", "characteristic_length", "evidence", "potential",
        "warnings",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "rows", "closing"),
    [
        (
            "--orientation 100 --temperature 1400",
            ["growth velocity"],
            "near 610 to 650 K, where Cu was seen to nucleate",
        ),
        ("--temperature 1000", ["nucleation rate"], "with --orientation"),
        ("--temperature 620", ["nucleation rate"], "with --orientation"),
        (
            "--orientation 100 --temperature 620",
            ["growth velocity", "nucleation rate", "nucleation density", "characteristic length"],
            "several conditions at once",
        ),
    ],
)
def test_rows_are_what_was_asked_or_is_known_and_the_last_line_says_what_else_could_be(
    words: str, rows: list[str], closing: str, loads: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "--material", "Cu", *words.split()]) == 0
    lines = capsys.readouterr().out.splitlines()
    quantities = ("growth velocity", "nucleation rate", "nucleation density", "characteristic length")
    assert [line[:22].strip() for line in lines if line.startswith(quantities)] == rows
    warned = [line for line in lines if line.startswith("warning: ")]
    assert all(any(line.startswith(f"warning: {row}") for row in rows) for line in warned)
    assert lines[-1].startswith(closing)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--orientation 100 --temperature 1300:700:7", "runs backwards: write 700:1300:7"),
        ("--orientation 100,,111 --temperature 700:1300:7", "orientation '' is no Miller indices"),
        ("--orientation 100 --temperature 700:9000:7", "temperature=2083.33 K is outside [399, 1727] K"),
        ("--temperature 620:650:4 --plot new.png", "--plot draws growth velocities: give --orientation"),
        ("--orientation 100 --temperature 620:650:4 --plot new.gif", "'.gif': use one of .png, .svg"),
        ("--orientation 100 --temperature 620:650:4 --plot new.png --csv new.png", "give them different names"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(
    words: str, told: str, loads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(["predict", "--material", "Cu", *words.split()]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_ranges_are_of_conditions_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("--records al-cu-si --plot x.png", "--md dump --temperature 700,900", "--nucleus dump --csv x.csv"):
        assert run(["predict", *words.split()]) == 2
        assert capsys.readouterr().err.count("\n") == 1
