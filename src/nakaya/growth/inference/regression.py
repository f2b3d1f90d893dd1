"""Regression of the parameters on what is seen, as statistics for a posterior that has few crystals to learn from.

The best few numbers to keep of an observation are means of the posterior (P. Fearnhead & D. Prangle, J. R. Stat. Soc. B
74, 419, 2012); a Gaussian process finds them from a few hundred crystals, where a network of thousands of weights only
learns these by heart. What a crystal's own regression says of it is too good: the flow learns from predictions of each
crystal by all others, which a Gaussian process gives in closed form (C. Rasmussen & C. Williams, 2006, sec. 5.4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray

__all__ = ["KernelRegression", "regress"]

LENGTHS = (0.5, 0.8, 1.3, 2.0, 3.2, 5.0, 8.0)
"""Lengths of the kernel that are tried, in roots of the number of measures."""

NOISES = (1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Variances of the noise that are tried, over that of the function."""


@dataclass(frozen=True)
class KernelRegression:
    """Means of Gaussian processes, one for each parameter.

    Attributes:
        support: Standardised measures of the training crystals, float64 [crystal, measure].
        dual: Weight of each, float64 [crystal, parameter].
        lengths: Of the kernels, float64 [parameter].
        others: What all other crystals say of each, float64 [crystal, parameter].
    """

    support: FloatArray
    dual: FloatArray
    lengths: FloatArray
    others: FloatArray


def regress(measures: FloatArray, targets: FloatArray) -> KernelRegression:
    """Return the regression with the length and noise that predict crystals from all others best.

    Args:
        measures: Standardised, float64 [crystal, measure].
        targets: Of mean zero, float64 [crystal, parameter].

    >>> line = np.linspace(-1, 1, 41)[:, None]
    >>> found = regress(line, line**2 - np.mean(line**2))
    >>> bool(np.abs(found.others - line**2 + np.mean(line**2)).max() < 1e-2)
    True
    """
    count, num_measures = measures.shape
    square = (measures**2).sum(axis=1)
    apart = np.maximum(square[:, None] + square[None, :] - 2 * measures @ measures.T, 0.0)
    num_parameters = targets.shape[1]
    best = np.full(num_parameters, np.inf)
    dual, others = np.zeros((count, num_parameters)), np.zeros((count, num_parameters))
    lengths = np.ones(num_parameters)
    for relative in LENGTHS:
        length = relative * np.sqrt(num_measures)
        values, vectors = np.linalg.eigh(np.exp(-0.5 * apart / length**2))
        along = vectors.T @ targets
        for noise in NOISES:
            inverse = 1.0 / (np.maximum(values, 0.0) + noise)
            weights = vectors @ (inverse[:, None] * along)
            left_out = targets - weights / (vectors**2 @ inverse)[:, None]
            error = ((left_out - targets) ** 2).mean(axis=0)
            better = error < best
            best = np.where(better, error, best)
            lengths = np.where(better, length, lengths)
            dual[:, better], others[:, better] = weights[:, better], left_out[:, better]
    return KernelRegression(measures, dual, lengths, others)
