"""What a fit of the interfacial energy says about data that it did not see: critical sizes, and rates of quenches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.md.seeding.bulk import Bulk
from nakaya.md.seeding.critical_size import LEVEL
from nakaya.md.seeding.interfacial_energy import DETECTOR_PRIOR, Exposure, SeenSize, fit_interfacial_energy
from nakaya.md.statistics import log_of_mean_count

__all__ = ["HeldOut", "leave_one_out", "seeding_alone"]


@dataclass(frozen=True)
class HeldOut:
    """What was seen, and the predictive distribution of it from other data, errors of the observation included.

    Attributes:
        temperature: K.
        seen_by: Detector of a critical size; "quenches" for a rate.
        seen: ln n*, or ln J with J in 1/(m^3 s).
        median: Of the predictive distribution.
        low: Lower end of its 90 % interval.
        high: Upper end.
        rank: Probability of what is below what was seen; uniform between 0 and 1 if all is well.
    """

    temperature: float
    seen_by: str
    seen: float
    median: float
    low: float
    high: float
    rank: float


def _compare(temperature: float, seen_by: str, seen: float, drawn: FloatArray) -> HeldOut:
    tail = (1 - LEVEL) / 2
    median, low, high = np.quantile(drawn, [0.5, tail, 1 - tail])
    return HeldOut(temperature, seen_by, seen, float(median), float(low), float(high), float((drawn < seen).mean()))


def leave_one_out(
    seen: Sequence[SeenSize], exposures: Sequence[Exposure], bulk: Bulk, *, rng: np.random.Generator
) -> list[HeldOut]:
    """Critical sizes of each temperature of seeding, predicted from all other data; errors as of the fit."""
    found = []
    for kelvin in sorted({each.temperature for each in seen}):
        posterior = fit_interfacial_energy(
            [each for each in seen if each.temperature != kelvin], exposures, bulk, rng=rng
        )
        for each in seen:
            if each.temperature != kelvin:
                continue
            known = each.detector if each.detector in posterior.offsets else None
            drawn = posterior.log_sizes(kelvin, rng, detector=known)
            error = math.hypot(each.log_error, DETECTOR_PRIOR if known is None else 0.0)
            drawn = drawn + error * rng.normal(size=len(drawn))
            found.append(_compare(kelvin, each.detector, math.log(each.critical_size), drawn))
    return found


def seeding_alone(
    seen: Sequence[SeenSize], exposures: Sequence[Exposure], bulk: Bulk, *, rng: np.random.Generator
) -> list[HeldOut]:
    """Rates of quenches, predicted from seeding without them; errors as of the fit."""
    posterior = fit_interfacial_energy(seen, [], bulk, rng=rng)
    found = []
    for exposure in exposures:
        count = log_of_mean_count(exposure.events)
        expected, extra = posterior.log_rate_draws(exposure.temperature, rng)
        drawn = expected + extra + count.standard_error * rng.normal(size=len(expected))
        observed = count.value - math.log(exposure.volume_time)
        found.append(_compare(exposure.temperature, "quenches", observed, drawn))
    return found
