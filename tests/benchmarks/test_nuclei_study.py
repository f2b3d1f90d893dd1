"""The study of nuclei keeps its folds, goes on with them, and refuses those of other records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import run
from benchmarks.nuclei import planned_nuclei
from nakaya.cli.app import run as run_nakaya
from nakaya.kinetics.nuclei.folds import freeze_splits
from support.synthetic_nuclei import planted_nuclei as synthetic
from support.synthetic_nuclei import write_seeding_records

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')
pytest.importorskip("vesin", reason='graphs of atoms need the extra "ml"')


def test_folds_are_kept_and_belong_to_their_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for name in ("one", "other"):
        write_seeding_records(tmp_path / name, np.linspace(6.6, 8.0, 18).tolist(), lambda frame, rng: 0.0, rng)
    words = ["nuclei", str(tmp_path / "one"), "--model", "size", "--split", "nucleus", "--out", str(tmp_path / "out")]
    assert run([*words, "--keep", str(tmp_path / "kept.json")]) == 0
    first = capsys.readouterr().out
    tasks = sorted((tmp_path / "out" / "tasks").iterdir())
    assert [path.name for path in tasks] == [f"size--nucleus--fold-{number}.json" for number in range(4)]
    before = [path.stat().st_mtime_ns for path in tasks]
    assert run([*words, "--done"]) == 0
    assert capsys.readouterr().out == first
    assert [path.stat().st_mtime_ns for path in tasks] == before
    assert json.loads((tmp_path / "kept.json").read_text())["rows"][0]["model"] == "size"
    assert run([*words[:1], str(tmp_path / "other"), *words[2:]]) == 2
    assert "nuclei" in capsys.readouterr().err
    assert run(["nuclei", str(tmp_path / "one"), "--done"]) == 2


def test_what_the_study_keeps_is_what_the_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    write_seeding_records(tmp_path / "set", np.linspace(6.6, 8.0, 16).tolist(), lambda frame, rng: 0.0, rng)
    (tmp_path / "nuclei").mkdir()
    kept = tmp_path / "nuclei" / "benchmark.json"
    assert run(["nuclei", str(tmp_path / "set"), "--model", "size", "--split", "nucleus", "--keep", str(kept)]) == 0
    table = capsys.readouterr().out
    monkeypatch.setattr("nakaya.kinetics.nuclei.table.shipped_folder", lambda name="": tmp_path / name)
    assert run_nakaya(["benchmark", "nuclei", "--stored"]) == 0
    assert capsys.readouterr().out.startswith(table)


def test_the_folds_of_a_plan_are_those_of_its_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'version = 1\n[[seeding]]\nmaterial = "Al"\ntemperatures = [640, 690]\nsizes = [100]\n'
        'shapes = ["sphere", "twin"]\nseeds = 3\n'
    )
    assert run(["nuclei", "--plan", str(plan)]) == 0
    frozen = json.loads(capsys.readouterr().out)
    assert {split: sum(entry["nuclei_per_fold"].values()) for split, entry in frozen.items()} == {
        "nucleus": 12, "temperature": 12, "shape": 12, "material": 12, "spontaneous": 0
    }  # fmt: skip
    assert frozen["shape"]["nuclei_per_fold"] == {"balls": 6, "faulted": 6}
    names = planned_nuclei(plan)
    made = [
        type(nucleus)(
            replace(nucleus.sample, record_id=planned.name, temperature=planned.temperature),
            planned.shape,
            nucleus.change,
        )
        for planned, nucleus in zip(names, synthetic(12, np.random.default_rng(0)), strict=True)
    ]
    assert freeze_splits(made) == frozen
    assert run(["nuclei"]) == 2
    assert "--plan" in capsys.readouterr().err
