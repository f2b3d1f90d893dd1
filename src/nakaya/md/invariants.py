"""What records of growth and melting must agree with: signs, orders, two ways to one melting point, a hard-sphere law.

Every check returns numbers and their errors beside the verdict. A law that needs records that are not there has no
verdict; nothing passes for lack of data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.errors import InputFileError, ParameterError
from nakaya.md.between_potentials import standard_deviation_of_two, two_potentials
from nakaya.md.interface_velocities import (
    Point,
    growth_points,
    kinetic_coefficients,
    positive_error,
    zero_velocity_melting_point,
)
from nakaya.md.melting import combine_melting_points
from nakaya.md.potentials import MATERIALS
from nakaya.md.stated_potentials import common_potential
from nakaya.md.statistics import weighted_mean
from nakaya.md.tables import MaterialTable, tabulate
from nakaya.records.record import Record
from nakaya.records.store import load_records

__all__ = ["LAWS", "Finding", "check_laws", "load_md_records", "verify_growth"]

MAX_MELTING_DIFFERENCE: Final = 0.015
"""How far two independent melting points may lie apart."""

MAX_COEFFICIENT_DIFFERENCE: Final = 0.3
"""How far a kinetic coefficient may lie from the hard-sphere law, which itself is no better than that."""

_OF_A_POTENTIAL: Final = ("melting point", "hard spheres")
"""Laws about a number that every potential has its own of."""

DECIDED: Final = 2.0
"""Standard errors from which on a difference counts as seen."""

PUBLISHED_MELTING: Final = {
    "Al": (929.0, 10.0, "Mendelev et al. 2008, coexistence"),
    "Cu": (1327.0, 10.0, "Mishin et al. 2001"),
    "Si": (1691.0, 20.0, "Broughton & Li 1987"),
    "Fe": (1772.0, 10.0, "Mendelev et al. 2003"),
    "Mg": (914.0, 10.0, "Sun et al. 2006"),
}
"""K, standard error, source: of the potentials of `MATERIALS`."""


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


def load_md_records(source: str | Path) -> list[Record]:
    """Read the records of molecular dynamics in a shipped set, store or file.

    Raises:
        InputFileError: There are none.
    """
    records = [record for record in load_records(source) if record.kind == "md"]
    if not records:
        raise InputFileError(f"{source} holds no records of molecular dynamics")
    return records


def verify_growth(source: str | Path, *, second: str | Path | None = None) -> dict[str, Any]:
    """Hold the records of a set against every law.

    Args:
        source: Shipped set, store, or file of records.
        second: Records of another potential of the same materials.

    Returns:
        findings: list of law, subject, holds (null = the records do not tell), found, expected, unit, detail, and with
        `second` between_potentials, the error of the number found that two potentials show (null = none); and how many
        hold, fail, and have no verdict.

    Raises:
        InputFileError: There are no records of molecular dynamics.
        ParameterError: The second records are not of another potential.
    """
    records = load_md_records(source)
    findings = check_laws(records)
    spreads = None if second is None else _between_potentials(findings, records, load_md_records(second))
    verdicts = [finding.holds for finding in findings]
    return {
        "records": len(records),
        "findings": [
            asdict(finding) | ({} if spreads is None else {"between_potentials": spreads[number]})
            for number, finding in enumerate(findings)
        ],
        "hold": verdicts.count(True),
        "fail": verdicts.count(False),
        "open": verdicts.count(None),
    }


def _between_potentials(
    findings: Sequence[Finding], records: Sequence[Record], others: Sequence[Record]
) -> list[float]:
    """Error between potentials of melting points and kinetic coefficients; NaN of other numbers, and where none is."""
    for material in sorted({record.material for record in records} & {record.material for record in others}):
        two_potentials(material, records, others)  # says what is no second potential

    def about(finding: Finding) -> tuple[str, str]:
        return finding.law, finding.subject.partition(" against ")[0]

    found = {about(finding): finding.found for finding in check_laws(others) if finding.law in _OF_A_POTENTIAL}
    return [standard_deviation_of_two(finding.found, found.get(about(finding), math.nan)) for finding in findings]


def check_laws(records: Sequence[Record]) -> list[Finding]:
    """Hold records against every law; a law without the records that it needs has no verdict."""
    points = growth_points(records)
    materials = sorted({record.material for record in records if record.material in MATERIALS})
    known = [
        (
            tabulate(material, records),
            [record for record in records if record.material == material and record.kind == "md"],
            [point for point in points if point.material == material],
        )
        for material in materials
    ]
    return [finding for law in LAWS for table, runs, mine in known for finding in law(table, runs, mine)]


_Law = Callable[[MaterialTable, Sequence[Record], Sequence[Point]], list[Finding]]
"""Takes what is known of a material, its records, and its growth velocities by condition."""


def _no_verdict(law: str, subject: str, unit: str, why: str, expected: float = math.nan) -> list[Finding]:
    return [Finding(law, subject, None, math.nan, expected, unit, why)]


def _melting(table: MaterialTable, records: Sequence[Record], points: Sequence[Point]) -> list[Finding]:
    material = table.material
    runs = [record for record in records if "melting_temperature" in record.quantities]
    if not runs:
        return _no_verdict("melting point", material, "K", "no coexistence run")
    ours = combine_melting_points(runs)
    detail = "; ".join(
        f"box of {record.conditions['box_length'].value * 1e10:.0f} A: "
        f"{record.quantities['melting_temperature'].value:.1f} K by q6 bonds, "
        f"{_other_rule(record):.1f} K by averaged q6"
        for record in runs
    )
    others: list[tuple[str, float, float]] = []
    stated = common_potential(material, runs)
    if material in PUBLISHED_MELTING and (stated is None or stated.file == MATERIALS[material].potential):
        value, error, source = PUBLISHED_MELTING[material]
        others.append((source, value, error))
    still = zero_velocity_melting_point(points, table)
    if still is not None:
        others.append(("zero interface velocity", still.value, still.standard_error))
    if not others:
        why = f"+- {ours.standard_error:.1f} K; no other melting point of this potential; {detail}"
        return [Finding("melting point", material, None, ours.value, math.nan, "K", why)]
    findings = []
    for source, value, error in others:
        apart = ours.value / value - 1
        combined_error = math.hypot(ours.standard_error, error)
        findings.append(
            Finding(
                "melting point",
                f"{material} against {source}, +- {error:.1f} K",
                abs(apart) <= MAX_MELTING_DIFFERENCE,
                ours.value,
                value,
                "K",
                f"+- {ours.standard_error:.1f} K; {apart:+.2%} apart, "
                f"{abs(ours.value - value) / combined_error:.1f} standard errors of {combined_error:.1f} K; {detail}",
            )
        )
    return findings


def _other_rule(record: Record) -> float:
    found = record.quantities
    if "drift_term_averaged_rule" not in found or "drift_term" not in found:
        return math.nan
    return found["melting_temperature"].value - found["drift_term"].value + found["drift_term_averaged_rule"].value


def _sign(table: MaterialTable, _: Sequence[Record], points: Sequence[Point]) -> list[Finding]:
    material, melting = table.material, table.melting_temperature
    if not points:
        return _no_verdict("sign", material, "1", "no growth run", expected=1.0)
    wrong = [point for point in points if point.velocity.value * (melting - point.temperature) <= 0]
    listing = ", ".join(
        f"({point.orientation}) {point.temperature:g} K {point.velocity.value:.2g} m/s" for point in wrong
    )
    return [
        Finding(
            "sign",
            material,
            not wrong,
            100 * (1 - len(wrong) / len(points)),
            100.0,
            "%",
            f"{len(points)} conditions, positive below {melting:.0f} K and negative above"
            + (f"; wrong: {listing}" if wrong else ""),
        )
    ]


def _coefficient(table: MaterialTable, _: Sequence[Record], points: Sequence[Point]) -> list[Finding]:
    if MATERIALS[table.material].structure != "fcc":
        return []  # the hard-sphere law is one of close-packed crystals
    findings = []
    for orientation in ("100", "110", "111"):
        subject = f"{table.material} ({orientation})"
        try:
            seen = kinetic_coefficients([point for point in points if point.orientation == orientation], table)
        except ParameterError as error:
            findings += _no_verdict("hard spheres", subject, "m/(s K)", str(error))
            continue
        findings.append(
            Finding(
                "hard spheres",
                subject,
                abs(seen.at_melting.value / seen.hard_sphere - 1) <= MAX_COEFFICIENT_DIFFERENCE,
                seen.at_melting.value,
                seen.hard_sphere,
                "m/(s K)",
                f"+- {seen.at_melting.standard_error:.3f} at T_m; v/undercooling at {seen.secant_temperature:g} K "
                f"{seen.secant.value:.3f} +- {seen.secant.standard_error:.3f}; across T_m {seen.bridging.value:.3f} "
                f"+- {seen.bridging.standard_error:.3f}",
            )
        )
    return findings


def _order(table: MaterialTable, _: Sequence[Record], points: Sequence[Point]) -> list[Finding]:
    if MATERIALS[table.material].structure != "fcc":
        return []
    melting = table.melting_temperature
    findings = []
    for fast, slow in (("100", "110"), ("110", "111")):
        pairs = [
            (a.velocity.value - b.velocity.value, math.hypot(positive_error(a), positive_error(b)))
            for a in points
            for b in points
            if (a.orientation, b.orientation) == (fast, slow) and a.temperature == b.temperature < melting
        ]
        subject = f"{table.material} ({fast}) against ({slow})"
        if not pairs:
            findings += _no_verdict("order", subject, "m/s", "no temperature has both", expected=0.0)
            continue
        values, errors = np.array(pairs).T
        found = weighted_mean(values, errors)
        mean, error = found.value, found.standard_error
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


def _maximum(table: MaterialTable, _: Sequence[Record], points: Sequence[Point]) -> list[Finding]:
    if MATERIALS[table.material].structure != "diamond":
        return []  # collision-limited growth has its maximum far below the temperatures of the plan
    melting = table.melting_temperature
    mine = [point for point in points if point.orientation == "100"]
    growing = [point for point in mine if point.temperature < melting]
    subject = f"{table.material} (100)"
    if len(growing) < 3:
        return _no_verdict("maximum", subject, "K", "fewer than three temperatures")
    # On the hot side the interface velocity is zero at T_m: a maximum is where they slow down on the cold side as well.
    top = max(growing, key=lambda point: point.velocity.value)
    cold = growing[0]
    hot = [point for point in mine if point.temperature > top.temperature]

    def sure(other: Point) -> float:
        return (top.velocity.value - other.velocity.value) / math.hypot(positive_error(top), positive_error(other))

    beyond = ", ".join(f"{sure(point):.1f} above {point.temperature:g} K" for point in hot)
    return [
        Finding(
            "maximum",
            subject,
            top is not cold and sure(cold) >= DECIDED and top.velocity.value >= DECIDED * positive_error(top),
            top.temperature,
            math.nan,
            "K",
            f"{top.velocity.value:.1f} +- {positive_error(top):.1f} m/s there; {sure(cold):.1f} standard errors above "
            f"{cold.temperature:g} K; {beyond or 'no hotter run'}; the interface velocity is zero at {melting:.0f} K",
        )
    ]


LAWS: Final[tuple[_Law, ...]] = (_melting, _sign, _coefficient, _order, _maximum)
"""In the order of the table."""
