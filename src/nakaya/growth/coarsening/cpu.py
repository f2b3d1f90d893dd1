"""Threshold dynamics, fast: a grain is convolved in the box around it, and the numbers are those of `reference`."""

from __future__ import annotations

import numpy as np

from nakaya.growth.coarsening.kernel import convolve_grains, find_boxes, sharpen
from nakaya.growth.coarsening.network import Network
from nakaya.growth.coarsening.steps import CUT, SLOTS, StepNumbers

__all__ = ["advance"]


def advance(network: Network, step: StepNumbers, num_grains: int) -> Network:
    """Return the state one step later, equal to that of `reference.advance` bit for bit.

    Args:
        network: State.
        step: Numbers of the step.
        num_grains: Grains are 0 .. n - 1.
    """
    shape = np.array((*[1] * (3 - len(network.shape)), *network.shape), np.int64)
    labels, weights = network.labels.reshape(-1, SLOTS), network.weights.reshape(-1, SLOTS)
    near, wide = np.empty_like(labels), np.empty_like(weights)
    narrow = np.zeros_like(weights) if step.narrow.size else wide
    boxes = find_boxes(labels, shape, num_grains, network.is_periodic)
    convolve_grains(
        labels, weights, boxes, shape, step.taps, step.narrow, network.is_periodic, np.float32(CUT), near, wide, narrow
    )
    later = Network(np.empty_like(network.labels), np.empty_like(network.weights), network.is_periodic)
    sharpen(
        near, wide, narrow, step.wide_factors, step.narrow_factors, step.per_width,
        later.labels.reshape(-1, SLOTS), later.weights.reshape(-1, SLOTS),
    )  # fmt: skip
    return later
