"""Calibration: do observations lie among the members as if they were one more of them?

Growth curves have many ties: at low noise all members may be equal. Two answers then differ, and both are given:
inclusion in a closed band, which counts ties as covered and so exceeds the nominal level for a perfect forecaster; and
the randomised probability integral transform (PIT), which is uniform for a perfect forecaster, ties or not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError

__all__ = [
    "band_covers",
    "central_band",
    "check_level",
    "pit_block",
    "pit_coverage",
    "pit_histogram",
    "randomised_pit",
]


def check_level(level: float) -> float:
    """Return a nominal coverage, in (0, 1), or raise `ParameterError`."""
    if not 0 < level < 1:
        raise ParameterError(f"level={level} is outside (0, 1): it is the nominal coverage, such as 0.9")
    return level


def central_band(ensemble: ArrayLike, level: float = 0.9) -> tuple[FloatArray, FloatArray]:
    """Return the band between the (1 - level) / 2 and (1 + level) / 2 quantiles of the members.

    The quantile p lies at rank p (M + 1), between members by linear interpolation (Weibull's definition): without ties
    a further member of the same law then lies in the band with probability `level` (exactly where the ranks are whole
    numbers). Below M = 2 / (1 - level) - 1 members (19 at 90 %) the band is the range of the members and covers less.

    Args:
        ensemble: float [*batch, member].
        level: Nominal coverage, in (0, 1).

    Returns:
        Lower and upper end, each float64 [*batch].

    Raises:
        ParameterError: `level` is no probability.

    >>> low, high = central_band(np.arange(1.0, 20.0), 0.9)
    >>> float(low), float(high)
    (1.0, 19.0)
    """
    tail = (1 - check_level(level)) / 2
    ends = np.quantile(np.asarray(ensemble, np.float64), [tail, 1 - tail], axis=-1, method="weibull")
    return np.asarray(ends[0]), np.asarray(ends[1])


def band_covers(ensemble: ArrayLike, observation: ArrayLike, level: float = 0.9) -> BoolArray:
    """Return whether observations lie in the closed central band, its ends included: bool, the broadcast shape.

    Args:
        ensemble: float [*batch, member].
        observation: float, broadcast against [*batch].
        level: Nominal coverage, in (0, 1).
    """
    lower, upper = central_band(ensemble, level)
    happened = np.asarray(observation, np.float64)
    return np.asarray((happened >= lower) & (happened <= upper), np.bool_)


def pit_block(ensemble: ArrayLike, observation: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the interval of [0, 1] over which the randomised PIT of an observation is uniform.

    With B members below and E members equal to the observation it runs from B / (M + 1) to (B + E + 1) / (M + 1): the
    observation's place among M + 1 equals, ties in random order.

    Args:
        ensemble: float [*batch, member].
        observation: float, broadcast against [*batch].

    Returns:
        Lower and upper end, each float64 of the broadcast shape.
    """
    members = np.asarray(ensemble, np.float64)
    happened = np.asarray(observation, np.float64)[..., None]
    below = np.count_nonzero(members < happened, axis=-1)
    up_to = np.count_nonzero(members <= happened, axis=-1)
    count = members.shape[-1] + 1
    return np.asarray(below / count, np.float64), np.asarray((up_to + 1) / count, np.float64)


def randomised_pit(ensemble: ArrayLike, observation: ArrayLike, *, rng: np.random.Generator) -> FloatArray:
    """Return the probability integral transform, randomised at ties: uniform on (0, 1) for a perfect forecaster.

    Args:
        ensemble: float [*batch, member].
        observation: float, broadcast against [*batch].
        rng: Draws the places among ties.
    """
    low, high = pit_block(ensemble, observation)
    return np.asarray(low + rng.random(low.shape) * (high - low), np.float64)


def _expected_share(low: FloatArray, high: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """Probability that a number uniform on [low, high] lies in [start, end]."""
    overlap = np.minimum(high, end) - np.maximum(low, start)
    return np.asarray(np.maximum(overlap, 0) / (high - low), np.float64)


def pit_histogram(ensemble: ArrayLike, observation: ArrayLike, *, bins: int = 10) -> FloatArray:
    """Return the expected histogram of the randomised PIT: share of observations in each of `bins` equal bins.

    The average over all random orders of the ties (Czado, Gneiting & Held 2009), so it needs no random numbers. Flat
    for a perfect forecaster; U-shaped where members are too alike; sloping where they are biased. Averaged over all
    leading axes: with few independent observations a flat histogram proves little.

    Args:
        ensemble: float [*batch, member].
        observation: float, broadcast against [*batch].
        bins: Number of bins.

    Returns:
        float64 [bin], sums to 1.

    >>> members = np.tile(np.arange(9.0), (10, 1))
    >>> pit_histogram(members, np.arange(10.0) - 0.5, bins=5).round(3).tolist()
    [0.2, 0.2, 0.2, 0.2, 0.2]
    """
    low, high = pit_block(ensemble, observation)
    borders = np.linspace(0, 1, bins + 1)
    shares = _expected_share(low[..., None], high[..., None], borders[:-1], borders[1:])
    return np.asarray(shares.reshape(-1, bins).mean(axis=0), np.float64)


def pit_coverage(ensemble: ArrayLike, observation: ArrayLike, level: float = 0.9) -> FloatArray:
    """Return the probability that the randomised PIT lies in the central interval of a level.

    Its mean is `level` for a perfect forecaster with any number of members, ties or not.

    Args:
        ensemble: float [*batch, member].
        observation: float, broadcast against [*batch].
        level: Nominal coverage, in (0, 1).

    Returns:
        float64, the broadcast shape, 0 to 1.
    """
    tail = (1 - check_level(level)) / 2
    low, high = pit_block(ensemble, observation)
    return _expected_share(low, high, np.asarray(tail), np.asarray(1 - tail))
