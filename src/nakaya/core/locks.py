"""The log beside an output, and the lock on it: one writer at a time.

The lock is advisory and belongs to the operating system: it ends with the process that holds it, however that ends, and
nothing has to be cleaned up. On network file systems it is only as good as the server's support for locks.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from nakaya.core.errors import OutputError
from nakaya.core.files import open_log, output_errors
from nakaya.core.reading import open_input

__all__ = ["OutputLog", "hold", "lock_output", "log_path", "shared_log"]

SECONDS_TO_TRY = 0.2
"""The last holder may remove the file of the lock between our opening it and locking it: then it is tried again."""

HOLDER_TAIL = 4096

LOCKED, UNLOCKED = "locked by ", "unlocked"


def log_path(path: Path) -> Path:
    """Where the log of an output lies: beside it, for time stamps and names of machines do not belong inside."""
    return path.with_name(path.name + ".log")


class OutputLog:
    """Appends dated lines to the log of an output. A line that cannot be written (full disk) is dropped.

    Args:
        stream: The log, opened for appending.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, message: str) -> None:
        """Append a line with the time, in UTC."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with suppress(OSError):  # the log is a courtesy; what matters will fail to be written itself, and say so
            self._stream.write(f"{stamp} {' '.join(message.split())}\n")
            self._stream.flush()


@contextmanager
def lock_output(path: Path) -> Iterator[OutputLog]:
    """Hold the lock of an output while the body runs.

    Yields:
        The log of the output.

    Raises:
        OutputError: Another process holds the lock, or the log cannot be written.
    """
    log = log_path(path)
    with hold(path):
        is_ours = False
        try:
            with TextIOWrapper(open_log(log), encoding="utf-8") as stream:
                is_ours = True
                told = OutputLog(stream)
                told.write(f"{LOCKED}process {os.getpid()} on {socket.gethostname()}")
                yield told
                told.write(UNLOCKED)
        finally:
            if is_ours and not path.exists():  # nothing came of it
                log.unlink(missing_ok=True)


@contextmanager
def shared_log(path: Path) -> Iterator[OutputLog]:
    """Open the log of an output that several processes write to; no lock is held."""
    with TextIOWrapper(open_log(log_path(path)), encoding="utf-8") as stream:
        yield OutputLog(stream)


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock of an output for a moment, without a log; errors as in `lock_output`."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), poll_interval=SECONDS_TO_TRY / 10)
    with output_errors(path):
        try:
            lock.acquire(timeout=SECONDS_TO_TRY)
        except Timeout:
            message = f"{path} is being written by {_holder(log_path(path))}: wait for it, or stop it first"
            raise OutputError(message) from None
    try:
        yield
    finally:
        if os.name != "nt":  # while it is still locked: who waits for it then sees that it is gone
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _holder(log: Path) -> str:
    """Who locked it last and has not unlocked it, by the log; who holds it for a moment leaves no word there."""
    with suppress(OSError), open_input(log) as stream:
        stream.seek(max(stream.seek(0, os.SEEK_END) - HOLDER_TAIL, 0))
        lines = stream.read().decode("utf-8", "replace").splitlines()
        told = [line for line in lines if LOCKED in line or line.endswith(f" {UNLOCKED}")]
        return told[-1].partition(LOCKED)[2] or "another process" if told else "another process"
    return "another process"
