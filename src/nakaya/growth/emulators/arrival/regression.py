"""Smooth functions of the conditions: polynomials, and Gaussian processes. They need NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from nakaya.core.arrays import FloatArray

__all__ = ["GaussianProcess", "Polynomial", "Regression", "fit_gaussian_process", "fit_polynomial", "monomials"]


class Regression(Protocol):
    """A function of the conditions that was fitted, and what is saved of it."""

    def __call__(self, conditions: FloatArray) -> FloatArray:
        """Return outputs, float64 [point, output], at standardised conditions, float64 [point, condition]."""
        ...

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What is saved, by name."""
        ...


def monomials(conditions: FloatArray, degree: int) -> FloatArray:
    """Return all monomials up to a total degree, the constant first: float64 [point, monomial].

    >>> monomials(np.array([[2.0, 3.0]]), 2).tolist()
    [[1.0, 2.0, 3.0, 4.0, 6.0, 9.0]]
    """
    columns = range(conditions.shape[1])
    chosen = [c for total in range(degree + 1) for c in combinations_with_replacement(columns, total)]
    return np.stack([conditions[:, list(places)].prod(axis=1) for places in chosen], axis=1)


@dataclass(frozen=True)
class Polynomial:
    """A polynomial in the conditions.

    Attributes:
        degree: Total degree.
        weights: float64 [monomial, output].
    """

    degree: int
    weights: FloatArray

    def __call__(self, conditions: FloatArray) -> FloatArray:
        """See `Regression`."""
        return monomials(conditions, self.degree) @ self.weights

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """See `Regression`."""
        return {"weights": self.weights}


def fit_polynomial(
    conditions: FloatArray,
    outputs: FloatArray,
    noise: FloatArray | None = None,
    *,
    degree: int = 3,
    ridge: float = 1e-6,
) -> Polynomial:
    """Fit a polynomial by least squares.

    Args:
        conditions: Standardised, float64 [point, condition].
        outputs: float64 [point, output].
        noise: Standard deviation of every point, float64 [point]; None: all the same.
        degree: Total degree.
        ridge: Penalty of squared weights, over the number of points; the constant is free.
    """
    features = monomials(conditions, degree)
    penalty = np.full(features.shape[1], ridge * len(features))
    penalty[0] = 0.0
    weighted = features if noise is None else features / noise[:, None] ** 2
    normal = weighted.T @ features + np.diag(penalty)
    return Polynomial(degree, np.asarray(np.linalg.solve(normal, weighted.T @ outputs), np.float64))


@dataclass(frozen=True)
class GaussianProcess:
    """Gaussian-process means with a squared exponential kernel, one set of lengths for each output, about a polynomial.

    Attributes:
        trend: Linear polynomial that is subtracted first.
        known: Training conditions, float64 [training point, condition].
        lengths: Correlation length of every condition, float64 [output, condition].
        weights: float64 [training point, output].
    """

    trend: Polynomial
    known: FloatArray
    lengths: FloatArray
    weights: FloatArray

    def __call__(self, conditions: FloatArray) -> FloatArray:
        """See `Regression`."""
        found = self.trend(conditions)
        for output, lengths in enumerate(self.lengths):
            found[:, output] += _kernel(conditions, self.known, lengths) @ self.weights[:, output]
        return found

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """See `Regression`."""
        return {"trend": self.trend.weights, "known": self.known, "lengths": self.lengths, "weights": self.weights}


def _kernel(first: FloatArray, second: FloatArray, lengths: FloatArray) -> FloatArray:
    x, y = first / lengths, second / lengths
    square = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None] - 2 * x @ y.T
    return np.asarray(np.exp(-0.5 * np.maximum(square, 0)))


def fit_gaussian_process(
    conditions: FloatArray, outputs: FloatArray, noise: FloatArray, *, most_points: int = 128
) -> GaussianProcess:
    """Fit lengths and noise of every output by maximum likelihood, and condition on all points.

    Args:
        conditions: Standardised, float64 [point, condition].
        outputs: float64 [point, output].
        noise: Standard deviation of every point over the mean one, float64 [point].
        most_points: The likelihood is that of the first so many points: its cost grows with their cube.
    """
    trend = fit_polynomial(conditions, outputs, degree=1)
    rest = outputs - trend(conditions)
    scale = np.maximum(rest.std(axis=0), 1e-300)
    few = conditions[:most_points]
    lengths, weights = np.empty((outputs.shape[1], conditions.shape[1])), np.empty_like(outputs)
    for output in range(outputs.shape[1]):
        y = rest[:, output] / scale[output]

        def badness(logs: FloatArray, y: FloatArray = y[:most_points]) -> float:
            covariance = _covariance(few, logs, noise[:most_points])
            factor = cho_factor(covariance, lower=True)
            return float(0.5 * y @ cho_solve(factor, y) + np.log(np.diag(factor[0])).sum())

        start = np.array([0.5] * conditions.shape[1] + [-0.3, -0.7])
        bounds = [(-1.0, 3.0)] * conditions.shape[1] + [(-4.0, 2.0), (-5.0, 0.3)]
        logs = minimize(badness, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 15}).x
        lengths[output] = np.exp(logs[:-2])
        factor = cho_factor(_covariance(conditions, logs, noise), lower=True)
        weights[:, output] = np.exp(2 * logs[-2]) * cho_solve(factor, y) * scale[output]
    return GaussianProcess(trend, conditions, lengths, weights)


def _covariance(conditions: FloatArray, logs: FloatArray, noise: FloatArray) -> FloatArray:
    """Covariance of observations: logs are those of lengths, of the signal's and of the mean noise's deviation."""
    signal, variance = np.exp(2 * logs[-2]), np.exp(2 * logs[-1]) * noise**2
    return np.asarray(signal * _kernel(conditions, conditions, np.exp(logs[:-2])) + np.diag(variance))
