"""Bootstrap intervals over parameter points.

Points are drawn with replacement; the members at a point stay together, for they share its conditions. The interval
says how the mean would vary with other points of the same kind, and that alone: not with other training seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray

__all__ = ["Interval", "draw_points", "mean_interval", "ratio_interval"]

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % bootstrap interval (percentiles).

    Attributes:
        value: The estimate from all points.
        low: 2.5 % percentile over the resamples.
        high: 97.5 % percentile.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Such as 1.25 [1.10, 1.43]."""
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def draw_points(num_points: int, resamples: int, *, rng: np.random.Generator) -> IntArray:
    """Return the points of every resample: int64 [resample, point], drawn with replacement."""
    return rng.integers(0, num_points, (resamples, num_points))


def _interval(value: float, resampled: FloatArray) -> Interval:
    tail = (1 - LEVEL) / 2
    known = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not known.size:
        return Interval(value, float("nan"), float("nan"))
    # No interpolation: a resample whose floor is zero has an infinite ratio.
    low, high = np.quantile(known, [tail, 1 - tail], method="inverted_cdf")
    return Interval(value, float(low), float(high))


def mean_interval(values: FloatArray, drawn: IntArray) -> Interval:
    """Return the mean over points with its interval.

    Args:
        values: float64 [point].
        drawn: Resamples from `draw_points`.
    """
    return _interval(float(values.mean()), values[drawn].mean(axis=1))


def ratio_interval(values: FloatArray, floors: FloatArray, drawn: IntArray) -> Interval:
    """Return mean(values) / mean(floors) with its interval; the same points are drawn for both.

    The ratio of the means, not the mean of the ratios: a floor can be zero at single points. NaN where the mean floor
    is zero.

    Args:
        values: float64 [point].
        floors: float64 [point].
        drawn: Resamples from `draw_points`.

    >>> rng = np.random.default_rng(0)
    >>> drawn = draw_points(64, 500, rng=rng)
    >>> ratio = ratio_interval(np.full(64, 3.0), np.full(64, 2.0), drawn)
    >>> ratio.value, ratio.low, ratio.high
    (1.5, 1.5, 1.5)
    """
    mean, floor = float(values.mean()), float(floors.mean())
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = values[drawn].mean(axis=1) / floors[drawn].mean(axis=1)
    return _interval(mean / floor if floor != 0 else float("nan"), ratios)
