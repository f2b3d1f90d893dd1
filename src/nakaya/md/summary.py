"""Records of molecular dynamics summed up: velocities over seeds, melting points over boxes, rates over quenches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.elements import suggested_element
from nakaya.core.errors import ParameterError
from nakaya.crystallography.miller import plane_family
from nakaya.md.melting import combine_melting_points
from nakaya.md.nucleation import nucleation_rate, rate_conditions
from nakaya.md.seeding.nuclei import SHAPE, SIZES
from nakaya.md.seeding.run import FATES
from nakaya.md.shear import SHEAR_RATE
from nakaya.md.statistics import combine_seeds, rate_ratio
from nakaya.records.record import Record, has_result
from nakaya.records.store import load_records

__all__ = [
    "growth_from_records",
    "growth_summary",
    "melting_from_records",
    "melting_summary",
    "nucleation_from_records",
    "nucleation_summary",
    "properties_summary",
    "seeding_summary",
    "shear_summary",
]

SAME_TEMPERATURE = 0.5
"""Records within so many kelvin count as one temperature."""

MAX_RELATIVE_ERROR = 0.02
"""A melting point with a larger relative error than this comes from interfaces that still moved."""


def growth_summary(records: Sequence[Record]) -> dict[str, Any]:
    """Combine growth runs of one condition.

    Returns:
        growth_velocity_m_per_s, standard_error_m_per_s (over seeds, or from within the runs where that is larger),
        seeds, status, flags, driving_force, and the velocity of every seed.
    """
    values, errors, seeds, each, flags = [], [], [], [], []
    for record in records:
        seed = record.provenance.seeds[0]
        seeds += list(record.provenance.seeds)
        flags += [f"seed {seed}: {flag}" for flag in record.flags]
        value, error = math.nan, math.nan
        if has_result(record, "growth_velocity"):
            velocity = record.quantities["growth_velocity"]
            value, error = velocity.value, velocity.standard_error
            values.append(value)
            errors.append(error)
        each.append(
            {
                "seed": seed,
                "growth_velocity_m_per_s": value,
                "standard_error_m_per_s": error,
                "status": record.status,
            }
        )
    estimate = combine_seeds(values, errors) if values else None
    statuses = {record.status for record in records}
    status = "failed" if estimate is None else "flagged" if statuses != {"ok"} else "ok"
    return {
        "growth_velocity_m_per_s": math.nan if estimate is None else estimate.value,
        "standard_error_m_per_s": math.nan if estimate is None else estimate.standard_error,
        "seeds": seeds,
        "status": status,
        "flags": flags,
        "driving_force": records[0].driving_force.value if records else math.nan,
        "runs": each,
    }


def growth_from_records(
    source: str | Path, material: str, orientation: str, temperature: float, *, shear_rate: float = 0.0
) -> dict[str, Any]:
    """Summarise the growth runs of one condition that lie in records; nothing is simulated.

    Args:
        source: Shipped set, store or file.
        material: Name.
        orientation: Growth direction.
        temperature: K.
        shear_rate: 1/s; 0 = melts at rest.

    Raises:
        ParameterError: There are none; the message says which temperatures there are.
    """
    face = plane_family(orientation)
    candidates = [
        record
        for record in load_records(source)
        if record.material == material and "growth_velocity" in record.quantities
        if record.orientation is not None and plane_family(record.orientation) == face
        if (record.constant(SHEAR_RATE) or 0.0) == shear_rate
    ]
    chosen = [record for record in candidates if _kelvin_apart(record, temperature) <= SAME_TEMPERATURE]
    if not chosen:
        known = sorted({record.conditions["temperature"].value for record in candidates})
        listing = ", ".join(f"{value:g}" for value in known) or "none"
        named = f"{material}{suggested_element(material)} ({orientation})"
        raise ParameterError(
            f"no growth of {named} at {temperature:g} K{_sheared(shear_rate)} in {source}: has {listing} K"
        )
    return growth_summary(chosen) | {"out": None}


def melting_summary(records: Sequence[Record]) -> dict[str, Any]:
    """Combine coexistence runs: melting_point_K, standard_error_K, and every run with what both classifiers saw."""
    estimate = combine_melting_points(records)
    each = [
        {
            "box_length_m": record.conditions["box_length"].value,
            "seed": record.provenance.seeds[0],
            "melting_point_K": record.quantities["melting_temperature"].value,
            "standard_error_K": record.quantities["melting_temperature"].standard_error,
            "drift_by_bonds_K": record.quantities["drift_term"].value,
            "drift_by_averaged_q6_K": record.quantities["drift_term_averaged_rule"].value,
            "status": record.status,
            "flags": list(record.flags),
        }
        for record in records
        if "melting_temperature" in record.quantities
    ]
    flags = [f"{record.id}: {flag}" for record in records for flag in record.flags]
    if not estimate.standard_error <= MAX_RELATIVE_ERROR * estimate.value:
        flags.append(
            f"the error is {estimate.standard_error:.0f} K: the interfaces still moved; run longer, in longer "
            "boxes, or start nearer to the melting point"
        )
    return {
        "melting_point_K": estimate.value,
        "standard_error_K": estimate.standard_error,
        "status": "flagged" if flags else "ok",
        "flags": flags,
        "runs": each,
    }


def melting_from_records(source: str | Path, material: str) -> dict[str, Any]:
    """Summarise the coexistence runs of a material that lie in records; nothing is simulated."""
    chosen = [
        record
        for record in load_records(source)
        if record.material == material and "melting_temperature" in record.quantities
    ]
    if not chosen:
        raise ParameterError(f"no coexistence run of {material}{suggested_element(material)} in {source}")
    return melting_summary(chosen) | {"out": None}


def properties_summary(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row per temperature, rising: temperature_K, status, and every property with its unit and standard error.

    Rows of hcp have its c/a as well (`axial_ratio`).
    """
    rows = []
    for record in records:
        row: dict[str, Any] = {"temperature_K": record.conditions["temperature"].value, "status": record.status}
        for name, unit in (("lattice_parameter", "m"), ("latent_heat", "J_per_mol"), ("diffusivity", "m2_per_s")):
            entry = record.quantities.get(name)
            row[f"{name}_{unit}"] = math.nan if entry is None else entry.value
            row[f"{name}_standard_error"] = math.nan if entry is None else entry.standard_error
        if (ratio := record.quantities.get("axial_ratio")) is not None:
            row |= {"axial_ratio": ratio.value, "axial_ratio_standard_error": ratio.standard_error}
        rows.append(row)
    return sorted(rows, key=lambda row: float(row["temperature_K"]))


