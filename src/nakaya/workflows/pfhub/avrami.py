"""Avrami plots: the slope of a run, and what Kolmogorov, Johnson, Mehl and Avrami expect of seeds in a periodic box."""

from __future__ import annotations

import numpy as np
from scipy.integrate import cumulative_trapezoid, solve_ivp

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["FIT_WINDOW", "avrami_slope", "expected_fraction", "grown_radius", "half_time"]

FIT_WINDOW = (-2.0, 0.0)
"""ln(-ln(1 - Y)) within which the slope is fitted: Y from .127 to .632 (problem 8, revision 1)."""


def _coordinate(fraction: FloatArray) -> FloatArray:
    """ln(-ln(1 - Y)), for 0 < Y < 1."""
    return np.log(-np.log1p(-fraction))


def avrami_slope(time: FloatArray, fraction: FloatArray) -> float:
    """Return the slope of ln(-ln(1 - Y)) against ln t, by least squares over `FIT_WINDOW`.

    Args:
        time: float64 [n].
        fraction: Solid fraction Y, float64 [n].

    Raises:
        ParameterError: Fewer than three samples lie in the window.

    >>> time = np.linspace(1, 200, 200)
    >>> round(avrami_slope(time, 1 - np.exp(-1e-4 * time**2)), 6)
    2.0
    """
    inside = (fraction > 0) & (fraction < 1) & (time > 0)
    inside[inside] = (_coordinate(fraction[inside]) > FIT_WINDOW[0]) & (_coordinate(fraction[inside]) < FIT_WINDOW[1])
    if inside.sum() < 3:
        raise ParameterError(f"{inside.sum()} samples lie where the slope is fitted: it needs three, sample more often")
    return float(np.polyfit(np.log(time[inside]), _coordinate(fraction[inside]), 1)[0])


def half_time(time: FloatArray, fraction: FloatArray) -> float:
    """Return when half is solid, linear between samples; NaN where that is never."""
    passed = np.flatnonzero(fraction >= 0.5)
    if not len(passed) or passed[0] == 0:
        return float("nan")
    k = passed[0]
    return float(np.interp(0.5, fraction[k - 1 : k + 1], time[k - 1 : k + 1]))


def grown_radius(age: FloatArray, radius: float, velocity: float) -> FloatArray:
    """Return the radius of a round seed at some ages: dR/dt = v - 1/R, the law of the Allen-Cahn equation.

    Args:
        age: float64 [n], rising from 0.
        radius: At age 0, larger than 1 / velocity.
        velocity: Of a flat interface.
    """
    found = solve_ivp(lambda _, r: velocity - 1 / r, (age[0], age[-1]), [radius], t_eval=age, rtol=1e-9, atol=1e-9)
    return np.asarray(found.y[0])


def expected_fraction(age_radius: FloatArray, time: FloatArray, area: float, count: int, last: float) -> FloatArray:
    """Return the mean solid fraction of discs that appear at independent random places of a periodic box.

    A site stays liquid while it lies in none of them: 1 - Y = (1 - mean of pi R^2 / area)^count, which is
    exp(-extended fraction) for many. It holds while discs do not meet themselves around the box.

    Args:
        age_radius: Radius at the ages `time`, float64 [n].
        time: float64 [n], evenly spaced, rising from 0.
        area: Of the box.
        count: Number of seeds.
        last: They appear evenly over [0, last); 0: all at the start.
    """
    covered = np.pi * age_radius**2 / area
    if last > 0:
        covered = cumulative_trapezoid(covered, time, initial=0) / last
    return np.asarray(1 - (1 - covered.clip(0, 1)) ** count)
