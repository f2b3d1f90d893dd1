"""Makers of one thing that begin in the same moment, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nakaya.core.errors import NakayaError

PATIENCE = 300.0
"""Seconds, of a machine with other things to do; reached by nothing but a fault."""


def at_once(make: Callable[[Path, int], object], path: Path, makers: int) -> dict[int, str]:
    """Call `make(path, number)` in so many processes; what each says: "made", or its error."""
    context = multiprocessing.get_context("spawn")
    meet, told = context.Barrier(makers), context.Queue()
    processes = [context.Process(target=_make, args=(make, path, number, meet, told)) for number in range(makers)]
    for process in processes:
        process.start()
    found = dict(told.get(timeout=PATIENCE) for _ in processes)
    for process in processes:
        process.join()
    return found


def _make(make: Callable[[Path, int], object], path: Path, number: int, meet: Any, told: Any) -> None:
    meet.wait(PATIENCE)
    try:
        make(path, number)
    except NakayaError as error:
        told.put((number, str(error)))
    except BaseException as error:  # or it would be waited for
        told.put((number, f"failed: {type(error).__name__}: {error}"))
        raise
    else:
        told.put((number, "made"))
