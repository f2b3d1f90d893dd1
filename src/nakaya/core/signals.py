"""Requests to stop (SIGINT, SIGTERM) that wait until what is being done can be kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StopRequest", "interrupt_on_termination", "postponed_stop"]

WATCHED = (signal.SIGINT, signal.SIGTERM)
"""What a terminal sends, and what a batch system sends some seconds before it kills."""


class StopRequest:
    """Whether somebody has asked to stop.

    Attributes:
        signal: Number of the signal; None: nobody has.
    """

    def __init__(self) -> None:
        self.signal: int | None = None


@contextmanager
def postponed_stop(*, wanted: bool = True) -> Iterator[StopRequest]:
    """Note SIGINT and SIGTERM while the body runs, which looks at the request when it can stop.

    The first signal is noted; one that follows acts as it would have without us, so that two of them always end a
    process. One that is ignored stays so: a shell lets jobs in its background ignore SIGINT, which is for others.
    Python handles signals in the main thread only: in others nothing is noted.

    Args:
        wanted: False: nothing is noted either.

    Yields:
        The request.
    """
    request = StopRequest()
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield request
        return
    handlers = {number: signal.getsignal(number) for number in WATCHED}
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}

    def restore() -> None:
        for number, handler in before.items():
            if handler is not None:  # None: set by something other than Python, which cannot be set again
                signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        request.signal = number
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()


@contextmanager
def interrupt_on_termination() -> Iterator[None]:
    """Let SIGTERM do what SIGINT does while the body runs: raise KeyboardInterrupt, so that all is closed in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
