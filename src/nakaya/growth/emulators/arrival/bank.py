"""Residuals of training crystals: what is left of each when the mean at its conditions is taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.growth.emulators.arrival.regression import Polynomial

__all__ = ["ResidualBank"]


@dataclass(frozen=True)
class ResidualBank:
    """Residuals of crystals, to be lent to members at conditions near to theirs.

    Attributes:
        known: Standardised conditions of the donors, float64 [donor, condition].
        maps: Residuals of tau, float16 [donor, site]; or, where `modes` are given, their coefficients, [donor, mode].
        numbers: Residuals of the numbers, float64 [donor, number].
        spread: Logarithm of the standard deviation of the residuals as a function of the conditions: outputs are the
            maps' and each number's.
        modes: float16 [mode, site], or None.
    """

    known: FloatArray
    maps: NDArray[np.float16]
    numbers: FloatArray
    spread: Polynomial
    modes: NDArray[np.float16] | None = None

    def nearest(self, condition: FloatArray, count: int) -> IntArray:
        """Return the donors nearest to one standardised condition, float64 [condition], the nearest first."""
        distance = ((self.known - condition) ** 2).sum(axis=1)
        return np.argsort(distance, kind="stable")[:count]

    def map_of(self, donor: int) -> NDArray[np.float32]:
        """Return the residual map of a donor, float32 [site]."""
        if self.modes is None:
            return np.asarray(self.maps[donor], np.float32)
        return np.asarray(self.maps[donor].astype(np.float32) @ self.modes.astype(np.float32))

    def ratios(self, condition: FloatArray, donors: IntArray) -> FloatArray:
        """Return the predicted spread at a condition over that at the donors': float64 [donor, 1 + number]."""
        return np.exp(self.spread(condition[None]) - self.spread(self.known[donors]))
