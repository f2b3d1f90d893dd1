"""The metric of the CGNE paper (arXiv 2405.16608), for comparison with its figures only.

It says little: final states are pooled over a range of conditions, so a model may put its crystals at the wrong rho
within a bin at no cost, and a table of memorised crystals scores as a good emulator does; growth that stops at a column
makes sizes alike and hides errors of the growth rate. Judge models by `score_against_solver`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.scoring.transport import wasserstein

__all__ = ["binned_wasserstein"]

PAPER_RANGE = (0.35, 0.64)
PAPER_BINS = 16


def binned_wasserstein(
    first_rho: ArrayLike,
    first_counts: ArrayLike,
    second_rho: ArrayLike,
    second_counts: ArrayLike,
    *,
    bins: int = PAPER_BINS,
    rho_range: tuple[float, float] = PAPER_RANGE,
) -> float:
    """Return the mean over equal bins of rho of the Wasserstein distance of final (area, boundary sites).

    Unscaled counts; bins that hold no member of one of the samples are left out. The paper's rho is uniform in
    0.35 to 0.64, in 16 bins. Members outside the range are left out.

    Args:
        first_rho: float [member].
        first_counts: Final (area, boundary sites), [member, 2].
        second_rho: float [other member].
        second_counts: [other member, 2].
        bins: Number of bins.
        rho_range: Ends of the first and the last bin.

    Returns:
        The distance, in sites.

    Raises:
        ParameterError: The arrays do not fit, or no bin holds members of both samples.
    """
    samples = [_binned(first_rho, first_counts, bins, rho_range), _binned(second_rho, second_counts, bins, rho_range)]
    distances = []
    for number in range(bins):
        first, second = (counts[places == number] for places, counts in samples)
        if len(first) and len(second):
            distances.append(wasserstein(first, second))
    if not distances:
        raise ParameterError(f"no bin of rho in {rho_range} holds members of both samples: compare the same conditions")
    return float(np.mean(distances))


def _binned(
    rho: ArrayLike, counts: ArrayLike, bins: int, rho_range: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Bin number of every member, -1 outside the range, and its counts."""
    values, states = np.asarray(rho, np.float64), np.asarray(counts, np.float64)
    if values.ndim != 1 or states.shape != (len(values), 2):
        raise ParameterError(f"rho {values.shape} and counts {states.shape} do not fit: give [member] and [member, 2]")
    low, high = rho_range
    places = np.floor((values - low) / (high - low) * bins)
    places[values == high] = bins - 1
    return np.where((values >= low) & (values <= high), places, -1.0), states
