"""Pipes, devices and sockets where a file is expected: refused at once in one line, whatever the command."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nakaya.cli.app import run
from nakaya.core.errors import InputFileError
from nakaya.core.reading import check_input, open_input

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in its file system")

EXAMPLES = Path(__file__).parents[2] / "examples"
HANGING = 600
"""Seconds after which a command that waits for the other end of a pipe is woken, so that the test fails: far more than
all of them together take on a crowded machine."""

COMMANDS = (
    "records show {}", "records validate {}", "records graph {}", "records merge {} --out new",
    "predict --records {}", "explain --records {}", "predict --material Cu --temperature 1200 --model {}",
    "predict --md {} --lammps-units metal --elements Cu --temperature 1000",
    "ingest md {} --lammps-units metal --elements Cu --temperature 1000",
    "ingest micrograph {} --kind grains --out new", "ingest ebsd {} --out new",
    "ingest micrograph {} --kind loops --pixel-size 1e-9 --out new",
    "ingest reactor {} --map columns.toml --out new", "ingest reactor log.csv --map {} --out new",
    "fit reactor {} --out new", "tune {} --out new", "tune study.toml --storage sqlite:///{}", "train {} --out new",
    "campaign run {} --out new", "md campaign run {} --out new", "md laws {}", "show {} --out new.png",
    "benchmark kinetics --on unseen --records {}", "md run {} --dump d --elements Cu --temperature 1 --out new",
    "records show store", "predict --material Cu --temperature 1200 --model model",
)  # fmt: skip
"""Those without {} find it inside a folder."""


@pytest.fixture(params=["pipe", "device", "socket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "reactor" / "columns.toml", ".")
    shutil.copy(EXAMPLES / "reactor" / "batch-fast.csv", "log.csv")
    shutil.copy(EXAMPLES / "study-svm.toml", "study.toml")
    Path("store").mkdir()
    Path("model").mkdir()
    listening = None
    for name in ("it.file", "store/record.json", "model/model.json"):
        if request.param == "pipe":
            os.mkfifo(name)
        elif request.param == "device":
            Path(name).symlink_to("/dev/zero")
        else:
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(name)
    before = signal.signal(signal.SIGALRM, _wake)
    signal.alarm(HANGING)
    yield tmp_path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    if listening is not None:
        listening.close()


def _wake(*_: Any) -> None:
    raise AssertionError("it waits for the other end of a pipe")


def test_no_command_waits_for_the_other_end(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tifffile", reason='micrographs need the extra "microscopy"')
    for command in COMMANDS:
        status = run(command.format("it.file").split())
        error = capsys.readouterr().err
        assert status == 2, (command, error)
        assert error.count("\n") == 1, error
        assert not Path("new").exists()


def test_the_reason_is_said(place: Path) -> None:
    for read in (open_input, check_input):
        with pytest.raises(InputFileError, match=r"it\.file: it is not a plain file \(a pipe, device or socket"):
            read(Path("it.file"))
