"""How far is a model from the truth, in units of how far two samples of the truth are from each other?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.scoring.bootstrap import Interval, draw_points, ratio_interval

__all__ = ["FloorScore", "score_over_floor", "seed_scales"]

LEAST_SCALE = 0.1
"""Of the standard deviation pooled over points: what a point's own is at least. A point where nothing varies would
otherwise turn any difference, however small, into an infinite one."""

RESAMPLES = 1000


@dataclass(frozen=True)
class FloorScore:
    """Distances over the floor, and biases.

    Attributes:
        joint: Wasserstein distance of all quantities together over that of two halves of the truth.
        single: The same for each quantity by itself.
        bias: Mean over points of (mean of the model - mean of the truth), in standard deviations, float64 [quantity].
        distance: Mean distance of the model, in standard deviations.
        floor: Mean distance of two halves of the truth.
        members: Members in each half.
        splits: Random divisions of the members into halves.
    """

    joint: Interval
    single: tuple[Interval, ...]
    bias: FloatArray
    distance: float
    floor: float
    members: int
    splits: int


def seed_scales(truth: FloatArray) -> FloatArray:
    """Return the standard deviation of each quantity over the members of each point: float64 [point, 1, quantity].

    At least a tenth of its root mean square over the points, and 1 where no member of any point differs.

    Args:
        truth: float64 [point, member, quantity].
    """
    own = truth.std(axis=1, ddof=1, keepdims=True)
    pooled = np.sqrt((own**2).mean(axis=0, keepdims=True))
    scales = np.maximum(own, LEAST_SCALE * pooled)
    return np.asarray(np.where(scales > 0, scales, 1.0))


def score_over_floor(
    model: ArrayLike, truth: ArrayLike, *, members: int = 8, splits: int = 100, rng: np.random.Generator
) -> FloorScore:
    """Compare two samples at parameter points by random halves, always of the same size.

    In every split `members` of the model are compared with `members` of the truth, and these with as many others of the
    truth: the floor, which a perfect model reaches on average. Distances between samples grow with a bias the more
    members there are, and single splits mislead; so the size is fixed, and the mean is taken over many splits. The
    unit of each quantity is its standard deviation over the truth's members at the point.

    Args:
        model: [point, member, quantity], at least `members` members.
        truth: [point, member, quantity], at least twice as many.
        members: Members in a half.
        splits: Random divisions.
        rng: Draws divisions and resamples.

    Raises:
        ParameterError: There are too few members, or values that are not finite.

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=(20, 16, 2))
    >>> score = score_over_floor(truth + [3.0, 0.0], truth, splits=20, rng=rng)
    >>> score.joint.value > 3, [round(float(bias), 1) for bias in score.bias]
    (True, [3.1, 0.0])
    """
    samples = [np.asarray(values, np.float64) for values in (model, truth)]
    for name, sample, needed in (("model", samples[0], members), ("truth", samples[1], 2 * members)):
        if sample.ndim != 3 or sample.shape[1] < needed:
            raise ParameterError(
                f"{name} of shape {sample.shape} cannot be split: [point, member, quantity] with at least {needed} "
                "members was expected"
            )
        if not np.isfinite(sample).all():
            raise ParameterError(f"{name} holds NaN or infinite values: score the crystals that have a value")
    if samples[0].shape[::2] != samples[1].shape[::2]:
        raise ParameterError(
            f"model {samples[0].shape} and truth {samples[1].shape}: give the same points and quantities"
        )
    scales = seed_scales(samples[1])
    x, y = (sample / scales for sample in samples)
    num_points, num_quantities = x.shape[::2]
    joint, single = np.zeros((2, num_points)), np.zeros((2, num_points, num_quantities))
    for _ in range(splits):
        mine, order = (rng.permutation(sample.shape[1]) for sample in (x, y))
        ours, half, rest = x[:, mine[:members]], y[:, order[:members]], y[:, order[members : 2 * members]]
        for row, other in enumerate((ours, rest)):
            joint[row] += _paired(other, half)
            single[row] += np.abs(np.sort(other, axis=1) - np.sort(half, axis=1)).mean(axis=1)
    drawn = draw_points(num_points, RESAMPLES, rng=rng)
    return FloorScore(
        joint=ratio_interval(joint[0], joint[1], drawn),
        single=tuple(ratio_interval(single[0, :, q], single[1, :, q], drawn) for q in range(num_quantities)),
        bias=np.asarray((x.mean(axis=1) - y.mean(axis=1)).mean(axis=0)),
        distance=float(joint[0].mean() / splits),
        floor=float(joint[1].mean() / splits),
        members=members,
        splits=splits,
    )


def _paired(first: FloatArray, second: FloatArray) -> FloatArray:
    """Wasserstein distance at every point, float64 [point], of samples [point, member, quantity] of equal size."""
    found = np.empty(len(first))
    for place, (x, y) in enumerate(zip(first, second, strict=True)):
        costs = cdist(x, y)
        found[place] = costs[linear_sum_assignment(costs)].mean()
    return found