def nucleation_summary(records: Sequence[Record]) -> tuple[Record, dict[str, Any]]:
    """The record of the nucleation rate of quenches, and what it says as JSON values."""
    total, found = nucleation_rate(records)
    rate = total.quantities["nucleation_rate"]
    volumes = [record.conditions["volume"].value / record.conditions["num_atoms"].value for record in records]
    return total, {
        "nucleation_rate_per_m3_s": rate.value,
        "interval90": None if rate.interval is None else [rate.interval.low, rate.interval.high],
        "events": found.events,
        "censored": found.censored,
        "lag_s": found.lag,
        "p_exponential": found.p_exponential,
        "status": total.status,
        "flags": list(total.flags),
        "atomic_volume_m3": float(np.mean(volumes)),
    }


def shear_summary(records: Sequence[Record]) -> tuple[list[Record], dict[str, Any]]:
    """Nucleation rates of quenches at one temperature, shear rate by shear rate, and their ratios to the lowest one.

    Returns:
        (a record of every rate; {"shear_rates": what `nucleation_summary` says of each, rising, with shear_rate_per_s,
        and from the second on with ratio, ratio_interval90 and is_resolved: whether the interval leaves 1 out; "flags":
        of all of them}).

    Raises:
        ParameterError: No quenches that did not fail, or of several materials or temperatures.
    """
    groups: dict[tuple[str, float, float], list[Record]] = {}
    for record in records:
        if "waiting_time" in record.quantities:
            groups.setdefault(rate_conditions(record), []).append(record)
    where = sorted({(material, temperature) for material, temperature, _ in groups})
    if len(where) != 1:
        raise ParameterError(f"quenches of {len(where)} materials and temperatures give nothing to compare: {where}")
    totals, rows, seen, flags = [], [], [], []
    for (_, _, shear_rate), quenches in sorted(groups.items()):
        usable = [record for record in quenches if record.status in ("ok", "censored")]
        title = f"{shear_rate:g} 1/s"
        if len(usable) < len(quenches):
            flags.append(f"{title}: {len(quenches) - len(usable)} of {len(quenches)} quenches failed, and do not count")
        if not usable:
            continue
        total, row = nucleation_summary(usable)
        found = nucleation_rate(usable)[1]
        volume = float(np.mean([record.conditions["volume"].value for record in usable]))
        seen.append((found.counted, found.exposure * volume))
        row = {"shear_rate_per_s": shear_rate, **row}
        totals.append(total)
        rows.append(row if len(seen) == 1 else row | _compared(seen[-1], seen[0]))
        flags += [f"{title}: {flag}" for flag in row["flags"]]
    if not rows:
        raise ParameterError(f"no quench to compute a nucleation rate from: {'; '.join(flags)}")
    return totals, {"shear_rates": rows, "flags": flags}


