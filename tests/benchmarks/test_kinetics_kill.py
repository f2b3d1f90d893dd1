"""kill -9 of `python3 nk.py benchmark kinetics`: the same command computes what is missing, and nothing again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kill_loop import _vanishes
from benchmarks.kinetics import benchmark_kinetics
from nakaya.records.store import RecordStore
from support.synthetic_growth import SyntheticGrowth

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="kill -9 is POSIX")

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_WAIT = 900.0  # for other processes, on a busy machine

MODELS = ("mean", "slope")
SPLITS = ("temperature", "run")
COMMAND = [sys.executable, "-m", "benchmarks", "kinetics"]
COMMAND += [word for name in MODELS for word in ("--model", name)] + [
    word for name in SPLITS for word in ("--split", name)
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("killed") / "records"
    growth = SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "100")), reduced_temperatures=(0.60, 0.68, 0.76, 0.84))
    RecordStore(path, create=True).merge(growth.records())
    return path


def start(store: Path, out: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    words = ["--records", str(store), "--out", str(out), "--workers", "2", "--json"]
    return subprocess.Popen(
        [*COMMAND, *words],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def files(tasks: Path) -> dict[str, tuple[int, int]]:
    """What is finished: name -> which file it is, and when it was written."""
    found = {path.name: path.stat() for path in tasks.glob("*.json")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in found.items()}


def documents(tasks: Path) -> dict[str, dict[str, Any]]:
    found = {path.name: json.loads(path.read_text()) for path in tasks.iterdir()}
    return {name: {key: value for key, value in entry.items() if key != "cpu_seconds"} for name, entry in found.items()}


STUCK = """
import os, signal
from nakaya.core import files

whole = files.own_part

def own_part(path):
    part = whole(path)
    if path.name in os.environ["STUCK_FOLDS"].split():
        part.write_text('{"identity": "')
        while True:
            signal.pause()
    return part

files.own_part = own_part
"""
"""Imported by every process of a command at its start: the writing of some files stops half-way, and never ends."""


def kill_while_writing(store: Path, out: Path, folds: Sequence[str], count: int, *, tree: bool) -> None:
    """Let both workers get stuck in the writing of their folds, and kill them; half a file of each stays.

    Args:
        store: Records.
        out: Folder of the results.
        folds: Names of files that never become whole.
        count: How many files are finished when all workers are stuck.
        tree: Whether all processes are killed, or the parent alone.
    """
    hook = out.parent / "hook"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(STUCK)
    paths = [str(hook), *filter(None, [os.environ.get("PYTHONPATH")])]
    running = start(store, out, {"PYTHONPATH": os.pathsep.join(paths), "STUCK_FOLDS": " ".join(folds)})
    try:
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while len(files(out / "tasks")) < count or len(halves(out / "tasks", folds)) < len(folds):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (os.killpg if tree else os.kill)(running.pid, signal.SIGKILL)
        assert _vanishes(running)  # workers do not outlive their parent
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def halves(tasks: Path, folds: Sequence[str]) -> list[str]:
    """Which of these files are half-written."""
    return [name for name in folds if any(path.name != name and name in path.name for path in tasks.iterdir())]


def test_what_was_killed_is_completed_and_nothing_is_computed_twice(store: Path, tmp_path: Path) -> None:
    whole = benchmark_kinetics(str(store), out=tmp_path / "whole", models=MODELS, splits=SPLITS)  # type: ignore[arg-type]
    expected = documents(tmp_path / "whole" / "tasks")
    out = tmp_path / "out"
    benchmark_kinetics(str(store), out=out, models=MODELS, splits=SPLITS, compute=False)  # type: ignore[arg-type]
    order = [f"mean--{kind}--growth_velocity--{split}--" for kind in "AB" for split in SPLITS]

    kill_while_writing(store, out, [f"{order[0]}1.json", f"{order[1]}1.json"], 4, tree=True)
    first = files(out / "tasks")
    assert set(first) == {f"{order[0]}{fold}.json" for fold in (0, 2, 3)} | {f"{order[1]}0.json"}

    kill_while_writing(store, out, [f"{order[2]}0.json", f"{order[2]}3.json"], 4 + 3 + 2, tree=False)
    second = files(out / "tasks")
    assert {name: second[name] for name in first} == first
    assert len(second) == 9

    running = start(store, out)
    printed, _ = running.communicate(timeout=SECONDS_TO_WAIT)
    assert running.returncode == 0
    last = files(out / "tasks")
    assert {name: last[name] for name in second} == second  # not written again, so not computed again
    assert documents(out / "tasks") == expected  # all are there and whole, and nothing else is
    assert [row["rmse"] for row in json.loads(printed)["rows"]] == [row["rmse"] for row in whole["rows"]]
