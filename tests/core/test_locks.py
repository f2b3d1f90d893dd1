from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from nakaya.core import locks
from nakaya.core.errors import OutputError
from nakaya.core.locks import lock_output, log_path

HOLD = """
import sys, time
from pathlib import Path
from nakaya.core.locks import lock_output
with lock_output(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_writer_at_a_time_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    store = tmp_path / "c.zarr"
    store.mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(store)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match=rf"is being written by process {holder.pid} on"), lock_output(store):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with lock_output(store) as log:
        log.write("two\nlines")
    text = log_path(store).read_text()
    assert "two lines" in text
    assert str(time.gmtime().tm_year) in text


def test_two_locks_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "c.zarr").mkdir()
    store = tmp_path / "c.zarr"
    with lock_output(store), pytest.raises(OutputError, match="being written"), lock_output(store):
        pass


def test_a_log_of_nothing_is_not_left_behind(tmp_path: Path) -> None:
    with lock_output(tmp_path / "c.zarr"):
        assert log_path(tmp_path / "c.zarr").exists()
    assert list(tmp_path.iterdir()) == []
    with lock_output(tmp_path / "c.zarr"):
        (tmp_path / "c.zarr").mkdir()
    assert log_path(tmp_path / "c.zarr").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in its file system")
def test_nothing_is_written_through_a_log_that_is_a_link_nor_into_a_pipe(tmp_path: Path) -> None:
    victim = tmp_path / "of-somebody-else"
    victim.write_text("whole")
    log = log_path(tmp_path / "c.zarr")
    for make in (lambda: log.symlink_to(victim), lambda: log.symlink_to(tmp_path / "new"), lambda: os.mkfifo(log)):
        make()
        for _ in range(2):  # what is not ours is not removed, either
            refused = pytest.raises(OutputError, match=r"c\.zarr\.log: it is a link or no plain file: remove it")
            with refused, lock_output(tmp_path / "c.zarr"):
                pass
        assert victim.read_text() == "whole"
        assert not (tmp_path / "new").exists()
        log.unlink()
    with lock_output(tmp_path / "c.zarr"):
        pass


def test_where_no_log_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"), lock_output(tmp_path / "file/c.zarr"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="Windows does not remove a file that is open")
def test_the_file_of_the_lock_is_not_removed_from_under_the_next_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one takes the lock in the moment in which it is let go: after it nobody else may have it."""
    store = tmp_path / "c.zarr"
    store.mkdir()
    release = locks.FileLock.release
    with ExitStack() as next_holder:

        def let_go(lock: locks.FileLock, force: bool = False) -> None:
            release(lock, force)
            monkeypatch.setattr(locks.FileLock, "release", release)
            next_holder.enter_context(lock_output(store))

        monkeypatch.setattr(locks.FileLock, "release", let_go)
        with lock_output(store):
            pass
        with pytest.raises(OutputError, match="being written"), lock_output(store):
            pass
    with lock_output(store):
        pass


@pytest.mark.skipif(os.name == "nt", reason="Windows does not remove a file that is open")
def test_a_lock_on_a_file_that_is_gone_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opened the file before the last holder removed it, and locks it afterwards, opens the new one."""
    store = tmp_path / "c.zarr"
    store.mkdir()
    name, real_open = store.with_name(".c.zarr.lock"), os.open
    opened = 0

    def opened_too_early(path: str | Path, *arguments: int, **options: int) -> int:
        nonlocal opened
        descriptor = real_open(path, *arguments, **options)
        if Path(path) == name:
            opened += 1
            if opened == 1:
                name.unlink()  # as the last holder does before it lets go
        return descriptor

    monkeypatch.setattr(os, "open", opened_too_early)
    with lock_output(store):
        assert opened == 2
        assert name.exists()
        with pytest.raises(OutputError, match="being written"), lock_output(store):
            pass


def test_who_comes_as_the_lock_is_let_go_waits_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "SECONDS_TO_TRY", 10.0)
    store = tmp_path / "c.zarr"
    store.mkdir()
    begun, entered = threading.Event(), threading.Event()

    def wait_for_it() -> None:
        begun.set()
        with lock_output(store):
            entered.set()

    waiting = threading.Thread(target=wait_for_it)
    with lock_output(store):
        waiting.start()
        begun.wait()
        time.sleep(0.2)  # long enough for the first try; were it not, nothing would be wrong
        assert not entered.is_set()
    waiting.join()
    assert entered.is_set()
