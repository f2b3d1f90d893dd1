"""Interfaces near melting: velocities by condition, kinetic coefficients, and the temperature of zero velocity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.potentials import MASSES, MATERIALS
from nakaya.md.statistics import Estimate, combine_seeds
from nakaya.md.tables import AVOGADRO, BOLTZMANN_SI, MaterialTable
from nakaya.records.record import Record, fields_of
from nakaya.records.replicates import conditions_key
from nakaya.theory import (
    HARD_SPHERE,
    collision_limited_velocity,
    hard_sphere_coefficient,
    wilson_frenkel_velocity,
)

__all__ = [
    "NEAR_MELTING",
    "Coefficients",
    "Look",
    "Point",
    "growth_points",
    "kinetic_coefficients",
    "of_the_run",
    "positive_error",
    "zero_velocity_melting_point",
]  # fmt: skip

NEAR_MELTING: Final = 0.8
"""Fraction of T_m above which the law of growth is fitted; far below it interfaces slow down for other reasons."""

SMALL_DRIVING_FORCE: Final = 1e-6
"""delta-mu/kT at which 1 - exp(-delta-mu/kT) is linear."""


@dataclass(frozen=True)
class Point:
    """The growth velocity of one condition, from all its seeds.

    Attributes:
        material: Name.
        orientation: Miller indices.
        temperature: K.
        velocity: m/s, with its standard error.
        seeds: How many.
    """

    material: str
    orientation: str
    temperature: float
    velocity: Estimate
    seeds: int


Look: TypeAlias = Callable[[Record], "tuple[float, Estimate] | None"]
"""What is read from one run: temperature, K, and velocity, m/s; None = the run does not tell."""


def of_the_run(record: Record) -> tuple[float, Estimate] | None:
    """Temperature of the bath, and velocity by q6 bonds over the whole run."""
    velocity = record.quantities.get("growth_velocity")
    temperature = record.conditions.get("temperature")
    if velocity is None or velocity.values.ndim or temperature is None or temperature.values.ndim:
        return None
    return temperature.value, Estimate(velocity.value, velocity.standard_error)


def growth_points(records: Iterable[Record], look: Look = of_the_run) -> list[Point]:
    """Growth velocities by condition, mean over seeds; failed runs, and those of melts that do not rest, are left out.

    Args:
        records: Of any kind.
        look: What is read from a run; temperatures of replicates are averaged.
    """
    groups: dict[tuple[object, ...], list[tuple[Record, float, Estimate]]] = {}
    for record in records:
        if record.kind != "md" or record.orientation is None or record.status not in ("ok", "flagged"):
            continue
        if fields_of(record):
            continue
        if (seen := look(record)) is not None and math.isfinite(seen[1].value):
            groups.setdefault(conditions_key(record), []).append((record, *seen))
    points = []
    for members in groups.values():
        estimates = [estimate for _, _, estimate in members]
        estimate = combine_seeds([entry.value for entry in estimates], [entry.standard_error for entry in estimates])
        first = members[0][0]
        temperature = float(np.mean([temperature for _, temperature, _ in members]))
        points.append(Point(first.material, str(first.orientation), temperature, estimate, len(members)))
    return sorted(points, key=lambda point: (point.material, point.orientation, point.temperature))


@dataclass(frozen=True)
class Coefficients:
    """Kinetic coefficient of one interface, m/(s K), seen in three ways.

    Attributes:
        at_melting: Slope at T_m of collision-limited growth fitted to the temperatures near melting.
        secant: v / (T_m - T) at the temperature below melting that is nearest to it.
        secant_temperature: Where that is, K.
        bridging: Slope between the nearest temperatures below and above T_m; NaN without the latter.
        hard_sphere: mu of the hard-sphere law; NaN for other faces than 100, 110, 111 and other crystals than fcc.
    """

    at_melting: Estimate
    secant: Estimate
    secant_temperature: float
    bridging: Estimate
    hard_sphere: float


def kinetic_coefficients(points: Sequence[Point], table: MaterialTable, *, near: float = NEAR_MELTING) -> Coefficients:
    """Kinetic coefficient of one interface, with one cause changed at a time: where, and over which range, it is read.

    The hard-sphere law is that of infinitely small undercooling. Over a finite one, 1 - exp(-delta-mu/kT) bends:
    fitting collision-limited growth takes that bend out, and the slope across T_m has none to first order.

    Args:
        points: Of one material and orientation.
        table: Of the material, with its melting point and latent heat.
        near: Fraction of T_m above which the law is fitted.

    Raises:
        ParameterError: No temperature between `near` T_m and T_m, or no latent heat (diffusivity, for silicon).
    """
    melting = table.melting_temperature
    if table.latent_heat is None:
        raise ParameterError(f"no latent heat of {table.material}: run its properties first")
    chosen = [point for point in points if near * melting <= point.temperature]
    below = [point for point in chosen if point.temperature < melting]
    above = [point for point in chosen if point.temperature > melting]
    if not below:
        raise ParameterError(f"no growth of {table.material} between {near:g} T_m and T_m")
    efficiency, _ = _fit_efficiency(chosen, table)
    # Near T_m the velocity is M(T_m) delta-mu/kT, and the driving force falls by L/(N_A k T_m^2) per kelvin.
    velocity_per_driving_force = float(_unit_law(np.array([melting]), np.array([SMALL_DRIVING_FORCE]), table)[0])
    slope = (
        velocity_per_driving_force
        / SMALL_DRIVING_FORCE
        * table.latent_heat(melting)
        / (AVOGADRO * BOLTZMANN_SI * melting**2)
    )
    nearest = max(below, key=lambda point: point.temperature)
    secant = 1 / (melting - nearest.temperature)
    bridging = Estimate(math.nan, math.nan)
    if above:
        other = min(above, key=lambda point: point.temperature)
        span = other.temperature - nearest.temperature
        fall = nearest.velocity.value - other.velocity.value
        bridging = Estimate(fall / span, math.hypot(positive_error(nearest), positive_error(other)) / span)
    return Coefficients(
        Estimate(efficiency.value * slope, efficiency.standard_error * slope),
        Estimate(nearest.velocity.value * secant, positive_error(nearest) * secant),
        nearest.temperature,
        bridging,
        hard_sphere_coefficient(MASSES[table.material], melting, nearest.orientation)
        if MATERIALS[table.material].structure == "fcc" and nearest.orientation in HARD_SPHERE
        else math.nan,
    )


def zero_velocity_melting_point(
    points: Sequence[Point], table: MaterialTable, *, near: float = NEAR_MELTING
) -> Estimate | None:
    """Temperature at which the interface velocity is zero; coexistence runs are not looked at.

    Collision-limited growth (of silicon: activated growth with the liquid's diffusivity) with one T_m for all faces and
    an efficiency for each, fitted to the temperatures near melting. A straight line between a point below and one
    above T_m would come out too low, because interfaces melt faster than they grow.

    Args:
        points: Of one material.
        table: Its latent heat and, as the middle of the search, a melting point.
        near: Fraction of T_m above which the law is fitted.

    Returns:
        None where no face has points on both sides, or a property that the law needs is not known. The error is NaN at
        the ends of the search, 7 % from the middle.
    """
    guess = table.melting_temperature
    chosen = [point for point in points if point.temperature >= near * guess]
    faces = sorted({face for face in {point.orientation for point in chosen} if len(_signs(chosen, face)) == 2})
    if table.latent_heat is None or not faces or (_is_activated(table) and table.diffusivity is None):
        return None
    candidates = np.linspace(0.93, 1.07, 281) * guess
    misfit = np.zeros(len(candidates))
    for face in faces:
        mine = [point for point in chosen if point.orientation == face]
        for number, candidate in enumerate(candidates):
            misfit[number] += _fit_efficiency(mine, replace(table, melting_temperature=float(candidate)))[1]
    return _least_of_profile(candidates, misfit)


def _least_of_profile(candidates: FloatArray, misfit: FloatArray) -> Estimate:
    """Where a sum of squares is least, and half the range in which it is at most one more: chi-squared + 1.

    Both lie between the candidates: the least at the vertex of the parabola through the lowest three, the ends where
    the root of the rise, which is nearly a straight line, comes to one. At an end of the range there is no error.
    """
    best = int(misfit.argmin())
    if best in (0, len(candidates) - 1):
        return Estimate(float(candidates[best]), math.nan)
    before, middle, after = misfit[best - 1 : best + 2]
    bend, tilt = before - 2 * middle + after, (before - after) / 2
    value = float(candidates[best] + tilt / bend * (candidates[1] - candidates[0]))
    rises = np.sqrt(np.maximum(misfit - (middle - tilt**2 / (2 * bend)), 0))

    def end(side: slice) -> float:
        return float(np.interp(1, [0, *rises[side]], [value, *candidates[side]]))

    return Estimate(value, (end(slice(best + 1, None)) - end(slice(best - 1, None, -1))) / 2)


def _signs(points: Sequence[Point], face: str) -> set[float]:
    return {math.copysign(1, point.velocity.value) for point in points if point.orientation == face}


def _is_activated(table: MaterialTable) -> bool:
    return MATERIALS[table.material].structure == "diamond"


def _fit_efficiency(points: Sequence[Point], table: MaterialTable) -> tuple[Estimate, float]:
    """Weighted least squares of one factor between the velocities and the law with an efficiency of 1, and chi^2."""
    temperatures = np.array([point.temperature for point in points])
    unit = _unit_law(temperatures, np.array([table.driving_force(float(kelvin)) for kelvin in temperatures]), table)
    values = np.array([point.velocity.value for point in points])
    weights = 1 / np.array([positive_error(point) for point in points]) ** 2
    precision = float((weights * unit**2).sum())
    efficiency = float((weights * unit * values).sum() / precision)
    misfit = float((weights * (values - efficiency * unit) ** 2).sum())
    return Estimate(efficiency, 1 / math.sqrt(precision)), misfit


def _unit_law(temperatures: FloatArray, reduced_driving_forces: FloatArray, table: MaterialTable) -> FloatArray:
    if not _is_activated(table):
        return collision_limited_velocity(
            temperatures, reduced_driving_forces, mass=MASSES[table.material], spacing=1e-10, efficiency=1.0
        )
    if table.diffusivity is None:
        raise ParameterError(f"no diffusivity of liquid {table.material}: run its properties first")
    diffusivities = np.array([table.diffusivity(float(temperature)) for temperature in temperatures])
    return wilson_frenkel_velocity(diffusivities, reduced_driving_forces, spacing=1e-10, efficiency=1.0)


def positive_error(point: Point) -> float:
    """Standard error of a velocity; a fifth of it, and at least 0.5 m/s, where none is known."""
    error = point.velocity.standard_error
    return error if math.isfinite(error) and error > 0 else max(0.2 * abs(point.velocity.value), 0.5)
