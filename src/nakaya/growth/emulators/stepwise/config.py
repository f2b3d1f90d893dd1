"""What stepwise emulators share in their sizes and trainings: the numbers. Reading them does not need torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.learn.schedules import Ramp

__all__ = [
    "LATER",
    "MAX_WIDTH",
    "LossWeights",
    "Output",
    "StepConfig",
    "StepSchedule",
    "TrainedFor",
    "check_widths",
    "without_later_options",
]

MAX_WIDTH = 4096
MAX_STRIDE = 4096

Output = Literal["threshold", "draw"]
"""How sites attach: where P exceeds the threshold, all randomness being z; or with probability P, drawn for each
(what is drawn apart from the crystal is left out)."""

LATER: Mapping[str, Any] = {"later": True}
"""Marks an option that came after runs that exist: at its default it is not part of what a run was begun with."""


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


@dataclass(frozen=True, kw_only=True)
class StepConfig:
    """The networks of one stepwise emulator and its clock.

    Attributes:
        stride: Solver steps that one network step covers: temporal downsampling; 1 = none.
        latent_channels: Channels of the latent z.
        spatial_latent: Whether z has 1/8 of the lattice's resolution; else one z serves all sites.
        groups: Groups of every GroupNorm; divides all widths.
        condition_octaves: The condition enters the networks as itself and as sines and cosines of 1, 2, 4, ...
            2**(octaves - 1) half turns over its range; 0 = as itself alone.
        lookahead: Free rows and columns that the window keeps in front of the crystal. The networks see the smallest
            window, a multiple of 16, that holds the crystal and these; nothing attaches outside of it.
        threshold: Probability above which a site attaches, where `output` is "threshold".
        output: "threshold" or "draw".
        condition_mean: Of every condition over the training crystals.
        condition_scale: Standard deviation of the same.
    """

    stride: int = 32
    latent_channels: int = 16
    groups: int = 8
    condition_octaves: int = 6
    lookahead: int = 8
    threshold: float = 0.5
    condition_mean: dict[str, float] = field(default_factory=dict)
    condition_scale: dict[str, float] = field(default_factory=dict)
    spatial_latent: bool = field(default=True, metadata=LATER)
    output: Output = field(default="threshold", metadata=LATER)

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
        if not 0.0 < self.threshold < 1.0:
            raise ParameterError(f"threshold={self.threshold:g} is outside (0, 1): it is a probability")

    @property
    def num_features(self) -> int:
        """Length of the condition's features."""
        return len(self.condition_mean) * (1 + 2 * self.condition_octaves)


def check_widths(name: str, widths: tuple[int, ...], levels: int, groups: int) -> None:
    """Check channels at so many resolutions, each a multiple of the groups.

    Raises:
        ParameterError: They are not.
    """
    if len(widths) != levels:
        raise ParameterError(f"{name}={list(widths)} has {len(widths)} levels, expected {levels}")
    for width in widths:
        check_count(f"a width of {name}", width, groups, MAX_WIDTH)
        if width % groups:
            raise ParameterError(f"width {width} of {name} is not a multiple of groups={groups}")


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
class StepSchedule:
    """How the training of a stepwise emulator goes on.

    The CGNE paper's code hides x from the decoder always up to epoch 10 of 100, then less and less, to a tenth of the
    samples from epoch 19 on; it anneals the divergence over 16 epochs. The defaults are the same fractions.

    Attributes:
        batch: Crystals in a batch.
        max_unroll: A batch is unrolled for 1 to this many steps, at random.
        dropout: Samplewise decoder dropout, by progress; 0 throughout = none.
        annealing: Fraction of the divergence's weight, by progress; 1 throughout = none.
        weights: Of the terms of the loss.
        free_bits: Nats that an entry of the latent may tell (its divergence, averaged over the batch) at no cost.
        detached: Whether each unrolled step is one update, and its result is detached before it is the next step's
            input. Else the whole unrolled batch is one update, and gradients pass through what attached by the
            probability of attaching (straight-through estimator).
    """

    batch: int = 64
    max_unroll: int = 8
    dropout: Ramp = PAPER_DROPOUT
    annealing: Ramp = PAPER_ANNEALING
    weights: LossWeights = field(default_factory=LossWeights)
    free_bits: float = field(default=0.0, metadata=LATER)
    detached: bool = field(default=True, metadata=LATER)

    def __post_init__(self) -> None:
        check_count("batch", self.batch, 1, 65_536)
        check_count("max_unroll", self.max_unroll, 1, 10_000)
        for name in ("dropout", "annealing"):
            ramp: Ramp = getattr(self, name)
            if not (0.0 <= ramp.start <= 1.0 and 0.0 <= ramp.stop <= 1.0):
                raise ParameterError(f"{name} from {ramp.start:g} to {ramp.stop:g} leaves [0, 1]")
        if not 0.0 <= self.free_bits < math.inf:
            raise ParameterError(f"free_bits={self.free_bits:g} is not a finite number of nats >= 0")


def without_later_options(settings: Any, plain: dict[str, Any]) -> dict[str, Any]:
    """Return the plain values of a dataclass without options that came later and stand at their defaults.

    So a run that was begun before they were known goes on, and its checkpoints belong to the same configuration.

    Args:
        settings: The dataclass.
        plain: Its values by name, as JSON values.
    """
    kept = dict(plain)
    for entry in fields(settings):
        if entry.metadata.get("later") and getattr(settings, entry.name) == entry.default:
            kept.pop(entry.name, None)
    return kept
