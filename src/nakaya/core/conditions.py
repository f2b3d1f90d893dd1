"""Conditions: one point in a model's parameter space, and its hash.

A model's conditions are a frozen dataclass of floats. The hash of a point enters the key of the noise, so the crystal
that grows at a point does not depend on which other points are grown with it, nor in which order.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from nakaya.core.errors import ParameterError

__all__ = ["Conditions", "Range", "check_in_range", "point_hash"]


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


@runtime_checkable
class Conditions(Protocol):
    """One point in the parameter space of a model family.

    Attributes:
        family: Name of the space ("gravner-griffeath"): solvers and emulators of the same system share it.
        ranges: The documented range of every parameter, in the order of the fields.
    """

    family: ClassVar[str]
    ranges: ClassVar[Mapping[str, Range]]

    def parameters(self) -> dict[str, float]:
        """All parameters by name, in the order of `ranges`."""
        ...


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


def point_hash(conditions: Conditions) -> int:
    """Return the 64-bit hash of a parameter point.

    BLAKE2b over the family and the exact (hexadecimal) values by name. The float -0.0 counts as 0.0. The hash is part
    of the file format: changing it changes every noisy crystal.
    """
    words = [conditions.family]
    words += [f"{name}={(value + 0.0).hex()}" for name, value in sorted(conditions.parameters().items())]
    digest = hashlib.blake2b("\n".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
