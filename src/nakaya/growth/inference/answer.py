"""What a posterior says about one crystal: draws, and what is read off them. It needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.growth.inference.prior import Prior

__all__ = ["WARNS_BEYOND", "Answer"]

WARNS_BEYOND = "0.99"
"""Fraction of the validation crystals that are nearer to the training crystals than one that is called a stranger."""

LEVEL = 0.9


@dataclass(frozen=True)
class Answer:
    """The posterior of one crystal.

    Attributes:
        prior: What was asked for, and from which ranges.
        draws: Conditions, float64 [draw, parameter].
        distance: Mahalanobis distance of the crystal's measures from those of the training crystals.
        distances: Fraction of the validation crystals -> distance within which these lie.

    >>> prior = Prior(("rho",), (0.4,), (0.6,), ("linear",))
    >>> answer = Answer(prior, np.linspace(0.45, 0.47, 101)[:, None], 3.0, {"0.99": 9.0})
    >>> round(float(answer.mean[0]), 4), answer.interval().round(4).tolist(), answer.is_stranger
    (0.46, [[0.451, 0.469]], False)
    """

    prior: Prior
    draws: FloatArray
    distance: float
    distances: Mapping[str, float]

    @property
    def mean(self) -> FloatArray:
        """Mean of the draws, on each parameter's scale: float64 [parameter]."""
        return self.prior.values(self.prior.fractions(self.draws).mean(axis=0))

    @property
    def spread(self) -> FloatArray:
        """Standard deviation of the draws over that of the prior, on each parameter's scale: float64 [parameter]."""
        return np.asarray(self.prior.fractions(self.draws).std(axis=0) * np.sqrt(12.0))

    @property
    def correlation(self) -> FloatArray:
        """Of the draws on the parameters' scales, float64 [parameter, parameter]."""
        return np.atleast_2d(np.corrcoef(self.prior.fractions(self.draws), rowvar=False))

    @property
    def is_stranger(self) -> bool:
        """Whether the crystal looks like none of the training: what is said about it then means little."""
        return self.distance > self.distances[WARNS_BEYOND]

    def interval(self, level: float = LEVEL) -> FloatArray:
        """Return the central interval of every parameter, float64 [parameter, 2]."""
        return np.asarray(np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0).T)

    def ranks(self, values: FloatArray) -> FloatArray:
        """Return which fraction of the draws lies below a point, float64 [parameter]: uniform over true points."""
        return np.asarray((self.draws < values).mean(axis=0))
