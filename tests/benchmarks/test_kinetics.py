"""The table of kinetics models: nothing computed twice, nothing of others overwritten, documents that hold it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import PROGRAM, run
from benchmarks.kinetics import BEGIN, END, as_markdown, benchmark_kinetics, replace_between_markers
from benchmarks.velocities import draw_velocities
from nakaya.cli.app import run as run_nakaya
from nakaya.core.errors import FormatError, OutputError, ParameterError
from nakaya.kinetics.benchmark import tasks as tasks_module
from nakaya.kinetics.benchmark.evaluate import compare_rows
from nakaya.kinetics.benchmark.table import as_text, read_stored
from nakaya.kinetics.models.tuned import tuned_settings
from nakaya.records.store import RecordStore, load_records
from support.synthetic_growth import SyntheticGrowth

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')

CHEAP = ("mean", "ridge", "slope")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kinetics") / "records"
    growth = SyntheticGrowth(
        pairs=(("Al", "100"), ("Cu", "110"), ("Si", "100")), reduced_temperatures=(0.60, 0.68, 0.76, 0.84)
    )
    RecordStore(path, create=True).merge(growth.records())
    return path


def test_the_table_end_to_end_and_again_without_computing(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    splits = ("temperature", "run")
    found = benchmark_kinetics(str(store), out=out, models=CHEAP, splits=splits)  # type: ignore[arg-type]
    rows = {(row["evidence"], row["model"], row["split"]): row for row in found["rows"]}
    assert set(rows) == {(e, m, s) for e in "AB" for m in CHEAP for s in splits if (e, m) != ("A", "slope")}
    for row in rows.values():
        assert row["noise_floor_rmse"] > 0
        assert row["rmse"] > 0
        assert len(row["ratio_to_ann"]) == 3
    assert rows["B", "ridge", "temperature"]["rmse"] < rows["B", "mean", "temperature"]["rmse"] / 2
    assert rows["B", "slope", "temperature"]["whole_run_rmse"] < rows["B", "slope", "temperature"]["rmse"]
    assert "evidence B, run held out" in as_text(found)

    files = sorted((out / "tasks").iterdir())
    before = {file.name: file.read_bytes() for file in files}
    files[3].unlink()  # as if killed before it was written
    (out / "tasks" / ".half.part").write_text("{")
    computed = []
    original = tasks_module.run_task
    monkeypatch.setattr(tasks_module, "run_task", lambda c, task: computed.append(task.name) or original(c, task))
    again = benchmark_kinetics(str(store), out=out, models=CHEAP, splits=splits)  # type: ignore[arg-type]
    assert [f"{name}.json" for name in computed] == [files[3].name]
    kept, renewed = json.loads(before[files[3].name]), json.loads(files[3].read_bytes())
    assert {k: v for k, v in renewed.items() if k != "cpu_seconds"} == {
        k: v for k, v in kept.items() if k != "cpu_seconds"
    }
    assert [row["rmse"] for row in again["rows"]] == [row["rmse"] for row in found["rows"]]

    with pytest.raises(OutputError, match="another configuration .*seed is 0 there, 1 now"):
        benchmark_kinetics(str(store), out=out, models=CHEAP, splits=splits, seed=1)  # type: ignore[arg-type]
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="not deleted"):
        benchmark_kinetics(str(store), out=empty, models=("mean",), overwrite=True)
    assert (empty / "mine.txt").exists()


def test_other_settings_are_another_task(store: Path, tmp_path: Path) -> None:
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    arguments: dict[str, Any] = {
        "out": tmp_path / "out", "models": ("ridge",), "evidence": ("A",), "splits": ("material",), "tuned": tuned
    }  # fmt: skip
    default = benchmark_kinetics(str(store), **arguments)
    (tuned / "ridge.json").write_text('{"settings": {"A": {"alpha": 500.0}}}')
    assert tuned_settings("ridge", "B", tuned) == {"alpha": 500.0}
    with pytest.raises(OutputError, match="other records, settings or seeds"):
        benchmark_kinetics(str(store), **arguments)
    stiff = benchmark_kinetics(str(store), **{**arguments, "out": None})
    assert stiff["settings"] == {"ridge": {"A": {"alpha": 500.0}}}
    assert stiff["rows"][0]["rmse"] != default["rows"][0]["rmse"]
    (tuned / "ridge.json").write_text("[1]")
    with pytest.raises(FormatError, match=r"ridge\.json"):
        tuned_settings("ridge", "A", tuned)


def test_the_table_takes_the_place_between_the_markers(store: Path) -> None:
    found = benchmark_kinetics(str(store), models=("mean", "ridge"), evidence=("A",), splits=("material", "run"))
    table = as_markdown(found)
    assert "| ridge | " in table
    assert "noise floor" in table
    text = f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    once = replace_between_markers(text, table)
    assert replace_between_markers(once, table) == once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "old" not in once
    with pytest.raises(FormatError, match="once each"):
        replace_between_markers("no markers", table)
    compared = compare_rows(found["rows"], found["rows"])
    assert len(compared) == len(found["rows"])
    assert all(row["stored"] == row["recomputed"] for row in compared)


def test_headings_come_from_the_most_complete_row_that_states_them() -> None:
    """Rows of other models, of plug-ins too, may be first, have fewer folds, or lack what a heading needs."""
    stored = read_stored()
    fields = ("noise_floor_rmse", "best_baseline")
    table = as_markdown(stored)
    others = []
    for row in stored["rows"]:
        fewer = {**row, "model": f"a-{row['model']}", "rows": 1, "noise_floor_rmse": 77.7, "best_baseline": "another"}
        others += [{key: value for key, value in row.items() if key not in fields} | {"model": f"b-{row['model']}"}]
        others += [fewer]
    with_others = as_markdown({**stored, "rows": [*others, *stored["rows"]]})

    def headings(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith(("| *noise floor*", "Best baseline"))]

    assert len(headings(table)) >= 4
    assert headings(with_others) == headings(table)
    nothing = [{key: value for key, value in row.items() if key not in fields} for row in stored["rows"]]
    assert "| *noise floor* | - |" in as_markdown({**stored, "rows": nothing})
    assert as_text({**stored, "rows": nothing})


def test_documents_hold_the_stored_table() -> None:
    root = Path(__file__).parents[2]
    documents = [
        path for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))) if BEGIN in path.read_text()
    ]
    assert root / "docs" / "benchmark-kinetics.md" in documents
    table = as_markdown(read_stored())
    for path in documents:
        text = path.read_text(encoding="utf-8")
        assert replace_between_markers(text, table) == text, f"{PROGRAM} kinetics --stored --write {path.name}"


def test_the_command_prints_one_document(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["kinetics", "--records", str(store), "--model", "mean", "--evidence", "A"]
    assert run([*words, "--split", "material", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (row,) = document["rows"]
    assert {
        "evidence", "model", "target", "split", "rmse", "rmse_interval", "noise_floor_rmse", "coverage90",
        "ratio_to_ann", "ratio_to_svm", "best_baseline", "ratio_to_best_baseline",
    } <= set(row)  # fmt: skip
    assert run([*words, "--split", "colour"]) == 2
    assert "unknown split" in capsys.readouterr().err
    assert run_nakaya(["benchmark", "kinetics", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_velocities_are_drawn_for_every_pair(store: Path, tmp_path: Path) -> None:
    drawn = draw_velocities(load_records(store), tmp_path / "v.svg")
    assert drawn == [f"{pair}: 4 temperatures" for pair in ("Al (100)", "Cu (110)", "Si (100)")]
    assert (tmp_path / "v.svg").read_bytes().lstrip().startswith(b"<?xml")
    with pytest.raises(ParameterError, match="ending"):
        draw_velocities(load_records(store), tmp_path / "v.pdf")
