"""The Crystal Growth Neural Emulator's networks (arXiv 2405.16608): prior, posterior, decoder, condition head.

One network step carries the attached sites x at step t to the attached sites x' at step t + stride, given the growth
condition y:

    z ~ p(z | x, y)          conditional prior (when growing)
    z ~ q(z | x, x', y)      posterior (when training)
    P(x' = 1) = decoder(x, z)    the decoder never sees y: all that it learns of y comes through z
    y ~ head(z)              auxiliary, training only: z must tell y

Each of them can be left out; see `CgneConfig`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nakaya.growth.emulators.cgne.config import CgneConfig
from nakaya.growth.emulators.stepwise.blocks import Block, UNet, channels_last
from nakaya.growth.emulators.stepwise.gaussian import Gaussian, bounded_log_scale
from nakaya.growth.emulators.stepwise.network import StepNetwork

__all__ = ["Cgne", "ConditionedEncoder"]

LATTICE = 64.0
"""Rows and columns are told to a decoder that is not fully convolutional in units of the paper's lattice."""


class ConditionedEncoder(nn.Module):
    """From frames and a condition to a diagonal Gaussian over the latent: p(z | x, y) or q(z | x, x', y).

    The first halving of the resolution is a rearrangement, 2 x 2 sites to 4 channels, which loses nothing and saves the
    costliest resolution; the others are max-pools. Nothing is read out at full resolution here.

    Args:
        frames: Input channels: 1 for the prior (x), 2 for the posterior (x and x').
        widths: Channels at the resolutions 1/2, 1/4 and 1/8.
        latent_channels: Channels of z.
        groups: Groups of the normalisations.
        condition_features: Length of the condition vector.
        spatial: Whether z has a value for every site at 1/8; else one for all, from their mean.
    """

    def __init__(
        self,
        frames: int,
        widths: Sequence[int],
        latent_channels: int,
        groups: int,
        condition_features: int,
        *,
        spatial: bool = True,
    ) -> None:
        super().__init__()
        channels = [4 * frames, *widths]
        self.spatial = spatial
        self.blocks = nn.ModuleList(
            Block(before, after, groups, condition_features) for before, after in pairwise(channels)
        )
        self.last = Block(widths[-1], widths[-1], groups, condition_features)
        self.head = nn.Conv2d(widths[-1], 2 * latent_channels, 1)

    def forward(self, frames: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the standard deviation of z, each float32 [batch, latent, row / 8, column / 8].

        Args:
            frames: float32 [batch, frames, row, column], 1 = attached.
            condition: float32 [batch, condition_features].
        """
        field = channels_last(nn.functional.pixel_unshuffle(frames, 2))
        for level, block in enumerate(self.blocks):
            if level:
                field = nn.functional.max_pool2d(field, 2)
            field = block(field, condition)
        hidden = nn.functional.gelu(self.last(field, condition))
        if not self.spatial:
            hidden = hidden.mean(dim=(2, 3), keepdim=True)
        mean, raw = torch.chunk(self.head(hidden), 2, dim=1)
        return mean, bounded_log_scale(raw)


class Decoder(UNet):
    """U-Net from the attached sites x and the latent z to the logit of P(x' = 1); z enters at all four levels.

    It has no input for the condition, unless the configuration says so.
    """

    def __init__(self, config: CgneConfig) -> None:
        super().__init__(
            1 if config.fully_convolutional else 3,
            config.widths,
            config.groups,
            latent_channels=config.latent_channels,
            condition_features=config.num_features if config.condition_decoder else 0,
        )
        self.fully_convolutional = config.fully_convolutional
        self.head = nn.Conv2d(config.widths[0], 1, 1)

    def forward(self, attached: Tensor, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return logits, float32 [batch, 1, row, column].

        Args:
            attached: float32 [batch, 1, row, column], 1 = attached; all zero where samplewise dropout hides x.
            latent: float32 [batch, latent, row / 8, column / 8], or [batch, latent, 1, 1] where it is the same for all.
            condition: float32 [batch, condition_features], for a decoder that sees it.
        """
        rows = attached.shape[-1] // 8
        if latent.shape[-1] != rows:
            latent = latent.expand(-1, -1, rows, rows)
        field = attached
        if not self.fully_convolutional:
            places = torch.arange(attached.shape[-1], dtype=attached.dtype) / LATTICE
            row, column = torch.meshgrid(places, places, indexing="ij")
            where = torch.stack([row, column]).expand(len(attached), -1, -1, -1)
            field = channels_last(torch.cat([attached, where], dim=1))
        logits: Tensor = self.head(nn.functional.gelu(self.features(field, channels_last(latent), condition)))
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


class Seen(NamedTuple):
    """x and the features of y, as they are: the networks of a CGNE share no reading of them."""

    attached: Tensor
    features: Tensor


class Cgne(StepNetwork):
    """All networks of a CGNE.

    Args:
        config: Their sizes; `condition_mean` and `condition_scale` name the conditions and standardise them.
    """

    def __init__(self, config: CgneConfig) -> None:
        super().__init__()
        self.config: CgneConfig = config
        spatial = config.spatial_latent
        shape = (config.encoder_widths, config.latent_channels, config.groups, config.num_features)
        if config.conditional_prior:
            self.prior = ConditionedEncoder(1, *shape, spatial=spatial)
        if config.posterior:
            self.posterior = ConditionedEncoder(2, *shape, spatial=spatial)
        self.decoder = Decoder(config)
        if config.condition_head:
            self.condition_head = ConditionHead(
                config.latent_channels, config.widths[-1], config.groups, len(config.condition_mean)
            )

    def read(self, attached: Tensor, features: Tensor) -> Seen:
        """X and the features of y."""
        return Seen(attached, features)

    def prior_at(self, context: Seen) -> Gaussian:
        """p(z | x, y), or a standard normal one."""
        if self.config.conditional_prior:
            return Gaussian(*self.prior(context.attached, context.features))
        rows = self.latent_rows(context.attached.shape[-1])
        zero = context.attached.new_zeros((len(context.attached), self.config.latent_channels, rows, rows))
        return Gaussian(zero, zero)

    def posterior_at(self, context: Seen, following: Tensor) -> Gaussian | None:
        """q(z | x, x', y)."""
        if not self.config.posterior:
            return None
        return Gaussian(*self.posterior(torch.cat([context.attached, following], dim=1), context.features))

    def decode(self, context: Seen, latent: Tensor, shown: Tensor | None = None) -> Tensor:
        """Logits of being attached after the step."""
        attached = context.attached if shown is None else context.attached * shown
        logits: Tensor = self.decoder(attached, latent, context.features if self.config.condition_decoder else None)
        return logits

    def told_condition(self, latent: Tensor) -> Tensor | None:
        """The condition that z tells."""
        if not self.config.condition_head:
            return None
        told: Tensor = self.condition_head(latent)
        return told
