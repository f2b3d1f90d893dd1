"""What a PNS is made of and how it is trained: the numbers. Reading them does not need torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.growth.emulators.stepwise.config import (
    LATER,
    MAX_WIDTH,
    LossWeights,
    Output,
    StepConfig,
    StepSchedule,
    check_widths,
)
from nakaya.learn.config import LoopConfig
from nakaya.learn.schedules import Ramp

__all__ = ["OWN_SIZE", "PnsConfig", "PnsLoop", "PnsSchedule"]

LEVELS = 4
"""Resolutions of the U-Net: 1, 1/2, 1/4, 1/8."""

NO_DROPOUT = Ramp(0.0, 0.0, 0.0, 0.0)
ANNEALING = Ramp(0.0, 1.0, 0.0, 0.125)


@dataclass(frozen=True, kw_only=True)
class PnsConfig(StepConfig):
    """The networks of one PNS and its clock. The defaults have as many values as the small CGNE, within 5 %.

    Attributes:
        widths: Channels at the resolutions 1, 1/2, 1/4 and 1/8 of the U-Net.
        embedding: Channels of every site between the networks.
        more_down: Further blocks of every level of the U-Net on the way down.
        more_up: Further blocks of every level of the U-Net on the way up.
        encoder_layers: Convolutions of the prior and of the posterior; a max-pool follows each but the first.
        decoder_layers: Convolutions of the decoder, behind the point where z enters.
        decoder_kernel: Rows and columns of the first of them, odd.
    """

    latent_channels: int = 64
    spatial_latent: bool = field(default=False, metadata=LATER)
    output: Output = field(default="threshold", metadata=LATER)
    widths: tuple[int, ...] = (16, 32, 64, 144)
    embedding: int = 24
    more_down: int = 0
    more_up: int = 0
    encoder_layers: int = 4
    decoder_layers: int = 4
    decoder_kernel: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spatial_latent:
            raise ParameterError("spatial_latent=true is not a PNS, whose latent is one for all sites: use model cgne")
        check_widths("widths", self.widths, LEVELS, self.groups)
        check_count("embedding", self.embedding, 1, MAX_WIDTH)
        check_count("more_down", self.more_down, 0, 8)
        check_count("more_up", self.more_up, 0, 8)
        check_count(
            "encoder_layers", self.encoder_layers, 1, LEVELS, ": the window is halved behind each but the first"
        )
        check_count("decoder_layers", self.decoder_layers, 1, 16)
        check_count("decoder_kernel", self.decoder_kernel, 1, 31)
        if not self.decoder_kernel % 2:
            raise ParameterError(f"decoder_kernel={self.decoder_kernel} is even: a site would not be in the middle")


OWN_SIZE = PnsConfig(widths=(256, 512, 512, 512), embedding=128, more_down=2, more_up=3, decoder_kernel=11)
"""The widths of the published configuration for cellular dynamics: about 127 million values."""


@dataclass(frozen=True)
class PnsSchedule(StepSchedule):
    """How the training of a PNS goes on: the plain likelihood of all sites, free bits, no dropout.

    See `StepSchedule`. There is no condition that the latent tells: the U-Net is told it.
    """

    batch: int = 32
    dropout: Ramp = NO_DROPOUT
    annealing: Ramp = ANNEALING
    weights: LossWeights = field(default_factory=lambda: LossWeights(unattached=1.0, attached=1.0))
    free_bits: float = field(default=0.1, metadata=LATER)


@dataclass(frozen=True)
class PnsLoop(LoopConfig):
    """The published optimiser: Adam at a constant 1e-4, weight decay 1e-4 in the gradient, no clipping or averaging."""

    learning_rate: float = 1e-4
    warmup: float = 0.0
    final_rate: float = 1.0
    weight_decay: float = 1e-4
    clip_norm: float = 1e9
    average_decay: float = 0.0
    optimiser: Literal["adamw", "adam"] = field(default="adam", metadata={"later": True})
