"""How much solute a saturated solution holds, as a function of temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, get_args

import numpy as np
from pydantic import Field

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["CELSIUS_ZERO", "Basis", "Solubility"]

CELSIUS_ZERO = 273.15

Basis: TypeAlias = Literal["solvent", "solution", "initial-solution"]
"""What a concentration is per kg of: solvent, solution (a mass fraction), or the solution at the start."""

_KINDS = {"polynomial": 0, "exponential": 1}
_MAX_COEFFICIENTS = 4


@dataclass(frozen=True)
class Solubility:
    """Solubility as a polynomial in temperature, or the exponential of one.

    c*(T) = scale x p(T - zero), or scale x exp(p(T - zero)), p a polynomial of degree three at most.

    Attributes:
        coefficients: a_0, a_1, ... of p, for temperatures in K (a difference of 1 K is one of 1 C).
        zero: Temperature that is subtracted, K: 273.15 for laws in Celsius, 0 for laws in kelvin; `zero_K` in files.
        form: "polynomial" or "exponential".
        basis: What the concentration is per kg of.
        scale: Factor in front.
        source: Where the law is from.

    Raises:
        ParameterError: No coefficients or too many, an unknown form or basis, or a number that is not finite.

    >>> round(float(Solubility((29.94, 0.804), scale=0.01, basis="solution").at(298.15)), 4)
    0.5004
    """

    coefficients: tuple[float, ...]
    zero: Annotated[float, Field(alias="zero_K")] = CELSIUS_ZERO
    form: Literal["polynomial", "exponential"] = "polynomial"
    basis: Basis = "solvent"
    scale: float = 1.0
    source: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.coefficients) <= _MAX_COEFFICIENTS:
            raise ParameterError(f"a solubility with {len(self.coefficients)} coefficients: give one to four")
        if self.form not in _KINDS:
            raise ParameterError(f"form={self.form!r} of a solubility is neither polynomial nor exponential")
        if self.basis not in get_args(Basis):
            raise ParameterError(f"basis={self.basis!r} of a solubility is none of {', '.join(get_args(Basis))}")
        if not np.isfinite([*self.coefficients, self.zero, self.scale]).all() or self.scale <= 0:
            raise ParameterError("the numbers of a solubility must be finite, and its scale positive")

    def row(self) -> FloatArray:
        """The law as a row of numbers for the solvers, float64 [7]."""
        coefficients: Sequence[float] = [*self.coefficients, 0.0, 0.0, 0.0][:_MAX_COEFFICIENTS]
        return np.array([_KINDS[self.form], self.scale, self.zero, *coefficients], dtype=np.float64)

    def at(self, temperature: FloatArray | float) -> FloatArray:
        """Solubility at a temperature in K, float64, kg per kg of what `basis` says; same shape."""
        x = np.asarray(temperature, dtype=np.float64) - self.zero
        value = np.polynomial.polynomial.polyval(x, np.asarray(self.coefficients, dtype=np.float64))
        return np.asarray(self.scale * (np.exp(value) if self.form == "exponential" else value), dtype=np.float64)
