"""What records of growth and melting must agree with: signs, orders, two ways to one melting point, a hard-sphere law.

Every check returns numbers and their errors beside the verdict. A law that needs records that are not there has no
verdict; nothing passes for lack of data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.core.record import Record
from nakaya.kinetics.graphs.labels import conditions_key
from nakaya.kinetics.md.melting import combine_melting_points
from nakaya.kinetics.md.potentials import MASSES, MATERIALS
from nakaya.kinetics.md.statistics import Estimate, combine_seeds
from nakaya.kinetics.md.tables import AVOGADRO, BOLTZMANN_SI, MaterialTable, tabulate
from nakaya.kinetics.theory import collision_limited_velocity, hard_sphere_coefficient

__all__ = ["LAWS", "Finding", "Point", "check_laws", "front_melting_point", "growth_points", "kinetic_coefficients"]

MELTING_SHARE: Final = 0.015
"""How far two independent melting points may lie apart."""

COEFFICIENT_SHARE: Final = 0.3
"""How far a kinetic coefficient may lie from the hard-sphere law, which itself is no better than that."""

DECIDED: Final = 2.0
"""Standard errors from which on a difference counts as seen."""

NEAR_MELTING: Final = 0.8
"""Share of T_m above which collision-limited growth is fitted; far below it fronts slow down for other reasons."""

SMALL_DRIVE: Final = 1e-6
"""delta-mu/kT at which 1 - exp(-delta-mu/kT) is linear."""

PUBLISHED_MELTING: Final = {
    "Al": (929.0, 10.0, "Mendelev et al. 2008, coexistence"),
    "Cu": (1327.0, 10.0, "Mishin et al. 2001"),
    "Si": (1691.0, 20.0, "Broughton & Li 1987"),
}
"""K, standard error, source."""


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


@dataclass(frozen=True)
class Finding:
    """One law, held against the records.

    Attributes:
        law: Short name.
        subject: Which material, orientation or temperature.
        holds: Verdict; None = the records do not tell.
        found: The number that the law is about; NaN where there is none.
        expected: What it is held against.
        unit: Of both.
        detail: What was seen, in words and numbers.
    """

    law: str
    subject: str
    holds: bool | None
    found: float
    expected: float
    unit: str
    detail: str


def growth_points(records: Iterable[Record]) -> list[Point]:
    """Growth velocities by condition, mean over seeds; failed runs are left out."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        velocity = record.quantities.get("growth_velocity")
        usable = record.kind == "md" and record.orientation is not None and record.status in ("ok", "flagged")
        if usable and velocity is not None and velocity.values.ndim == 0 and math.isfinite(velocity.value):
            groups.setdefault(conditions_key(record), []).append(record)
    points = []
    for members in groups.values():
        found = [record.quantities["growth_velocity"] for record in members]
        estimate = combine_seeds([entry.value for entry in found], [entry.standard_error for entry in found])
        first = members[0]
        points.append(
            Point(
                first.material,
                str(first.orientation),
                first.conditions["temperature"].value,
                estimate,
                len(members),
            )
        )
    return sorted(points, key=lambda point: (point.material, point.orientation, point.temperature))


@dataclass(frozen=True)
class Coefficients:
    """Kinetic coefficient of one front, m/(s K), seen in three ways.

    Attributes:
        at_melting: Slope at T_m of collision-limited growth fitted to the temperatures near melting.
        secant: v / (T_m - T) at the temperature below melting that is nearest to it.
        secant_temperature: Where that is, K.
        bridging: Slope between the nearest temperatures below and above T_m; NaN without the latter.
        hard_sphere: mu of the hard-sphere law.
    """

    at_melting: Estimate
    secant: Estimate
    secant_temperature: float
    bridging: Estimate
    hard_sphere: float


