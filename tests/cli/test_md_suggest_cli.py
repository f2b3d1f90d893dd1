"""`nakaya md suggest`: the table, the document, the plan, and errors of one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nakaya.cli.app import app, run
from nakaya.md.campaigns.plan import read_plan
from nakaya.records.store import RecordStore
from support.planned_growth import with_setups
from support.synthetic_growth import SyntheticGrowth


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suggest") / "records"
    growth = SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "100")), seeds=(0, 1))
    RecordStore(folder, create=True).merge(with_setups(growth.records()))
    return folder


def test_table_document_and_plan_say_the_same(store: Path, tmp_path: Path) -> None:
    words = ["md", "suggest", str(store), "--material", "Cu", "--runs", "3"]
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    names = [row["run"] for row in document["suggestions"]]
    assert len(names) == 3
    assert (document["conditions"], document["plan"], document["notes"]) == (11, None, [])
    out = tmp_path / "plans" / "next.toml"
    result = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"expected error over 11 conditions: [0-9.]+ m/s", lines[0])
    assert [line.split()[0] for line in lines[2:5]] == names
    assert f"{document['suggestions'][-1]['expected_error_after_m_per_s']:.2f}" in lines[4]
    assert lines[5:] == [f"wrote {out}"]
    assert {planned.id for planned in read_plan(out)} == set(names)


def test_a_plan_that_exists_stays(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "next.toml"
    out.write_text("mine")
    words = ["md", "suggest", str(store), "--runs", "1", "--out", str(out)]
    assert run(words) == 2
    assert out.read_text() == "mine"
    assert "exists already" in capsys.readouterr().err
    assert run([*words, "--overwrite"]) == 0
    assert len(read_plan(out)) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--material Xe", "unknown material of the growth runs 'Xe': known: Al, Cu"),
        ("--orientation 987", "(987) of fcc repeats after"),
        ("--temperature 0", "temperature=0 is outside [1, 20000]: it is a temperature in K"),
        ("--temperature 3000", "temperature=3000 K is outside"),
        ("--runs 0", "runs=0 is outside the range from 1 to 1000"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    words: str, message: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["md", "suggest", str(store), *words.split(), "--out", str(tmp_path / "next.toml")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_without_growth_runs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["md", "suggest", str(tmp_path)]) == 2
    assert "holds no growth runs with a velocity" in capsys.readouterr().err


def test_the_example_runs_on_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        app, ["md", "suggest", "al-cu-si", "--material", "Cu", "--runs", "4", "--out", "next.toml"]
    )
    assert result.exit_code == 0
    assert len(read_plan(tmp_path / "next.toml")) == 4
