"""What a CGNE is made of: the numbers that fix its networks, its clock and the conditions that it knows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from nakaya.core.errors import ParameterError
from nakaya.core.growth import check_count

__all__ = ["CgneConfig", "TrainedFor"]

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
        check_count("lookahead", self.lookahead, 1, 64)
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