def kinetic_coefficients(points: Sequence[Point], table: MaterialTable) -> Coefficients:
    """Kinetic coefficient of one front, with one cause changed at a time: where, and over which range, it is read.

    The hard-sphere law is that of infinitely small undercooling. Over a finite one, 1 - exp(-delta-mu/kT) bends:
    fitting collision-limited growth takes that bend out, and the slope across T_m has none to first order.

    Args:
        points: Of one material and orientation.
        table: Of the material, with its melting point and latent heat.

    Raises:
        ParameterError: No temperature between 0.8 T_m and T_m, or no latent heat.
    """
    melting = table.melting_temperature
    if table.latent_heat is None:
        raise ParameterError(f"no latent heat of {table.material}: run its properties first")
    near = [point for point in points if NEAR_MELTING * melting <= point.temperature]
    below = [point for point in near if point.temperature < melting]
    above = [point for point in near if point.temperature > melting]
    if not below:
        raise ParameterError(f"no growth of {table.material} between {NEAR_MELTING:g} T_m and T_m")
    mass = MASSES[table.material]
    unit = _unit_velocities(near, table)
    values = np.array([point.velocity.value for point in near])
    errors = np.array([_positive_error(point) for point in near])
    weights = 1 / errors**2
    efficiency = float((weights * unit * values).sum() / (weights * unit**2).sum())
    spread = 1 / math.sqrt(float((weights * unit**2).sum()))
    # Near T_m the velocity is M(T_m) delta-mu/kT, and the driving force falls by L/(N_A k T_m^2) per kelvin.
    per_drive = float(collision_limited_velocity(melting, SMALL_DRIVE, mass=mass, spacing=1e-10, efficiency=1.0))
    slope = per_drive / SMALL_DRIVE * table.latent_heat(melting) / (AVOGADRO * BOLTZMANN_SI * melting**2)
    nearest = max(below, key=lambda point: point.temperature)
    secant = 1 / (melting - nearest.temperature)
    bridging = Estimate(math.nan, math.nan)
    if above:
        other = min(above, key=lambda point: point.temperature)
        span = other.temperature - nearest.temperature
        fall = nearest.velocity.value - other.velocity.value
        bridging = Estimate(fall / span, math.hypot(_positive_error(nearest), _positive_error(other)) / span)
    return Coefficients(
        Estimate(efficiency * slope, spread * slope),
        Estimate(nearest.velocity.value * secant, _positive_error(nearest) * secant),
        nearest.temperature,
        bridging,
        hard_sphere_coefficient(mass, melting, nearest.orientation),
    )


def front_melting_point(points: Sequence[Point], table: MaterialTable) -> Estimate | None:
    """Temperature at which fronts of a metal stand still; coexistence runs are not looked at.

    Collision-limited growth with one T_m for all faces and an efficiency for each, fitted to the temperatures near
    melting. A straight line between a point below and one above T_m would come out too low, because fronts melt faster
    than they grow.

    Args:
        points: Of one material.
        table: Its latent heat and, as the middle of the search, a melting point.

    Returns:
        None where no face has points on both sides, or the material is no close-packed metal.
    """
    guess = table.melting_temperature
    near = [point for point in points if point.temperature >= NEAR_MELTING * guess]
    faces = sorted(
        {face for face in {point.orientation for point in near} if len(_signs(near, face)) == 2},
    )
    if table.latent_heat is None or not faces or MATERIALS[table.material].structure != "fcc":
        return None
    candidates = np.linspace(0.93, 1.07, 281) * guess
    misfit = np.zeros(len(candidates))
    for face in faces:
        mine = [point for point in near if point.orientation == face]
        values = np.array([point.velocity.value for point in mine])
        weights = 1 / np.array([_positive_error(point) for point in mine]) ** 2
        for number, candidate in enumerate(candidates):
            unit = _unit_velocities(mine, replace(table, melting_temperature=float(candidate)))
            efficiency = (weights * unit * values).sum() / (weights * unit**2).sum()
            misfit[number] += (weights * (values - efficiency * unit) ** 2).sum()
    best = int(misfit.argmin())
    inside = candidates[misfit <= misfit[best] + 1]
    step = float(candidates[1] - candidates[0])
    return Estimate(float(candidates[best]), max(float(np.ptp(inside)) / 2, step))


