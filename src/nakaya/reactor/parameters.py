"""Kinetic parameters by name: "growth.order", "nucleation.secondary.rate_constant", "dissolution.rate_constant"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.reactor.rate_equations import Kinetics

__all__ = ["get_parameters", "unit_of", "with_parameters"]

_UNITS = {
    "activation_energy": "J/mol",
    "activation_temperature": "K",
    "nucleus_constant": "K^2",
    "size_factor": "1/m",
    "reference_temperature": "K",
    "reference_stirring": "1/s",
}


def get_parameters(kinetics: Kinetics) -> dict[str, float]:
    """All numeric parameters of all laws by name.

    >>> from nakaya.reactor.rate_equations import PowerLawGrowth
    >>> get_parameters(Kinetics(growth=PowerLawGrowth(1e-6, order=1.3)))["growth.order"]
    1.3
    """
    laws: dict[str, Any] = {"growth": kinetics.growth, "dissolution": kinetics.dissolution}
    laws |= {f"nucleation.{name}": law for name, law in kinetics.nucleation}
    return {
        f"{place}.{entry.name}": value
        for place, law in laws.items()
        if law is not None
        for entry in fields(law)
        if isinstance(value := getattr(law, entry.name), float | int)
    }


def with_parameters(kinetics: Kinetics, values: Mapping[str, float]) -> Kinetics:
    """Return kinetics in which the named parameters have new values.

    Raises:
        UnknownNameError: There is no such parameter; the nearest is named.
        ParameterError: A value is out of range.
    """
    known = get_parameters(kinetics)
    changes: dict[str, dict[str, float]] = {}
    for path, value in values.items():
        if path not in known:
            raise UnknownNameError("kinetic parameter", path, known)
        place, _, name = path.rpartition(".")
        changes.setdefault(place, {})[name] = float(value)
    nucleation: Sequence[tuple[str, Any]] = kinetics.nucleation  # the keys of `changes` are fields of its laws
    changed: dict[str, Any] = {
        place: replace(getattr(kinetics, place), **changes[place])
        for place in ("growth", "dissolution")
        if place in changes
    }
    changed["nucleation"] = tuple(
        (name, replace(law, **changes.get(f"nucleation.{name}", {}))) for name, law in nucleation
    )
    return replace(kinetics, **changed)


def unit_of(path: str, kinetics: Kinetics) -> str:
    """SI unit of a parameter, "1" for a pure number.

    A rate constant of a power law carries the unit of its rate; the absolute driver is taken relative to one unit of
    concentration, and the mass of crystals relative to 1 kg/kg (1 m3/kg for the third moment).
    """
    place, _, name = path.rpartition(".")
    if name == "rate_constant":
        if place.startswith("nucleation"):
            law = dict(kinetics.nucleation).get(place.partition(".")[2])
            if law is None:
                raise ParameterError(f"there is no law {place}")
            return "1/(m^3 s)" if law.per == "third-moment" else "1/(kg s)"
        return "m/s" if hasattr(getattr(kinetics, place), "order") else "m/(s K)"
    return _UNITS.get(name, "1")
