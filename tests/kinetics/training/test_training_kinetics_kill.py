"""kill -9 of `nakaya train` for models of kinetics: the same command again ends with the bytes of an unkilled run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.core.errors import OutputError
from nakaya.kinetics.training import training
from nakaya.records.store import RecordStore
from support.synthetic_growth import SyntheticGrowth

pytest.importorskip("torch", reason='networks need the extra "ml"')
pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")

Contents = Callable[[Path], dict[str, bytes]]

SECONDS_TO_WAIT = 900.0  # for another process, on a busy machine

TRAINING = """
model = "kinetics"
name = "killed"
records = "records"

[[part]]
target = "growth_velocity"
evidence = "A"
candidates = ["collision-limited", "mean"]

[[part]]
target = "growth_velocity"
evidence = "B"
candidates = ["slope", "mean", "msgnn"]
also = ["msgnn"]

[settings.msgnn]
updates = 6
members = 1
batch_size = 8
"""
COMMAND = """
import os, time
from nakaya.cli.app import main
from nakaya.kinetics.training import training

from types import SimpleNamespace

find, write = training.find_model, training.write_whole

def told(name):
    model = find(name)

    def fit(*arguments, **options):
        with open("fits.txt", "a") as log:
            log.write(name + "\\n")
        return model.fit(*arguments, **options)

    return SimpleNamespace(defaults=model.defaults, fit=fit)

def stuck(path, content):
    if os.environ.get("STUCK_AT") == path.name:
        os.fsync = lambda _: time.sleep(3600)  # the file is there, but not under its name
    write(path, content)

training.find_model, training.write_whole = told, stuck
main()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with records of four conditions, and a training file."""
    growth = SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "100")), reduced_temperatures=(0.68, 0.76), seeds=(0, 1))
    RecordStore(tmp_path / "records", create=True).merge(growth.records())
    (tmp_path / "training.toml").write_text(TRAINING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(place: Path, stuck_at: str = "") -> subprocess.Popen[bytes]:
    """Start the training; it tells its fits, and gets stuck while it writes a file."""
    (place / "fits.txt").unlink(missing_ok=True)
    command = [sys.executable, "-c", COMMAND, "train", "training.toml", "--out", "model"]
    return subprocess.Popen(command, cwd=place, env={**os.environ, "STUCK_AT": stuck_at})


def test_the_same_command_finishes_what_was_killed(place: Path, contents: Contents) -> None:
    assert run(["train", "training.toml", "--out", "unkilled"]) == 0
    expected = contents(place / "unkilled")
    assert {"model.json", "growth-velocity-B-msgnn/weights.safetensors"} <= set(expected)
    before = {path.name for path in place.iterdir()}

    stuck_at = "growth_velocity-B-mean.json"
    training = start(place, stuck_at)
    try:
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while not list(place.glob(f".model.*.partial/.{stuck_at}.*.part")):
            assert training.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        training.kill()
    assert training.wait() == -signal.SIGKILL
    assert not (place / "model").exists()
    finished = sorted(path.name for path in place.glob(".model.*.partial/growth*.json"))
    assert finished == [f"growth_velocity-{name}.json" for name in ("A-collision-limited", "A-mean", "B-slope")]

    assert start(place).wait(SECONDS_TO_WAIT) == 0
    # Folds of what was finished are not fitted again; the half-written file counts for nothing.
    assert (place / "fits.txt").read_text().split() == [
        "collision-limited", "mean", "mean", "msgnn", "msgnn", "slope", "msgnn"
    ]  # fmt: skip
    assert contents(place / "model") == expected
    assert {path.name for path in place.iterdir()} == before | {"model", "fits.txt"}  # nothing is left over


def test_a_full_disk_takes_nothing_away(place: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    full = "growth_velocity-B-mean.json"
    write = training.write_whole

    def write_until_full(path: Path, content: bytes) -> None:
        if path.name == full:
            raise OutputError(f"cannot write {path}: no space left on device")
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_whole", write_until_full)
        assert run(["train", "training.toml", "--out", "model"]) == 2
    kept = sorted(path.name for path in place.glob(".model.*.partial/growth*.json"))
    assert kept == [f"growth_velocity-{name}.json" for name in ("A-collision-limited", "A-mean", "B-slope")]
    assert run(["train", "training.toml", "--out", "model"]) == 0
    assert not list(place.glob(".model.*.partial"))
