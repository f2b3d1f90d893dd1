from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import nakaya
from nakaya.core.errors import OutputError, ParameterError
from nakaya.core.files import check_output, remove_leftovers, remove_parts, write_whole
from nakaya.core.folders import new_folder
from nakaya.growth.model.trajectory import Trajectory

Maker = Callable[..., Trajectory]


def everything_below(path: Path) -> list[str]:
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*"))


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.json"
    write_whole(target, b"old")
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))
    with pytest.raises(OSError, match="no space"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert everything_below(tmp_path) == ["a.json"]


def fail_with(number: int, after: int = 0) -> Callable[..., None]:
    calls = [0]

    def fail(*_: object, **__: object) -> None:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("after", [0, 1, 5, 11])
def test_a_full_disk_leaves_nothing_behind(
    crystals: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC, after))
    with pytest.raises(OutputError, match=r"no space left on device: free some space") as caught:
        nakaya.save(crystals(2, 3), tmp_path / "c.zarr")
    assert "\n" not in str(caught.value)
    assert everything_below(tmp_path) == []


def test_a_full_disk_keeps_what_was_there(crystals: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = crystals(2, 3)
    nakaya.save(original, tmp_path / "c.zarr")
    before = everything_below(tmp_path)
    rename, calls = os.rename, []

    def fail_the_second_time(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:  # the old store is aside, and the new one cannot come
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_the_second_time)
    with pytest.raises(OutputError, match="read-only"):
        nakaya.save(crystals(3, 3), tmp_path / "c.zarr", overwrite=True)
    monkeypatch.undo()
    assert len(calls) == 3
    assert everything_below(tmp_path) == before
    assert (nakaya.open(tmp_path / "c.zarr").load().arrival == original.arrival).all()


def test_an_output_that_exists_is_refused(crystals: Maker, tmp_path: Path) -> None:
    for path in (tmp_path / "file.zarr", tmp_path / "empty.zarr", tmp_path / "link.zarr"):
        if path.name == "file.zarr":
            path.write_text("x")
        elif path.name == "empty.zarr":
            path.mkdir()
        else:
            path.symlink_to(tmp_path / "nowhere")
        with pytest.raises(OutputError, match="exists already"):
            nakaya.save(crystals(1, 1), path)
        nakaya.save(crystals(1, 1), path, overwrite=True)
        assert nakaya.open(path).num_members == 1
        nakaya.save(crystals(1, 2), path, overwrite=True)
        assert nakaya.open(path).num_members == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.zarr", "file.zarr", "link.zarr"]


def test_overwrite_does_not_delete_what_is_no_store(crystals: Maker, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("years of work")
    with pytest.raises(OutputError, match="not deleted"):
        nakaya.save(crystals(1, 1), tmp_path / "thesis", overwrite=True)
    with pytest.raises(OutputError, match="not deleted"):
        check_output(tmp_path / "thesis", overwrite=True, sign="zarr.json")
    assert (tmp_path / "thesis/chapter.tex").read_text() == "years of work"


def test_outputs_are_checked_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_output(tmp_path / "new", overwrite=False)
    check_output(tmp_path / "parents/are/made/new")
    assert everything_below(tmp_path) == ["parents", "parents/are", "parents/are/made"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="not a directory"):
        check_output(tmp_path / "file/new", overwrite=False)
    with pytest.raises(OutputError, match="exists already"):
        check_output(tmp_path / "file", overwrite=False)
    check_output(tmp_path / "file", overwrite=True)
    monkeypatch.setattr(os, "open", fail_with(errno.EACCES))
    with pytest.raises(OutputError, match="permission denied: choose a place you may write"):
        check_output(tmp_path / "new", overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "parents"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arrival": "float64"}, "arrival is float64"),
        ({"steps": "int32"}, "steps is int32"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"a/b": [0.5, 0.5]}}, "letters"),
        ({"parameters": {"rho": [0.5]}}, "parameter rho"),
    ],
)
def test_a_trajectory_that_contradicts_itself_is_not_stored(
    crystals: Maker, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    from dataclasses import replace

    import numpy as np

    original = crystals(2, 3)
    name, value = next(iter(change.items()))
    changed = (
        {key: np.asarray(values) for key, values in value.items()}
        if isinstance(value, dict)
        else getattr(original, name).astype(value)
    )
    with pytest.raises(ParameterError, match=message):
        nakaya.save(replace(original, **{name: changed}), tmp_path / "c.zarr")
    metadata = replace(original.metadata, geometry={"name": "sector", "size": 10})
    with pytest.raises(ParameterError, match="size 10"):
        nakaya.save(replace(original, metadata=metadata), tmp_path / "c.zarr")
    impossible = original.arrival.copy()
    impossible[0, 0, 0, 0] = -2
    with pytest.raises(ParameterError, match="arrival times"):
        nakaya.save(replace(original, arrival=impossible), tmp_path / "c.zarr")
    assert everything_below(tmp_path) == []


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    store = tmp_path / "c[1].zarr"
    (store / "arrival").mkdir(parents=True)
    for name in ("arrival/c.0.0.part", "zarr.json.part"):
        (store / name).write_text("half")
    (store / "kept").write_text("whole")
    remove_parts(store)
    assert everything_below(store) == ["arrival", "kept"]
    (tmp_path / ".c[1].zarr.abc.part").mkdir()
    (tmp_path / ".c[1].zarr.abc.part/x").write_text("half")
    for name in (".other.zarr.abc.part", ".c[1].zarr.more.abc.part"):
        (tmp_path / name).mkdir()
    remove_leftovers(store)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".c[1].zarr.more.abc.part", ".other.zarr.abc.part", "c[1].zarr"]


def test_a_directory_whose_maker_fails_does_not_appear(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "d") as fresh:
            (fresh / "half").write_text("x")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        fail()
    assert everything_below(tmp_path) == []
