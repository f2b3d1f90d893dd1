"""From the forecast of a change to a probability: will a branch of this nucleus grow, or dissolve?

The committor P(grow) is a logistic function of the expected change, fitted to the fates of the branches that were
decided, against forecasts of models that had not seen their nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.nuclei.logistic import fit_logistic, logistic

__all__ = ["MIN_DECIDED", "Committor", "fit_committor"]

MIN_DECIDED: Final = 5
"""Fewer branches that grew, or that dissolved, tell no probability."""

PENALTY: Final = 0.1
"""On the slope in standard deviations of the forecasts: it stays finite where forecasts part all fates."""


@dataclass(frozen=True)
class Committor:
    """P(grow) = 1 / (1 + exp(-(constant + slope x))) of the expected change x."""

    slope: float
    constant: float

    def __call__(self, changes: FloatArray) -> FloatArray:
        """Probability that a branch grows, given that it does one or the other, float64 [nucleus]."""
        return logistic(self.slope * changes + self.constant)


def fit_committor(forecasts: FloatArray, grown: FloatArray, dissolved: FloatArray) -> Committor | None:
    """Fit the committor; None where too few branches were decided.

    Args:
        forecasts: Expected change, float64 [nucleus].
        grown: Branches that grew, float64 [nucleus].
        dissolved: Branches that dissolved, float64 [nucleus].
    """
    if min(grown.sum(), dissolved.sum()) < MIN_DECIDED or not forecasts.std() > 0:
        return None
    middle, scale = float(forecasts.mean()), float(forecasts.std())
    repeated = np.repeat((forecasts - middle) / scale, (grown + dissolved).astype(int))
    came = np.concatenate(
        [np.repeat([1.0, 0.0], [int(up), int(down)]) for up, down in zip(grown, dissolved, strict=True)]
    )
    slope, constant = fit_logistic(repeated[:, None], came, PENALTY).tolist()
    return Committor(slope / scale, constant - slope * middle / scale)
