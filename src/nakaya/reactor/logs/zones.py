"""Clear and cloud points, zone widths and induction times of a log, and those that cannot be."""

from __future__ import annotations

import math

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.reactor.logs.column_map import ColumnMap
from nakaya.reactor.logs.events import (
    TurbidityEvent,
    ZoneWidth,
    find_turbidity_events,
    metastable_zone,
    transmissivity_from,
)
from nakaya.reactor.logs.log import ReactorLog
from nakaya.reactor.solubility import Solubility

__all__ = ["find_zones", "saturation_temperature"]

_BEFORE = 600.0
"""s before an event over which it is seen whether the solution was heated or cooled."""

_MOVED = 0.5
"""K over that time that are no hold."""


def saturation_temperature(law: Solubility, concentration: float, low: float, high: float) -> float | None:
    """Temperature (K) in [low, high] at which a concentration saturates; None where there is none."""
    from scipy.optimize import brentq

    coldest, hottest = law.range()
    low, high = max(low, coldest, 1.0), min(high, hottest)
    if not low < high:
        return None
    at_low, at_high = float(law.at(low)) - concentration, float(law.at(high)) - concentration
    if not at_low * at_high <= 0:
        return None
    return float(brentq(lambda T: float(law.at(T)) - concentration, low, high, xtol=1e-6))


def find_zones(log: ReactorLog, columns: ColumnMap) -> tuple[list[TurbidityEvent], list[ZoneWidth], list[str]]:
    """Clear and cloud points, the zones between them, and what was left out and why."""
    light, temperature = log.channels.get("transmissivity"), log.channels.get("temperature")
    turbidity = log.channels.get("turbidity")
    if temperature is None or (light is None and turbidity is None):
        return [], [], []
    known = np.isfinite(temperature.values)
    clock, T = temperature.times[known], temperature.values[known]
    flags: list[str] = []
    if light is not None:
        times, values = light.times, light.values
    else:
        assert turbidity is not None
        times, (values, remark) = turbidity.times, transmissivity_from(turbidity.times, turbidity.values)
        if remark:
            return [], [], [remark]
    events, remark = find_turbidity_events(times, values, clock, T)
    if remark:
        flags.append(remark)
    falls = columns.solubility is not None and _falls(columns.solubility, T)
    if _is_against_temperature(events, clock, T, falls):
        channel = "transmissivity is low" if light is not None else "turbidity is high"
        remedy = "name its channel turbidity" if light is not None else "name its channel transmissivity"
        flags.append(
            f"{channel} where the solution is warm: either the signal {'rises' if light is not None else 'falls'} with "
            f"the crystals ({remedy}), or solubility {'rises' if falls else 'falls'} with temperature (give "
            f"[solubility]); its {len(events)} clear and cloud points would have negative zone widths and are left out"
        )
        return [], [], flags
    concentration = columns.concentration
    if concentration is None and "concentration" in log.channels:
        measured = log.channels["concentration"].values
        concentration = float(measured[np.isfinite(measured)][0])
    saturation = None
    if columns.solubility is not None and concentration is not None:
        saturation = saturation_temperature(columns.solubility, concentration, T.min() - 50.0, T.max() + 50.0)
    zones = []
    for zone in metastable_zone(events, clock, T, saturation, solubility_falls=falls):
        where = f"the cloud point at {zone.cloud.time:g} s ({zone.cloud.temperature:.2f} K)"
        if not (zone.width > 0 and zone.induction_time > 0):
            flags.append(
                f"{where} lies {'below' if falls else 'above'} saturation ({zone.clear:.2f} K, "
                f"{'from the solubility' if saturation is not None else 'the clear point before it'}): it has no zone "
                "width and no induction time"
            )
            continue
        if zone.induction_time >= zone.cloud.time - clock[0]:
            flags.append(
                f"{where}: the solution was supersaturated from the first row on, so its induction time is at least "
                f"{zone.induction_time:g} s"
            )
        zones.append(zone)
    return events, zones, flags


def _falls(law: Solubility, T: FloatArray) -> bool:
    """Whether solubility falls from the coldest to the hottest temperature of a log."""
    coldest, hottest = (float(law.at(np.clip(end, *law.range()))) for end in (T.min(), T.max()))
    return hottest < coldest


def _is_against_temperature(events: list[TurbidityEvent], clock: FloatArray, T: FloatArray, falls: bool) -> bool:
    """Whether more events than not clear on cooling or cloud on heating (the other way where solubility falls)."""
    against = along = 0
    for event in events:
        moved = event.temperature - float(np.interp(event.time - _BEFORE, clock, T))
        if math.isnan(moved) or abs(moved) < _MOVED:
            continue
        expected = (moved > 0) == (event.kind == "clear")
        along, against = along + (expected != falls), against + (expected == falls)
    return against > along
