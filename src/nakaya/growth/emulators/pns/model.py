"""The networks of the probabilistic neural simulator (Minartz et al. 2023, arXiv 2305.14286), told a growth condition.

One network step carries the attached sites x at step t to the attached sites x' at step t + stride:

    e = embed(x),  h = e + U-Net(e, y)       forward model: deterministic, all that is known before chance
    z ~ p(z | h)                             prior (when growing): 64 numbers for the whole crystal
    z ~ q(z | h, x')                         posterior (when training)
    logits = classes(e + decoder(h, z))      z enters behind the U-Net, the same for all sites; two classes per site

The published model has no growth condition; here every block of the U-Net is told it, as the CGNE's encoders are. The
published U-Net has attention at its bottom, other normalisations and learned changes of resolution; this one is made
of the blocks that the CGNE has, so that the two differ in where chance enters, and in nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nakaya.growth.emulators.pns.config import PnsConfig
from nakaya.growth.emulators.stepwise.blocks import UNet, channels_last
from nakaya.growth.emulators.stepwise.gaussian import Gaussian, bounded_log_scale
from nakaya.growth.emulators.stepwise.network import StepNetwork

__all__ = ["Pns"]


class Seen(NamedTuple):
    """What the forward model made of x and y.

    Attributes:
        embedded: e, float32 [batch, embedding, row, column].
        hidden: h, the same shape.
    """

    embedded: Tensor
    hidden: Tensor


class ForwardModel(nn.Module):
    """From x and y to e and h."""

    def __init__(self, config: PnsConfig) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, config.embedding, 1)
        self.unet = UNet(
            config.embedding,
            config.widths,
            config.groups,
            condition_features=config.num_features,
            more_down=config.more_down,
            more_up=config.more_up,
        )
        self.project = nn.Conv2d(config.widths[0], config.embedding, 1)

    def forward(self, attached: Tensor, features: Tensor) -> Seen:
        """Return e and h.

        Args:
            attached: x, float32 [batch, 1, row, column].
            features: Of y, float32 [batch, condition_features].
        """
        embedded = channels_last(self.embed(attached))
        found = self.unet.features(embedded, condition=features)
        return Seen(embedded, embedded + self.project(nn.functional.gelu(found)))


class GlobalEncoder(nn.Module):
    """From fields to a diagonal Gaussian over one latent for all sites: convolutions, max-pools, the mean over sites.

    Args:
        incoming: Channels of the fields.
        width: Channels of the convolutions.
        latent_channels: Numbers in z.
        layers: Convolutions.
    """

    def __init__(self, incoming: int, width: int, latent_channels: int, layers: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width if layer else incoming, width, 3, padding=1) for layer in range(layers)
        )
        self.mix = nn.Linear(width, width)
        self.head = nn.Linear(width, 2 * latent_channels)

    def forward(self, field: Tensor) -> Gaussian:
        """Return the Gaussian, float32 [batch, latent, 1, 1]."""
        for layer, convolution in enumerate(self.convolutions):
            field = nn.functional.relu(convolution(field))
            if layer:
                field = nn.functional.max_pool2d(field, 2)
        told = self.head(nn.functional.relu(self.mix(field.mean(dim=(2, 3)))))
        mean, raw = torch.chunk(told[:, :, None, None], 2, dim=1)
        return Gaussian(mean, bounded_log_scale(raw))


class Decoder(nn.Module):
    """From e, h and z to the logit of being attached, as the difference of the logits of two classes."""

    def __init__(self, config: PnsConfig) -> None:
        super().__init__()
        width, kernel = config.embedding, config.decoder_kernel
        self.first = nn.Conv2d(width + config.latent_channels, width, kernel, padding=kernel // 2)
        self.others = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(config.decoder_layers - 1))
        self.classes = nn.Conv2d(width, 2, 1)

    def forward(self, embedded: Tensor, hidden: Tensor, latent: Tensor) -> Tensor:
        """Return logits, float32 [batch, 1, row, column]."""
        rows = hidden.shape[-1]
        field = channels_last(torch.cat([hidden, latent.expand(-1, -1, rows, rows)], dim=1))
        field = nn.functional.relu(self.first(field))
        for convolution in self.others:
            field = nn.functional.relu(convolution(field))
        vapour, crystal = torch.chunk(self.classes(embedded + field), 2, dim=1)
        return crystal - vapour


class Pns(StepNetwork):
    """All networks of a PNS.

    Args:
        config: Their sizes; `condition_mean` and `condition_scale` name the conditions and standardise them.
    """

    def __init__(self, config: PnsConfig) -> None:
        super().__init__()
        self.config: PnsConfig = config
        width, latent, layers = config.embedding, config.latent_channels, config.encoder_layers
        self.forward_model = ForwardModel(config)
        self.prior = GlobalEncoder(width, width, latent, layers)
        self.posterior = GlobalEncoder(width + 1, width, latent, layers)
        self.decoder = Decoder(config)

    def read(self, attached: Tensor, features: Tensor) -> Seen:
        """What the forward model makes of x and y."""
        seen: Seen = self.forward_model(attached, features)
        return seen

    def prior_at(self, context: Seen) -> Gaussian:
        """p(z | h)."""
        found: Gaussian = self.prior(context.hidden)
        return found

    def posterior_at(self, context: Seen, following: Tensor) -> Gaussian:
        """q(z | h, x')."""
        found: Gaussian = self.posterior(torch.cat([context.hidden, following], dim=1))
        return found

    def decode(self, context: Seen, latent: Tensor, shown: Tensor | None = None) -> Tensor:
        """Logits of being attached after the step."""
        embedded, hidden = context if shown is None else (field * shown for field in context)
        logits: Tensor = self.decoder(embedded, hidden, latent)
        return logits
