"""The parts of the CGNE's networks: one block, and the encoder that the prior and the posterior share in shape.

Tensors are float32 [batch, channel, row, column] in channels-last memory, the layout that a CPU convolves fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Block", "ConditionedEncoder", "channels_last", "nearest_up"]


class Block(nn.Module):
    """Residual block: conv 3x3, GroupNorm, GELU, conv 3x3, GroupNorm, plus a 1x1 convolution of the input.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        groups: Groups of both normalisations.
        condition_features: Length of a condition vector that is added, per channel, before the GELU; 0 = none.
    """

    def __init__(self, incoming: int, outgoing: int, groups: int, condition_features: int = 0) -> None:
        super().__init__()
        self.first = nn.Conv2d(incoming, outgoing, 3, padding=1)
        self.first_norm = nn.GroupNorm(groups, outgoing)
        self.second = nn.Conv2d(outgoing, outgoing, 3, padding=1)
        self.second_norm = nn.GroupNorm(groups, outgoing)
        self.skip = nn.Conv2d(incoming, outgoing, 1)
        self.condition = nn.Linear(condition_features, outgoing) if condition_features else None

    def forward(self, field: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return float32 [batch, outgoing, row, column]."""
        hidden = self.first_norm(channels_last(self.first(field)))
        if self.condition is not None and condition is not None:
            hidden = hidden + self.condition(condition)[:, :, None, None]
        hidden = self.second(nn.functional.gelu(hidden))
        result: Tensor = channels_last(self.skip(field)) + self.second_norm(hidden)
        return result


def channels_last(field: Tensor) -> Tensor:
    """Return the tensor in channels-last memory; a convolution of a single channel forgets that layout."""
    return field.contiguous(memory_format=torch.channels_last)


def nearest_up(field: Tensor, factor: int) -> Tensor:
    """Repeat every site `factor` times along rows and columns."""
    return nn.functional.interpolate(field, scale_factor=factor, mode="nearest")


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
    """

    def __init__(
        self, frames: int, widths: Sequence[int], latent_channels: int, groups: int, condition_features: int
    ) -> None:
        super().__init__()
        channels = [4 * frames, *widths]
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
        mean, raw = torch.chunk(self.head(nn.functional.gelu(self.last(field, condition))), 2, dim=1)
        return mean, bounded_log_scale(raw)


LOG_SCALE_BOUND = 5.0


def bounded_log_scale(raw: Tensor) -> Tensor:
    """Keep log sigma within +-5, smoothly: a standard deviation of exactly 0 or infinity has no gradient."""
    return LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)
