"""Processes that work for a parent: every task once, few ahead, errors in words, nothing left in the environment."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nakaya.core.errors import NakayaError
from nakaya.core.processes import (
    THREAD_VARIABLES,
    one_thread_each,
    parent_bound_pool,
    peak_memory,
    peak_memory_of_children,
    results_as_completed,
)

AHEAD = 3


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = THREAD_VARIABLES
    monkeypatch.setenv(first, "7")
    monkeypatch.delenv(second, raising=False)
    before = dict(os.environ)
    with one_thread_each():
        assert all(os.environ[name] == "1" for name in THREAD_VARIABLES)
    assert dict(os.environ) == before
    with pytest.raises(KeyError), one_thread_each():
        raise KeyError
    assert dict(os.environ) == before


def test_every_task_is_done_once_and_few_are_ahead_and_a_dead_worker_is_said() -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        for number in range(20):
            taken += 1
            yield number

    found = []
    with parent_bound_pool(1) as pool:
        assert pool.submit(os.getenv, THREAD_VARIABLES[0]).result() == "1"
        assert list(results_as_completed(pool, math.sqrt, [], ahead=AHEAD)) == []
        for result in results_as_completed(pool, math.sqrt, numbers(), ahead=AHEAD):
            found.append(result)
            assert taken <= len(found) + AHEAD
        assert sorted(found) == [math.sqrt(number) for number in range(20)]
        with pytest.raises(ValueError, match="domain|nonnegative"):  # an error of the work itself goes through
            list(results_as_completed(pool, math.sqrt, [-1.0], ahead=AHEAD))
        with pytest.raises(NakayaError, match="what is finished is safe"):
            list(results_as_completed(pool, os._exit, [1], ahead=AHEAD))


def test_an_error_ends_the_workers_at_once_and_not_after_their_work(tmp_path: Path) -> None:
    begun, done = tmp_path / "begun", tmp_path / "done"
    work = f"""
import time, pathlib
pathlib.Path({str(begun)!r}).touch()
time.sleep(20)
pathlib.Path({str(done)!r}).touch()
"""
    with contextlib.suppress(KeyError), parent_bound_pool(1) as pool:
        pool.submit(exec, work)
        while not begun.exists():
            time.sleep(0.01)
        raise KeyError
    assert not done.exists()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX systems say how much memory was held")
def test_the_peak_of_memory_is_that_of_what_was_held() -> None:
    held = 200 << 20
    work = f"""
from nakaya.core.processes import peak_memory
before = peak_memory()
held = bytearray({held})
held[:: 4096] = b"x" * len(range(0, {held}, 4096))
del held
print(before, peak_memory())
"""
    printed = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True).stdout
    before, after = (int(word) for word in printed.split())
    assert held < after < before + 1.2 * held
    assert before < held
    assert (peak_memory_of_children() or 0) >= held
    assert (peak_memory() or 0) > 10 << 20
