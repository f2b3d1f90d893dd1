"""How a condition (temperature, stirring) runs in time: straight lines between given points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["Profile", "constant", "cubic", "linear", "natural", "piecewise"]

_POINTS = 201
"""Of a curved profile: straight lines between so many stay within 2e-5 of its range."""


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


def cubic(start: float, end: float, duration: float) -> Profile:
    """Programmed cooling: start + (end - start) (t/duration)^3, slow first, when crystals have little surface.

    It keeps the supersaturation of a seeded batch with growth alone nearly constant (Mullin & Nyvlt 1971).

    >>> float(cubic(315.15, 306.15, 86400.0).at(43200.0))
    314.025
    """
    times = np.linspace(0.0, duration, _POINTS)
    return Profile(times, start + (end - start) * (times / duration) ** 3)


def natural(start: float, end: float, duration: float, surroundings: float) -> Profile:
    """Natural cooling: surroundings + (start - surroundings) exp(-t/tau), tau such that `end` is there at `duration`.

    Newton's law of a vessel that is left to itself, or whose jacket is at one temperature: fastest first.

    Raises:
        ParameterError: `end` does not lie between `start` and `surroundings`: it would never be reached.

    >>> float(natural(320.0, 300.0, 3600.0, 280.0).at(1800.0).round(3))
    308.284
    """
    fraction = (end - surroundings) / (start - surroundings) if start != surroundings else np.inf
    if not 0 < fraction < 1:
        raise ParameterError(
            f"natural cooling from {start:g} does not reach {end:g} in surroundings of {surroundings:g}: the end lies "
            "between start and surroundings"
        )
    times = np.linspace(0.0, duration, _POINTS)
    return Profile(times, surroundings + (start - surroundings) * fraction ** (times / duration))


def piecewise(points: Sequence[tuple[float, float]]) -> Profile:
    """A profile through points (time in s, value).

    >>> profile = piecewise([(0.0, 315.15), (3600.0, 313.15), (7200.0, 306.15)])
    >>> profile.times.tolist(), profile.values.tolist()
    ([0.0, 3600.0, 7200.0], [315.15, 313.15, 306.15])
    """
    times, values = zip(*points, strict=True) if points else ((), ())
    return Profile(np.array(times), np.array(values))
