from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def test_where_no_log_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"), lock_output(tmp_path / "file/c.zarr"):
        pass