def _signs(points: Sequence[Point], face: str) -> set[float]:
    return {math.copysign(1, point.velocity.value) for point in points if point.orientation == face}


def _unit_velocities(points: Sequence[Point], table: MaterialTable) -> FloatArray:
    """Collision-limited velocities with an efficiency of 1, float64 [point], m/s."""
    temperatures = np.array([point.temperature for point in points])
    drives = np.array([table.driving_force(point.temperature) for point in points])
    mass = MASSES[table.material]
    return collision_limited_velocity(temperatures, drives, mass=mass, spacing=1e-10, efficiency=1.0)


def _positive_error(point: Point) -> float:
    """Standard error of a velocity; a fifth of it, and at least 0.5 m/s, where none is known."""
    error = point.velocity.standard_error
    return error if math.isfinite(error) and error > 0 else max(0.2 * abs(point.velocity.value), 0.5)


def check_laws(records: Sequence[Record]) -> list[Finding]:
    """Hold records against every law; a law without the records that it needs has no verdict."""
    points = growth_points(records)
    materials = sorted({record.material for record in records if record.material in MATERIALS})
    tables = {material: tabulate(material, records) for material in materials}
    return [finding for law in LAWS for material in materials for finding in law(material, records, points, tables)]


_Law = Callable[[str, Sequence[Record], Sequence[Point], "dict[str, MaterialTable]"], list[Finding]]


def _melting(
    material: str, records: Sequence[Record], points: Sequence[Point], tables: dict[str, MaterialTable]
) -> list[Finding]:
    runs = [
        record
        for record in records
        if record.material == material and record.kind == "md" and "melting_temperature" in record.quantities
    ]
    if not runs:
        return [Finding("melting point", material, None, math.nan, math.nan, "K", "no coexistence run")]
    ours = combine_melting_points(runs)
    detail = "; ".join(
        f"box of {record.conditions['box_length'].value * 1e10:.0f} A: "
        f"{record.quantities['melting_temperature'].value:.1f} K by q6 bonds, "
        f"{_other_rule(record):.1f} K by averaged q6"
        for record in runs
    )
    findings = []
    others: list[tuple[str, float]] = []
    if material in PUBLISHED_MELTING:
        value, _error, source = PUBLISHED_MELTING[material]
        others.append((source, value))
    still = front_melting_point([point for point in points if point.material == material], tables[material])
    if still is not None:
        others.append((f"fronts that stand still, +- {still.standard_error:.1f} K", still.value))
    for source, value in others:
        findings.append(
            Finding(
                "melting point",
                f"{material} against {source}",
                abs(ours.value / value - 1) <= MELTING_SHARE,
                ours.value,
                value,
                "K",
                detail,
            )
        )
    return findings


def _other_rule(record: Record) -> float:
    found = record.quantities
    if "drift_term_averaged_rule" not in found or "drift_term" not in found:
        return math.nan
    return found["melting_temperature"].value - found["drift_term"].value + found["drift_term_averaged_rule"].value


def _sign(
    material: str, _: Sequence[Record], points: Sequence[Point], tables: dict[str, MaterialTable]
) -> list[Finding]:
    melting = tables[material].melting_temperature
    mine = [point for point in points if point.material == material]
    if not mine:
        return [Finding("sign", material, None, math.nan, 1.0, "1", "no growth run")]
    wrong = [point for point in mine if point.velocity.value * (melting - point.temperature) <= 0]
    listing = ", ".join(
        f"({point.orientation}) {point.temperature:g} K {point.velocity.value:.2g} m/s" for point in wrong
    )
    return [
        Finding(
            "sign",
            material,
            not wrong,
            100 * (1 - len(wrong) / len(mine)),
            100.0,
            "%",
            f"{len(mine)} conditions, positive below {melting:.0f} K and negative above"
            + (f"; wrong: {listing}" if wrong else ""),
        )
    ]


