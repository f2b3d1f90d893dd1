"""How a network is trained: the numbers of the loop. Reading them does not need torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.learn.schedules import WarmupCosine

__all__ = ["LOOKS", "LoopConfig"]

LOOKS = ("validate_every", "checkpoint_every", "checkpoint_minutes")
"""How often to look and to save: of a loop's numbers, those that change no weight."""


@dataclass(frozen=True)
class LoopConfig:
    """How a network is trained.

    Attributes:
        updates: Optimiser updates in all.
        learning_rate: Peak of the schedule, after the warm-up.
        warmup: Fraction of the updates in which the learning rate rises from 0.
        final_rate: Last learning rate over the peak; in between it falls as a cosine.
        weight_decay: AdamW's decoupled weight decay; with Adam it is added to the gradient.
        clip_norm: Gradients longer than this (Euclidean norm over all parameters) are shortened to it.
        average_decay: Decay of the moving average of the weights; 0: the last weights are what is kept.
        validate_every: Updates between validations.
        checkpoint_every: Updates between checkpoints; what came after the last one is computed again after a kill.
        checkpoint_minutes: Minutes between checkpoints, where that comes first.
        seed: Of the initial weights and of every random draw.
        optimiser: "adamw" or "adam".
    """

    updates: int
    learning_rate: float = 1e-3
    warmup: float = 0.02
    final_rate: float = 0.01
    weight_decay: float = 1e-2
    clip_norm: float = 0.25
    average_decay: float = 0.999
    validate_every: int = 500
    checkpoint_every: int = 100
    checkpoint_minutes: float = 5.0
    seed: int = 0
    optimiser: Literal["adamw", "adam"] = field(default="adamw", metadata={"later": True})

    def __post_init__(self) -> None:
        check_count("updates", self.updates, 1, 10**9)
        check_count("validate_every", self.validate_every, 1, 10**9)
        check_count("checkpoint_every", self.checkpoint_every, 1, 10**9)
        if not self.checkpoint_minutes > 0.0:
            raise ParameterError(f"checkpoint_minutes={self.checkpoint_minutes:g}: expected a positive number")
        WarmupCosine(self.learning_rate, self.warmup, self.final_rate)
        if not self.clip_norm > 0.0 or not self.weight_decay >= 0.0 or not 0.0 <= self.average_decay < 1.0:
            raise ParameterError(
                f"clip_norm={self.clip_norm:g}, weight_decay={self.weight_decay:g}, "
                f"average_decay={self.average_decay:g}: expected a positive norm, a decay >= 0 and "
                "an average decay in [0, 1)"
            )
