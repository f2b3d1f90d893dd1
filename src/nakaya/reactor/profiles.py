"""How a condition (temperature, stirring) runs in time: straight lines between given points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["Profile", "constant", "linear", "piecewise"]


@dataclass(frozen=True, eq=False)
class Profile:
    """A condition in time, linear between points, constant before the first and after the last.

    Attributes:
        times: float64 [n], s, strictly increasing.
        values: float64 [n], SI unit of the condition.

    Raises:
        ParameterError: Times that do not increase, numbers that are not finite, or lengths that differ.
    """

    times: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        times, values = (np.array(entry, dtype=np.float64, ndmin=1) for entry in (self.times, self.values))
        if times.ndim != 1 or times.shape != values.shape or times.size == 0:
            raise ParameterError(f"a profile needs as many values as times: got {values.shape} and {times.shape}")
        if not (np.isfinite(times).all() and np.isfinite(values).all()):
            raise ParameterError("a profile holds a number that is not finite: leave such points out")
        if not (np.diff(times) > 0).all():
            raise ParameterError("the times of a profile must increase: sort them and merge equal ones")
        for array in (times, values):
            array.setflags(write=False)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)

    def at(self, times: ArrayLike) -> FloatArray:
        """Values at `times` (s), same shape, float64."""
        return np.asarray(np.interp(np.asarray(times, dtype=np.float64), self.times, self.values))


def constant(value: float) -> Profile:
    """A condition that does not change."""
    return Profile(np.array([0.0]), np.array([value]))


def linear(start: float, end: float, duration: float) -> Profile:
    """A straight line from `start` at time 0 to `end` at `duration` (s).

    >>> float(linear(315.15, 306.15, 86400.0).at(43200.0))
    310.65
    """
    return Profile(np.array([0.0, duration]), np.array([start, end]))


def piecewise(points: Sequence[tuple[float, float]]) -> Profile:
    """A profile through points (time in s, value)."""
    times, values = zip(*points, strict=True) if points else ((), ())
    return Profile(np.array(times), np.array(values))
