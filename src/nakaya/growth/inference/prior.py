"""Over which conditions is asked: independent uniform parameters, on linear or logarithmic scales."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.growth.campaigns.sampling import Scale

__all__ = ["Prior"]

EDGE = 1e-6
"""Fractions of a range are kept this far from its ends: the ends themselves have no place on an unbounded scale."""


@dataclass(frozen=True)
class Prior:
    """Independent parameters, each uniform between two values, on its own scale.

    Attributes:
        names: The parameters.
        low: Their least values.
        high: Their greatest values.
        scales: "linear", or "log": uniform in the logarithm.

    Raises:
        ParameterError: The entries contradict one another.

    >>> prior = Prior(("rho", "noise"), (0.4, 1e-3), (0.6, 1e-1), ("linear", "log"))
    >>> prior.fractions(np.array([[0.5, 1e-2]])).round(3).tolist()
    [[0.5, 0.5]]
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    scales: tuple[Scale, ...]

    def __post_init__(self) -> None:
        if not self.names or not len(self.names) == len(self.low) == len(self.high) == len(self.scales):
            raise ParameterError(
                f"{len(self.names)} names, {len(self.low)} and {len(self.high)} ends and {len(self.scales)} scales "
                "are no ranges: give one of each for every parameter, at least one"
            )
        for name, low, high, scale in zip(self.names, self.low, self.high, self.scales, strict=True):
            if not -math.inf < low < high < math.inf or (scale == "log" and low <= 0):
                raise ParameterError(f"{name} from {low:g} to {high:g} is no range on a {scale} scale")

    @property
    def num_parameters(self) -> int:
        """How many parameters there are."""
        return len(self.names)

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        is_log = np.array([scale == "log" for scale in self.scales])
        low, high = np.array(self.low), np.array(self.high)
        return np.where(is_log, np.log(np.abs(low)), low), np.where(is_log, np.log(np.abs(high)), high)

    def _scaled(self, values: FloatArray) -> FloatArray:
        columns = [
            np.log(values[..., place]) if scale == "log" else values[..., place]
            for place, scale in enumerate(self.scales)
        ]
        return np.stack(columns, axis=-1)

    def fractions(self, values: FloatArray) -> FloatArray:
        """Return how far along its range every value lies, 0 to 1, on the range's scale: float64 [*batch, parameter].

        Args:
            values: float64 [*batch, parameter].
        """
        low, high = self._ends()
        return np.asarray((self._scaled(np.asarray(values, np.float64)) - low) / (high - low))

    def values(self, fractions: FloatArray) -> FloatArray:
        """Return the values at fractions of the ranges; what `fractions` undoes."""
        low, high = self._ends()
        along = low + np.asarray(fractions, np.float64) * (high - low)
        columns = [
            np.exp(along[..., place]) if scale == "log" else along[..., place]
            for place, scale in enumerate(self.scales)
        ]
        return np.asarray(np.clip(np.stack(columns, axis=-1), self.low, self.high))

    def to_unbounded(self, values: FloatArray) -> FloatArray:
        """Return log(f / (1 - f)) of the fractions f of the ranges, float64 [*batch, parameter]."""
        fractions = np.clip(self.fractions(values), EDGE, 1 - EDGE)
        return np.asarray(np.log(fractions) - np.log1p(-fractions))

    def from_unbounded(self, unbounded: FloatArray) -> FloatArray:
        """Return the values; what `to_unbounded` undoes."""
        return self.values(0.5 * (1 + np.tanh(0.5 * np.asarray(unbounded, np.float64))))

    def contains(self, values: FloatArray) -> BoolArray:
        """Return whether points lie in the ranges: bool [*batch]."""
        fractions = self.fractions(values)
        return np.asarray(((fractions >= 0) & (fractions <= 1)).all(axis=-1))

    def draw(self, count: int, *, rng: np.random.Generator) -> FloatArray:
        """Return points drawn from the ranges, float64 [count, parameter]."""
        return self.values(rng.random((count, self.num_parameters)))

    def columns(self, values: FloatArray) -> dict[str, NDArray[np.float64]]:
        """Return points by the name of the parameter."""
        return {name: np.asarray(values[..., place], np.float64) for place, name in enumerate(self.names)}

    def matrix(self, parameters: Mapping[str, FloatArray]) -> FloatArray:
        """Return named parameters as float64 [*batch, parameter]."""
        return np.stack([np.asarray(parameters[name], np.float64) for name in self.names], axis=-1)

    @classmethod
    def of_axes(cls, axes: Mapping[str, Mapping[str, object]], names: Sequence[str]) -> Prior:
        """Return the ranges that a campaign's axes state.

        Raises:
            ParameterError: An axis is a list of values, or missing.
        """
        for name in names:
            if not {"low", "high"} <= set(axes.get(name, {})):
                raise ParameterError(f"{name} does not vary between two values in these crystals: low and high of it")
        return cls(
            tuple(names),
            tuple(float(str(axes[name]["low"])) for name in names),
            tuple(float(str(axes[name]["high"])) for name in names),
            tuple("log" if axes[name].get("scale") == "log" else "linear" for name in names),
        )
