"""Split-conformal calibration of intervals, by groups: the same function for every model.

A model says how far off it expects to be; samples that it was not fitted to say how far off it is. The factor is the
quantile of |label - mean| / standard deviation over them. Replicates of one condition are not independent, so groups
count, not samples: every group weighs the same, and the quantile is taken at (1 + 1/K) times the level for K groups
(Vovk, Gammerman & Shafer 2005; pooled over groups as in Dunn, Wasserman & Ramdas 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.protocol import PredictiveDistribution
from nakaya.scoring.calibration import check_level

__all__ = ["Calibration", "calibrate", "fewest_groups", "normal_factor"]


@dataclass(frozen=True)
class Calibration:
    """How wide an interval is, in standard deviations of a model.

    Attributes:
        factor: Half the width over the standard deviation.
        level: Nominal coverage.
        groups: Number of groups it was calibrated on.
        method: "conformal", or "normal" where the groups were too few for that level.
        note: What a reader should know; empty where there is nothing to say.
    """

    factor: float
    level: float
    groups: int
    method: Literal["conformal", "normal"]
    note: str = ""


def normal_factor(level: float = 0.9) -> float:
    """Half the width of a normal distribution's central interval, in standard deviations.

    >>> round(normal_factor(), 3)
    1.645
    """
    return NormalDist().inv_cdf((1 + check_level(level)) / 2)


def fewest_groups(level: float = 0.9) -> int:
    """Fewest groups for which the conformal quantile is finite: K with (K + 1) level <= K.

    >>> fewest_groups()
    9
    """
    return math.ceil(check_level(level) / (1 - level) - 1e-9)


def calibrate(
    distribution: PredictiveDistribution, labels: FloatArray, groups: Sequence[str], *, level: float = 0.9
) -> Calibration:
    """Return the factor that makes intervals of a model cover `level` of new labels from new groups.

    Args:
        distribution: What the model said of samples that it was not fitted to.
        labels: What came of them, float64 [sample], on the scale of the distribution.
        groups: Condition of every sample.
        level: Nominal coverage, in (0, 1).

    Returns:
        The factor. With fewer than `fewest_groups(level)` groups no finite factor has the guarantee: that of a normal
        distribution is returned, and the note says so.

    Raises:
        ParameterError: Numbers of samples differ, or a label is not finite.

    >>> rng = np.random.default_rng(0)
    >>> told = PredictiveDistribution("growth_velocity", "linear", np.zeros(40), np.ones(40))
    >>> found = calibrate(told, 2 * rng.normal(size=40), [str(place) for place in range(40)])
    >>> bool(found.factor > 1.64)  # the model was too sure by a factor of two
    True
    """
    values = np.asarray(labels, dtype=np.float64)
    count = len(distribution.mean)
    if values.shape != (count,) or len(groups) != count:
        raise ParameterError(f"{count} predictions, {values.size} labels and {len(groups)} groups do not go together")
    if not np.isfinite(values).all():
        raise ParameterError("a label of the calibration is not finite: leave such samples out")
    names, which = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    if len(names) < fewest_groups(level):
        note = f"{len(names)} groups are too few to calibrate {level:.0%} intervals: a normal distribution is assumed"
        return Calibration(normal_factor(level), level, len(names), "normal", note)
    scores = np.abs(values - distribution.mean) / distribution.standard_deviation
    weights = (1 / np.bincount(which))[which] / len(names)
    ranks = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[ranks])
    wanted = level * (len(names) + 1) / len(names)
    place = int(np.searchsorted(reached, wanted - 1e-9))
    return Calibration(float(scores[ranks[min(place, count - 1)]]), level, len(names), "conformal")
