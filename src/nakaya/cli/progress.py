"""How far a command is, on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nakaya.cli.output import echo
from nakaya.core.text import printable

__all__ = ["progress_reporter"]

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress_reporter(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress while the body runs.

    Args:
        label: What is going on ("growing").
        unit: What is counted ("crystals").

    Yields:
        A function that takes how many are done, and of how many.
    """
    if sys.stderr.isatty():
        with _bar(label, unit) as report:
            yield report
    else:
        yield _lines(label, unit)


@contextmanager
def _bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit, markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(printable(label), total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _lines(label: str, unit: str) -> Callable[[int, int], None]:
    last: float | None = None

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if last is None or done == total or now - last >= SECONDS_BETWEEN_LINES:
            echo(f"{label}: {done} of {total} {unit}", err=True)
            last = now

    return report
