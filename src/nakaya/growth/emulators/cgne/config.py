"""What a CGNE is made of: the numbers. Reading them does not need torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from nakaya.core.errors import ParameterError
from nakaya.growth.emulators.stepwise.config import LATER, StepConfig, check_widths

__all__ = ["CgneConfig"]

LEVELS = 4
"""Resolutions of the U-Net: 1, 1/2, 1/4, 1/8."""


@dataclass(frozen=True, kw_only=True)
class CgneConfig(StepConfig):
    """The networks of one CGNE and its clock; each ingredient of the paper can be left out.

    Attributes:
        widths: Channels at the resolutions 1, 1/2, 1/4 and 1/8 of the decoder.
        encoder_widths: Channels at the resolutions 1/2, 1/4 and 1/8 of the prior and the posterior.
        conditional_prior: Whether the prior is p(z | x, y); else z is standard normal, and the decoder must see y.
        posterior: Whether z is drawn from q(z | x, x', y) in training; else from the prior, and no divergence is left.
        condition_head: Whether an auxiliary head reads y back from z.
        fully_convolutional: Whether the decoder does alike everywhere; else it is told row and column of every site.
        condition_decoder: Whether the decoder sees y, which the paper's does not.
    """

    widths: tuple[int, ...] = (16, 32, 64, 96)
    encoder_widths: tuple[int, ...] = (32, 64, 96)
    conditional_prior: bool = field(default=True, metadata=LATER)
    posterior: bool = field(default=True, metadata=LATER)
    condition_head: bool = field(default=True, metadata=LATER)
    fully_convolutional: bool = field(default=True, metadata=LATER)
    condition_decoder: bool = field(default=False, metadata=LATER)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_widths("widths", self.widths, LEVELS, self.groups)
        check_widths("encoder_widths", self.encoder_widths, LEVELS - 1, self.groups)
        if not self.conditional_prior and not self.condition_decoder:
            raise ParameterError(
                "conditional_prior=false leaves nothing that tells a crystal its condition: set condition_decoder=true"
            )