def _coefficient(
    material: str, _: Sequence[Record], points: Sequence[Point], tables: dict[str, MaterialTable]
) -> list[Finding]:
    if MATERIALS[material].structure != "fcc":
        return []  # the hard-sphere law is one of close-packed crystals
    findings = []
    for orientation in ("100", "110", "111"):
        mine = [point for point in points if (point.material, point.orientation) == (material, orientation)]
        try:
            seen = kinetic_coefficients(mine, tables[material])
        except ParameterError as error:
            findings.append(
                Finding("hard spheres", f"{material} ({orientation})", None, math.nan, math.nan, "m/(s K)", str(error))
            )
            continue
        findings.append(
            Finding(
                "hard spheres",
                f"{material} ({orientation})",
                abs(seen.at_melting.value / seen.hard_sphere - 1) <= COEFFICIENT_SHARE,
                seen.at_melting.value,
                seen.hard_sphere,
                "m/(s K)",
                f"+- {seen.at_melting.standard_error:.3f} at T_m; v/undercooling at {seen.secant_temperature:g} K "
                f"{seen.secant.value:.3f} +- {seen.secant.standard_error:.3f}; across T_m {seen.bridging.value:.3f} "
                f"+- {seen.bridging.standard_error:.3f}",
            )
        )
    return findings


def _order(
    material: str, _: Sequence[Record], points: Sequence[Point], tables: dict[str, MaterialTable]
) -> list[Finding]:
    if MATERIALS[material].structure != "fcc":
        return []
    melting = tables[material].melting_temperature
    findings = []
    for fast, slow in (("100", "110"), ("110", "111")):
        pairs = [
            (a.velocity.value - b.velocity.value, math.hypot(_positive_error(a), _positive_error(b)))
            for a in points
            for b in points
            if (a.material, a.orientation, b.material, b.orientation) == (material, fast, material, slow)
            and a.temperature == b.temperature < melting
        ]
        subject = f"{material} ({fast}) against ({slow})"
        if not pairs:
            findings.append(Finding("order", subject, None, math.nan, 0.0, "m/s", "no temperature has both"))
            continue
        values, errors = np.array(pairs).T
        weights = 1 / errors**2
        mean, error = float((weights * values).sum() / weights.sum()), 1 / math.sqrt(float(weights.sum()))
        findings.append(
            Finding(
                "order",
                subject,
                mean > -DECIDED * error,
                mean,
                0.0,
                "m/s",
                f"+- {error:.2f} m/s faster over {len(pairs)} temperatures: "
                + ("faster" if mean > DECIDED * error else "slower" if mean < -DECIDED * error else "the same"),
            )
        )
    return findings


def _maximum(
    material: str, _: Sequence[Record], points: Sequence[Point], tables: dict[str, MaterialTable]
) -> list[Finding]:
    if MATERIALS[material].structure != "diamond":
        return []  # collision-limited growth has its maximum far below the temperatures of the plan
    melting = tables[material].melting_temperature
    mine = [
        point
        for point in points
        if (point.material, point.orientation) == (material, "100") and point.temperature < melting
    ]
    subject = f"{material} (100)"
    if len(mine) < 3:
        return [Finding("maximum", subject, None, math.nan, math.nan, "K", "fewer than three temperatures")]
    top = max(mine, key=lambda point: point.velocity.value)
    ends = (mine[0], mine[-1])
    sure = [
        (top.velocity.value - end.velocity.value) / math.hypot(_positive_error(top), _positive_error(end))
        for end in ends
    ]
    inside = top not in ends
    return [
        Finding(
            "maximum",
            subject,
            inside and min(sure) >= DECIDED,
            top.temperature,
            math.nan,
            "K",
            f"{top.velocity.value:.1f} +- {_positive_error(top):.1f} m/s there; "
            f"{sure[0]:.1f} standard errors above {ends[0].temperature:g} K, "
            f"{sure[1]:.1f} above {ends[1].temperature:g} K",
        )
    ]


LAWS: Final[tuple[_Law, ...]] = (_melting, _sign, _coefficient, _order, _maximum)
"""In the order of the table."""