def _compared(one: tuple[int, float], other: tuple[int, float]) -> dict[str, Any]:
    if min(one[1], other[1]) <= 0:  # one run alone: its event fixes the lag, and no time is left
        return {"ratio": math.nan, "ratio_interval90": None, "is_resolved": False}
    ratio, (low, high) = rate_ratio((one[0], other[0]), (one[1], other[1]))
    return {"ratio": ratio, "ratio_interval90": [low, high], "is_resolved": not low <= 1 <= high}


def nucleation_from_records(source: str | Path, material: str, temperature: float) -> dict[str, Any]:
    """Compare the quenches of one temperature that lie in records by `shear_summary`; nothing is simulated.

    Raises:
        ParameterError: There are none; the message says which temperatures there are.
    """
    quenches = [
        record for record in load_records(source) if record.material == material and "waiting_time" in record.quantities
    ]
    chosen = [record for record in quenches if _kelvin_apart(record, temperature) <= SAME_TEMPERATURE]
    if not chosen:
        known = sorted({record.conditions["temperature"].value for record in quenches})
        listing = ", ".join(f"{value:g}" for value in known) or "none"
        named = f"{material}{suggested_element(material)}"
        raise ParameterError(f"no quenches of {named} at {temperature:g} K in {source}: has {listing} K")
    return shear_summary(chosen)[1] | {"out": None}


def _sheared(shear_rate: float) -> str:
    return f" and {shear_rate:g} 1/s" if shear_rate else ""


def _kelvin_apart(record: Record, temperature: float) -> float:
    return abs(record.conditions["temperature"].value - temperature)


def seeding_summary(records: Sequence[Record]) -> dict[str, Any]:
    """Sum up crystallites released into their melts; records of other kinds are left alone.

    Returns:
        nuclei (size as cut and at release by both detectors, branches of each fate, status), and branches of each fate
        over all of them, status ("failed" where none was released), flags.
    """
    nuclei: list[dict[str, Any]] = []
    flags = []
    for record in records:
        flags += [f"{record.id}: {flag}" for flag in record.flags]
        if SHAPE not in record.provenance.settings:
            continue
        counts = {name: record.quantities.get(f"branches_{name}") for name in FATES}
        nuclei.append(
            {
                "shape": record.provenance.settings[SHAPE],
                "seed": record.provenance.seeds[0],
                "crystallite_size": record.conditions["crystallite_size"].value,
                **{
                    f"{name}_at_release": record.evidence[f"{name}_at_release"].value
                    for name in SIZES.values()
                    if f"{name}_at_release" in record.evidence
                },
                **{name: 0 if entry is None else round(entry.value) for name, entry in counts.items()},
                "status": record.status,
            }
        )
    is_lost = all(nucleus["status"] == "failed" for nucleus in nuclei)
    return {
        "nuclei": nuclei,
        **{name: sum(nucleus[name] for nucleus in nuclei) for name in FATES},
        "status": "failed" if is_lost else "flagged" if flags else "ok",
        "flags": flags,
    }
