"""What records say about a material: T_m, a(T), atomic volumes, L(T), D(T), as smooth functions of temperature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.md.potentials import MATERIALS, Material
from nakaya.md.statistics import combine_runs
from nakaya.records.record import DRIVING_FORCE, Quantity, Record, single

__all__ = [
    "AVOGADRO",
    "BOLTZMANN_SI",
    "THRESHOLDS",
    "MaterialTable",
    "driving_force",
    "smooth",
    "tabulate",
    "with_guess",
]

BOLTZMANN_SI = 1.380649e-23
AVOGADRO = 6.02214076e23
THRESHOLDS: Final = ("bond_threshold", "averaged_q6_threshold")
"""Quantities of a record that tell solid atoms from the melt at its temperature, by the two rules."""

UNSTATED_ERROR = 10.0
"""Standard error, K, that a melting point without one is weighed with."""


def driving_force(temperature: float, melting_temperature: float, latent_heat: float) -> float:
    """delta-mu/kT of a melt, L (T_m - T)/(T_m k T): positive below melting.

    Args:
        temperature: K.
        melting_temperature: K, the potential's own.
        latent_heat: J/mol, taken as constant between T and T_m.

    >>> round(driving_force(1200.0, 1325.0, 13_000.0), 3)  # copper, 125 K below melting
    0.123
    """
    return (
        latent_heat
        / AVOGADRO
        * (melting_temperature - temperature)
        / (melting_temperature * BOLTZMANN_SI * temperature)
    )


def smooth(temperatures: FloatArray, values: FloatArray, *, degree: int = 2) -> Callable[[float], float]:
    """Return a least-squares polynomial in T, of at most the degree that the points allow.

    Outside the measured range it goes on from the nearest end with the slope that it has there, not with the curve.
    """
    order = min(degree, len(set(np.round(temperatures, 3).tolist())) - 1)
    scale, origin = max(float(np.ptp(temperatures)), 1.0), float(np.mean(temperatures))
    polynomial = np.polynomial.Polynomial.fit(
        (temperatures - origin) / scale, values, max(order, 0), domain=[-1, 1], window=[-1, 1]
    )
    slope = polynomial.deriv()
    low, high = float(np.min(temperatures)), float(np.max(temperatures))

    def value(temperature: float) -> float:
        nearest = (min(max(temperature, low), high) - origin) / scale
        beyond = (temperature - origin) / scale - nearest
        return float(polynomial(nearest) + beyond * slope(nearest))

    return value


@dataclass(frozen=True)
class MaterialTable:
    """Properties of one potential.

    Attributes:
        material: Name.
        melting_temperature: K, with its standard error (NaN where it was not measured but guessed).
        melting_error: K.
        lattice_parameter: T in K -> m; None where nothing was measured.
        liquid_volume: T in K -> m^3 per atom; None where nothing was measured.
        latent_heat: T in K -> J/mol; None where nothing was measured.
        diffusivity: T in K -> m^2/s; None where nothing was measured.
        thresholds: T in K -> thresholds of the bond product and of averaged q6 that tell solid atoms from the melt
            there; of measured temperatures alone, for a cluster's size hangs on them.
        axial_ratio: T in K -> c/a of hcp; None where nothing was measured.
    """

    material: str
    melting_temperature: float
    melting_error: float
    lattice_parameter: Callable[[float], float] | None = None
    liquid_volume: Callable[[float], float] | None = None
    latent_heat: Callable[[float], float] | None = None
    diffusivity: Callable[[float], float] | None = None
    thresholds: Mapping[float, tuple[float, float]] = field(default_factory=dict)
    axial_ratio: Callable[[float], float] | None = None

    def at(self, name: str, temperature: float) -> float:
        """One of the properties at a temperature, such as "latent_heat" in J/mol; NaN where it is not known."""
        curve: Callable[[float], float] | None = getattr(self, name)
        return math.nan if curve is None or not math.isfinite(temperature) else float(curve(temperature))

    def driving_force(self, temperature: float) -> float:
        """delta-mu/kT at a temperature, with the latent heat at that temperature's and the melting point's mean."""
        if self.latent_heat is None:
            return math.nan
        middle = (temperature + self.melting_temperature) / 2
        return driving_force(temperature, self.melting_temperature, self.latent_heat(middle))

    def conditions(self, temperature: float) -> dict[str, Quantity]:
        """What a run at zero pressure states: temperature, pressure and driving force."""
        return {
            "temperature": single(temperature, "K"),
            "pressure": single(0.0, "Pa"),
            DRIVING_FORCE: single(self.driving_force(temperature), "1"),
        }


def tabulate(material: str, records: Iterable[Record], *, potential: str | None = None) -> MaterialTable:
    """Collect what records of molecular dynamics say about a material.

    Two potentials of one element melt at different temperatures: with `potential` (the sha256 of its file) only
    records that were made with that file count.

    Melting temperatures are averaged with weights 1/error^2; the error is the larger of the weighted one and the
    dispersion of the runs. Properties become smooth functions of temperature (of log D against 1/T for diffusivity).

    >>> from nakaya.records.store import load_records
    >>> copper = tabulate("Cu", load_records("al-cu-si"))
    >>> round(copper.melting_temperature), round(copper.driving_force(1200.0), 2)
    (1329, 0.11)
    """
    columns: dict[str, list[tuple[float, float]]] = {}
    melting: list[tuple[float, float]] = []
    for record in records:
        if record.material != material or record.kind != "md" or record.status not in ("ok", "flagged"):
            continue
        if potential is not None and potential not in record.provenance.files.values():
            continue
        temperature = record.conditions.get("temperature")
        for name, entry in record.quantities.items():
            if entry.values.ndim or not math.isfinite(entry.value):
                continue
            if name == "melting_temperature":
                melting.append((entry.value, entry.standard_error))
            elif temperature is not None and temperature.values.ndim == 0:
                columns.setdefault(name, []).append((temperature.value, entry.value))

    def curve(name: str, degree: int = 2) -> Callable[[float], float] | None:
        points = np.array(columns.get(name, []))
        return smooth(points[:, 0], points[:, 1], degree=degree) if len(points) else None

    guess = MATERIALS[material].melting_point if material in MATERIALS else math.nan
    value, error = _combine(melting) if melting else (guess, math.nan)
    return MaterialTable(
        material=material,
        melting_temperature=value,
        melting_error=error,
        lattice_parameter=curve("lattice_parameter"),
        liquid_volume=curve("liquid_volume_per_atom"),
        latent_heat=curve("latent_heat"),
        diffusivity=_arrhenius(columns.get("diffusivity", [])),
        thresholds=_means(*(columns.get(name, []) for name in THRESHOLDS)),
        axial_ratio=curve("axial_ratio"),
    )


def with_guess(table: MaterialTable, material: Material) -> MaterialTable:
    """Return the table with the material's own first guess where the melting point was not measured."""
    if math.isfinite(table.melting_error):
        return table
    return replace(table, melting_temperature=material.melting_point)


def _combine(melting: list[tuple[float, float]]) -> tuple[float, float]:
    errors = [error if math.isfinite(error) and error > 0 else UNSTATED_ERROR for _, error in melting]
    found = combine_runs(np.array([value for value, _ in melting]), np.array(errors))
    return found.value, found.standard_error


def _means(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> dict[float, tuple[float, float]]:
    """Mean of either column at every temperature that both have."""

    def mean(column: list[tuple[float, float]], temperature: float) -> float:
        return float(np.mean([value for place, value in column if place == temperature]))

    shared = sorted({place for place, _ in first} & {place for place, _ in second})
    return {place: (mean(first, place), mean(second, place)) for place in shared}


def _arrhenius(points: list[tuple[float, float]]) -> Callable[[float], float] | None:
    usable = np.array([(temperature, value) for temperature, value in points if value > 0])
    if not len(usable):
        return None
    line = smooth(1000.0 / usable[:, 0], np.log(usable[:, 1]))
    return lambda temperature: math.exp(line(1000.0 / temperature))
