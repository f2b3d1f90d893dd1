"""Simulation-based calibration: do posteriors mean what they say?

Conditions are drawn from the prior, an observation is simulated, and the posterior asked. Over many such cases the rank
of the true value among the draws is uniform, whatever the posterior looks like, if and only if it is calibrated on
average over the prior (S. Talts, M. Betancourt, D. Simpson, A. Vehtari & A. Gelman, arXiv 1804.06788).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import ParameterError

__all__ = ["coverage_bounds", "rank_among", "uniformity"]


def rank_among(draws: ArrayLike, truth: ArrayLike) -> IntArray:
    """Return how many draws lie below the truth: int64 [*batch], 0 to the number of draws.

    Args:
        draws: float [*batch, draw].
        truth: float [*batch].

    >>> rank_among([[0.1, 0.2, 0.9]], [0.5]).tolist()
    [2]
    """
    members, happened = np.asarray(draws, np.float64), np.asarray(truth, np.float64)
    return np.asarray((members < happened[..., None]).sum(axis=-1), np.int64)


def uniformity(ranks: IntArray, num_draws: int, *, bins: int = 10) -> FloatArray:
    """Return the probability of ranks as uneven as these where they are uniform, for each parameter: float64 [*batch].

    Pearson's chi-squared over equal bins; 20 cases or so in each are needed.

    Args:
        ranks: int64 [case, *batch], 0 to `num_draws`.
        num_draws: Draws that the truth was ranked among.
        bins: Of equal numbers of ranks: they divide `num_draws` + 1.

    Raises:
        ParameterError: The bins do not divide the ranks.

    >>> even = np.arange(200) % 100
    >>> round(float(uniformity(even, 99)), 3), bool(uniformity(even // 2, 99) < 1e-9)
    (1.0, True)
    """
    if (num_draws + 1) % bins:
        raise ParameterError(f"{num_draws + 1} ranks do not fall into {bins} equal bins: choose the draws to fit")
    from scipy.stats import chi2

    ranks = np.asarray(ranks)
    place = ranks // ((num_draws + 1) // bins)
    counts = np.stack([(place == number).sum(axis=0) for number in range(bins)])
    expected = len(ranks) / bins
    return np.asarray(chi2.sf(((counts - expected) ** 2 / expected).sum(axis=0), bins - 1), np.float64)


def coverage_bounds(cases: int, level: float = 0.9, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return between which fractions the coverage of a calibrated interval lies, with some confidence, over some cases.

    Args:
        cases: How many.
        level: Nominal coverage.
        confidence: Of the binomial interval.

    >>> coverage_bounds(200)
    (0.855, 0.94)
    """
    from scipy.stats import binom

    low, high = binom.interval(confidence, cases, level)
    return float(low) / cases, float(high) / cases
