"""What cannot be true of a reactor, or is too odd to be used without a second look: each finding is one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.reactor.logs.column_map import Balance
from nakaya.reactor.logs.log import ReactorLog
from nakaya.reactor.logs.series import at_times

__all__ = [
    "JUMP_FACTOR",
    "SizeJump",
    "check_balance",
    "check_dissolution",
    "check_growth",
    "check_supersaturation",
    "find_size_jumps",
    "window_counts",
]

JUMP_FACTOR = 5.0
"""Medians of neighbouring samples that differ by more than this, with ranges that do not touch, are a jump."""

MIN_CRYSTALS = 10
"""Fewer crystals than this in a sample say nothing about a jump."""

MIN_SUPERSATURATION, MAX_SUPERSATURATION = 0.5, 5.0
"""A solution that crystallizes or dissolves comes between them at some time; one that never does is asked about."""

_WINDOWS = 60
_SUPERSATURATED = 1.02


@dataclass(frozen=True)
class SizeJump:
    """Two neighbouring samples whose size distributions do not belong together.

    Attributes:
        index: Of the later sample.
        factor: Later median over earlier median.
        message: For the flags.
    """

    index: int
    factor: float
    message: str


def find_size_jumps(times: FloatArray, quantiles: FloatArray, counts: FloatArray) -> list[SizeJump]:
    """Find samples in a series that jump away from the one before.

    A distribution that grows, breaks or nucleates overlaps with what it was one sample earlier; one that was measured
    with a wrong scale bar, or is of another experiment, does not. After a jump later samples are compared with the last
    one that was in line.

    Args:
        times: float64 [n], s, increasing.
        quantiles: Sizes below which 10, 50 and 90 % of the crystals lie, float64 [n, 3], m.
        counts: Crystals in every sample, float64 [n].
    """
    jumps: list[SizeJump] = []
    last: int | None = None
    for index in range(times.size):
        if counts[index] < MIN_CRYSTALS or not np.isfinite(quantiles[index]).all():
            continue
        if last is not None:
            low, high = sorted((last, index), key=lambda sample: quantiles[sample, 1])
            factor = float(quantiles[index, 1] / max(quantiles[last, 1], 1e-30))
            apart = bool(quantiles[low, 2] < quantiles[high, 0])
            if apart and max(factor, 1.0 / factor) > JUMP_FACTOR:
                jumps.append(
                    SizeJump(
                        index,
                        factor,
                        f"the size distribution jumps by a factor of {factor:.3g} between {times[last]:g} s (median "
                        f"{quantiles[last, 1] * 1e6:.4g} um) and {times[index]:g} s (median "
                        f"{quantiles[index, 1] * 1e6:.4g} um) without any overlap: wrong scale or wrong sample? it is "
                        "kept apart and enters no mean, rate or moment",
                    )
                )
                continue
        last = index
    return jumps


def window_counts(times: FloatArray, counts: FloatArray, windows: int = _WINDOWS) -> tuple[FloatArray, FloatArray]:
    """Sum counts [n, k] over equal windows of time: mid times [w] and counts [w, k]; empty windows are left out."""
    if times.size <= windows:
        return times, counts
    edges = np.linspace(times[0], times[-1], windows + 1)
    index = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, windows - 1)
    summed = np.zeros((windows, counts.shape[1]))
    np.add.at(summed, index, counts)
    filled = np.bincount(index, minlength=windows) > 0
    return 0.5 * (edges[1:] + edges[:-1])[filled], summed[filled]


def check_balance(log: ReactorLog, balance: Balance | None) -> list[str]:
    """Dissolved and crystalline solute must add up to what was put in."""
    dissolved, crystals = log.channels.get("concentration"), log.channels.get("crystal_mass")
    if dissolved is None or (balance is None and crystals is None):
        return []
    allowed = balance or Balance()
    total = dissolved.values.copy()
    if crystals is not None:
        total = total + at_times(crystals, dissolved.times)
    known = np.isfinite(total)
    if not known.any():
        return []
    expected = allowed.total_solute if allowed.total_solute is not None else float(total[known][0])
    off = total / expected - 1.0
    off = np.where(known, off, 0.0) if crystals is not None else np.where(known, np.maximum(off, 0.0), 0.0)
    worst = int(np.argmax(np.abs(off)))
    if abs(off[worst]) <= allowed.tolerance:
        return []
    what = "dissolved and crystalline solute add up to" if crystals is not None else "dissolved solute is"
    return [
        f"mass balance: {what} {total[worst]:.4g} kg/kg at {dissolved.times[worst]:g} s, {off[worst]:+.0%} against "
        f"{expected:.4g}"
    ]


def check_supersaturation(supersaturation: FloatArray, what: str = "supersaturation") -> list[str]:
    """A ratio that is far from 1 from the first row to the last compares what is not of one kind."""
    known = supersaturation[np.isfinite(supersaturation)]
    if known.size == 0 or (known.min() < MAX_SUPERSATURATION and known.max() > MIN_SUPERSATURATION):
        return []
    return [
        f"{what} is between {known.min():.3g} and {known.max():.3g} throughout: are concentration and "
        "solubility in one unit, on one basis, of one substance?"
    ]


def check_dissolution(times: FloatArray, concentration: FloatArray, supersaturation: FloatArray) -> list[str]:
    """Crystals do not dissolve in a supersaturated solution: a concentration that rises there is not what it says."""
    return _changes_against(times, concentration, supersaturation, "rises", "supersaturated")


def check_growth(times: FloatArray, concentration: FloatArray, supersaturation: FloatArray) -> list[str]:
    """Crystals do not grow in an undersaturated solution: a concentration that falls there is not what it says."""
    with np.errstate(divide="ignore"):
        inverse = np.where(supersaturation > 0, 1.0 / supersaturation, np.nan)
    return _changes_against(times, -concentration, inverse, "falls", "undersaturated")


def _changes_against(times: FloatArray, values: FloatArray, ratio: FloatArray, what: str, state: str) -> list[str]:
    known = np.isfinite(values) & np.isfinite(ratio)
    if known.sum() < 5:
        return []
    return [
        f"mass balance: concentration {what} by {change:.3g} kg/kg until {time:g} s although the solution was "
        f"{state} all along: solubility, calibration or temperature do not fit"
        for time, change in _rise_against(times[known], values[known], ratio[known])
    ]


def _rise_against(t: FloatArray, c: FloatArray, S: FloatArray) -> list[tuple[float, float]]:
    """When c has risen most while S was above 1 ever since its lowest value, and by how much; [] within the noise."""
    noise = 1.4826 * float(np.median(np.abs(np.diff(c) - np.median(np.diff(c))))) / np.sqrt(2.0)
    lowest = np.minimum.accumulate(c)
    rise = c - lowest
    above_all_along = np.ones(c.size, dtype=bool)
    last_below = -1
    start = 0
    for i in range(c.size):  # since the lowest point so far
        if not S[i] > _SUPERSATURATED:
            last_below = i
        if c[i] <= lowest[i]:
            start = i
        above_all_along[i] = last_below < start
    allowed = max(6.0 * noise, 0.02 * float(np.median(np.abs(c))))
    wrong = above_all_along & (rise > allowed)
    if not wrong.any():
        return []
    worst = int(np.argmax(np.where(wrong, rise, 0.0)))
    return [(float(t[worst]), float(rise[worst]))]
