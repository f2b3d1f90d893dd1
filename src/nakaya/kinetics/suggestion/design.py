"""Which observation of a normal belief is worth most: the one that lowers the summed variance most per cost.

Values at places have the covariance C. An observation at place x with the noise variance n(x) leaves

    C'(y, z) = C(y, z) - C(y, x) C(x, z) / (C(x, x) + n(x)),

whatever it says, so that the variance summed over the places of interest falls by

    R(x) = sum_z C(z, x)^2 / (C(x, x) + n(x))          (integrated variance; Cohn, Ghahramani & Jordan 1996).

The next observation is the one with the largest R(x)/cost(x), and a batch takes one after another, each with the
covariance that those before it leave. An observed place stays a candidate: noise makes a second look worth something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray

__all__ = ["Step", "greedy_batch", "observed", "variance_reductions"]


@dataclass(frozen=True)
class Step:
    """One observation of a batch.

    Attributes:
        place: Number of the place.
        reduction: R, in squared units of the values.
        variance_left: Summed over the places of interest, after this observation.
    """

    place: int
    reduction: float
    variance_left: float


def variance_reductions(covariance: FloatArray, noise: FloatArray, interest: BoolArray) -> FloatArray:
    """R of an observation at every place, float64 [place].

    Args:
        covariance: C, float64 [place, place].
        noise: n, variance of the noise of one observation, float64 [place], positive.
        interest: Places whose variance counts, bool [place].

    >>> variance_reductions(np.array([[4.0, 2.0], [2.0, 1.0]]), np.array([4.0, 1.0]), np.array([True, True]))
    array([2.5, 2.5])
    """
    return np.asarray((covariance[interest] ** 2).sum(axis=0) / (np.diag(covariance) + noise))


def observed(covariance: FloatArray, place: int, noise: float) -> FloatArray:
    """The covariance after an observation at a place with this noise variance, float64 [place, place]."""
    column = covariance[:, place]
    return np.asarray(covariance - np.outer(column, column) / (column[place] + noise))


def greedy_batch(
    covariance: FloatArray, noise: FloatArray, costs: FloatArray, candidates: BoolArray, interest: BoolArray, count: int
) -> list[Step]:
    """Choose observations one after another, each by the largest R(x)/cost(x); the first of equals wins.

    Args:
        covariance: float64 [place, place].
        noise: Variance of the noise of one observation, float64 [place], positive.
        costs: Of one observation, float64 [place], positive, any unit.
        candidates: Places that may be observed, bool [place]; at least one.
        interest: Places whose variance counts, bool [place].
        count: Number of observations.
    """
    steps = []
    for _ in range(count):
        reductions = variance_reductions(covariance, noise, interest)
        place = int(np.argmax(np.where(candidates, reductions / costs, -np.inf)))
        covariance = observed(covariance, place, float(noise[place]))
        steps.append(Step(place, float(reductions[place]), float(np.diag(covariance)[interest].sum())))
    return steps
