"""Folders take a name whole, one maker at a time, and nobody's place unasked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nakaya.core.errors import OutputError, OutputExistsError
from nakaya.core.files import write_whole
from nakaya.core.folders import move_folder, new_folder
from nakaya.core.locks import lock_output
from support.at_once import at_once

MAKERS = 6


def _make(path: Path, number: int, overwrite: bool = False) -> None:
    with new_folder(path, overwrite=overwrite) as fresh:
        for name in "abc":
            write_whole(fresh / name, bytes([number]) * 100_000)


def _replace(path: Path, number: int) -> None:
    _make(path, number, overwrite=True)


def _is_made_by(path: Path) -> int:
    (whole,) = {(path / name).read_bytes() for name in "abc"}
    return whole[0]


def test_of_six_makers_of_one_name_one_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "result"
    found = at_once(_make, path, MAKERS)
    (winner,) = (number for number, message in found.items() if message == "made")
    for number, message in found.items():
        assert number == winner or "exists already: another process made it" in message or "being written" in message
    assert _is_made_by(path) == winner
    assert list(tmp_path.iterdir()) == [path]


def test_of_six_that_may_replace_one_is_there_whole(tmp_path: Path) -> None:
    path = tmp_path / "result"
    _make(path, 100)
    found = at_once(_replace, path, MAKERS)
    winners = [number for number, message in found.items() if message == "made"]
    assert all("being written" in message for message in found.values() if message != "made")
    assert _is_made_by(path) in winners
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "result"

    def make() -> None:
        with new_folder(path, overwrite=False) as fresh:
            (fresh / "a").write_text("mine")
            path.mkdir()
            (path / "a").write_text("of another")

    with pytest.raises(OutputExistsError, match="another process made it meanwhile"):
        make()
    assert (path / "a").read_text() == "of another"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["looked", "moved away"])
def test_whoever_is_faster_between_two_steps_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Another process, which knows no locks, makes the folder after the last look at the name."""
    path, rename = tmp_path / "result", os.rename

    def faster(source: Path, target: Path) -> None:
        if Path(target) == path:
            path.mkdir()
            (path / "a").write_text("of another")
        rename(source, target)

    if moment == "moved away":
        _make(path, 1)
    monkeypatch.setattr(os, "rename", faster)
    with pytest.raises(OutputExistsError, match="another process made it meanwhile"):
        _make(path, 2, overwrite=moment == "moved away")
    assert (path / "a").read_text() == "of another"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("make", [_make, _replace])
def test_a_name_at_which_another_works_is_not_taken(
    tmp_path: Path, make: Callable[[Path, int], None], overwrite: bool
) -> None:
    path = tmp_path / "result"
    if overwrite:
        _make(path, 1)
    with lock_output(path), pytest.raises(OutputError, match=f"is being written by process {os.getpid()} on"):
        make(path, 2)
    assert [_is_made_by(entry) for entry in tmp_path.iterdir() if entry.is_dir()] == [1] * overwrite


def test_a_folder_that_cannot_be_moved_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, rename = tmp_path / "result", os.rename
    _make(path, 1)
    (tmp_path / "new").mkdir()

    def fail(source: Path, target: Path) -> None:
        if Path(source) == tmp_path / "new":
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OutputError, match=r"cannot write .*result: permission denied"):
        move_folder(tmp_path / "new", path, overwrite=True)
    assert _is_made_by(path) == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new", "result"]
