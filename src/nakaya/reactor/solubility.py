"""How much solute a saturated solution holds, as a function of temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, get_args

import numpy as np
from pydantic import Field

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.reactor.amounts import Amounts, Basis, Conversion, conversion

__all__ = ["CELSIUS_ZERO", "Basis", "Form", "Solubility"]

CELSIUS_ZERO = 273.15

Form: TypeAlias = Literal["polynomial", "exponential", "van-t-hoff", "apelblat", "table"]
"""In this order the kinds of law in a row of numbers for the solvers."""

_MIN_COEFFICIENTS = 4  # a shorter row is filled up with zeros
_COEFFICIENTS = {"polynomial": (1, 8), "exponential": (1, 8), "van-t-hoff": (2, 2), "apelblat": (3, 3), "table": (0, 0)}
_MAX_POINTS = 10_000
_UNKNOWN = Amounts()


@dataclass(frozen=True)
class Solubility:
    """Solubility as a function of temperature.

    With x = T - zero and T in K,

        polynomial    scale (a_0 + a_1 x + a_2 x^2 + ...)
        exponential   scale exp(a_0 + a_1 x + a_2 x^2 + ...)
        van-t-hoff    scale exp(a_0 + a_1/T)
        apelblat      scale exp(a_0 + a_1/T + a_2 ln T)
        table         scale times the values, between which ln c is a straight line; nothing is known beyond its ends

    Attributes:
        coefficients: a_0, a_1, ..., for temperatures in K (a difference of 1 K is one of 1 C); none for a table.
        zero: Temperature that is subtracted, K: 273.15 for laws in Celsius, 0 for laws in kelvin; `zero_K` in files.
        form: One of the above.
        basis: What the concentration is per kg of.
        scale: Factor in front.
        source: Where the law is from.
        unit: Of what the law gives, such as "kg/kg", "g/L" or "mol/mol"; it is converted to kg/kg.
        amounts: Molar masses and densities, where the unit needs them.
        temperatures: Of a table, as T - zero, increasing.
        values: Of a table, positive.

    Raises:
        ParameterError: No coefficients or too many, an unknown form or basis, or a number that is not finite.

    >>> round(float(Solubility((29.94, 0.804), scale=0.01, basis="solution").at(298.15)), 4)
    0.5004
    """

    coefficients: tuple[float, ...] = ()
    zero: Annotated[float, Field(alias="zero_K")] = CELSIUS_ZERO
    form: Form = "polynomial"
    basis: Basis = "solvent"
    scale: float = 1.0
    source: str = ""
    unit: str = "kg/kg"
    amounts: Amounts = _UNKNOWN
    temperatures: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise ParameterError(f"form={self.form!r} of a solubility is none of {', '.join(get_args(Form))}")
        least, most = _COEFFICIENTS[self.form]
        if not least <= len(self.coefficients) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ParameterError(
                f"a solubility of the form {self.form} with {len(self.coefficients)} coefficients: give {wanted}"
            )
        if self.basis not in get_args(Basis):
            raise ParameterError(f"basis={self.basis!r} of a solubility is none of {', '.join(get_args(Basis))}")
        numbers = [*self.coefficients, self.zero, self.scale, *self.temperatures, *self.values]
        if not np.isfinite(numbers).all() or self.scale <= 0:
            raise ParameterError("the numbers of a solubility must be finite, and its scale positive")
        if self.form != "table" and (self.temperatures or self.values):
            raise ParameterError(f'temperatures and values are of form = "table", not of {self.form!r}')
        if self.form == "table" and not (
            2 <= len(self.temperatures) == len(self.values) <= _MAX_POINTS
            and (np.diff(self.temperatures) > 0).all()
            and min(self.values) > 0
        ):
            raise ParameterError(
                f"a table of solubilities with {len(self.temperatures)} temperatures and {len(self.values)} values: it "
                "needs as many of each, two at least, increasing temperatures and positive values"
            )

    @property
    def conversion(self) -> Conversion:
        """From the unit of the law to kg/kg.

        Raises:
            ParameterError: The unit is no amount of solute, or needs a molar mass or density that is not given.
        """
        return conversion(self.unit, self.basis, self.amounts, "a solubility")

    def range(self) -> tuple[float, float]:
        """Least and greatest temperature that the law is for, K."""
        if self.form == "table":
            return self.temperatures[0] + self.zero, self.temperatures[-1] + self.zero
        return 0.0, np.inf

    def row(self) -> FloatArray:
        """The law as a row of numbers for the solvers: kind, scale, zero, then coefficients, or T - zero and ln c."""
        numbers: Sequence[float] = self.coefficients
        if self.form == "table":
            numbers = [*self.temperatures, *np.log(self.values)]
        padding = [0.0] * (_MIN_COEFFICIENTS - len(numbers))
        return np.array([get_args(Form).index(self.form), self.scale, self.zero, *numbers, *padding], dtype=np.float64)

    def at(self, temperature: FloatArray | float) -> FloatArray:
        """Solubility at a temperature in K, float64, kg per kg of what `basis` says; same shape; NaN off a table."""
        T = np.asarray(temperature, dtype=np.float64)
        x, a = T - self.zero, np.asarray(self.coefficients, dtype=np.float64)
        with np.errstate(over="ignore"):
            if self.form == "table":
                value = np.exp(np.interp(x, self.temperatures, np.log(self.values), left=np.nan, right=np.nan))
            elif self.form == "van-t-hoff":
                value = np.exp(a[0] + a[1] / T)
            elif self.form == "apelblat":
                value = np.exp(a[0] + a[1] / T + a[2] * np.log(T))
            else:
                value = np.polynomial.polynomial.polyval(x, a)
                value = np.exp(value) if self.form == "exponential" else value
            return np.asarray(self.conversion.apply(self.scale * value), dtype=np.float64)
