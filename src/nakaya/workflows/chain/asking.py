"""What is asked of a chain, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import check_seed
from nakaya.core.errors import ParameterError
from nakaya.growth.model.trajectory import Trajectory
from nakaya.workflows.chain.kinetics import Kinetics
from nakaya.workflows.chain.microstructure import Seen

__all__ = ["ChainOptions", "ChainResult"]


@dataclass(frozen=True)
class ChainOptions:
    """What is asked of the chain.

    Attributes:
        material: Chemical symbol.
        temperature: At which the melt is held, K; None = it is cooled.
        cooling_rate: K/s; None = it is held.
        members: Draws of the kinetics, each with its own polycrystal.
        grains: Expected in a box.
        size: Sites along the edges of a box.
        seed: Of all draws.
        model: Shipped model of kinetics, or its folder.

    Raises:
        ParameterError: A value is out of range, or not exactly one of temperature and cooling rate is given.
    """

    material: str
    temperature: float | None = None
    cooling_rate: float | None = None
    members: int = 8
    grains: int = 300
    size: int = 96
    seed: int = 0
    model: str = "al-cu-si"

    def __post_init__(self) -> None:
        if (self.temperature is None) == (self.cooling_rate is None):
            raise ParameterError("give one of temperature (the melt is held there) and cooling_rate")
        for name, low, high in (("members", 2, 1000), ("grains", 20, 100_000), ("size", 32, 512)):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(f"{name}={getattr(self, name)} is outside [{low}, {high}]")
        if self.size**3 < 200 * self.grains:
            raise ParameterError(
                f"{self.grains} grains in {self.size}^3 sites are less than 6 sites wide: use a larger size, or fewer"
            )
        check_seed(self.seed)


@dataclass(frozen=True)
class ChainResult:
    """What the chain found.

    Attributes:
        options: What was asked.
        kinetics: A draw for each member.
        crystals: A point for each member.
        seen: Way of looking -> what it tells of each member.
        document: As JSON values, see `run_chain`.
        micrograph: Of the first member, float [row, column].
    """

    options: ChainOptions
    kinetics: Sequence[Kinetics]
    crystals: Trajectory
    seen: Mapping[str, Sequence[Seen]]
    document: dict[str, Any]
    micrograph: FloatArray
