"""Records of molecular dynamics summed up: velocities over seeds, melting points over boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nakaya.core.errors import ParameterError
from nakaya.md.melting import combine_melting_points
from nakaya.md.statistics import combine_seeds
from nakaya.records.record import Record
from nakaya.records.store import load_records

__all__ = ["growth_from_records", "growth_summary", "melting_from_records", "melting_summary"]

SAME_TEMPERATURE = 0.5
"""Records within so many kelvin count as one temperature."""

MOVING_SHARE = 0.02
"""A melting point with a larger relative error than this comes from fronts that still moved."""


def growth_summary(records: Sequence[Record]) -> dict[str, Any]:
    """Combine growth runs of one condition.

    Returns:
        growth_velocity_m_per_s, standard_error_m_per_s (over seeds, or from within the runs where that is larger),
        seeds, status, flags, driving_force, and the velocity of every seed.
    """
    values, errors, seeds, each, flags = [], [], [], [], []
    for record in records:
        velocity = record.quantities.get("growth_velocity")
        seeds += list(record.provenance.seeds)
        flags += [f"seed {record.provenance.seeds[0]}: {flag}" for flag in record.flags]
        good = velocity is not None and record.status in ("ok", "flagged") and math.isfinite(velocity.value)
        each.append(
            {
                "seed": record.provenance.seeds[0],
                "growth_velocity_m_per_s": velocity.value if velocity is not None and good else math.nan,
                "standard_error_m_per_s": velocity.standard_error if velocity is not None and good else math.nan,
                "status": record.status,
            }
        )
        if velocity is not None and good:
            values.append(velocity.value)
            errors.append(velocity.standard_error)
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


def growth_from_records(source: str | Path, material: str, orientation: str, temperature: float) -> dict[str, Any]:
    """Summarise the growth runs of one condition that lie in records; nothing is simulated.

    Raises:
        ParameterError: There are none; the message says which temperatures there are.
    """
    candidates = [
        record
        for record in load_records(source)
        if record.material == material and record.orientation == orientation and "growth_velocity" in record.quantities
    ]
    chosen = [
        record for record in candidates if abs(record.conditions["temperature"].value - temperature) <= SAME_TEMPERATURE
    ]
    if not chosen:
        known = sorted({record.conditions["temperature"].value for record in candidates})
        listing = ", ".join(f"{value:g}" for value in known) or "none"
        raise ParameterError(
            f"no growth of {material} ({orientation}) at {temperature:g} K in {source}: has {listing} K"
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
    if not estimate.standard_error <= MOVING_SHARE * estimate.value:
        flags.append(
            f"the error is {estimate.standard_error:.0f} K: the fronts still moved; run longer (--duration), in longer "
            "boxes, or start nearer (--guess)"
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
        raise ParameterError(f"no coexistence run of {material} in {source}")
    return melting_summary(chosen) | {"out": None}
