"""Units at the border: text and numbers with any unit become SI; inside nobody converts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.records.record import CONDITION_UNITS, QUANTITY_UNITS, Axis, Quantity

__all__ = ["check_unit", "from_si", "quantity", "same_dimension", "si_unit", "to_si"]

MAX_UNIT_LENGTH = 64

_USUAL = frozenset({*CONDITION_UNITS.values(), *QUANTITY_UNITS.values(), "J", "N", "kg", "pixel"})
"""SI units that most records hold alone: they are read without pint, which takes half a second to start."""

# Exponents of one or two digits and the numerator 1 are the only numbers: "9**9**9" must not be evaluated.
_TOKEN = re.compile(r"\s+|[A-Za-zµμΩ°Å%_]+[0-9]?|(?:\*\*|\^)\s*-?\d{1,2}(?![\d.])|1(?![\d.])|[*/()·]")


@lru_cache(maxsize=1)
def _registry() -> Any:  # pint is imported on first use and carries no types
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


@lru_cache(maxsize=512)
def _parse(unit: str) -> Any:
    import pint

    if not isinstance(unit, str) or len(unit) > MAX_UNIT_LENGTH or not unit.strip():
        raise ParameterError(f"{str(unit)[:80]!r} is not a unit: write something such as m/s or 1/(m^3 s)")
    position = 0
    while position < len(unit):
        token = _TOKEN.match(unit, position)
        if token is None:
            raise ParameterError(f"{unit!r} is not a unit (at {unit[position:]!r}): write something such as 1/(m^3 s)")
        position = token.end()
    try:
        parsed = (
            _registry().parse_units(unit.replace("·", "*").replace("%", "percent"))
            if unit.strip() != "1"
            else (_registry().dimensionless)
        )
    except ParameterError:
        raise
    except pint.errors.UndefinedUnitError as error:
        raise ParameterError(f"unit {unit!r} is not known: {error}") from None
    except Exception as error:  # pint's parser raises whatever Python's tokenizer and its own evaluator raise
        raise ParameterError(f"{unit!r} is not a unit ({type(error).__name__}): write something such as m/s") from None
    return parsed


def to_si(values: ArrayLike, unit: str) -> FloatArray:
    """Return `values` [any shape] given in `unit` in SI base units.

    Raises:
        ParameterError: `unit` is not known.

    >>> float(to_si(1.5, "angstrom/ps"))
    150.0
    >>> float(to_si(25.0, "degC"))
    298.15
    """
    array = np.asarray(values, dtype=np.float64)
    return np.asarray(_registry().Quantity(array, _parse(unit)).to_base_units().magnitude, dtype=np.float64)


def from_si(values: ArrayLike, unit: str) -> FloatArray:
    """Return SI `values` [any shape] in `unit`, for display.

    >>> round(float(from_si(2.5e-9, "nm")), 9)
    2.5
    """
    parsed = _parse(unit)
    array = np.asarray(values, dtype=np.float64)
    base = _registry().Quantity(array, _registry().Quantity(1, parsed).to_base_units().units)
    return np.asarray(base.to(parsed).magnitude, dtype=np.float64)


@lru_cache(maxsize=512)
def same_dimension(first: str, second: str) -> bool:
    """Whether two units measure the same kind of quantity.

    >>> same_dimension("um/min", "m/s"), same_dimension("m", "s")
    (True, False)
    """
    return bool(_parse(first).dimensionality == _parse(second).dimensionality)


def si_unit(unit: str) -> str:
    """The SI unit that measures the same, "1" for pure numbers.

    >>> si_unit("mbar"), si_unit("%")
    ('kg/m/s**2', '1')
    """
    base = _registry().Quantity(1, _parse(unit)).to_base_units().units
    return f"{base:~C}" or "1"


@lru_cache(maxsize=512)
def _is_si(unit: str) -> bool:
    return float(to_si(1.0, unit)) == 1.0 and float(to_si(0.0, unit)) == 0.0


def check_unit(name: str, unit: str, expected: str | None = None) -> None:
    """Check that `unit` is an SI unit (factor one), and measures what `expected` measures.

    Raises:
        ParameterError: Unknown, not SI, or of another dimension.
    """
    if unit in _USUAL and expected in (None, unit):
        return
    if not _is_si(unit):
        raise ParameterError(f"{name} is stored in {unit!r}: records are in SI, convert it to {si_unit(unit)}")
    if expected is not None and not same_dimension(unit, expected):
        raise ParameterError(f"{name} has the unit {unit!r}, expected {expected!r}")


def quantity(
    values: ArrayLike,
    unit: str,
    *,
    si: str,
    uncertainty: ArrayLike | None = None,
    axis: Axis | None = None,
) -> Quantity:
    """Return a `Quantity` in the SI unit `si` from values in any unit of the same dimension.

    Raises:
        ParameterError: `unit` is unknown or measures something else than `si`.

    >>> quantity(6.0, "um/min", si="m/s", uncertainty=0.6).value
    1e-07
    """
    if not same_dimension(unit, si):
        raise ParameterError(f"a value in {unit!r} cannot be given in {si!r}: it measures something else")
    spread = None
    if uncertainty is not None:  # a difference: an offset such as that of degC must not enter
        spread = to_si(uncertainty, unit) - to_si(0.0, unit)
    return Quantity(to_si(values, unit), si, uncertainty=spread, axis=axis)
