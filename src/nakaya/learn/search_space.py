"""What a study may vary: flat lists of numbers, so that a Gaussian process sees distances between them.

Unordered choices and parameters that exist only for some values of others make such a search worse; kinds are coded as
integers, powers of two by their exponent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nakaya.core.errors import ParameterError

__all__ = ["Kind", "Parameter"]

Kind: TypeAlias = Literal["integer", "real", "log", "power-of-two"]
"""How a range is searched."""


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    Attributes:
        name: As in the settings of the model.
        low: Smallest value.
        high: Largest value, included.
        kind: "integer": whole numbers; "real": evenly; "log": evenly in the logarithm; "power-of-two": 2^n between
            `low` and `high`, searched in n.
        labels: For an integer that codes kinds: what each value stands for, from `low` on.
    """

    name: str
    low: float
    high: float
    kind: Kind = "real"
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ParameterError(f"{self.name}: [{self.low}, {self.high}] is no range")
        if self.kind in ("log", "power-of-two") and self.low <= 0:
            raise ParameterError(f"{self.name}: a range in the logarithm starts above 0, not at {self.low:g}")
        if self.kind == "integer" and (self.low % 1 or self.high % 1):
            raise ParameterError(f"{self.name}: an integer between {self.low:g} and {self.high:g}")
        if self.kind == "power-of-two" and (math.log2(self.low) % 1 or math.log2(self.high) % 1):
            raise ParameterError(f"{self.name}: {self.low:g} and {self.high:g} are not both powers of two")
        if self.labels and (self.kind != "integer" or len(self.labels) != self.high - self.low + 1):
            raise ParameterError(f"{self.name}: {len(self.labels)} labels for the whole numbers it can take")

    def check(self, value: float) -> float:
        """Return a value of this parameter.

        Raises:
            ParameterError: It lies outside the range, or between whole numbers.
        """
        whole = self.kind not in ("integer", "power-of-two") or float(value).is_integer()
        power = self.kind != "power-of-two" or (value > 0 and math.log2(value).is_integer())
        if not (self.low <= value <= self.high and whole and power):
            raise ParameterError(f"{self.name}={value!r}: expected {self.kind} in [{self.low:g}, {self.high:g}]")
        return float(value)
