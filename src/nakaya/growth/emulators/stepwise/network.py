"""What the networks of a stepwise emulator have in common: they read x, guess z with or without x', and propose x'.

c = read(x, y)           what the others need to know of the present crystal and the growth condition
z ~ p(z | c)             prior (when growing)
z ~ q(z | c, x')         posterior (when training)
P(x' = 1) = decode(c, z)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from nakaya.growth.emulators.stepwise.blocks import condition_features
from nakaya.growth.emulators.stepwise.config import StepConfig
from nakaya.growth.emulators.stepwise.gaussian import Gaussian

__all__ = ["StepNetwork", "in_channels_last", "num_parameters"]

COARSENING = 8
"""Sites of the lattice per entry of a spatial latent, along rows and columns."""


class StepNetwork(nn.Module, ABC):
    """One network step of a crystal.

    Attributes:
        config: Sizes and clock.
    """

    config: StepConfig

    @abstractmethod
    def read(self, attached: Tensor, features: Tensor) -> Any:  # what a network keeps of them is its own affair
        """Return c, from x (float32 [batch, 1, row, column], 1 = attached) and features of y (float32 [batch, ...])."""

    @abstractmethod
    def prior_at(self, context: Any) -> Gaussian:
        """p(z | c)."""

    @abstractmethod
    def posterior_at(self, context: Any, following: Tensor) -> Gaussian | None:
        """q(z | c, x'), with x' float32 [batch, 1, row, column]; None: there is none, and the prior takes its place."""

    @abstractmethod
    def decode(self, context: Any, latent: Tensor, shown: Tensor | None = None) -> Tensor:
        """Return logits of being attached after the step, float32 [batch, 1, row, column].

        Args:
            context: c.
            latent: z.
            shown: float32 [batch, 1, 1, 1], 0 where x is hidden from the decoder as a whole; None: nowhere.
        """

    def told_condition(self, latent: Tensor) -> Tensor | None:
        """Return the condition that the latent tells, float32 [batch, conditions]; None: nothing reads it."""
        return None

    def features_of(self, condition: Tensor) -> Tensor:
        """Return the features of y, standardised, float32 [batch, conditions]."""
        return condition_features(condition, self.config.condition_octaves)

    def prior_of(self, attached: Tensor, condition: Tensor) -> Gaussian:
        """p(z | x, y)."""
        return self.prior_at(self.read(attached, self.features_of(condition)))

    def posterior_of(self, attached: Tensor, following: Tensor, condition: Tensor) -> Gaussian:
        """q(z | x, x', y), or the prior where there is no posterior."""
        context = self.read(attached, self.features_of(condition))
        found = self.posterior_at(context, following)
        return self.prior_at(context) if found is None else found

    def latent_rows(self, window: int) -> int:
        """Rows, and columns, of z where the network sees this many rows and columns of sites."""
        return window // COARSENING if self.config.spatial_latent else 1

    def parts(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return dict(self.named_children())


def in_channels_last(network: StepNetwork) -> StepNetwork:
    """Return the network with its convolution kernels in channels-last memory, the layout of all fields."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def num_parameters(*networks: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for network in networks for parameter in network.parameters())
