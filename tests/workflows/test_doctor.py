"""The doctor names programs that other commands start: where they are, or what goes on without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakaya.workflows import doctor as module
from nakaya.workflows.doctor import Check, doctor

FILMS = "films as MP4 and WebM (nakaya film)"
DASK = "work on many machines by Dask (--dask)"
SLURM = "work on many machines by SLURM (nakaya campaign script)"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs."""
    for attempt in ("_grow_one", "_store_one"):
        monkeypatch.setattr(module, attempt, lambda: "left out")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def examined() -> dict[str, Check]:
    return {check.name: check for check in doctor()}


def test_programs_that_are_there_are_shown_with_their_paths(programs: Path) -> None:
    for name in ("ffmpeg", "sbatch", "squeue", "scancel"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    found = examined()
    assert (found[FILMS].works, found[FILMS].detail) == (True, str(programs / "ffmpeg"))
    assert found[SLURM].works
    assert found[SLURM].detail == ", ".join(str(programs / name) for name in ("sbatch", "squeue", "scancel"))


def test_those_that_are_missing_are_no_fault_and_their_remedy_is_named(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs / "sbatch").write_text("#!/bin/sh\n")
    (programs / "sbatch").chmod(0o755)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    found = examined()
    for name, words in ((FILMS, "write .gif or .png"), (SLURM, "squeue, scancel not found"), (DASK, 'nakaya[dask]"')):
        assert not found[name].works
        assert not found[name].required
        assert words in found[name].detail
