"""What a grower is asked to do, apart from the conditions: lattice, initial crystals, edges and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nakaya.core.checks import check_count

__all__ = [
    "MAX_SIZE",
    "MIN_SIZE",
    "STOP_REASONS",
    "Edges",
    "GrowthSetup",
    "StopRules",
]

Edges = Literal["reservoir", "periodic"]

MIN_SIZE = 8
MAX_SIZE = 16_384
"""One member of this size takes 4 to 5 GiB; larger ones are more often a typing mistake than a wish."""

STOP_REASONS = ("front", "steps", "no-growth")
"""What can end a member's growth; a trajectory stores the index into this tuple."""

SMALL_SIZE = 64
SMALL_MAX_STEPS = 10_000
NO_GROWTH_STEPS = 10_000


@dataclass(frozen=True)
class StopRules:
    """When a member stops growing; whichever rule is met first is named in `Trajectory.stopped_by`.

    Attributes:
        margin: Stop ("front") when the crystal comes within this many rows or columns of the far edge: when it reaches
            row or column `size - margin`. None: never. Meaningless, and ignored, on a periodic lattice.
        max_steps: Stop ("steps") after this many steps. None: never. "default": 10,000 at sizes up to 64, else never.
        no_growth: Stop ("no-growth") after this many steps without an attachment.

    Raises:
        ParameterError: A count is negative or no whole number.
    """

    margin: int | None = 5
    max_steps: int | Literal["default"] | None = "default"
    no_growth: int = NO_GROWTH_STEPS

    def __post_init__(self) -> None:
        if self.margin is not None:
            check_count("margin", self.margin, 1, MAX_SIZE)
        if self.max_steps is not None and self.max_steps != "default":
            check_count("max_steps", self.max_steps, 1, 2**31 - 2)
        check_count("no_growth", self.no_growth, 1, 2**31 - 2)

    def step_limit(self, size: int) -> int | None:
        """The number of steps after which a member of this size stops, or None."""
        if self.max_steps == "default":
            return SMALL_MAX_STEPS if size <= SMALL_SIZE else None
        return self.max_steps


@dataclass(frozen=True)
class GrowthSetup:
    """A checked request, as `nakaya.growth.lattice` makes it from names and keywords.

    Attributes:
        geometry: "sector" (mirrored 120 degree wedge) or "full" (whole lattice).
        size: Rows and columns of the square array that holds the lattice.
        edges: "reservoir" (far edge held at the vapour density rho) or "periodic".
        initial: Sites attached before the first step, as (row, column), sorted and without repeats.
        stop: When to stop.
    """

    geometry: Literal["sector", "full"]
    size: int
    edges: Edges
    initial: tuple[tuple[int, int], ...]
    stop: StopRules

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the lattice array."""
        return (self.size, self.size)

    def as_metadata(self) -> dict[str, object]:
        """The setup as plain JSON values, as it is stored with a trajectory."""
        return {
            "name": self.geometry,
            "size": self.size,
            "edges": self.edges,
            "initial": [list(site) for site in self.initial],
            "stop": {
                "margin": self.stop.margin,
                "max_steps": self.stop.step_limit(self.size),
                "no_growth": self.stop.no_growth,
            },
        }
