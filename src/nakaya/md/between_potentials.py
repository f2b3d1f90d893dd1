"""Two potentials of one material held against each other: how far apart are their melting points and velocities?

What separates two potentials that both describe an element is no statistical error: more seeds do not make it smaller.
Two values d apart have the sample standard deviation |d| / sqrt(2), which here is the estimate of the error between
potentials. With two potentials that estimate itself is known to a factor of two at best, and it holds the statistical
errors of both values as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from nakaya.core.elements import suggested_element
from nakaya.core.errors import ParameterError
from nakaya.md.interface_velocities import Point, growth_points, positive_error
from nakaya.md.melting import combine_melting_points
from nakaya.md.stated_potentials import StatedPotential, stated_potential
from nakaya.md.statistics import Estimate
from nakaya.md.summary import SAME_TEMPERATURE
from nakaya.records.record import Record
from nakaya.records.store import load_records

__all__ = [
    "Difference",
    "PotentialComparison",
    "compare_potentials",
    "compare_sources",
    "standard_deviation_of_two",
    "two_potentials",
]

MEANING: Final = (
    "between potentials = |difference| / sqrt(2), the standard deviation of two values: with two potentials an "
    "estimate that is good to a factor of two, and holds the statistical errors as well"
)


@dataclass(frozen=True)
class Difference:
    """One quantity, as two potentials give it.

    Attributes:
        quantity: "melting_temperature" or "growth_velocity".
        unit: Of the values.
        orientation: Face of a velocity; "" = none.
        at: "T/T_m" or "T": what is equal for both; "" = nothing.
        where: Its value, 1 or K; NaN = nothing.
        first: As the first potential gives it.
        second: As the second one does.
    """

    quantity: str
    unit: str
    orientation: str
    at: str
    where: float
    first: Estimate
    second: Estimate

    @property
    def difference(self) -> Estimate:
        """Second less first, with the statistical error of both."""
        error = math.hypot(self.first.standard_error, self.second.standard_error)
        return Estimate(self.second.value - self.first.value, error)

    @property
    def in_standard_errors(self) -> float:
        """Size of the difference over its standard error."""
        return abs(self.difference.value) / self.difference.standard_error

    @property
    def between_potentials(self) -> float:
        """The error between potentials, in `unit`; see `standard_deviation_of_two`."""
        return standard_deviation_of_two(self.first.value, self.second.value)


@dataclass(frozen=True)
class PotentialComparison:
    """Two potentials of one material.

    Attributes:
        material: Name.
        potentials: First and second.
        differences: Melting points first, then velocities by face.
        notes: What could not be compared, and why.
    """

    material: str
    potentials: tuple[StatedPotential, StatedPotential]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def compare_potentials(material: str, first: Sequence[Record], second: Sequence[Record]) -> PotentialComparison:
    """Compare melting points by coexistence, and growth velocities at equal T/T_m and at equal T, T_m being each one's.

    At equal temperatures that were not simulated with both potentials, the velocities of the one with more temperatures
    of that face are interpolated: on a straight line between neighbours, of which its melting point is one, with a
    velocity of zero, and never beyond them. At equal T/T_m the errors of both melting points are part of that
    velocity's error.

    Args:
        material: Name.
        first: Records; those of other materials, and those that state no potential, are left out.
        second: Records with another potential.

    Raises:
        ParameterError: One of them holds no potential of the material or several, or both hold the same one.
    """
    potentials = two_potentials(material, first, second)
    chosen = [
        [record for record in records if record.material == material and stated_potential(record) == potential]
        for records, potential in zip((first, second), potentials, strict=True)
    ]
    melting = [_melting_point(records) for records in chosen]
    points = [growth_points(records) for records in chosen]
    differences, notes = [], []
    if melting[0] is None or melting[1] is None:
        lacking = " and the ".join(word for word, known in zip(("first", "second"), melting, strict=True) if not known)
        notes.append(f"no coexistence run of the {lacking} potential: velocities are compared at equal T alone")
    else:
        differences.append(Difference("melting_temperature", "K", "", "", math.nan, melting[0], melting[1]))
    for face in sorted({point.orientation for found in points for point in found}):
        mine = [[point for point in found if point.orientation == face] for found in points]
        if not all(mine):
            notes.append(f"({face}) was grown with one potential alone")
            continue
        found = _velocities(face, mine, melting)
        differences += found
        if not found:
            notes.append(f"({face}) was grown at no temperature within those of the other potential")
    return PotentialComparison(material, potentials, tuple(differences), tuple(notes))


def two_potentials(
    material: str, first: Sequence[Record], second: Sequence[Record]
) -> tuple[StatedPotential, StatedPotential]:
    """The potentials that two sets of records of a material were made with; errors as in `compare_potentials`."""
    potentials = _only_potential(material, first, "first"), _only_potential(material, second, "second")
    if potentials[0].sha256 == potentials[1].sha256:
        raise ParameterError(f"both records of {material} were made with {potentials[0]}: there is nothing to compare")
    return potentials


def standard_deviation_of_two(first: float, second: float) -> float:
    """|difference| / sqrt(2), the sample standard deviation: the error between potentials, as two of them show it."""
    return abs(second - first) / math.sqrt(2)


def _only_potential(material: str, records: Sequence[Record], which: str) -> StatedPotential:
    stated = {stated_potential(record) for record in records if record.material == material} - {None}
    if len(stated) != 1:
        listing = ", ".join(sorted(str(potential) for potential in stated)) or "none"
        raise ParameterError(
            f"the {which} records of {material}{suggested_element(material)} state {len(stated)} potentials, expected "
            f"one: {listing}"
        )
    return next(potential for potential in stated if potential is not None)


def _melting_point(records: Sequence[Record]) -> Estimate | None:
    runs = [record for record in records if "melting_temperature" in record.quantities]
    return combine_melting_points(runs) if any(run.status in ("ok", "flagged") for run in runs) else None


def _velocities(face: str, points: Sequence[Sequence[Point]], melting: Sequence[Estimate | None]) -> list[Difference]:
    fine = int(len(points[1]) > len(points[0]))  # which one is interpolated
    own, other = melting[fine], melting[1 - fine]
    curve, stated = _with_melting_point(points[fine], own), points[1 - fine]
    found = []

    def add(at: str, where: float, interpolated: Estimate | None, point: Point) -> None:
        if interpolated is not None:
            simulated = Estimate(point.velocity.value, positive_error(point))
            pair = (simulated, interpolated) if fine else (interpolated, simulated)
            found.append(Difference("growth_velocity", "m/s", face, at, where, *pair))

    if own is not None and other is not None:
        relative = math.hypot(own.standard_error / own.value, other.standard_error / other.value)
        for point in stated:
            reduced = point.temperature / other.value
            kelvin = reduced * own.value
            add("T/T_m", reduced, _interpolate(curve, kelvin, kelvin * relative), point)
    for point in stated:
        add("T", point.temperature, _interpolate(curve, point.temperature), point)
    return found


def _with_melting_point(points: Sequence[Point], melting: Estimate | None) -> list[Point]:
    if melting is None:
        return list(points)
    nearest = min(points, key=lambda point: abs(point.temperature - melting.value))
    slope = abs(nearest.velocity.value / ((melting.value - nearest.temperature) or math.inf))
    still = replace(nearest, temperature=melting.value, velocity=Estimate(0.0, slope * melting.standard_error), seeds=0)
    return sorted([*points, still], key=lambda point: point.temperature)


def _interpolate(points: Sequence[Point], kelvin: float, error: float = 0.0) -> Estimate | None:
    """Velocity at a temperature, K, with its error, from points by rising temperature; None = beyond them."""
    for point in points:
        if not error and abs(point.temperature - kelvin) <= SAME_TEMPERATURE:
            return Estimate(point.velocity.value, positive_error(point))
    for low, high in pairwise(points):
        if not low.temperature <= kelvin <= high.temperature or low.temperature == high.temperature:
            continue
        fraction = (kelvin - low.temperature) / (high.temperature - low.temperature)
        slope = (high.velocity.value - low.velocity.value) / (high.temperature - low.temperature)
        own = math.hypot((1 - fraction) * positive_error(low), fraction * positive_error(high))
        return Estimate(low.velocity.value + slope * (kelvin - low.temperature), math.hypot(own, slope * error))
    return None


def compare_sources(first: str | Path, second: str | Path, *, material: str | None = None) -> dict[str, Any]:
    """Compare every material that two shipped sets, stores, campaigns or files both hold, or the one that is named.

    Returns:
        comparisons (material, potentials, rows, notes) and meaning, all of JSON values in SI units.

    Raises:
        InputFileError: One of them holds no records.
        ParameterError: No material is in both; further as `compare_potentials`.
    """
    records = [load_records(source) for source in (first, second)]
    held = [{record.material for record in found if stated_potential(record) is not None} for found in records]
    both = sorted(held[0] & held[1]) if material is None else [material]
    if not both:
        listing = " and ".join(", ".join(sorted(names)) or "none" for names in held)
        raise ParameterError(f"no material has a potential in both {first} and {second}: they hold {listing}")
    return {
        "comparisons": [_document(compare_potentials(name, records[0], records[1])) for name in both],
        "meaning": MEANING,
    }


def _document(comparison: PotentialComparison) -> dict[str, Any]:
    first, second = ({"file": potential.file, "sha256": potential.sha256} for potential in comparison.potentials)
    return {
        "material": comparison.material,
        "potentials": [first, second],
        "rows": [_row(entry) for entry in comparison.differences],
        "notes": list(comparison.notes),
    }


def _row(entry: Difference) -> dict[str, Any]:
    return {
        "quantity": entry.quantity,
        "unit": entry.unit,
        "orientation": entry.orientation or None,
        "equal": entry.at or None,
        "where": entry.where,
        "first": entry.first.value,
        "first_standard_error": entry.first.standard_error,
        "second": entry.second.value,
        "second_standard_error": entry.second.standard_error,
        "difference": entry.difference.value,
        "difference_standard_error": entry.difference.standard_error,
        "difference_in_standard_errors": entry.in_standard_errors,
        "between_potentials": entry.between_potentials,
    }
