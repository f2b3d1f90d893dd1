"""Bad inputs at the border: one line, exit status 2, nothing on stdout, nothing left behind; whatever the command."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import PROGRAM
from benchmarks.__main__ import run as run_study
from nakaya.cli.app import run
from nakaya.kinetics.prediction.model import load_model

LONGEST = 420
"""Characters of an error: a line that a person reads at once."""

FILES: dict[str, bytes | None] = {
    "missing.json": None,
    "empty.json": b"",
    "text.toml": b"hello\n",
    "list.json": b"[]",
    "object.json": b'{"a": 1}',
    "binary.gz": bytes(range(255, 0, -1)) * 4,
    "packed.gz": gzip.compress(bytes(range(255, -1, -1))),
}
COMMANDS = (
    "records show {}", "records show {} growth-Cu-100-1115K-s0", "records validate {}", "records graph {}",
    "records merge {} --out new", "predict --records {}", "explain --records {}",
    "predict --material Cu --temperature 1200 --model {}",
    "explain --material Cu --orientation 100 --temperature 1200 --model {}",
    "predict --md {} --lammps-units metal --elements Cu --temperature 1000",
    "ingest md {} --lammps-units metal --elements Cu --temperature 1000", "tune {} --out new", "train {} --out new",
    "benchmark kinetics --on unseen --records {}", "benchmark kinetics --on unseen --tuned {} --model mean",
    "benchmark kinetics --on {}", f"{PROGRAM} kinetics --records {{}}", f"{PROGRAM} kinetics --tuned {{}} --model mean",
    "fit reactor {} --out new", "simulate reactor {} --out new", "ingest reactor {} --guess --out new",
    "ingest reactor {} --map columns.toml --out new", "ingest reactor log.csv --map {} --out new",
    "campaign run {} --out new", "md campaign run {} --out new", "md laws {}", "show {} --out new.png",
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _models_are_read_once() -> Iterator[None]:
    """Reading a model takes longer than refusing an input; what is read stays the same."""
    pytest.importorskip("vesin", reason='graphs need the extra "ml"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nakaya.kinetics.prediction.model.load_model", functools.cache(load_model))
        yield


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    examples = Path(__file__).parents[2] / "examples" / "reactor"
    for name, source in (("columns.toml", "columns.toml"), ("log.csv", "batch-fast.csv")):
        (tmp_path / name).write_bytes((examples / source).read_bytes())
    for name, content in FILES.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    (tmp_path / "study.toml").write_bytes((examples.parent / "study-svm.toml").read_bytes())
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check_refused(words: list[str], place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    before = sorted(place.rglob("*"))
    study = words[: len(PROGRAM.split())] == PROGRAM.split()
    status = run_study(words[len(PROGRAM.split()) :]) if study else run(words)
    captured = capsys.readouterr()
    what = f"{' '.join(words)}: {captured.err}"
    assert status == 2, what
    assert captured.err.startswith("nakaya: "), what
    assert captured.err.count("\n") == 1, what
    assert len(captured.err) < LONGEST, what
    assert captured.err[:-1].isprintable(), ascii(captured.err)
    assert "\ufffd" not in captured.err, what
    assert not captured.out, what
    assert sorted(place.rglob("*")) == before, what
    return captured.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_none_is_refused_in_one_line(
    command: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (*FILES, "folder"):
        check_refused(command.format(name).split(), place, capsys)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("predict --material Cu --orientation 100 --temperature {}", ("-5", "0", "nan", "inf", "1e9", "warm")),
        (
            "predict --material Cu --orientation 100 --temperature {}",
            ("1300:700:7", "700:1300:0", "700:1300:1", "700:1300:99999", "700:1300", "700K,500C", "700,,900", ","),
        ),
        ("predict --material Cu --temperature 700:1300:7 --orientation {}", ("100,010", "100,,110", "100,abc", ",")),
        ("explain --material Cu --orientation 100 --temperature {}", ("-5", "0", "nan", "inf", "1e9", "warm")),
        ("predict --material Cu --temperature 1200 --orientation {}", ("-1", "abc", "1000", "000")),
        ("explain --material Cu --temperature 1200 --orientation {}", ("-1", "abc", "1000", "000")),
        ("explain --material Cu --orientation 100 --temperature 1200 --top {}", ("-1", "0", "many")),
        ("explain --material Cu --orientation 100 --temperature 1200 --out {}", ("new.gif", "folder", "new")),
        ("predict --orientation 100 --temperature 1200 --material {}", ("Xx", "copper", "cu")),
        ("benchmark kinetics --evaluate --workers {}", ("-1", "0", "two")),
        ("benchmark kinetics --on unseen --seed {}", ("-1", "two")),
        ("benchmark kinetics --on unseen --model {}", ("nope",)),
        ("benchmark kinetics {}", ("--seed 1", "--stored --check", "--out new")),
        (f"{PROGRAM} kinetics --workers {{}}", ("-1", "0", "two")),
        (f"{PROGRAM} kinetics --seed {{}}", ("-1", "two")),
        (f"{PROGRAM} kinetics --model {{}}", ("nope",)),
        (f"{PROGRAM} kinetics --stored --write {{}}", ("missing.md", "folder", "text.toml")),
        (f"{PROGRAM} kinetics {{}}", ("--done",)),
        (f"{PROGRAM} velocities {{}}", ("new.bmp", "folder")),
        ("tune study.toml --storage sqlite:///study.db --timeout {}", ("-1", "0", "nan", "long")),
        ("tune study.toml --storage sqlite:///study.db --trials {}", ("-1", "0", "many")),
        ("tune study.toml --storage {}", ("study.db", "mysql://x", "sqlite:////nowhere/study.db")),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_line(
    command: str, named: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in named:
        check_refused(command.format(value).split(), place, capsys)
