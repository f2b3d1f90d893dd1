"""Samples of the nucleation rate: quenches of one material at one temperature together give one label."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from nakaya.core.errors import ParameterError
from nakaya.core.record import Record
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.md.nucleation import nucleation_rate
from nakaya.kinetics.md.tables import MaterialTable
from nakaya.kinetics.samples.corpus import make_sample
from nakaya.kinetics.samples.sample import Sample

__all__ = ["nucleation_samples"]

TARGET = "nucleation_rate"
NINETY = 1.645


def nucleation_samples(records: Iterable[Record], tables: Mapping[str, MaterialTable]) -> tuple[Sample, ...]:
    """Return one sample of evidence A per material and temperature at which crystals appeared.

    Args:
        records: Those of quenches are taken, with and without an event.
        tables: Material -> properties; materials without a table are left out.
    """
    groups: dict[tuple[str, float], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.id):
        if record.kind == "md" and "waiting_time" in record.quantities and record.material in tables:
            temperature = record.conditions["temperature"].value
            groups.setdefault((record.material, temperature), []).append(record)
    found = []
    for (material, _), quenches in sorted(groups.items()):
        try:
            combined, rate = nucleation_rate(quenches)
        except ParameterError:
            continue  # all of them failed
        value = combined.quantities[TARGET].value
        if not (math.isfinite(value) and value > 0 and rate.events):
            continue
        spread = math.log10(rate.high / rate.low) / (2 * NINETY) if 0 < rate.low < rate.high < math.inf else math.nan
        label = Label(
            TARGET, "1/(m^3 s)", value, value * math.log(10) * spread, tuple(record.id for record in quenches)
        )
        found.append(replace(make_sample(combined, "A", tables[material], None), labels={TARGET: label}))
    return tuple(found)
