"""Rollouts: crystals from trained networks, the same for any batch, order and number of threads.

The kernels that a convolution runs on may depend on the shape of its input, and with them the last bits of its result.
So every call of the networks has one of a few fixed shapes: `MICRO_BATCH` crystals, padded with empty ones, through one
window. Crystals that share a call do not touch each other: no operation mixes samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nakaya.core.arrays import ArrivalMap, BoolArray, Float32Array, IntArray
from nakaya.core.randomness import Key
from nakaya.growth.emulators.constraints import front_of, joined_to, keep_attached, window_of
from nakaya.growth.emulators.stepwise.network import StepNetwork
from nakaya.growth.emulators.stepwise.noise import latent_noise, site_uniforms
from nakaya.growth.model.setup import FRONT, NO_GROWTH, STEPS
from nakaya.growth.model.trajectory import INITIAL, NEVER

__all__ = ["MICRO_BATCH", "Rollout", "roll_out"]

MICRO_BATCH = 16


@dataclass(frozen=True)
class Rollout:
    """Crystals that a network grew.

    Attributes:
        arrival: int32 [crystal, row, column]: solver steps, multiples of the stride; 0 = initial, -1 = never.
        steps: int64 [crystal]: solver steps until the crystal stopped, a multiple of the stride.
        stop_codes: int8 [crystal]: index into `STOP_REASONS`.
        stalled: int64 [crystal]: network steps in which nothing attached.
    """

    arrival: ArrivalMap
    steps: IntArray
    stop_codes: np.ndarray[tuple[int, ...], np.dtype[np.int8]]
    stalled: IntArray


@torch.inference_mode()
def roll_out(
    network: StepNetwork,
    condition: Float32Array,
    keys: Sequence[Key],
    *,
    size: int,
    margin: int,
    step_limit: int | None,
    no_growth: int,
) -> Rollout:
    """Grow one crystal in the corner of a sector for every key.

    z ~ p(z | x, y), P = decoder(x, z). A site attaches where P exceeds the threshold, all randomness being z, or, where
    the configuration's output is "draw", with probability P, drawn for every site, unless what was drawn is not joined
    to the crystal. It stays attached.

    Args:
        network: The networks, in evaluation mode.
        condition: Standardised, float32 [crystal, condition].
        keys: Of the noise, one for each crystal.
        size: Rows and columns of the lattice.
        margin: A crystal stops ("front") when it reaches row or column `size - margin`.
        step_limit: A crystal stops ("steps") at the last multiple of the stride that is not above; None = never.
        no_growth: A crystal stops ("no-growth") after this many solver steps without an attachment.
    """
    stride = network.config.stride
    count = len(keys)
    arrival = np.full((count, size, size), NEVER, np.int32)
    arrival[:, 0, 0] = INITIAL
    steps, codes = np.zeros(count, np.int64), np.full(count, STEPS, np.int8)
    stalled, last_growth = np.zeros(count, np.int64), np.zeros(count, np.int64)
    features = torch.cat([network.features_of(torch.from_numpy(row[None])) for row in condition])
    active = np.arange(count)
    step = 0
    while len(active) and (step_limit is None or (step + 1) * stride <= step_limit):
        step += 1
        grew = _advance(network, arrival, features, keys, active, step)
        steps[active] = step * stride
        stalled[active[~grew]] += 1
        last_growth[active[grew]] = step * stride
        at_front = front_of(arrival[active] != NEVER) >= size - margin
        at_rest = ~at_front & (step * stride - last_growth[active] >= no_growth)
        codes[active[at_front]] = FRONT
        codes[active[at_rest]] = NO_GROWTH
        active = active[~(at_front | at_rest)]
    return Rollout(arrival, steps, codes, stalled)


def _advance(
    network: StepNetwork, arrival: ArrivalMap, features: Tensor, keys: Sequence[Key], active: IntArray, step: int
) -> BoolArray:
    """Carry the active crystals one network step on, in place; return which of them grew: bool [active]."""
    config = network.config
    windows = window_of(front_of(arrival[active] != NEVER), arrival.shape[-1], config.lookahead)
    grew = np.zeros(len(active), np.bool_)
    for window in np.unique(windows):
        places = np.flatnonzero(windows == window)
        for start in range(0, len(places), MICRO_BATCH):
            chosen = places[start : start + MICRO_BATCH]
            crystals = active[chosen]
            attached = arrival[crystals, :window, :window] != NEVER
            rows = network.latent_rows(int(window))
            noise = np.stack([latent_noise(keys[i], step, config.latent_channels, rows) for i in crystals])
            probability = _propose(network, attached, features[crystals], noise)
            threshold: Float32Array | float = config.threshold
            if config.output == "draw":
                threshold = np.stack([site_uniforms(keys[i], step, int(window)) for i in crystals])
            new = keep_attached(attached, probability, threshold) & ~attached
            if config.output == "draw":
                new = joined_to(attached, new)
            arrival[crystals, :window, :window] = np.where(
                new, step * config.stride, arrival[crystals, :window, :window]
            )
            grew[chosen] = new.any(axis=(1, 2))
    return grew


def _propose(network: StepNetwork, attached: BoolArray, features: Tensor, noise: Float32Array) -> Float32Array:
    """Probability of being attached after the step, float32 [crystal, row, column], from one call of fixed shape."""
    count, padding = len(attached), MICRO_BATCH - len(attached)
    frames = torch.from_numpy(np.pad(attached, ((0, padding), (0, 0), (0, 0))).astype(np.float32))[:, None]
    frames = frames.contiguous(memory_format=torch.channels_last)
    condition = torch.nn.functional.pad(features, (0, 0, 0, padding))
    context = network.read(frames, condition)
    latent = network.prior_at(context).sample(
        torch.nn.functional.pad(torch.from_numpy(noise), (0, 0) * 3 + (0, padding))
    )
    return torch.sigmoid(network.decode(context, latent))[:count, 0].numpy()
