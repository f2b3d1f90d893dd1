"""Checks of single values at the border: whole numbers, seeds, and numbers in a documented range."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nakaya.core.errors import ParameterError

__all__ = ["Range", "check_count", "check_in_range", "check_seed"]


def check_count(name: str, value: object, least: int, most: int, remedy: str = "") -> int:
    """Return `value` as an int in [least, most], or say what was expected.

    Raises:
        ParameterError: `value` is no whole number or out of range.
    """
    if not hasattr(value, "__index__") or isinstance(value, bool):
        raise ParameterError(f"{name}={value!r} is not a whole number from {least} to {most}{remedy}")
    number = int(value)
    if not least <= number <= most:
        raise ParameterError(f"{name}={number} is outside the range from {least} to {most}{remedy}")
    return number


def check_seed(seed: object) -> int:
    """Return `seed` as an int in [0, 2**63), or raise `ParameterError`."""
    return check_count("seed", seed, 0, 2**63 - 1)


@dataclass(frozen=True)
class Range:
    """The documented range of one parameter.

    Attributes:
        low: Least value.
        high: Greatest value.
        meaning: What the parameter is, in a few words, for error messages and `--help`.
        low_open: Whether `low` itself is excluded.
        high_open: Whether `high` itself is excluded.
    """

    low: float
    high: float
    meaning: str
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether `value` is a number inside the range (NaN is not)."""
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        """The range in interval notation, such as (0, 1]."""
        return f"{'(' if self.low_open else '['}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


def check_in_range(name: str, value: object, allowed: Range) -> float:
    """Return `value` as a float, or say why it is not a value of this parameter.

    Raises:
        ParameterError: `value` is no number, is NaN, or lies outside `allowed`.
    """
    if isinstance(value, bool) or (not isinstance(value, (int, float)) and not hasattr(value, "__float__")):
        raise ParameterError(f"{name}={value!r} is not a number: {name} is {allowed.meaning}, in {allowed}")
    number = float(value)
    if math.isnan(number) or number not in allowed:
        raise ParameterError(f"{name}={number:g} is outside {allowed}: it is {allowed.meaning}")
    return number
