"""The log beside a store, and the lock on it: one writer at a time.

The lock is advisory and belongs to the operating system: it ends with the process that holds it, however that ends, and
nothing has to be cleaned up. On network file systems it is only as good as the server's support for locks.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nakaya.core.errors import OutputError
from nakaya.core.files import output_errors

__all__ = ["StoreLog", "lock_store", "log_path"]

LOCKED_BYTE = 2**40
"""Windows locks bytes and then keeps others from reading them: lock one that lies far behind the end of the log."""

HOLDER_TAIL = 4096


def log_path(store: Path) -> Path:
    """Where the log of a store lies: beside it, for time stamps and names of machines do not belong inside."""
    return store.with_name(store.name + ".log")


class StoreLog:
    """Appends dated lines to the log of a store. A line that cannot be written (full disk) is dropped.

    Args:
        stream: The log, opened for appending.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, message: str) -> None:
        """Append a line with the time, in UTC."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            self._stream.write(f"{stamp} {' '.join(message.split())}\n")
            self._stream.flush()
        except OSError:  # the log is a courtesy; what matters will fail to be written itself, and say so
            return


@contextmanager
def lock_store(store: Path) -> Iterator[StoreLog]:
    """Hold the lock of a store while the body runs.

    Yields:
        The log of the store.

    Raises:
        OutputError: Another process holds the lock, or the log cannot be written.
    """
    path = log_path(store)
    stream, is_new = _open_locked(path, store)
    try:
        log = StoreLog(stream)
        log.write(f"locked by process {os.getpid()} on {socket.gethostname()}")
        yield log
        log.write("unlocked")
    finally:
        nothing_came_of_it = is_new and not store.exists()
        if nothing_came_of_it and sys.platform != "win32":
            path.unlink(missing_ok=True)  # while it is still locked: see _open_locked
        stream.close()  # gives the lock back
        if nothing_came_of_it and sys.platform == "win32":
            path.unlink(missing_ok=True)


def _open_locked(path: Path, store: Path) -> tuple[IO[str], bool]:
    """Open and lock the log; also say whether it is new."""
    while True:
        with output_errors(path):
            is_new = not path.exists()
            stream = path.open("a", encoding="utf-8")
            try:
                locked = _try_lock(stream)
                is_there = locked and _is_at(stream, path)
            except BaseException:
                stream.close()
                raise
        if is_there:
            return stream, is_new
        stream.close()
        if not locked:
            raise OutputError(f"{store} is being written by {_holder(path)}: wait for it, or stop it first")
        # the last holder removed this file between our opening it and locking it: lock the one that is there now


def _is_at(stream: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    with path.open("rb") as stream:
        stream.seek(max(stream.seek(0, os.SEEK_END) - HOLDER_TAIL, 0))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    named = [line.partition("locked by ")[2] for line in lines if " locked by " in line]
    return named[-1] if named else "another process"


if sys.platform == "win32":
    import msvcrt

    def _try_lock(stream: IO[str]) -> bool:
        place = os.lseek(stream.fileno(), 0, os.SEEK_CUR)
        try:
            os.lseek(stream.fileno(), LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(stream.fileno(), place, os.SEEK_SET)
        return True
else:
    import fcntl

    def _try_lock(stream: IO[str]) -> bool:
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
