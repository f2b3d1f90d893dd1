"""What a fit starts from and what it returns: observations, free parameters, estimates with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.reactor.crystallizer import Crystallizer, Operation, Run

__all__ = [
    "LEVEL",
    "OBSERVATION_UNITS",
    "PRECISE_FACTOR",
    "Estimate",
    "Experiment",
    "Fit",
    "FreeParameter",
    "Intervals",
    "Kind",
    "Observation",
    "observe",
    "seen_in",
]

Intervals: TypeAlias = Literal["profile", "covariance", "bootstrap"]

Kind: TypeAlias = Literal["concentration", "L10", "L32", "L43", "log_number"]

OBSERVATION_UNITS: Final[Mapping[str, str]] = {
    "concentration": "kg/kg",
    "L10": "m",
    "L32": "m",
    "L43": "m",
    "log_number": "1",
}
"""Kind of observation -> SI unit: concentration in the solubility's basis; ln(crystals per kg of slurry)."""

LEVEL = 0.90

PRECISE_FACTOR = 10.0
"""A positive parameter whose interval spans more than this factor is not called identifiable."""


@dataclass(frozen=True, eq=False)
class Observation:
    """One quantity in time.

    Attributes:
        kind: What was measured.
        times: float64 [n], s, increasing.
        values: float64 [n], SI.
        deviation: Standard deviation of one value; None: estimated from the residuals of all observations of its kind.
    """

    kind: Kind
    times: FloatArray
    values: FloatArray
    deviation: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UnknownNameError("kind of observation", self.kind, get_args(Kind))
        times, values = np.asarray(self.times, dtype=np.float64), np.asarray(self.values, dtype=np.float64)
        if times.ndim != 1 or times.shape != values.shape or times.size == 0:
            raise ParameterError(f"{self.kind}: {values.shape} values for {times.shape} times")
        if not (np.isfinite(times).all() and np.isfinite(values).all() and (np.diff(times) > 0).all()):
            raise ParameterError(f"{self.kind}: times must increase and everything be finite: leave gaps out")
        if self.deviation is not None and not self.deviation > 0:
            raise ParameterError(f"{self.kind}: deviation={self.deviation} must be positive")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, eq=False)
class Experiment:
    """One run of a crystallizer and what was seen of it.

    Attributes:
        name: For messages and plots.
        operation: How it was run.
        observations: What was measured.
    """

    name: str
    operation: Operation
    observations: tuple[Observation, ...]

    def __post_init__(self) -> None:
        if not self.observations:
            raise ParameterError(f"experiment {self.name} has no observations")
        latest = max(float(entry.times[-1]) for entry in self.observations)
        if latest > self.operation.duration * (1 + 1e-9):
            raise ParameterError(
                f"experiment {self.name} was observed until {latest:g} s but lasts {self.operation.duration:g} s"
            )


@dataclass(frozen=True)
class FreeParameter:
    """A parameter to estimate.

    Attributes:
        path: Such as "growth.rate_constant".
        start: First guess; None: the value in the crystallizer.
        low: Least value, above 0 for a logarithmic scale.
        high: Greatest value.
        log: Whether the search and the intervals use the logarithm; None: yes where `low` is positive and
            high/low is 10 or more.
    """

    path: str
    low: float
    high: float
    start: float | None = None
    log: bool | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ParameterError(f"{self.path}: bounds [{self.low}, {self.high}] must be finite and in order")
        if self.log is None:
            object.__setattr__(self, "log", self.low > 0 and self.high / self.low >= 10)
        if self.log and self.low <= 0:
            raise ParameterError(f"{self.path}: a logarithmic scale needs low > 0, got {self.low}")
        if self.start is not None and not self.low <= self.start <= self.high:
            raise ParameterError(f"{self.path}: start={self.start:g} is outside [{self.low:g}, {self.high:g}]")

    def forward(self, value: float) -> float:
        """The value on the scale of the search."""
        return math.log(value) if self.log else value

    def back(self, u: float) -> float:
        """The value from the scale of the search, inside the bounds."""
        return float(min(max(math.exp(u) if self.log else u, self.low), self.high))


@dataclass(frozen=True)
class Estimate:
    """What is known about one parameter.

    Attributes:
        path: Its name.
        value: SI.
        unit: SI unit.
        interval90: 90 % interval; an end is None where the data do not bound it inside the search range.
        identifiable: Whether the interval is closed and, for a positive parameter, spans less than a factor of ten.
        reason: Why not, or "".
    """

    path: str
    value: float
    unit: str
    interval90: tuple[float | None, float | None]
    identifiable: bool
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of `fit`.

    Attributes:
        estimates: One for every free parameter.
        crystallizer: With the estimated parameters.
        deviations: Kind of observation -> standard deviation that was given or found.
        rmse: Experiment/kind -> root mean square residual, SI.
        correlation: Of the estimates on the scale of the search, float64 [p, p].
        runs: Experiment -> best run, at the observed times of all its observations.
        intervals: How the intervals were found.
        num_observations: In all.
        evaluations: Number of simulated batches.
        threshold: Drop of twice the log-likelihood at the ends of a 90 % interval.
        profiles: Parameter -> (values, twice the drop of the log-likelihood), float64 [n] each; empty unless profiled.
    """

    estimates: tuple[Estimate, ...]
    crystallizer: Crystallizer
    deviations: Mapping[str, float]
    rmse: Mapping[str, float]
    correlation: FloatArray
    runs: Mapping[str, Run]
    intervals: Intervals
    num_observations: int
    evaluations: int
    threshold: float
    profiles: Mapping[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)


def observe(run: Run, kind: Kind) -> FloatArray:
    """What an observation of this kind sees of a run, float64 [t]; sizes are 0 while there are no crystals."""
    if kind == "concentration":
        return run.concentration
    if kind == "log_number":
        return np.log(np.maximum(run.moments[:, 0], 1.0))
    return np.nan_to_num(run.mean_sizes[kind])


def seen_in(run: Run, seen: Observation) -> FloatArray:
    """What an observation would have been in a run that reports at (at least) its times."""
    return observe(run, seen.kind)[np.searchsorted(run.times, seen.times)]
