"""The Crystal Growth Neural Emulator's networks (arXiv 2405.16608): prior, posterior, decoder, condition head.

One network step carries the attached sites x at step t to the attached sites x' at step t + stride, given the growth
condition y:

    z ~ p(z | x, y)          conditional prior (when growing)
    z ~ q(z | x, x', y)      posterior (when training)
    P(x' = 1) = decoder(x, z)    the decoder never sees y: all that it learns of y comes through z
    y ~ head(z)              auxiliary, training only: z must tell y
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nakaya.growth.emulators.cgne.blocks import Block, ConditionedEncoder, channels_last, nearest_up
from nakaya.growth.emulators.cgne.config import CgneConfig

__all__ = ["Cgne", "Gaussian", "condition_features", "in_channels_last", "num_parameters"]


class Gaussian(NamedTuple):
    """A diagonal Gaussian over the latent: mean and log sigma, float32 [batch, latent, row / 8, column / 8]."""

    mean: Tensor
    log_scale: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Return mean + sigma noise, with standard normal `noise`."""
        return self.mean + torch.exp(self.log_scale) * noise


def condition_features(condition: Tensor, octaves: int) -> Tensor:
    """Return the condition with sines and cosines of it: float32 [batch, conditions (1 + 2 octaves)].

    The crystal depends on rho on scales from its whole range down to a thousandth of it (another rho, 1e-3 away, gives
    another crystal); a network learns slow functions of its inputs first, so the fast ones are offered ready-made.

    Args:
        condition: Standardised condition, float32 [batch, conditions], most of it within +-2.
        octaves: Number of frequencies, each twice the one before.
    """
    features = [condition]
    for octave in range(octaves):
        angle = condition * (math.pi / 2.0 * 2.0**octave)
        features += [torch.sin(angle), torch.cos(angle)]
    return torch.cat(features, dim=1)


class Decoder(nn.Module):
    """U-Net from the attached sites x and the latent z to the logit of P(x' = 1); z enters at all four levels.

    Max-pool down, nearest neighbour up. On the way up a level concatenates three things: what comes from below, thinned
    by a 1x1 convolution to the level's own width before it is enlarged; the skip connection; and z, thinned to half
    that width. It has no input for the condition.
    """

    def __init__(self, config: CgneConfig) -> None:
        super().__init__()
        widths, groups = config.widths, config.groups
        channels = [1, *widths]
        self.down = nn.ModuleList(Block(before, after, groups) for before, after in pairwise(channels))
        self.latents = nn.ModuleList(nn.Conv2d(config.latent_channels, width // 2, 1) for width in widths)
        self.thin = nn.ModuleList(nn.Conv2d(below, width, 1) for width, below in pairwise(widths))
        self.bottom = Block(widths[-1] + widths[-1] // 2, widths[-1], groups)
        self.up = nn.ModuleList(Block(2 * width + width // 2, width, groups) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, attached: Tensor, latent: Tensor) -> Tensor:
        """Return logits, float32 [batch, 1, row, column].

        Args:
            attached: float32 [batch, 1, row, column], 1 = attached; all zero where samplewise dropout hides x.
            latent: float32 [batch, latent, row / 8, column / 8].
        """
        latent = channels_last(latent)
        skips: list[Tensor] = []
        field = attached
        for level, block in enumerate(self.down):
            if level:
                field = nn.functional.max_pool2d(field, 2)
            field = block(field)
            skips.append(field)
        coarsest = len(skips) - 1
        field = self.bottom(torch.cat([field, self.latents[coarsest](latent)], dim=1))
        for level in reversed(range(coarsest)):
            from_below = nearest_up(self.thin[level](field), 2)
            from_latent = nearest_up(self.latents[level](latent), 2 ** (coarsest - level))
            field = self.up[level](torch.cat([from_below, skips[level], from_latent], dim=1))
        logits: Tensor = self.head(nn.functional.gelu(field))
        return logits


class ConditionHead(nn.Module):
    """Reads the standardised condition back from z: float32 [batch, conditions]. Used in training only."""

    def __init__(self, latent_channels: int, width: int, groups: int, conditions: int) -> None:
        super().__init__()
        self.block = Block(latent_channels, width, groups)
        self.head = nn.Linear(width, conditions)

    def forward(self, latent: Tensor) -> Tensor:
        """Return the condition that the latent tells."""
        told: Tensor = self.head(nn.functional.gelu(self.block(latent)).mean(dim=(2, 3)))
        return told


class Cgne(nn.Module):
    """All four networks.

    Args:
        config: Their sizes; `condition_mean` and `condition_scale` name the conditions and standardise them.
    """

    def __init__(self, config: CgneConfig) -> None:
        super().__init__()
        conditions = len(config.condition_mean)
        features = conditions * (1 + 2 * config.condition_octaves)
        shape = (config.encoder_widths, config.latent_channels, config.groups, features)
        self.config = config
        self.prior = ConditionedEncoder(1, *shape)
        self.posterior = ConditionedEncoder(2, *shape)
        self.decoder = Decoder(config)
        self.condition_head = ConditionHead(config.latent_channels, config.widths[-1], config.groups, conditions)

    def prior_of(self, attached: Tensor, condition: Tensor) -> Gaussian:
        """p(z | x, y)."""
        return self.prior_from(attached, condition_features(condition, self.config.condition_octaves))

    def prior_from(self, attached: Tensor, features: Tensor) -> Gaussian:
        """p(z | x, y), where the features of y are known already."""
        return Gaussian(*self.prior(attached, features))

    def posterior_of(self, attached: Tensor, following: Tensor, condition: Tensor) -> Gaussian:
        """q(z | x, x', y)."""
        frames = torch.cat([attached, following], dim=1)
        return Gaussian(*self.posterior(frames, condition_features(condition, self.config.condition_octaves)))


def in_channels_last(network: Cgne) -> Cgne:
    """Return the network with its convolution kernels in channels-last memory, the layout of all fields."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def num_parameters(*networks: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for network in networks for parameter in network.parameters())
