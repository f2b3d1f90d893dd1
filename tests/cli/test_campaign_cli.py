from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import nakaya
from nakaya.cli.app import run
from support.sweeps import small_sweep

SWEEP = small_sweep(4)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP)
    return path


def test_run_verify_repair(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "store.zarr"
    assert run(["campaign", "run", str(sweep), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "4 points of 2 members in 4 shards, 4 of them (8 crystals) computed now" in said.out
    assert said.err.splitlines()[0] == "growing: 0 of 8 crystals"
    assert said.err.splitlines()[-1] == "growing: 8 of 8 crystals"
    assert run(["campaign", "run", str(sweep), "--out", str(out)]) == 0
    assert "complete already" in capsys.readouterr().out
    assert run(["campaign", "verify", str(out)]) == 0
    assert "4 of 4 shards intact, sound" in capsys.readouterr().out
    (out / "steps/c.2.0").unlink()
    (out / "notes.txt").write_text("mine")
    assert run(["campaign", "verify", str(out)]) == 1
    said = capsys.readouterr()
    assert "damaged: shard 2.0" in said.out
    assert "foreign: notes.txt" in said.out
    assert "3 of 4 shards intact, NOT sound" in said.out
    assert run(["campaign", "repair", str(out)]) == 1
    assert "computed again: shard 2.0" in capsys.readouterr().out
    (out / "notes.txt").unlink()
    assert run(["campaign", "repair", str(out)]) == 0
    assert nakaya.open(out).is_complete


def test_json_is_one_document_on_stdout(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "store.zarr"
    assert run(["campaign", "run", str(sweep), "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "store": str(out),
        "points": 4,
        "members": 2,
        "shards": 4,
        "computed_shards": 4,
        "computed_crystals": 8,
    }
    (out / "records/1.0.json").unlink()
    assert run(["campaign", "verify", str(out), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["sound"], document["complete"], document["missing"]) == (True, False, ["1.0"])
    assert run(["campaign", "verify", str(out)]) == 1
    assert "3 of 4 shards intact, NOT complete" in capsys.readouterr().out
    assert run(["campaign", "repair", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["recomputed"] == ["1.0"]
    assert document["after"]["complete"]


def one_line(capsys: pytest.CaptureFixture[str], *fragments: str) -> None:
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line for line in said.err.splitlines() if not line.startswith("growing")]
    assert len(lines) == 1
    for fragment in fragments:
        assert fragment in lines[0]


def test_mistakes_are_one_line_and_status_2(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "store.zarr"
    assert run(["campaign", "run", str(tmp_path / "nowhere.toml"), "--out", str(out)]) == 2
    one_line(capsys, "nowhere.toml", "no such file")
    sweep.write_text(SWEEP.replace("members", "member"))
    assert run(["campaign", "run", str(sweep), "--out", str(out)]) == 2
    one_line(capsys, "unknown key 'member'", "did you mean 'members'")
    sweep.write_text(SWEEP.replace('"gravner-griffeath-reference"', '"gravner-grifeath"'))
    assert run(["campaign", "run", str(sweep), "--out", str(out)]) == 2
    one_line(capsys, "unknown model 'gravner-grifeath'", "did you mean 'gravner-griffeath'")
    sweep.write_text(SWEEP)
    assert run(["campaign", "run", str(sweep), "--out", str(out), "--workers", "0"]) == 2
    one_line(capsys, "workers=0")
    assert run(["campaign", "run", str(sweep), "--out", str(sweep / "store.zarr")]) == 2
    one_line(capsys, "is not a directory: choose another place")
    assert run(["campaign", "run", str(sweep)]) == 2
    one_line(capsys, "--out")
    for command in ("verify", "repair"):
        assert run(["campaign", command, str(tmp_path / "nowhere.zarr")]) == 2
        one_line(capsys, "does not exist")
        assert run(["campaign", command, str(tmp_path)]) == 2
        one_line(capsys, "not a nakaya store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.toml"]


def test_another_sweep_is_refused_unless_it_may_begin_anew(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "store.zarr"
    assert run(["campaign", "run", str(sweep), "--out", str(out)]) == 0
    capsys.readouterr()
    sweep.write_text(SWEEP.replace("seed = 7", "seed = 8"))
    assert run(["campaign", "run", str(sweep), "--out", str(out)]) == 2
    one_line(capsys, "seed is 7 in the store, 8 now", "--overwrite")
    assert nakaya.open(out).metadata.seed == 7
    assert run(["campaign", "run", str(sweep), "--out", str(out), "--overwrite"]) == 0
    assert nakaya.open(out).metadata.seed == 8


@pytest.mark.parametrize("command", ["run", "verify", "repair"])
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["campaign", command, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"Example: nakaya campaign {command}" in text


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    from nakaya.cli.progress import progress_reporter

    clock = iter([0.0, 1.0, 2.0, 7.0, 8.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with progress_reporter("growing", "crystals") as report:
        for done in (0, 1, 2, 3, 9):
            report(done, 9)
    assert capsys.readouterr().err.splitlines() == [f"growing: {done} of 9 crystals" for done in (0, 3, 9)]
    monkeypatch.undo()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_reporter("growing", "crystals") as report:
        report(3, 9)
    said = capsys.readouterr()
    assert "3/9" in said.err
    assert said.out == ""


def test_an_interrupt_says_that_nothing_is_lost(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nakaya.growth.campaigns.campaigning.run_campaign", interrupt)
    assert run(["campaign", "run", str(sweep), "--out", str(tmp_path / "store.zarr")]) == 130
    one_line(capsys, "interrupted", "run the same command again")
