"""Several numbers as people write them in one word: `1200`, `700,900,1100`, `700:1300:7` (start:stop:count)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, shown

__all__ = ["MAX_NUMBERS", "equally_spaced", "parse_numbers"]

MAX_NUMBERS: Final = 10_000
"""That one word may stand for."""


def equally_spaced(start: float, stop: float, count: int) -> FloatArray:
    """Equally spaced numbers, both ends included, float64 [count]; rounded to nine digits, so that 0.4 is 0.4.

    >>> equally_spaced(0.0, 0.6, 4).tolist()
    [0.0, 0.2, 0.4, 0.6]
    """
    return np.array([float(f"{value:.9g}") for value in np.linspace(start, stop, count)])


def parse_numbers(text: str, *, what: str, unit: str, most: int = MAX_NUMBERS) -> tuple[float, ...]:
    """Return the numbers that a word stands for, in its order: numbers and ranges start:stop:count between commas.

    Args:
        text: The word.
        what: The quantity, for messages ("temperature").
        unit: In which it is counted; a unit behind a number is refused, whichever it is.
        most: How many numbers there may be.

    Raises:
        ParameterError: No numbers, a number twice, too many, or a range that is empty or runs backwards.

    >>> parse_numbers("700:900:3,1200", what="temperature", unit="K")
    (700.0, 800.0, 900.0, 1200.0)
    """
    found: list[float] = []
    for part in text.split(","):
        if not part.strip():
            raise ParameterError(f"{what} {shown(text)} has nothing {_where(text)}: leave the comma out")
        ends = part.split(":")
        if len(ends) == 1:
            found.append(_number(part, what, unit))
        elif len(ends) == 3:
            found += _spaced(part, _number(ends[0], what, unit), _number(ends[1], what, unit), ends[2], what, most)
        else:
            raise ParameterError(
                f"{what} {shown(part.strip())} is no range: write start:stop:count, such as 700:1300:7"
            )
        if len(found) > most:
            raise ParameterError(f"{what} {shown(text)} are more than {most:,} values: ask for fewer")
    twice = next((value for value in found if found.count(value) > 1 and math.isfinite(value)), None)
    if twice is not None:
        raise ParameterError(f"{what} {shown(text)} holds {twice:g} {unit} twice: each once")
    return tuple(found)


def _where(text: str) -> str:
    return "in it" if not text.strip() else "before or after a comma"


def _number(text: str, what: str, unit: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ParameterError(
            f"{what} {shown(text.strip())} is no number: write it in {unit} and without a unit, such as 1200, "
            "700,900,1100 or 700:1300:7 (start:stop:count)"
        ) from None


def _spaced(part: str, start: float, stop: float, how_many: str, what: str, most: int) -> list[float]:
    told = f"{what} range {shown(part.strip())}"
    try:
        count = int(how_many)
    except ValueError:
        raise ParameterError(
            f"{told}: the count {shown(how_many.strip())} is no whole number: write start:stop:count"
        ) from None
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise ParameterError(f"{told} needs two finite ends")
    if start > stop:
        raise ParameterError(f"{told} runs backwards: write {stop:g}:{start:g}:{count}")
    if not 1 <= count <= most:
        raise ParameterError(f"{told} asks for {count} values: the count is 1 to {most:,}")
    if count == 1 and start < stop:
        raise ParameterError(f"{told} has two ends and one value: count 2 at least, or write one number")
    if count > 1 and start == stop:
        raise ParameterError(f"{told} has one end and {count} values: write {start:g}")
    return [float(value) for value in equally_spaced(start, stop, count)]
