"""Training crystals to an emulator: basis, cross-fitted regressions, residuals, spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import Float32Array, FloatArray, IntArray
from nakaya.growth.emulators.arrival.bank import ResidualBank
from nakaya.growth.emulators.arrival.maps import CrystalMaps, Support
from nakaya.growth.emulators.arrival.model import Mean
from nakaya.growth.emulators.arrival.regression import Regression, fit_polynomial

__all__ = ["Basis", "find_basis", "fit_bank", "fit_mean", "fold_of", "relative_noise"]

FOLDS = 5
"""Residuals are taken from a regression that has not seen the crystal: those of one that has are too small."""

Fit = Callable[[FloatArray, FloatArray, FloatArray], Regression]
"""Fits outputs, float64 [point, output], to standardised conditions, float64 [point, condition], with the noise of
every point in units of the mean noise, float64 [point]."""


@dataclass(frozen=True)
class Basis:
    """Principal components of maps that were made symmetric.

    Attributes:
        centre: float32 [site].
        modes: float32 [mode, site], orthonormal, largest variance first.
        coefficients: float64 [crystal, mode].
    """

    centre: Float32Array
    modes: Float32Array
    coefficients: FloatArray


def find_basis(maps: CrystalMaps, support: Support, count: int) -> Basis:
    """Return the leading modes of the training maps.

    Where axes can be exchanged, the mean of crystals at a condition does not change under it, so each map is first
    replaced by the mean of its images: half of its noise is gone, in the plane.
    """
    images = np.stack([maps.tau[:, exchange] for exchange in support.exchanges])
    tau: Float32Array = images.mean(axis=0, dtype=np.float32)
    centre: Float32Array = tau.mean(axis=0)
    centred = tau - centre
    gram = (centred @ centred.T).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][: min(count, len(tau) - 1)]
    strength = np.sqrt(np.maximum(values[order], 1e-30))
    modes = (vectors[:, order] / strength).T.astype(np.float32) @ centred
    return Basis(centre, modes, vectors[:, order] * strength)


def fold_of(count: int) -> IntArray:
    """Return the fold of every training crystal, int64 [crystal]: their order is random already."""
    return np.arange(count) % FOLDS


def relative_noise(conditions: FloatArray, maps: CrystalMaps, basis: Basis) -> FloatArray:
    """Return how strongly maps scatter about a quadratic mean at every crystal's conditions: float64 [crystal], mean 1.

    A logarithm that is linear in the conditions. Noisy crystals tell less of the mean, and count less in its fit.
    """
    rest = basis.coefficients - fit_polynomial(conditions, basis.coefficients, degree=2)(conditions)
    logs = 0.5 * np.log((rest**2).sum(axis=1) + 1e-30)[:, None]
    noise = np.exp(fit_polynomial(conditions, logs, degree=1)(conditions)[:, 0])
    return np.asarray(noise / noise.mean())


def fit_mean(conditions: FloatArray, maps: CrystalMaps, basis: Basis, fit: Fit) -> Mean:
    """Fit the mean once without each fold."""
    outputs = np.concatenate([basis.coefficients, maps.numbers], axis=1)
    noise, fold = relative_noise(conditions, maps, basis), fold_of(len(outputs))
    folds = tuple(fit(conditions[fold != n], outputs[fold != n], noise[fold != n]) for n in range(FOLDS))
    return Mean(basis.centre, basis.modes, folds)


def fit_bank(conditions: FloatArray, maps: CrystalMaps, mean: Mean) -> ResidualBank:
    """Return the residuals of all crystals, each from the regression that has not seen it."""
    residuals, numbers = np.empty(maps.tau.shape, np.float16), np.empty_like(maps.numbers)
    fold = fold_of(len(conditions))
    logs = np.empty((len(conditions), 1 + numbers.shape[1]))
    for number in range(FOLDS):
        chosen = fold == number
        predicted, expected = mean.at(conditions[chosen], number)
        rest = maps.tau[chosen] - predicted
        residuals[chosen] = rest.astype(np.float16)
        numbers[chosen] = maps.numbers[chosen] - expected
        logs[chosen, 0] = np.log(np.sqrt((rest**2).mean(axis=1)))
    size = np.abs(numbers)
    logs[:, 1:] = np.log(size + 0.1 * size.mean(axis=0))  # a residual near zero says nothing of the spread
    return ResidualBank(conditions, residuals, numbers, fit_polynomial(conditions, logs, degree=1))
