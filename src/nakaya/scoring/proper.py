"""Proper scores of an ensemble forecast: in expectation the law that made the observations scores best.

Every score has two forms. The plain one scores the empirical law of the members as it is, so that a small ensemble of
the true law scores worse than a large one. The fair one (Ferro 2014) estimates without bias what an infinite ensemble
would score: use it to compare ensembles of different sizes. Lower is better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist, pdist

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.scoring.transport import as_sample

__all__ = ["brier_score", "crps", "energy_score", "ensemble_brier_score", "frequency_brier_score"]


def crps(ensemble: ArrayLike, observation: ArrayLike, *, fair: bool = False) -> FloatArray:
    """Return the continuous ranked probability score, mean |x - y| - 1/2 mean |x - x'| (Gneiting & Raftery 2007).

    Args:
        ensemble: Members x, float [*batch, member].
        observation: What happened, y, float, broadcast against [*batch].
        fair: Divide the mean over pairs by M (M - 1) instead of M^2.

    Returns:
        float64, the broadcast shape, in the unit of the observation; NaN where `fair` and there is one member.

    Raises:
        ParameterError: The ensemble has no members.

    >>> float(crps([0.0, 1.0], 0.5)), float(crps([0.0, 1.0], 0.5, fair=True))
    (0.25, 0.0)
    """
    members = np.sort(np.asarray(ensemble, np.float64), axis=-1)
    if members.ndim == 0 or not members.shape[-1]:
        raise ParameterError(f"ensemble of shape {members.shape} has no members: give [..., member]")
    count = members.shape[-1]
    pairs = count * (count - 1) if fair else count * count
    # In order, the sum of |x - x'| over all pairs is 2 sum over i of (2 i - M - 1) x_i, i from 1.
    ranks = 2.0 * np.arange(1, count + 1) - count - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        half_spread = np.asarray((members * ranks).sum(axis=-1) / np.float64(pairs))
    distance = np.abs(members - np.asarray(observation, np.float64)[..., None]).mean(axis=-1)
    return np.asarray(distance - half_spread, np.float64)


def energy_score(ensemble: ArrayLike, observations: ArrayLike, *, fair: bool = False) -> FloatArray:
    """Return the energy score of each observation, mean |x - y| - 1/2 mean |x - x'| with Euclidean norms.

    The CRPS for several quantities at once (Gneiting & Raftery 2007, eq. 22). Its size depends on how the quantities
    are scaled: divide each by a fixed scale first.

    Args:
        ensemble: Members, float [member, quantity].
        observations: What happened, float [observation, quantity].
        fair: Divide the mean over pairs by M (M - 1) instead of M^2.

    Returns:
        float64 [observation]; NaN where `fair` and there is one member.

    Raises:
        ParameterError: The samples do not fit each other.

    >>> float(energy_score([[0.0, 0.0], [2.0, 0.0]], [[1.0, 0.0]])[0])
    0.5
    """
    members, happened = as_sample(ensemble, "ensemble"), as_sample(observations, "observations")
    if members.shape[1] != happened.shape[1]:
        raise ParameterError(
            f"members of {members.shape[1]} and observations of {happened.shape[1]} quantities: give the same"
        )
    count = len(members)
    pairs = count * (count - 1) if fair else count * count
    half_spread = pdist(members).sum() / pairs if pairs else np.nan
    return np.asarray(cdist(happened, members).mean(axis=1) - half_spread, np.float64)


def brier_score(probability: ArrayLike, occurred: ArrayLike) -> FloatArray:
    """Return (p - o)^2, event by event: float64, the broadcast shape.

    Args:
        probability: Forecast, float, 0 to 1.
        occurred: Whether the event happened, bool.

    >>> brier_score([0.9, 0.5], [True, False]).round(2).tolist()
    [0.01, 0.25]
    """
    return np.asarray((np.asarray(probability, np.float64) - np.asarray(occurred, np.float64)) ** 2, np.float64)


def ensemble_brier_score(members: BoolArray, observations: BoolArray, *, fair: bool = False) -> FloatArray:
    """Return the Brier score of the members' frequencies, averaged over all observations of the same events.

    With p and q the shares of members and observations in which an event occurs, the mean of (p - o)^2 over the
    observations is p^2 - 2 p q + q; the fair form subtracts p (1 - p) / (M - 1).

    Args:
        members: bool [member, *event].
        observations: bool [observation, *event].
        fair: Remove the bias of the finite ensemble.

    Returns:
        float64 [*event]; NaN where `fair` and there is one member.
    """
    p = members.mean(axis=0, dtype=np.float64)
    return frequency_brier_score(p, observations.mean(axis=0, dtype=np.float64), len(members) if fair else None)


def frequency_brier_score(p: FloatArray, q: FloatArray, fair_members: int | None = None) -> FloatArray:
    """Return the score of `ensemble_brier_score` from the two frequencies; fair for that many members where given."""
    score = p * p - 2 * p * q + q
    if fair_members is None:
        return np.asarray(score, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(score - p * (1 - p) / np.float64(fair_members - 1), np.float64)
