"""What a run may be asked for: the ranges that plans, the command line and runs themselves keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nakaya.core.checks import Range, check_in_range

__all__ = ["LIMITS", "check_limits", "within"]

_KELVIN: Final = Range(1, 20_000, "a temperature in K")

LIMITS: Final[Mapping[str, Range]] = {
    "temperature": _KELVIN,
    "guess": _KELVIN,
    "length": Range(100, 5000, "the length of the box, in A; below 200 A boxes freeze out early"),
    # An interface of 8 A of aluminium ordered the melt through its own periodic images, and froze at once.
    "width": Range(10, 500, "the width of the interface, in A; narrower ones freeze out early"),
    "solid_fraction": Range(0.05, 0.95, "the fraction of the atoms that stay crystal: both phases must be there"),
    "equilibration_ps": Range(3, 1e5, "the equilibration, in ps"),
    "duration_ps": Range(5, 1e6, "the duration, in ps"),
    # Slower flow strains the box by less than 1 % in a nanosecond; faster atoms pass each other within a vibration.
    "shear_rate": Range(1e7, 1e12, "the shear rate, in 1/s (0 = a melt at rest)"),
    # Below, a hop of an ion gains less than a thousandth of kT; above, electrons leave their ions.
    "electric_field": Range(1e5, 1e10, "the electric field, in V/m"),
}
"""Field of a run -> its range."""

MAY_BE_ZERO: Final = frozenset({"shear_rate"})
"""Fields that are left out by a zero."""


def within(name: str, value: float, allowed: Range | None = None) -> float:
    """Return a value of a field of a run, or say (`ParameterError`) that it is outside its range."""
    if name in MAY_BE_ZERO and value == 0:
        return 0.0
    return check_in_range(name, value, allowed or LIMITS[name])


def check_limits(run: Any, **own: Range) -> None:  # any of the plans
    """Check every field of a run that has a range: those of `LIMITS`, but for the ranges given.

    Raises:
        ParameterError: A value is outside its range, or no number.
    """
    for name in LIMITS:
        if (value := getattr(run, name, None)) is not None:
            within(name, value, own.get(name))
