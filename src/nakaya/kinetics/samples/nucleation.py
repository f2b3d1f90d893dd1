"""Samples of the nucleation rate: quenches of one material at one temperature and shear rate together give one label.

Quenches without a crystal count with all the time that they waited. The label is the middle of what is known of ln J
after so many events in so much volume and time, and its error the width of that: few events make a wide label.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.samples.corpus import make_sample
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.nucleation import nucleation_rate, rate_conditions
from nakaya.md.shear import shear_word
from nakaya.md.statistics import log_of_mean_count
from nakaya.md.tables import MaterialTable
from nakaya.records.record import Record

__all__ = ["nucleation_samples"]

TARGET: Final = "nucleation_rate"

log = logging.getLogger(__name__)


def nucleation_samples(records: Iterable[Record], tables: Mapping[str, MaterialTable]) -> tuple[Sample, ...]:
    """Return one sample of evidence A per material, temperature and shear rate at which a crystal appeared.

    Args:
        records: Those of quenches are taken, with and without an event; conditions at which no crystal appeared give
            an upper limit of the rate and no label: they are left out, and logged.
        tables: Material -> properties; materials without a table are left out.
    """
    groups: dict[tuple[str, float, float], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.id):
        if record.kind == "md" and "waiting_time" in record.quantities and record.material in tables:
            groups.setdefault(rate_conditions(record), []).append(record)
    found = []
    for (material, temperature, shear_rate), quenches in sorted(groups.items()):
        try:
            combined, rate = nucleation_rate(quenches)
        except ParameterError:
            continue  # all of them failed
        if not rate.events or rate.exposure <= 0:
            log.info(
                "quenches of %s at %g K%s give no rate: %d events", material, temperature, shear_word(shear_rate),
                rate.events,
            )  # fmt: skip
            continue
        count = log_of_mean_count(rate.counted)
        counted = [entry for entry in quenches if entry.status in ("ok", "censored")]
        volume = float(np.mean([entry.conditions["volume"].value for entry in counted]))
        value = math.exp(count.value) / (rate.exposure * volume)
        label = Label(TARGET, "1/(m^3 s)", value, value * count.standard_error, tuple(entry.id for entry in counted))
        found.append(replace(make_sample(combined, "A", tables[material], None), labels={TARGET: label}))
    return tuple(found)
