"""The parts of the networks: one residual block, and a U-Net of such blocks.

Tensors are float32 [batch, channel, row, column] in channels-last memory, the layout that a CPU convolves fastest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Block", "UNet", "channels_last", "condition_features", "nearest_up"]


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


class UNet(nn.Module):
    """Max-pool down, nearest neighbour up, over the resolutions 1, 1/2, 1/4 and so on.

    On the way up a level concatenates what comes from below, thinned by a 1x1 convolution to the level's own width
    before it is enlarged; the skip connection; and, where a latent enters, it, thinned to half that width.

    Args:
        incoming: Channels of the input.
        widths: Channels at every resolution.
        groups: Groups of every GroupNorm.
        latent_channels: Of the latent that enters at all levels, at the last resolution; 0 = none does.
        condition_features: Length of the condition vector that every block is told; 0 = none is.
        more_down: Further blocks of every level on the way down.
        more_up: Further blocks of every level on the way up.
    """

    def __init__(
        self,
        incoming: int,
        widths: Sequence[int],
        groups: int,
        *,
        latent_channels: int = 0,
        condition_features: int = 0,
        more_down: int = 0,
        more_up: int = 0,
    ) -> None:
        super().__init__()
        channels = [incoming, *widths]
        told = condition_features
        from_latent = [width // 2 if latent_channels else 0 for width in widths]
        self.down = nn.ModuleList(Block(before, after, groups, told) for before, after in pairwise(channels))
        self.latents = nn.ModuleList(nn.Conv2d(latent_channels, width // 2, 1) for width in widths if latent_channels)
        self.thin = nn.ModuleList(nn.Conv2d(below, width, 1) for width, below in pairwise(widths))
        self.bottom = Block(widths[-1] + from_latent[-1], widths[-1], groups, told)
        self.up = nn.ModuleList(
            Block(2 * width + extra, width, groups, told)
            for width, extra in zip(widths[:-1], from_latent[:-1], strict=True)
        )
        self.more_down = nn.ModuleList(_chain(width, groups, told, more_down) for width in widths if more_down)
        self.more_up = nn.ModuleList(_chain(width, groups, told, more_up) for width in widths if more_up)

    def features(self, field: Tensor, latent: Tensor | None = None, condition: Tensor | None = None) -> Tensor:
        """Return float32 [batch, first width, row, column].

        Args:
            field: float32 [batch, incoming, row, column]; rows and columns are multiples of 2**(levels - 1).
            latent: float32 [batch, latent, row, column] at the last resolution, where one enters.
            condition: float32 [batch, condition_features], where there is one.
        """
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            if level:
                field = nn.functional.max_pool2d(field, 2)
            field = self._and_more(self.more_down, level, block(field, condition), condition)
            skips.append(field)
        coarsest = len(skips) - 1
        parts = [field] if latent is None else [field, self.latents[coarsest](latent)]
        field = self._and_more(self.more_up, coarsest, self.bottom(torch.cat(parts, dim=1), condition), condition)
        for level in reversed(range(coarsest)):
            parts = [nearest_up(self.thin[level](field), 2), skips[level]]
            if latent is not None:
                parts.append(nearest_up(self.latents[level](latent), 2 ** (coarsest - level)))
            field = self.up[level](torch.cat(parts, dim=1), condition)
            field = self._and_more(self.more_up, level, field, condition)
        return field

    def _and_more(self, chains: nn.ModuleList, level: int, field: Tensor, condition: Tensor | None) -> Tensor:
        """Pass a field through the further blocks of a level, where there are any."""
        if len(chains):
            for block in chains[level]:  # type: ignore[attr-defined]  # a list of blocks
                field = block(field, condition)
        return field


def _chain(width: int, groups: int, told: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(Block(width, width, groups, told) for _ in range(count))


def channels_last(field: Tensor) -> Tensor:
    """Return the tensor in channels-last memory; a convolution of a single channel forgets that layout."""
    return field.contiguous(memory_format=torch.channels_last)


def nearest_up(field: Tensor, factor: int) -> Tensor:
    """Repeat every site `factor` times along rows and columns."""
    return nn.functional.interpolate(field, scale_factor=factor, mode="nearest")


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
