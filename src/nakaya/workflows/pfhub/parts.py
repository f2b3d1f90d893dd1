"""What a benchmark problem of PFHub states about itself: parts, their runs, and the rows that the runs become."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from nakaya.core.processes import peak_memory

__all__ = ["Computed", "Part", "Row", "Summary", "measured"]

Summary: TypeAlias = Mapping[str, Any]
"""What is kept of a run besides its files, plain values of JSON: always "sim_time", and what `measured` adds."""

Row: TypeAlias = dict[str, Any]
"""A line of the table; "problem" and "cpu_seconds" stand in each."""


@dataclass(frozen=True)
class Computed:
    """What one run leaves.

    Attributes:
        summary: What rows are made of.
        files: Name -> content, as PFHub wants them uploaded.
    """

    summary: Summary
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Part:
    """A part of a problem, which is one upload.

    Attributes:
        name: As PFHub names it: "8b".
        version: Revision of the problem.
        summary: What was computed and how, in a sentence or two.
        runs: Each computes one run, alone; none depends on another.
        rows: Makes the part's rows of the table from the summaries of all its runs, in their order.
    """

    name: str
    version: int
    summary: str
    runs: Sequence[Callable[[], Computed]]
    rows: Callable[[Sequence[Summary]], list[Row]]


@contextmanager
def measured(cost: dict[str, Any]) -> Iterator[None]:
    """Write into `cost` what the body takes: "cpu_seconds", "wall_seconds", and the process's "memory_kib" so far."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    cost |= {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    cost["memory_kib"] = (peak_memory() or 0) // 1024
