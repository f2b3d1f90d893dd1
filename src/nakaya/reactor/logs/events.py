"""Clear and cloud points, induction times and the metastable zone, from how transparent a suspension is.

A solution is clear while its transmissivity stays on the upper plateau. The signal flickers downwards where crystals
swim past the window, so it is smoothed by running quantiles, and two thresholds with a dwell time keep flicker from
counting:

* clear point: even the dips are gone: the running lower decile comes within `NEAR` of the plateau, and stays;
* cloud point: the running median falls by more than `FAR` below the plateau and stays down; the point itself is where
  the median last was near the plateau.

Where the plateau drifts (a window that fouls), both are taken from the level of the stretches around them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nakaya.core.arrays import FloatArray

__all__ = [
    "TurbidityEvent",
    "ZoneWidth",
    "find_turbidity_events",
    "metastable_zone",
    "running_median",
    "transmissivity_from",
]

NEAR = 0.01
"""Fraction of the contrast below the plateau that still counts as clear (never less than the plateau's own noise)."""

FAR = 0.12
"""Fraction of the contrast below the plateau that counts as cloudy."""

MIN_CONTRAST = 0.2
"""Transmissivity between plateau and least below which a series shows no change at all."""

WINDOW = 60.0
"""Length of the running median, s."""

DIPS = 10.0
"""Percentile that follows the dips of the signal."""

DWELL = 180.0
"""A state that does not last this long (s) is flicker."""

QUIET = 0.03
"""Fraction of the contrast by which the dips of a clear stretch of time may lie below its level; or half more than they
do in the stretch that is on the plateau."""

_FALLEN = 0.6
"""A level that has fallen below this fraction of the contrast is not taken for a clear solution."""

_OVER_NOISE = 10.0


@dataclass(frozen=True)
class TurbidityEvent:
    """A change between clear and cloudy.

    Attributes:
        kind: "clear" (crystals are gone) or "cloud" (crystals appear).
        time: s.
        temperature: K, smoothed, at that time.
        temperature_uncertainty: Standard uncertainty, K: how far temperature moves while the signal crosses from one
            threshold to the other and over half the smoothing window.
        is_isothermal: Whether temperature was held: it moves by less than 0.5 K from a minute before to five after.
    """

    kind: Literal["clear", "cloud"]
    time: float
    temperature: float
    temperature_uncertainty: float
    is_isothermal: bool


@dataclass(frozen=True)
class ZoneWidth:
    """A cloud point with the clear point that it belongs to.

    Attributes:
        clear: Where the same solution was seen to become clear (or its saturation temperature).
        cloud: Where crystals appeared.
        width: Metastable zone width, K.
        induction_time: s from the crossing of the saturation temperature to the cloud point.
        hold_time: s at constant temperature before the cloud point; NaN where it came during cooling.
    """

    clear: float
    cloud: TurbidityEvent
    width: float
    induction_time: float
    hold_time: float


def running_median(times: FloatArray, values: FloatArray, window: float) -> FloatArray:
    """Median over `window` seconds around every sample (reflected at the ends), float64 [n]; NaN are bridged first."""
    return _running_quantile(times, values, window, 50.0)


def _running_quantile(times: FloatArray, values: FloatArray, window: float, percent: float) -> FloatArray:
    from scipy.ndimage import percentile_filter

    known = np.isfinite(values)
    bridged = values if known.all() else np.interp(times, times[known], values[known])
    step = float(np.median(np.diff(times))) if times.size > 1 else 1.0
    size = max(1, 2 * round(0.5 * window / step) + 1)
    size = min(size, 2 * ((times.size - 1) // 2) + 1)
    return np.asarray(percentile_filter(bridged, percent, size=size, mode="reflect"), dtype=np.float64)


def find_turbidity_events(
    times: FloatArray, transmissivity: FloatArray, temperature_times: FloatArray, temperature: FloatArray
) -> tuple[list[TurbidityEvent], str]:
    """Find all clear and cloud points.

    Args:
        times: Of the transmissivity, float64 [n], s, increasing.
        transmissivity: float64 [n], 0 to 1.
        temperature_times: float64 [m], s, increasing.
        temperature: float64 [m], K.

    Returns:
        The events in time order, and a remark where there are none, or where the level of the clear solution drifts
        ("" otherwise).
    """
    if np.isfinite(transmissivity).sum() < 20 or np.isfinite(temperature).sum() < 2:
        return [], "too few values of transmissivity or temperature for clear and cloud points"
    smooth = running_median(times, transmissivity, WINDOW)
    dips = _running_quantile(times, transmissivity, WINDOW, DIPS)
    plateau, least = np.quantile(smooth, [0.98, 0.02])
    contrast = float(plateau - least)
    if contrast < MIN_CONTRAST:
        return [], (
            f"transmissivity stays between {least:.0%} and {plateau:.0%}: no change between clear and cloudy is seen"
        )
    upper = smooth[smooth > plateau - 0.5 * FAR * contrast]
    noise = 1.4826 * float(np.median(np.abs(upper - np.median(upper))))
    near = plateau - max(NEAR * contrast, min(4.0 * noise, 0.5 * FAR * contrast))
    far = plateau - FAR * contrast
    thermal = running_median(temperature_times, temperature, 0.5 * WINDOW)
    drift = _drift(times, smooth, dips, plateau, contrast, 2.0 * (plateau - near))
    remark = ""
    if drift is not None:
        smooth, dips = smooth - drift, dips - drift
        remark = (
            f"the level of the clear solution drifts from {plateau + drift.max():.0%} to {plateau + drift.min():.0%} "
            "(a fouled window?): clear and cloud points are taken from the level around them"
        )
    upper = smooth > far
    if np.median(dips[upper]) < near:
        noisy = (
            f"transmissivity flickers by {float(np.median((smooth - dips)[upper])):.0%} even where it is high: clear "
            "points are found late, or not at all, and zones are too wide"
        )
        remark = f"{remark}; {noisy}" if remark else noisy
    events: list[TurbidityEvent] = []
    is_clear, i = bool(dips[0] >= near), 0
    while i < times.size:
        crossed = smooth[i:] < far if is_clear else dips[i:] >= near
        if not crossed.any():
            break
        j = i + int(np.argmax(crossed))
        stays = times <= times[j] + DWELL
        stays[:j] = False
        lasts = (smooth[stays] < near).all() if is_clear else (dips[stays] >= far).all()
        if not lasts:
            i = j + 1
            continue
        other = _other_threshold(smooth if is_clear else dips, j, near if is_clear else far, rising=not is_clear)
        at = other if is_clear else j
        if j > 0:
            kind: Literal["clear", "cloud"] = "cloud" if is_clear else "clear"
            events.append(_event(kind, times[at], times[other], times[j], temperature_times, thermal))
        is_clear, i = not is_clear, j + 1
    return events, remark if events else "the solution neither became clear nor cloudy for good"


def transmissivity_from(times: FloatArray, turbidity: FloatArray) -> tuple[FloatArray, str]:
    """A signal that rises with the crystals (turbidity, counts) turned over: 1 at its low level, 0 at its high one.

    Args:
        times: float64 [n], s, increasing.
        turbidity: float64 [n], on any scale.

    Returns:
        What can be treated as a transmissivity, float64 [n], and why it cannot ("" otherwise).
    """
    known = np.isfinite(turbidity)
    if known.sum() < 20:
        return turbidity, "too few values of turbidity for clear and cloud points"
    smooth = running_median(times, turbidity, WINDOW)
    low, high = np.quantile(smooth, [0.02, 0.98])
    noise = 1.4826 * float(np.median(np.abs(turbidity[known] - smooth[known])))
    if not high - low > _OVER_NOISE * noise:
        return (
            turbidity,
            f"turbidity stays between {low:.4g} and {high:.4g}: no change between clear and cloudy is seen",
        )
    return (high - turbidity) / (high - low), ""


def _drift(
    times: FloatArray, smooth: FloatArray, dips: FloatArray, plateau: float, contrast: float, tolerance: float
) -> FloatArray | None:
    """How far the level of the clear solution is from `plateau` in time, float64 [n]; None within `tolerance`.

    A stretch in the upper part of the contrast that is quiet is clear, whatever its level is: crystals that swim past
    are not quiet. Its level is a line through the upper quartiles of its halves; between stretches it is a line, too.
    """
    upper = smooth > plateau - _FALLEN * contrast
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], upper, [False]]).astype(np.int8)))
    stretches: list[tuple[list[float], list[float], float]] = []
    for begin, end in zip(bounds[::2], bounds[1::2], strict=True):
        if times[end - 1] - times[begin] < 2.0 * DWELL or end - begin < 8:
            continue
        middle = (begin + end) // 2
        halves = [slice(begin, middle), slice(middle, end)]
        level = [float(np.quantile(smooth[half], 0.75)) for half in halves]
        depth = [float(np.quantile(smooth[half] - dips[half], 0.5)) for half in halves]
        if min(level) < plateau - (1.0 - _FALLEN) * contrast:
            continue
        centres = [float(times[half].mean()) for half in halves]
        slope = (level[1] - level[0]) / (centres[1] - centres[0])
        ends = [float(times[begin]), float(times[end - 1])]
        stretches.append((ends, [level[0] + slope * (place - centres[0]) for place in ends], max(depth)))
    if not stretches:
        return None
    usual = min(stretches, key=lambda stretch: abs(max(stretch[1]) - plateau))[2]
    clear = [stretch for stretch in stretches if stretch[2] <= max(QUIET * contrast, 1.5 * usual)]
    places = [place for ends, _, _ in clear for place in ends]
    away = np.array([level for _, levels, _ in clear for level in levels]) - plateau
    if away.size == 0 or np.abs(away).max() <= tolerance:
        return None
    return np.interp(times, places, away)


