"""Channels of a log in time, what joins two of them, and what cannot be true of two at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from nakaya.core.arrays import FloatArray

__all__ = ["Series", "at_times", "check_quantile_sizes", "check_setpoint"]

_ROUNDING = 1e-6
_OFF_SETPOINT = 150.0
"""K, in the median: no thermostat is so far from what it was set to; kelvin and degrees Celsius are."""


@dataclass(frozen=True, eq=False)
class Series:
    """One channel in time.

    Attributes:
        times: float64 [n], s since the first row of the log, strictly increasing.
        values: float64 [n], SI; NaN where there is no value.
        unit: SI unit.
    """

    times: FloatArray
    values: FloatArray
    unit: str


def at_times(series: Series, times: FloatArray) -> FloatArray:
    """Values at other times, float64 [n], linear between known ones; NaN more than a usual step before and after them.

    >>> at_times(Series(np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0, 7.0]), "1"), np.array([0.5, 2.8, 9.0])).tolist()
    [5.5, 7.0, nan]
    """
    known = np.isfinite(series.values)
    clock = series.times[known]
    if clock.size == 0:
        return np.full(times.size, np.nan)
    usual = float(np.median(np.diff(series.times))) if series.times.size > 1 else np.inf
    found = np.interp(times, clock, series.values[known])
    return np.where((times < clock[0] - usual) | (times > clock[-1] + usual), np.nan, found)


def check_quantile_sizes(channels: Mapping[str, Series]) -> list[str]:
    """D10, D50 and D90 of one sample rise, whatever they are weighted by."""
    flags = []
    for low, high in combinations([name for name in ("size_d10", "size_d50", "size_d90") if name in channels], 2):
        one, two = channels[low], channels[high]
        _, at_one, at_two = np.intersect1d(one.times, two.times, return_indices=True)
        wrong = one.values[at_one] > two.values[at_two] * (1 + _ROUNDING)
        if wrong.any():
            flags.append(
                f"{low} is greater than {high} in {int(wrong.sum())} of {wrong.size} rows: are columns or units "
                "mixed up?"
            )
    return flags


def check_setpoint(channels: Mapping[str, Series]) -> list[str]:
    """A temperature follows what it was set to."""
    if "temperature" not in channels or "setpoint" not in channels:
        return []
    off = at_times(channels["temperature"], channels["setpoint"].times) - channels["setpoint"].values
    off = off[np.isfinite(off)]
    if off.size == 0 or abs(np.median(off)) < _OFF_SETPOINT:
        return []
    return [
        f"the temperature is {np.median(off):+.0f} K off its setpoint: is one of them in another unit than the "
        "map says?"
    ]
