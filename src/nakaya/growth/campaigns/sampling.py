"""Where the parameter points of a campaign lie: uniform, on a grid, or on a Sobol sequence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from math import inf, prod
from typing import Literal

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError
from nakaya.growth.store.layout import MAX_POINTS

__all__ = ["Axis", "Method", "PointsPlan", "sample_points"]

Method = Literal["uniform", "grid", "sobol"]
Scale = Literal["linear", "log"]

MAX_AXES = 64
EXACT = Context(prec=40)
"""So many digits that a value of 17 digits comes out rounded once."""

POINTS_STREAM = 0x706F696E7473
"""Keeps the draws of the points apart from all other uses of the same seed."""


@dataclass(frozen=True)
class Axis:
    """How one parameter varies: between two values, or over a list of values.

    Attributes:
        low: Least value.
        high: Greatest value.
        scale: "linear", or "log": equal ratios instead of equal differences.
        count: Number of values, for a grid.
        values: The values of a grid themselves, instead of all the others.

    Raises:
        ParameterError: The entries contradict one another.
    """

    low: float | None = None
    high: float | None = None
    scale: Scale = "linear"
    count: int | None = None
    values: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.values is not None:
            if (self.low, self.high, self.count) != (None, None, None) or not self.values:
                raise ParameterError("values stand alone and are at least one: leave out low, high and count")
            if len(set(self.values)) != len(self.values):
                raise ParameterError("a value is repeated: the same point twice would give the same crystals twice")
            return
        if self.low is None or self.high is None:
            raise ParameterError("low and high are both needed, or values")
        if not -inf < self.low < self.high < inf:
            raise ParameterError(f"low={self.low:g} is not below high={self.high:g}, both finite")
        if self.scale == "log" and self.low <= 0:
            raise ParameterError(f"low={self.low:g} is not positive: a logarithmic scale has no zero")
        if self.count is not None:
            check_count("count", self.count, 2, MAX_POINTS, ": low and high are both among the values of a grid")

    def between(self, fractions: FloatArray) -> FloatArray:
        """Return the values at fractions of the way from low to high, float64 [point]; `fractions` are the same."""
        assert self.low is not None
        assert self.high is not None
        if self.scale == "log":
            return _in_equal_ratios(self.low, self.high, (Decimal(fraction) for fraction in fractions.tolist()))
        return np.clip(self.low + (self.high - self.low) * fractions, self.low, self.high)

    def on_grid(self) -> FloatArray:
        """Return the values of a grid, float64 [count]."""
        if self.values is not None:
            return np.asarray(self.values, np.float64)
        assert self.low is not None
        assert self.high is not None
        assert self.count is not None
        if self.scale == "log":
            places = map(Decimal, range(self.count))
            return _in_equal_ratios(self.low, self.high, (EXACT.divide(k, Decimal(self.count - 1)) for k in places))
        return np.asarray(np.linspace(self.low, self.high, self.count), np.float64)


def _in_equal_ratios(low: float, high: float, fractions: Iterable[Decimal]) -> FloatArray:
    """Return low (high / low)^fraction, each the double nearest to it: float64 [fraction].

    In decimal numbers, which are the same everywhere: the exponentials of NumPy and of the C library differ in their
    last bits between processors, and points that differ by a bit have other hashes, and so other noise.
    """
    start = EXACT.ln(Decimal(low))
    length = EXACT.subtract(EXACT.ln(Decimal(high)), start)
    return np.array([float(EXACT.exp(EXACT.fma(length, fraction, start))) for fraction in fractions], np.float64)


@dataclass(frozen=True)
class PointsPlan:
    """Which parameter points to take.

    Attributes:
        method: "uniform" (independent draws), "grid" (all combinations; the last axis runs fastest) or "sobol" (a
            scrambled low-discrepancy sequence: fills the space evenly, best with a power of two).
        vary: Axis by parameter name, in the order of the model's parameters.
        count: Number of points; None for a grid.
        seed: Of the draws; None for a grid.

    Raises:
        ParameterError: The entries contradict one another.

    >>> plan = PointsPlan("grid", {"rho": Axis(0.4, 0.6, count=3), "sigma": Axis(values=(0.0, 1e-3))})
    >>> plan.num_points
    6
    >>> sample_points(plan)["rho"].tolist()
    [0.4, 0.4, 0.5, 0.5, 0.6, 0.6]
    """

    method: Method
    vary: Mapping[str, Axis] = field(default_factory=dict)
    count: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.method == "grid":
            if self.count is not None or self.seed is not None:
                raise ParameterError("a grid has no count and no seed of its own: its axes have counts")
            for name, axis in self.vary.items():
                if axis.values is None and axis.count is None:
                    raise ParameterError(f"{name} needs a count (or values): it is an axis of a grid")
        else:
            check_count("count", self.count, 1, MAX_POINTS, f": it is the number of points of method {self.method!r}")
            check_seed(self.seed)
            for name, axis in self.vary.items():
                if axis.values is not None or axis.count is not None:
                    raise ParameterError(f"{name} takes low and high alone with method {self.method!r}")
            if not 1 <= len(self.vary) <= MAX_AXES:
                raise ParameterError(f"{len(self.vary)} parameters vary: method {self.method!r} needs 1 to {MAX_AXES}")
        if self.num_points > MAX_POINTS:
            raise ParameterError(f"{self.num_points} points are more than {MAX_POINTS}: use fewer")

    @property
    def num_points(self) -> int:
        """Number of points."""
        if self.method != "grid":
            return int(self.count or 0)
        return prod(
            len(axis.values) if axis.values is not None else int(axis.count or 0) for axis in self.vary.values()
        )


def sample_points(plan: PointsPlan) -> dict[str, FloatArray]:
    """Return the values of the parameters that vary, float64 [point] by name.

    The first points of a longer plan of the same method and seed are those of a shorter one (a grid apart).
    """
    if plan.method == "grid":
        grids = np.meshgrid(*(axis.on_grid() for axis in plan.vary.values()), indexing="ij")
        return {name: grid.ravel() for name, grid in zip(plan.vary, grids, strict=True)}
    stream = np.random.default_rng(np.random.SeedSequence([POINTS_STREAM, int(plan.seed or 0)]))
    shape = (plan.num_points, len(plan.vary))
    fractions = stream.random(shape) if plan.method == "uniform" else _sobol(shape, stream)
    return {name: axis.between(fractions[:, place]) for place, (name, axis) in enumerate(plan.vary.items())}


def _sobol(shape: tuple[int, int], stream: np.random.Generator) -> FloatArray:
    from scipy.stats import qmc

    # drawing a power of two and keeping the first ones says the same as drawing fewer, without the library's warning
    sequence = qmc.Sobol(shape[1], scramble=True, seed=stream)
    return np.asarray(sequence.random_base2((shape[0] - 1).bit_length())[: shape[0]], np.float64)
