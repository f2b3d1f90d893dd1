"""Schedules: numbers that change with the progress of a training run, from 0 at its start to 1 at its end.

They are functions of the fraction of all updates, so a shorter run passes through the same phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nakaya.core.errors import ParameterError

__all__ = ["Ramp", "WarmupCosine"]


@dataclass(frozen=True)
class Ramp:
    """`start` until the progress `begin`, then linear to `stop` at the progress `end`, then `stop`.

    >>> Ramp(1.0, 0.1, 0.10, 0.19).at(0.145)
    0.55
    """

    start: float
    stop: float
    begin: float
    end: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.begin <= self.end <= 1.0:
            raise ParameterError(f"a ramp from {self.begin:g} to {self.end:g} does not lie in order within [0, 1]")

    def at(self, progress: float) -> float:
        """The value at this progress."""
        if progress <= self.begin:
            return self.start
        if progress >= self.end:
            return self.stop
        return self.start + (self.stop - self.start) * (progress - self.begin) / (self.end - self.begin)


@dataclass(frozen=True)
class WarmupCosine:
    """Linear from 0 to `peak` over the fraction `warmup`, then half a cosine down to `peak * floor`."""

    peak: float
    warmup: float
    floor: float

    def __post_init__(self) -> None:
        if not self.peak > 0.0 or not 0.0 <= self.warmup < 1.0 or not 0.0 <= self.floor <= 1.0:
            raise ParameterError(
                f"learning rate {self.peak:g} with warm-up {self.warmup:g} and floor {self.floor:g}: expected a "
                "positive rate, a warm-up in [0, 1) and a floor in [0, 1]"
            )

    def at(self, progress: float) -> float:
        """The value at this progress."""
        if progress < self.warmup:
            return self.peak * progress / self.warmup
        fallen = 0.5 * (1.0 - math.cos(math.pi * (progress - self.warmup) / (1.0 - self.warmup)))
        return self.peak * (1.0 - (1.0 - self.floor) * fallen)
