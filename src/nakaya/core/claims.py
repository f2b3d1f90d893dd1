"""Who works on which part of an output, told by locks in a hidden folder beside it; there is no server.

A claim saves work, it does not guard it: whoever writes a part writes all of it, under a name of its own, and renames
it. Where a file system has no locks, two workers may do the same work and write the same bytes.

A claim ends with its process, however that ends, and nothing has to be cleaned up. What stays of a process that was
killed is a mark that it had begun, so that a part that kills whoever works on it is given up after some attempts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nakaya.core.files import output_errors

__all__ = ["Claims"]

LOCK_SUFFIX, BEGUN_SUFFIX = ".lock", ".begun"
POLL_SECONDS = 0.05


class Claims:
    """The claims of an output's parts.

    Args:
        out: The output.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out.with_name(f".{out.name}.claims")

    @contextmanager
    def hold(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Claim a part while the body runs.

        Args:
            name: Of the part.
            wait: Whether to wait for whoever holds it.

        Yields:
            Whether it is ours; always, after waiting.

        Raises:
            OutputError: Nothing can be written there.
        """
        with output_errors(self.folder):
            lock = self._acquire(name, wait=wait)
        if lock is None:
            yield False
            return
        try:
            yield True
        finally:
            if os.name != "nt":  # while it is still locked: who waits for it then sees that it is gone
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def _acquire(self, name: str, *, wait: bool) -> FileLock | None:
        while True:
            self.folder.mkdir(exist_ok=True)
            lock = FileLock(self.folder / f"{name}{LOCK_SUFFIX}", poll_interval=POLL_SECONDS)
            try:
                lock.acquire(timeout=-1 if wait else 0)
            except Timeout:
                return None
            except FileNotFoundError:  # somebody has just found the folder empty, and removed it
                continue
            return lock

    def begun(self, name: str) -> int:
        """How often work on a part was begun by processes that were killed, or are at it."""
        with suppress(FileNotFoundError):
            return (self.folder / f"{name}{BEGUN_SUFFIX}").stat().st_size
        return 0

    @contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """Mark that work on a part has begun, until the body ends in whatever way but a kill."""
        mark = self.folder / f"{name}{BEGUN_SUFFIX}"
        with output_errors(mark):
            before = self.begun(name)
            with mark.open("ab") as stream:
                stream.write(b".")
        finished = False
        try:
            yield
            finished = True
        finally:
            with suppress(OSError):
                if finished or before == 0:
                    mark.unlink(missing_ok=True)
                else:
                    os.truncate(mark, before)

    def living(self) -> list[str]:
        """The parts that somebody holds."""
        held = []
        for file in sorted(self.folder.glob(f"*{LOCK_SUFFIX}")):
            name = file.name.removesuffix(LOCK_SUFFIX)
            with self.hold(name) as is_ours:
                if not is_ours:
                    held.append(name)
        return held

    def tidy(self) -> None:
        """Remove the folder if nothing is in it."""
        with suppress(OSError):
            self.folder.rmdir()

    def forget(self) -> None:
        """Remove all marks of processes that were killed."""
        for mark in self.folder.glob(f"*{BEGUN_SUFFIX}"):
            mark.unlink(missing_ok=True)
        self.tidy()