def _other_threshold(smooth: FloatArray, j: int, threshold: float, *, rising: bool) -> int:
    """Last sample before `j` on the other side of the other threshold: where the crossing began."""
    before = smooth[:j] < threshold if rising else smooth[:j] >= threshold
    found = np.flatnonzero(before)
    return int(found[-1]) if found.size else j


def _event(
    kind: Literal["clear", "cloud"],
    time: float,
    begin: float,
    end: float,
    temperature_times: FloatArray,
    thermal: FloatArray,
) -> TurbidityEvent:
    def at(t: float) -> float:
        return float(np.interp(t, temperature_times, thermal))

    around = (temperature_times > time - WINDOW) & (temperature_times < time + 5 * WINDOW)
    moved = float(np.ptp(thermal[around])) if around.any() else math.inf
    half = 0.5 * WINDOW
    smear = 0.5 * abs(at(time + half) - at(time - half))
    uncertainty = math.hypot(abs(at(end) - at(begin)) / math.sqrt(12.0), smear / math.sqrt(3.0))
    return TurbidityEvent(kind, float(time), at(time), max(uncertainty, 0.05), moved < 0.5)


def metastable_zone(
    events: list[TurbidityEvent],
    temperature_times: FloatArray,
    temperature: FloatArray,
    saturation_temperature: float | None = None,
    *,
    solubility_falls: bool = False,
) -> list[ZoneWidth]:
    """Pair every cloud point with the clear point before it, or with a saturation temperature from a solubility law.

    The clear point on heating lies above the saturation temperature by what dissolution lags behind, so widths from
    clear points are upper bounds that shrink with the heating rate.

    Args:
        events: As found.
        temperature_times: float64 [m], s, increasing.
        temperature: float64 [m], K.
        saturation_temperature: K; None: the latest clear point before the cloud point.
        solubility_falls: Whether solubility falls with temperature, so that a solution clouds on heating.
    """
    zones = []
    sign = -1.0 if solubility_falls else 1.0
    thermal = running_median(temperature_times, temperature, 0.5 * WINDOW)
    clear: TurbidityEvent | None = None
    for event in events:
        if event.kind == "clear":
            clear = event
            continue
        reference = saturation_temperature
        if reference is None and clear is not None:
            reference = clear.temperature
        if reference is None:
            continue
        before = temperature_times <= event.time
        supersaturated = before & (sign * (reference - thermal) > 0)
        began = temperature_times[before & ~supersaturated]
        crossing = float(began[-1]) if began.size else float(temperature_times[0])
        held = before & (np.abs(thermal - event.temperature) > 0.5)
        hold_start = float(temperature_times[held][-1]) if held.any() else float(temperature_times[0])
        zones.append(
            ZoneWidth(
                clear=reference,
                cloud=event,
                width=sign * (reference - event.temperature),
                induction_time=event.time - crossing,
                hold_time=event.time - hold_start if event.is_isothermal else math.nan,
            )
        )
    return zones
