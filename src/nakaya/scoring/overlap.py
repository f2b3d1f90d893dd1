"""Overlap of crystals site by site: intersection over union."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray, Mask

__all__ = ["diversity", "expected_iou", "iou", "iou_of_pairs"]

EXACT_IN_FLOAT32 = 1 << 24
"""Whole numbers up to this one are exact in float32, the type in which sites are counted fastest."""


def iou(first: Mask, second: Mask) -> FloatArray:
    """Return intersection over union of crystals, pair by pair: float64 [*batch], 1 where both are empty.

    Args:
        first: bool [*batch, row, column].
        second: bool, the same shape.
    """
    shared = np.count_nonzero(first & second, axis=(-2, -1))
    either = np.count_nonzero(first | second, axis=(-2, -1))
    return np.asarray(np.where(either > 0, shared / np.maximum(either, 1), 1.0), np.float64)


def iou_of_pairs(first: BoolArray, second: BoolArray) -> FloatArray:
    """Return the IoU of every crystal of one sample with every crystal of the other: float64 [member, other member].

    Args:
        first: bool [member, *lattice].
        second: bool [other member, *lattice].
    """
    kind = np.dtype(np.float32 if first[0].size <= EXACT_IN_FLOAT32 else np.float64)
    x, y = (np.asarray(sample.reshape(len(sample), -1), kind) for sample in (first, second))
    shared = np.asarray(x @ y.T, np.float64)
    either = np.count_nonzero(x, axis=1)[:, None] + np.count_nonzero(y, axis=1)[None, :] - shared
    return np.asarray(np.where(either > 0, shared / np.maximum(either, 1), 1.0), np.float64)


def expected_iou(first: BoolArray, second: BoolArray) -> float:
    """Return the expected IoU of a random member of one sample with a random member of the other, over all pairs.

    Members are not paired by number: an emulator's member 3 and the solver's member 3 share no noise. Not a proper
    score (a forecaster gains by showing the most typical crystal only): read it beside `diversity`.

    >>> first = np.array([[[True, True]], [[True, False]]])
    >>> expected_iou(first, first)
    0.75
    """
    return float(iou_of_pairs(first, second).mean())


def diversity(members: BoolArray) -> float:
    """Return 1 - mean IoU over all pairs of different members; NaN for one member. 0: all members are equal.

    Args:
        members: bool [member, *lattice].
    """
    count = len(members)
    if count < 2:
        return float("nan")
    pairs = iou_of_pairs(members, members)
    return float(1 - (pairs.sum() - np.trace(pairs)) / (count * (count - 1)))
