"""What a CGNE is made of and how it is trained: the numbers. Reading them does not need torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.learn.schedules import Ramp

__all__ = ["CgneConfig", "CgneSchedule", "LossWeights", "TrainedFor"]

MAX_WIDTH = 1024
MAX_STRIDE = 4096


@dataclass(frozen=True)
class TrainedFor:
    """The requests that the training crystals cover.

    Attributes:
        size: Rows and columns of the lattice.
        margin: Distance from the far edge at which the front stops the growth.
        low: Least value of each parameter that varied.
        high: Greatest value of each parameter that varied.
        fixed: Value of each parameter that did not vary.
    """

    size: int
    margin: int
    low: dict[str, float]
    high: dict[str, float]
    fixed: dict[str, float]

    def __post_init__(self) -> None:
        if sorted(self.low) != sorted(self.high) or not self.low:
            raise ParameterError(f"low={self.low} and high={self.high} must name the same parameters, at least one")


@dataclass(frozen=True)
class CgneConfig:
    """The networks of one CGNE and its clock.

    Attributes:
        stride: Solver steps that one network step covers.
        widths: Channels at the resolutions 1, 1/2, 1/4 and 1/8 of the decoder.
        encoder_widths: Channels at the resolutions 1/2, 1/4 and 1/8 of the prior and the posterior.
        latent_channels: Channels of the latent z, which has 1/8 of the lattice's resolution.
        groups: Groups of every GroupNorm; divides all widths.
        condition_octaves: The condition enters the prior and the posterior as itself and as sines and cosines of
            1, 2, 4, ... 2**(octaves - 1) half turns over its range; 0 = as itself alone.
        lookahead: Free rows and columns that the window keeps in front of the crystal. The networks see the smallest
            window, a multiple of 16, that holds the crystal and these; nothing attaches outside of it.
        threshold: Probability above which a site attaches.
    """

    stride: int = 32
    widths: tuple[int, ...] = (16, 32, 64, 96)
    encoder_widths: tuple[int, ...] = (32, 64, 96)
    latent_channels: int = 16
    groups: int = 8
    condition_octaves: int = 6
    lookahead: int = 8
    threshold: float = 0.5
    condition_mean: dict[str, float] = field(default_factory=dict)
    condition_scale: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_count("stride", self.stride, 1, MAX_STRIDE, ": it is the number of solver steps of one network step")
        check_count("latent_channels", self.latent_channels, 1, MAX_WIDTH)
        check_count("groups", self.groups, 1, MAX_WIDTH)
        check_count("lookahead", self.lookahead, 1, 64)
        check_count("condition_octaves", self.condition_octaves, 0, 16)
        if set(self.condition_mean) != set(self.condition_scale):
            raise ParameterError("condition_mean and condition_scale must name the same parameters")
        if not all(math.isfinite(mean) for mean in self.condition_mean.values()):
            raise ParameterError(f"condition_mean={self.condition_mean} must be finite")
        if not all(0 < scale < math.inf for scale in self.condition_scale.values()):
            raise ParameterError(f"condition_scale={self.condition_scale} must be positive and finite")
        for name, levels in (("widths", LEVELS), ("encoder_widths", LEVELS - 1)):
            widths = getattr(self, name)
            if len(widths) != levels:
                raise ParameterError(f"{name}={list(widths)} has {len(widths)} levels, expected {levels}")
            for width in widths:
                check_count(f"a width of {name}", width, self.groups, MAX_WIDTH)
                if width % self.groups:
                    raise ParameterError(f"width {width} of {name} is not a multiple of groups={self.groups}")
        if not 0.0 < self.threshold < 1.0:
            raise ParameterError(f"threshold={self.threshold:g} is outside (0, 1): it is a probability")

    def as_plain(self) -> dict[str, Any]:
        """The configuration as JSON values."""
        return asdict(self)


LEVELS = 4
"""Resolutions of the U-Net: 1, 1/2, 1/4, 1/8."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms, those of the CGNE paper's code by default.

    Attributes:
        unattached: Of the binary cross-entropy on sites that are not attached before the step.
        attached: Of the binary cross-entropy on sites that are.
        kl: Of the Kullback-Leibler divergence of the posterior from the prior, at the end of its annealing.
        condition: Of the squared error of the condition that the latent tells.
    """

    unattached: float = 1.0
    attached: float = 0.1
    kl: float = 1.0
    condition: float = 1.0

    def __post_init__(self) -> None:
        for name, weight in vars(self).items():
            if not weight >= 0.0:
                raise ParameterError(f"loss weight {name}={weight} is not a number >= 0")


PAPER_DROPOUT = Ramp(1.0, 0.1, 0.10, 0.19)
PAPER_ANNEALING = Ramp(0.0, 1.0, 0.0, 0.16)


@dataclass(frozen=True)
class CgneSchedule:
    """How the training of a CGNE goes on.

    The CGNE paper's code hides x from the decoder always up to epoch 10 of 100, then less and less, to a tenth of the
    samples from epoch 19 on; it anneals the divergence over 16 epochs. The defaults are the same fractions.

    Attributes:
        batch: Crystals in a batch.
        max_unroll: A batch is unrolled for 1 to this many steps, at random; each step is one update, and its result is
            detached before it is the next step's input.
        dropout: Samplewise decoder dropout, by progress.
        annealing: Fraction of the divergence's weight, by progress.
        weights: Of the terms of the loss.
    """

    batch: int = 64
    max_unroll: int = 8
    dropout: Ramp = PAPER_DROPOUT
    annealing: Ramp = PAPER_ANNEALING
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        check_count("batch", self.batch, 1, 65_536)
        check_count("max_unroll", self.max_unroll, 1, 10_000)
        for name in ("dropout", "annealing"):
            ramp: Ramp = getattr(self, name)
            if not (0.0 <= ramp.start <= 1.0 and 0.0 <= ramp.stop <= 1.0):
                raise ParameterError(f"{name} from {ramp.start:g} to {ramp.stop:g} leaves [0, 1]")
