"""Several commands write one output: one is written, the others are told why not."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

import nakaya
from nakaya.cli.app import run
from nakaya.core.errors import OutputError
from nakaya.core.locks import lock_output
from nakaya.growth.store.verification import verify_store
from support.at_once import at_once

MAKERS = 6


def _grow(path: Path, seed: int, *more: str) -> None:
    said = io.StringIO()
    model = "gravner-griffeath-reference"  # there is nothing to compile
    words = ["grow", model, "--rho", "0.5", "--size", "12", "--members", "2", "--seed", str(seed), "--out", str(path)]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = run([*words, *more])
    if status:
        raise OutputError(said.getvalue())


def test_of_six_grows_one_is_written(tmp_path: Path) -> None:
    path = tmp_path / "g.zarr"
    found = at_once(_grow, path, MAKERS)
    (winner,) = (seed for seed, message in found.items() if message == "made")
    for seed, message in found.items():
        assert seed == winner or "exists already" in message or "is being written" in message, message
    assert nakaya.open(path).metadata.seed == winner
    assert verify_store(path).is_sound
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("option", [(), ("--overwrite",)])
def test_where_a_campaign_is_at_work_nothing_is_written(tmp_path: Path, option: tuple[str, ...]) -> None:
    path = tmp_path / "g.zarr"
    _grow(path, 1)
    with lock_output(path), pytest.raises(OutputError, match=r"exists already|is being written by process"):
        _grow(path, 2, *option)
    assert nakaya.open(path).metadata.seed == 1
    _grow(path, 2, "--overwrite")
    assert nakaya.open(path).metadata.seed == 2
