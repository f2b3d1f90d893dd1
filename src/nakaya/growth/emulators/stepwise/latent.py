"""How much of its latent an emulator uses: the divergence of the posterior from the prior on held-out transitions."""

from __future__ import annotations

import numpy as np
import torch

from nakaya.growth.emulators.constraints import window_of
from nakaya.growth.emulators.stepwise.data import FrameSequences
from nakaya.growth.emulators.stepwise.gaussian import kl_divergence
from nakaya.growth.emulators.stepwise.loss import reconstruction
from nakaya.growth.emulators.stepwise.network import StepNetwork

__all__ = ["latent_use"]

MAX_TRANSITIONS = 512
ACTIVE_NATS = 0.01
"""A channel whose mean divergence is less counts as unused."""


@torch.no_grad()
def latent_use(network: StepNetwork, sequences: FrameSequences, *, seed: int = 0) -> dict[str, float]:
    """Return what the latent carries, and how well the network explains a step that it is shown.

    Teacher-forced: x and x' are the solver's frames, x is visible to the decoder, z is one posterior sample.

    Args:
        network: The networks.
        sequences: Held-out crystals; of their transitions at most 512 are taken, evenly spread.
        seed: Of the posterior samples.

    Returns:
        `kl_per_step`: nats that z tells about x' beyond x and y; `kl_per_dimension`: the same per latent entry;
        `active_channels`: share of the channels with more than 0.01 nats per entry; `nats_per_step`: negative evidence
        lower bound of one step over all sites, without loss weights.
    """
    config = network.config
    crystal, frame = sequences.transitions()
    chosen = np.unique(np.linspace(0, len(crystal) - 1, min(MAX_TRANSITIONS, len(crystal))).astype(np.int64))
    crystal, frame = crystal[chosen], frame[chosen]
    windows = window_of(sequences.front[crystal, frame], sequences.size, config.lookahead)
    generator = torch.Generator().manual_seed(seed)
    kl_total, entries, nats = 0.0, 0, 0.0
    by_channel = torch.zeros(config.latent_channels)
    for window in np.unique(windows):
        inside = windows == window
        which, when = torch.from_numpy(crystal[inside]), torch.from_numpy(frame[inside])
        attached = sequences.attached(which, when, int(window))
        following = sequences.attached(which, when + 1, int(window))
        condition = sequences.condition[which]
        context = network.read(attached, network.features_of(condition))
        prior = network.prior_at(context)
        posterior = network.posterior_at(context, following) or prior
        divergence = kl_divergence(posterior, prior)
        latent = posterior.sample(torch.randn(posterior.mean.shape, generator=generator))
        unattached, on_attached = reconstruction(network.decode(context, latent), attached, following)
        kl_total += float(divergence.sum())
        entries += divergence.numel()
        by_channel += divergence.sum(dim=(0, 2, 3))
        nats += float((unattached + on_attached).sum())
    per_channel = by_channel / (entries / config.latent_channels)
    return {
        "kl_per_step": kl_total / len(crystal),
        "kl_per_dimension": kl_total / entries,
        "active_channels": float((per_channel > ACTIVE_NATS).float().mean()),
        "nats_per_step": (nats + kl_total) / len(crystal),
    }
