"""What an analysis of seeding and quenches found, as JSON values: natural logarithms of J in 1/(m^3 s)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.md.seeding.critical_size import LEVEL
from nakaya.md.seeding.interfacial_energy import LogRates
from nakaya.md.seeding.posterior_record import POSTERIOR, posterior_record
from nakaya.md.seeding.rates import NucleationAnalysis, SeededTemperature, analyse_nucleation
from nakaya.md.statistics import log_of_mean_count
from nakaya.records.collection import write_store
from nakaya.records.store import load_records

__all__ = ["nucleation_document", "rates_from_records"]

FRACTIONS: tuple[float, ...] = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
"""Of the melting point: temperatures at which rates are predicted where none are asked for."""


def rates_from_records(
    source: str | Path,
    *,
    known: str | Path | None = None,
    material: str | None = None,
    temperatures: Sequence[float] = (),
    seed: int = 0,
    out: Path | None = None,
    overwrite: bool = False,
    command: str = "",
) -> dict[str, Any]:
    """Analyse a store of records, and write the posterior of gamma(T).

    Args:
        source: Shipped set, store or file with seeding or quenches.
        known: The same, with bulk properties and melting points, where `source` lacks them.
        material: Chemical symbol; may be None where there is only one.
        temperatures: At which rates are predicted, K; those of `FRACTIONS` where empty.
        seed: Of all draws.
        out: Store of the record of the posterior, a new directory; None = it is not written.
        overwrite: Whether it replaces what is there.
        command: Stated in the record.

    Raises:
        ParameterError: As of `analyse_nucleation`; or a temperature is no undercooling.
    """
    records = list(load_records(source))
    others = [] if known is None else list(load_records(known))
    analysis = analyse_nucleation(records, known=others, material=material, seed=seed)
    bulk = analysis.bulk
    asked = sorted(set(temperatures)) or [round(each * bulk.melting_point.value) for each in FRACTIONS]
    rates = analysis.posterior.log_rates(asked, np.random.default_rng(seed))
    if out is not None:
        used = [
            record
            for record in [*records, *others]
            if record.material == bulk.material and not record.id.startswith(POSTERIOR)
        ]
        record = posterior_record(analysis.posterior, rates, used, seed=seed, command=command)
        write_store([record], out, overwrite=overwrite)
    return nucleation_document(analysis, rates) | {"out": out}


def nucleation_document(analysis: NucleationAnalysis, rates: LogRates) -> dict[str, Any]:
    """Return the analysis as JSON values; NaN is what is not known."""
    posterior, bulk = analysis.posterior, analysis.bulk
    reference = posterior.reference_temperature
    return {
        "material": bulk.material,
        "melting_point_K": bulk.melting_point.value,
        "melting_point_error_K": bulk.melting_point.standard_error,
        "latent_heat_measured_K": [bulk.latent_heat.lowest, bulk.latent_heat.highest],
        "seeding": [_seeded(row) for row in analysis.seeded],
        "quenches": [
            {
                "temperature_K": each.temperature,
                "events": each.events,
                "volume_time_m3_s": each.volume_time,
                "log_rate": log_of_mean_count(each.events).value - math.log(each.volume_time),
                "standard_error": log_of_mean_count(each.events).standard_error,
            }
            for each in analysis.exposures
        ],
        "interfacial_energy": {
            "reference_temperature_K": reference,
            "J_per_m2": _summary(posterior.energy),
            "J_per_m2_K": _summary(posterior.temperature_coefficient),
            "size_discrepancy": _summary(posterior.discrepancy),
            "size_offsets": {name: _summary(offsets) for name, offsets in posterior.offsets.items()},
            "effective_draws": posterior.effective_draws,
        },
        "rates": [
            {
                "temperature_K": float(temperature),
                "log_rate": float(rates.median[row]),
                "interval90": [float(rates.low[row]), float(rates.high[row])],
                "errors": {
                    name: float(getattr(rates, name)[row]) for name in ("statistical", "detector", "discrepancy")
                },
            }
            for row, temperature in enumerate(rates.temperatures)
        ],
        "held_out": [asdict(each) for each in analysis.held_out],
        "flags": _flags(analysis, rates),
    }


def _summary(draws: FloatArray) -> dict[str, Any]:
    tail = (1 - LEVEL) / 2
    low, middle, high = np.quantile(draws, [tail, 0.5, 1 - tail])
    return {"median": float(middle), "interval90": [float(low), float(high)]}


def _seeded(row: SeededTemperature) -> dict[str, Any]:
    size, attachment, rate = row.critical_size, row.attachment, row.rate
    return {
        "temperature_K": row.temperature,
        "detector": row.detector,
        "nuclei": row.num_nuclei,
        "driving_force": row.driving_force.value,
        "driving_force_error": row.driving_force.standard_error,
        "critical_size": None if size is None else size.value,
        "critical_size_interval90": None if size is None else [size.low, size.high],
        "branches": None
        if size is None
        else {"grown": size.grown, "dissolved": size.dissolved, "undecided": size.undecided},
        "attachment_rate_per_s": None if attachment is None else attachment.value,
        "attachment_rate_interval90": None if attachment is None else [attachment.low, attachment.high],
        "zeldovich_factor": None if rate is None else rate.zeldovich,
        "barrier_kT": None if rate is None else rate.barrier,
        "interfacial_energy_J_per_m2": None if rate is None else rate.interfacial_energy.value,
        "interfacial_energy_error_J_per_m2": None if rate is None else rate.interfacial_energy.standard_error,
        "log_rate": None if rate is None else rate.log_rate,
        "errors": None if rate is None else asdict(rate.errors) | {"total": rate.errors.total},
        "flags": list(row.flags),
    }


def _flags(analysis: NucleationAnalysis, rates: LogRates) -> list[str]:
    flags = [f"{row.temperature:g} K, {row.detector}: {flag}" for row in analysis.seeded for flag in row.flags]
    detectors = {row.detector for row in analysis.seeded if row.critical_size is not None}
    if len(detectors) == 1:
        flags.append(f"one detector alone, {detectors.pop()}: how far n* depends on what counts as solid is a guess")
    heat = analysis.bulk.latent_heat
    seen = [row.temperature for row in analysis.seeded] + [each.temperature for each in analysis.exposures]
    if cold := [f"{kelvin:g}" for kelvin in sorted({*seen, *rates.temperatures.tolist()}) if kelvin < heat.lowest]:
        flags.append(
            f"the latent heat was measured from {heat.lowest:g} K on: delta-mu at {', '.join(cold)} K goes on with its "
            "polynomial"
        )
    low, high = min(seen), max(seen)
    if beyond := [f"{kelvin:g}" for kelvin in rates.temperatures if not low <= kelvin <= high]:
        flags.append(f"rates at {', '.join(beyond)} K are beyond the data, which are from {low:g} to {high:g} K")
    return flags + [
        f"{each.temperature:g} K, {each.seen_by}: {'ln J' if each.seen_by == 'quenches' else 'ln n*'} = "
        f"{each.seen:.2f} was seen where the other data expect {each.low:.2f} to {each.high:.2f}"
        for each in analysis.held_out
        if not each.low <= each.seen <= each.high
    ]
