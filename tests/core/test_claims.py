"""Claims: one holder at a time, free when the holder is gone, and a mark of who was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nakaya.core.claims import Claims
from nakaya.core.errors import OutputError

HOLDER = """
import sys
from pathlib import Path
from nakaya.core.claims import Claims
claims = Claims(Path(sys.argv[1]))
with claims.hold("0.0") as is_ours, claims.attempt("0.0"):
    print(is_ours, flush=True)
    sys.stdin.read()
"""


def test_one_holds_a_part_and_others_hold_others(tmp_path: Path) -> None:
    claims, same = Claims(tmp_path / "c.zarr"), Claims(tmp_path / "c.zarr")
    with claims.hold("0.0") as first, same.hold("0.0") as second, same.hold("1.0") as other:
        assert (first, second, other) == (True, False, True)
        assert claims.living() == ["0.0", "1.0"]
    assert claims.living() == []
    with same.hold("0.0") as again:
        assert again
    claims.tidy()
    assert list(tmp_path.iterdir()) == []


def test_who_waits_gets_it_when_the_holder_ends(tmp_path: Path) -> None:
    claims, order = Claims(tmp_path / "c.zarr"), list[str]()

    def wait() -> None:
        with claims.hold("0.0", wait=True) as is_ours:
            order.append(f"second: {is_ours}")

    with claims.hold("0.0"):
        thread = threading.Thread(target=wait)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second: True"]


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_killed_holder_leaves_a_free_part_and_a_mark(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "c.zarr")
    for times in (1, 2):
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "c.zarr")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert claims.living() == ["0.0"]
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
        assert claims.living() == []
        assert claims.begun("0.0") == times
    with contextlib.suppress(KeyboardInterrupt), claims.attempt("0.0"):
        assert claims.begun("0.0") == 3
        raise KeyboardInterrupt
    assert claims.begun("0.0") == 2  # who was interrupted has not killed anybody
    with claims.attempt("0.0"):
        pass
    assert claims.begun("0.0") == 0  # it is done
    claims.tidy()
    assert list(tmp_path.iterdir()) == []


def test_marks_can_be_forgotten(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "c.zarr")
    claims.folder.mkdir()
    (claims.folder / "0.0.begun").write_bytes(b"....")
    assert claims.begun("0.0") == 4
    claims.forget()
    assert claims.begun("0.0") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"), Claims(tmp_path / "file" / "c.zarr").hold("0.0"):
        pass
