"""Draws from a density of few parameters, by importance sampling with a multivariate t that is fitted to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray

__all__ = ["importance_sample"]

PROPOSED: Final = 8000
ROUNDS: Final = 12
"""At most; they end when the draws are worth `ENOUGH`."""

ENOUGH: Final = 2000.0
FREEDOM: Final = 5
"""Of the t: its tails are heavier than those of a posterior with priors."""

FIRST: Final = 2.0
"""The first proposal is wider by this than the curvature at the mode says: modes of variances sit in narrow funnels."""

WIDEN: Final = 1.25
"""The proposal is wider by this than the weighted draws of the round before."""

MAX_WEIGHT: Final = 20.0
"""Over the mean weight, while the proposal is adapted: a few lucky draws must not become the next proposal."""


def importance_sample(
    log_density: Callable[[FloatArray], FloatArray], starts: FloatArray, number: int, *, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Draw from a density: Laplace's approximation first, then rounds of weighted draws that adapt the proposal.

    Args:
        log_density: float64 [draw, parameter] -> float64 [draw], up to a constant; -inf where it is zero. It has one
            mode, and its parameters have standard deviations about 1 or less.
        starts: float64 [point, parameter]: the best of them begins the search of the mode.
        number: Draws wanted.
        rng: Makes all draws.

    Returns:
        (float64 [draw, parameter], drawn with replacement; how many independent draws the weights are worth).
    """
    centre, covariance = _mode(log_density, starts[int(np.nanargmax(log_density(starts)))])
    covariance = FIRST**2 * covariance
    size = len(centre)
    for _ in range(ROUNDS):
        normal = rng.normal(size=(PROPOSED, size))
        stretched = normal * np.sqrt(FREEDOM / rng.chisquare(FREEDOM, size=(PROPOSED, 1)))
        draws = centre + WIDEN * stretched @ np.linalg.cholesky(covariance).T
        log_proposal = -(FREEDOM + size) / 2 * np.log1p((stretched**2).sum(axis=1) / FREEDOM)
        log_weights = log_density(draws) - log_proposal
        weights = np.exp(log_weights - log_weights.max())
        weights /= weights.sum()
        effective = float(1 / (weights**2).sum())
        if effective >= ENOUGH:
            break
        bounded = np.minimum(weights, MAX_WEIGHT / PROPOSED)
        bounded /= bounded.sum()
        centre = bounded @ draws
        deviations = draws - centre
        covariance = (bounded[:, None] * deviations).T @ deviations + 1e-12 * np.eye(size)
    return draws[rng.choice(PROPOSED, size=number, p=weights)], effective


def _mode(
    log_density: Callable[[FloatArray], FloatArray], start: FloatArray, *, iterations: int = 60
) -> tuple[FloatArray, FloatArray]:
    """Where the density is highest, by Newton's steps with shorter ones tried beside, and the covariance there."""
    centre, lengths = start, 3.0 ** -np.arange(16.0)[:, None]
    for _ in range(iterations):
        slope, covariance = _expansion(log_density, centre)
        tried = np.concatenate([centre[None], centre + lengths * (covariance @ slope)])
        values = log_density(tried)
        best = int(np.nanargmax(values))
        centre = tried[best]
        if best == 0 or values[best] - values[0] < 1e-3:
            break
    return centre, _expansion(log_density, centre)[1]


def _expansion(
    log_density: Callable[[FloatArray], FloatArray], centre: FloatArray, *, step: float = 0.02
) -> tuple[FloatArray, FloatArray]:
    """Slope, and covariance of the normal density of the same curvature, by differences; wide where it is flat."""
    size = len(centre)
    steps = step * np.eye(size)
    pairs = [(row, column) for row in range(size) for column in range(size)]
    signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
    corners = [centre + a * steps[row] + b * steps[column] for a, b in signs for row, column in pairs]
    values = log_density(np.array([*corners, *(centre + steps), *(centre - steps)]))
    values = np.where(np.isfinite(values), values, values.min(where=np.isfinite(values), initial=0.0))
    corner = values[: 4 * size**2].reshape(4, size, size)
    curvature = -(corner[0] - corner[1] - corner[2] + corner[3]) / (4 * step**2)
    slope = (values[4 * size**2 : -size] - values[-size:]) / (2 * step)
    eigenvalues, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    return slope, np.asarray((vectors / np.clip(eigenvalues, 0.25, 1e8)) @ vectors.T)
