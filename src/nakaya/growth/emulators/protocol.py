"""Emulator: a grower that learned from a solver, and says from which, on what, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from nakaya.growth.model.grower import Grower

__all__ = ["Emulator", "EmulatorFacts", "ExtrapolationWarning"]


class ExtrapolationWarning(UserWarning):
    """An emulator is asked for conditions a little outside of those that it was trained for."""


@dataclass(frozen=True)
class EmulatorFacts:
    """What is known of an emulator besides its crystals.

    Attributes:
        solver: Name of the solver that it learned from.
        time_resolution: Solver steps that its arrival times are exact to.
        parameters: Trainable values by network; what growing needs, and what only training needed.
        training: How it was trained: recipe, campaign, cost, validation; plain JSON values.
    """

    solver: str
    time_resolution: int
    parameters: Mapping[str, int]
    training: Mapping[str, Any]


@runtime_checkable
class Emulator(Grower, Protocol):
    """A grower with the facts of its training."""

    @property
    def facts(self) -> EmulatorFacts:
        """What is known of it."""
        ...

    def operations_per_crystal(self, steps: float) -> float:
        """Floating-point operations of growing one crystal that takes this many solver steps."""
        ...
