"""What a chapter of the demonstration is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nakaya.viz.reports.report import Report

__all__ = ["Chapter"]


@dataclass(frozen=True)
class Chapter:
    """One chapter.

    Attributes:
        title: Heading of its section.
        write: Does the work, adds to the report, and returns lines for the summary; takes the report and the seed.
    """

    title: str
    write: Callable[[Report, int], list[str]]
