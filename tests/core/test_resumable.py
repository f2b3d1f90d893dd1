"""A folder of work belongs to one configuration, and no kill in its first moments makes it nobody's."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from nakaya.core.errors import ConfigError, OtherConfigurationError, OutputError, OutputExistsError
from nakaya.core.locks import lock_output
from nakaya.core.resumable import resumable, staged

CONFIGURATION = {"seed": 1, "axes": {"rho": [0.5, 0.6]}}


@contextmanager
def work(folder: Path, configuration: dict[str, object] | None = None, *, overwrite: bool = False):  # type: ignore[no-untyped-def]
    chosen = CONFIGURATION if configuration is None else configuration
    with resumable(folder, chosen, marker="run.json", kind="run", overwrite=overwrite) as log:
        yield log


def test_the_same_configuration_goes_on_and_another_is_refused_by_its_keys(tmp_path: Path) -> None:
    folder = tmp_path / "parents" / "run"
    with work(folder):
        (folder / "done").write_text("")
    with work(folder):
        assert (folder / "done").exists()
    named = r"\(axes.rho is \[0.5, 0.6\] there, 0.5 now; seed is 1 there, 2 now\)"
    with pytest.raises(OtherConfigurationError, match=named):
        work(folder, {"seed": 2, "axes": {"rho": 0.5}}).__enter__()
    with pytest.raises(ConfigError, match="and 8 more"):
        work(folder, {**CONFIGURATION, **{f"key{number}": number for number in range(12)}}).__enter__()
    assert (folder / "done").exists()
    with work(folder, {"seed": 2}, overwrite=True):
        assert [entry.name for entry in folder.iterdir()] == ["run.json"]


def test_a_marker_of_an_earlier_version_has_no_format(tmp_path: Path) -> None:
    with work(tmp_path / "run"):
        pass
    (tmp_path / "run" / "run.json").write_text(json.dumps(CONFIGURATION))
    with work(tmp_path / "run"):
        pass
    (tmp_path / "run" / "run.json").write_text(json.dumps({"format": 2, **CONFIGURATION}))
    with pytest.raises(OtherConfigurationError, match="format is 2 there, 1 now"):
        work(tmp_path / "run").__enter__()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("left", [[], [".run.json.0-1-2.part"], ["run.partial"], [".DS_Store", ".nfs0001"]])
def test_what_the_first_moments_leave_is_taken_over(tmp_path: Path, left: list[str], overwrite: bool) -> None:
    (tmp_path / "run").mkdir()
    for name in left:
        (tmp_path / "run" / name).write_text("{")
    with work(tmp_path / "run", overwrite=overwrite):
        assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["run.json"]


KILLED = """
import os, signal, sys
from pathlib import Path
from nakaya.core.resumable import resumable

operation, number = getattr(os, sys.argv[2]), int(sys.argv[3])

def killed(*arguments, **options):
    global number
    number -= 1
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return operation(*arguments, **options)

setattr(os, sys.argv[2], killed)
with resumable(Path(sys.argv[1]), {configuration}, marker="run.json", kind="run", overwrite=sys.argv[4] == "True"):
    (Path(sys.argv[1]) / "done").write_text("")
""".replace("{configuration}", repr(CONFIGURATION))


@pytest.mark.skipif(os.name != "posix", reason="kills are those of POSIX")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("operation", "number"), [("mkdir", 0), ("fsync", 0), ("replace", 0), ("rename", 0), ("rename", 1)]
)
def test_a_kill_at_any_of_the_first_steps_is_no_hindrance(
    tmp_path: Path, operation: str, number: int, overwrite: bool
) -> None:
    """Also where a folder is begun anew: what was there is gone or there, and the same command goes on."""
    folder = tmp_path / "run"
    with work(folder):
        (folder / "old").write_text("")
    if not overwrite:
        (folder / "run.json").rename(folder / "run.partial")  # as an earlier version left it
        (folder / "old").unlink()
    words = [sys.executable, "-c", KILLED, str(folder), operation, str(number), str(overwrite)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    with work(folder):
        assert {"run.json"} <= {entry.name for entry in folder.iterdir()} <= {"run.json", "old"}
    assert {entry.name for entry in tmp_path.iterdir()} == {"run", "run.log"}


@pytest.mark.parametrize("operation", ["fsync", "replace", "mkdir"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_was_full_is_no_hindrance_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, overwrite: bool
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, operation, full)
        with pytest.raises(OutputError, match="no space left on device: free some space"):
            work(tmp_path / "run").__enter__()
    with work(tmp_path / "run", overwrite=overwrite):
        assert json.loads((tmp_path / "run" / "run.json").read_text()) == {"format": 1, **CONFIGURATION}


def test_a_damaged_marker_is_ours_and_a_thesis_is_not(tmp_path: Path) -> None:
    with work(tmp_path / "run"):
        (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(OutputExistsError, match="damaged"):
        work(tmp_path / "run").__enter__()
    with work(tmp_path / "run", overwrite=True):
        pass
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years")
    (tmp_path / "file").write_text("years")
    for name in ("thesis", "file"):
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="is no run, so it is not deleted"):
                work(tmp_path / name, overwrite=overwrite).__enter__()
    assert (tmp_path / "thesis" / "chapter.tex").exists()
    assert not list(tmp_path.glob("thesis.log"))


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with work(tmp_path / "run"), pytest.raises(OutputError, match=f"being written by process {os.getpid()} on"):
        work(tmp_path / "run", overwrite=True).__enter__()


def test_staged_work_goes_on_and_leaves_nothing_but_what_another_still_does(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with suppress(KeyboardInterrupt), staged(out, b"question") as folder:
        folder.mkdir()
        (folder / "done").write_text("")
        raise KeyboardInterrupt
    (tmp_path / ".model.abandoned.partial").mkdir()
    (tmp_path / ".model.v2.abandoned.partial").mkdir()  # of model.v2
    living = tmp_path / ".model.living.partial"
    living.mkdir()
    with lock_output(living), staged(out, b"question") as again:
        assert (again / "done").exists()
        with pytest.raises(OutputError, match="being written"):
            staged(out, b"question").__enter__()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        living.name, f"{living.name}.log", ".model.v2.abandoned.partial"
    ]  # fmt: skip
