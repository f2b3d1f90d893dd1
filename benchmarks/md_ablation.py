"""One cause changed at a time: how far do melting points and kinetic coefficients move?

A law that fails, or holds by a hair, is explained by an experiment, not by words: the same records are read again with
one thing changed, and the effect is printed beside the figure that the law takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Final

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import ParameterError
from nakaya.md.interface_velocities import (
    NEAR_MELTING,
    Coefficients,
    Look,
    Point,
    growth_points,
    kinetic_coefficients,
    of_the_run,
    positive_error,
    zero_velocity_melting_point,
)
from nakaya.md.interfaces import BLOCK_PS, MIN_BLOCK_PS
from nakaya.md.invariants import load_md_records
from nakaya.md.melting import combine_melting_points, zero_velocity_temperature
from nakaya.md.potentials import MASSES, MATERIALS
from nakaya.md.statistics import Estimate, walk_slope
from nakaya.md.tables import MaterialTable, tabulate
from nakaya.records.record import Record
from nakaya.theory import NICKEL, hard_sphere_coefficient

__all__ = ["Effect", "change_causes", "md_ablation"]

NEARER: Final = 0.9
"""Share of T_m above which the law is fitted, where the range is the cause that is changed."""

RELAXED_PS: Final = 10.0
"""Fronts that start flat become rough: what is left out at the start where that is the cause that is changed."""

NICKEL_MELTING: Final = 1710.0
"""Melting point of nickel with such a potential, about, K; it enters as a square root."""


@dataclass(frozen=True)
class Effect:
    """What one changed cause does to one figure.

    Attributes:
        subject: Which figure: of which material, and by which way.
        cause: What was changed; "" = nothing, the figure as the law takes it.
        found: The figure.
        standard_error: Of it; NaN where it is not known.
        expected: What the law holds it against.
        unit: Of all three.
    """

    subject: str
    cause: str
    found: float
    standard_error: float
    expected: float
    unit: str


def change_causes(records: Sequence[Record]) -> list[Effect]:
    """Read records again with one cause changed at a time; materials without the records that it needs have none."""
    found: list[Effect] = []
    for material in sorted({record.material for record in records if record.material in MATERIALS}):
        mine = [record for record in records if record.material == material and record.kind == "md"]
        table = tabulate(material, mine)
        if not math.isfinite(table.melting_error):
            continue
        found += _coexistence(material, mine, table)
        found += _zero_velocity(material, mine, table)
        found += _coefficients(material, mine, table)
    return found


def _coexistence(material: str, records: Sequence[Record], table: MaterialTable) -> list[Effect]:
    runs = [record for record in records if "melting_temperature" in record.quantities]
    still = zero_velocity_melting_point(growth_points(records), table)
    expected = math.nan if still is None else still.value
    subject = f"{material}, melting point by coexistence"

    def effect(cause: str, estimate: Estimate) -> Effect:
        return Effect(subject, cause, estimate.value, estimate.standard_error, expected, "K")

    found = [effect("", combine_melting_points(runs))]
    for record in runs:
        entry = record.quantities["melting_temperature"]
        length = record.conditions["box_length"].value * 1e10
        found.append(effect(f"box of {length:.0f} A alone", Estimate(entry.value, entry.standard_error)))
    mobility = _coefficient(growth_points(records), "100", table)
    if mobility is None:
        return found
    # Fronts that move with v under a mean temperature T say that T_m = T + v/mu; the runs took a guess of mu.
    guess = MATERIALS[material].mobility
    for name, rule in (("drift_term", "q6 bonds"), ("drift_term_averaged_rule", "averaged q6")):
        moved = []
        for record in runs:
            if name not in record.quantities:
                break
            drift = record.quantities[name].value * guess / mobility.at_melting.value
            entry = record.quantities["melting_temperature"]
            shifted = replace(entry, values=np.array(entry.value + drift))
            moved.append(replace(record, quantities={**record.quantities, "melting_temperature": shifted}))
        else:
            cause = f"what the interfaces still moved taken off with {mobility.at_melting.value:.2f} m/(s K), by {rule}"
            found.append(effect(cause, combine_melting_points(moved)))
    return found


def _zero_velocity(material: str, records: Sequence[Record], table: MaterialTable) -> list[Effect]:
    subject = f"{material}, temperature of zero interface velocity"
    found = []
    for cause, points, near in _variations(records):
        estimate = zero_velocity_melting_point(points, table, near=near)
        if estimate is not None:
            found.append(
                Effect(subject, cause, estimate.value, estimate.standard_error, table.melting_temperature, "K")
            )
    line = _straight(growth_points(records))
    if found and line is not None:
        cause = "a straight line between the nearest temperatures of every face"
        found.append(Effect(subject, cause, line.value, line.standard_error, table.melting_temperature, "K"))
    return found


def _coefficients(material: str, records: Sequence[Record], table: MaterialTable) -> list[Effect]:
    if MATERIALS[material].structure != "fcc":
        return []
    found: list[Effect] = []
    still = zero_velocity_melting_point(growth_points(records), table)
    for face in NICKEL:
        subject = f"{material} ({face}), kinetic coefficient at T_m"
        base = _coefficient(growth_points(records), face, table)
        if base is None:
            continue

        def effect(cause: str, value: Estimate, expected: float, subject: str = subject) -> Effect:
            return Effect(subject, cause, value.value, value.standard_error, expected, "m/(s K)")

        for cause, points, near in _variations(records):
            seen = _coefficient(points, face, table, near=near)
            if seen is not None:
                found.append(effect(cause, seen.at_melting, seen.hard_sphere))
        if still is not None:
            moved = _coefficient(growth_points(records), face, replace(table, melting_temperature=still.value))
            if moved is not None:
                found.append(
                    effect(
                        "undercooling from where the interface velocity is zero", moved.at_melting, moved.hard_sphere
                    )
                )
        at = f"v over undercooling at {base.secant_temperature:g} K, no law"
        found.append(effect(at, base.secant, base.hard_sphere))
        if math.isfinite(base.bridging.value):
            found.append(effect("a straight line across T_m, no law", base.bridging, base.hard_sphere))
        # The unit of velocity of a crystal is sqrt(k_B/(m T_m)) per kelvin: nickel in that unit, in place of spheres.
        spheres = hard_sphere_coefficient(MASSES["Ni"], NICKEL_MELTING, face)
        nickel = base.hard_sphere * NICKEL[face] / 100 / spheres
        found.append(effect("held against nickel (embedded atoms) instead of hard spheres", base.at_melting, nickel))
    return found


def _variations(records: Sequence[Record]) -> list[tuple[str, list[Point], float]]:
    """Points with one cause changed, and the share of T_m above which they count; the first is without a change."""
    looks: list[tuple[str, Look, float]] = [
        ("", of_the_run, NEAR_MELTING),
        (f"fitted above {NEARER:g} T_m only, not above {NEAR_MELTING:g}", of_the_run, NEARER),
        ("solid atoms by averaged q6, not by q6 bonds", _by_averaged_rule, NEAR_MELTING),
        ("mean temperature of the run, not that of the bath", _at_mean_temperature, NEAR_MELTING),
        ("temperature of the slices at the interfaces, not that of the bath", _at_interface_temperature, NEAR_MELTING),
        (f"first {RELAXED_PS:g} ps left out, in which interfaces become rough", _relaxed, NEAR_MELTING),
    ]
    return [(cause, growth_points(records, look), near) for cause, look, near in looks]


def _coefficient(
    points: Sequence[Point], face: str, table: MaterialTable, *, near: float = NEAR_MELTING
) -> Coefficients | None:
    try:
        return kinetic_coefficients([point for point in points if point.orientation == face], table, near=near)
    except ParameterError:
        return None


def _straight(points: Sequence[Point]) -> Estimate | None:
    found = []
    for face in {point.orientation for point in points}:
        mine = [point for point in points if point.orientation == face]
        try:
            found.append(
                zero_velocity_temperature(
                    np.array([point.temperature for point in mine]),
                    np.array([point.velocity.value for point in mine]),
                    np.array([positive_error(point) for point in mine]),
                )
            )
        except ParameterError:
            continue
    if not found:
        return None
    weights = np.array([1 / estimate.standard_error**2 for estimate in found])
    values = np.array([estimate.value for estimate in found])
    return Estimate(float((weights * values).sum() / weights.sum()), 1 / math.sqrt(float(weights.sum())))


def _by_averaged_rule(record: Record) -> tuple[float, Estimate] | None:
    entry, seen = record.quantities.get("growth_velocity_averaged_rule"), of_the_run(record)
    return None if entry is None or seen is None else (seen[0], Estimate(entry.value, entry.standard_error))


def _at_mean_temperature(record: Record) -> tuple[float, Estimate] | None:
    entry, seen = record.quantities.get("mean_temperature"), of_the_run(record)
    return None if entry is None or seen is None else (entry.value, seen[1])


def _at_interface_temperature(record: Record) -> tuple[float, Estimate] | None:
    profile, thickness = record.quantities.get("temperature_profile"), record.quantities.get("solid_thickness")
    seen, fitted = of_the_run(record), _fitted(record)
    if profile is None or profile.axis is None or thickness is None or seen is None or fitted is None:
        return None
    halves = thickness.values[fitted] / 2
    return float(np.interp(halves, profile.axis.values, profile.values).mean()), seen[1]


def _relaxed(record: Record) -> tuple[float, Estimate] | None:
    thickness, seen, fitted = record.quantities.get("solid_thickness"), of_the_run(record), _fitted(record)
    if thickness is None or thickness.axis is None or seen is None or fitted is None:
        return None
    times = thickness.axis.values * 1e12
    late = fitted & (times >= RELAXED_PS - 1e-9)
    if late.sum() < 5:
        return None
    span = float(times[late][-1] - times[late][0])
    block = max(MIN_BLOCK_PS, min(BLOCK_PS, span / 3))
    slope = walk_slope(times[late], thickness.values[late] / 2, block=block)
    return seen[0], Estimate(slope.value * 1e12, slope.standard_error * 1e12)


def _fitted(record: Record) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    """Which frames the velocity of a run was fitted to, bool [frame]."""
    thickness = record.quantities.get("solid_thickness")
    words = record.provenance.settings.get("fit_window_ps", "").split(" to ")
    if thickness is None or thickness.axis is None or len(words) != 2:
        return None
    try:
        low, high = float(words[0]), float(words[1])
    except ValueError:
        return None
    times = thickness.axis.values * 1e12
    inside = (times >= low - 1e-9) & (times <= high + 1e-9)
    return inside if inside.any() else None


def md_ablation(
    source: Annotated[str, typer.Argument(help="Shipped set, store, campaign or file of records.")] = "al-cu-si",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Read records of growth and melting again with one thing changed at a time, beside the figure that a law takes.

    Changed are the length of the box, the classifier, the temperature of the interfaces, the range of the fit, and
    whether the first picoseconds count. `nakaya md laws` holds the same records against the laws.

    Example: python3 nk.py benchmark md-ablation al-cu-si
    """
    effects = [asdict(effect) for effect in change_causes(load_md_records(source))]
    if as_json:
        echo_json({"effects": effects})
        return
    for line in _effect_lines(effects)[1:]:
        typer.echo(line)


def _effect_lines(effects: list[dict[str, Any]]) -> list[str]:
    lines = []
    subject = ""
    for effect in effects:
        if effect["subject"] != subject:
            subject = effect["subject"]
            lines += ["", f"{subject}, {effect['unit']}:"]
        expected = effect["expected"]
        apart = "" if math.isnan(expected) else f"{effect['found'] / expected - 1:+8.2%} from {expected:.4g}"
        number = f"{effect['found']:9.4g} +- {effect['standard_error']:<6.2g}"
        lines.append(f"  {number} {apart:22} {effect['cause'] or 'as the law takes it'}")
    return lines
