"""What a grower is asked to do, apart from the conditions: lattice, initial crystals, edges and when to stop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from nakaya.core.errors import ParameterError
from nakaya.growth.model.parameters import check_stated, limit, stated_in

__all__ = [
    "EDGES",
    "FRONT",
    "MAX_SIZE",
    "MIN_SIZE",
    "NO_GROWTH",
    "STEPS",
    "STOP_REASONS",
    "Edges",
    "GrowthSetup",
    "Site",
    "StopRules",
]

Edges = Literal["reservoir", "periodic", "insulated"]
"""What lies beyond the array: an edge held at the value far away, the opposite side, or a wall that nothing crosses."""

EDGES: tuple[Edges, ...] = get_args(Edges)

Site = tuple[int, ...]
"""Place of a site in the array, such as (row, column) or (layer, row, column)."""

MIN_SIZE = 8
MAX_SIZE = 16_384
"""One member of this size takes 4 to 5 GiB; larger ones are more often a typing mistake than a wish."""

STOP_REASONS = ("front", "steps", "no-growth")
"""What can end a member's growth; a trajectory stores the index into this tuple."""

FRONT, STEPS, NO_GROWTH = range(len(STOP_REASONS))

SMALL_SIZE = 64
SMALL_MAX_STEPS = 10_000
NO_GROWTH_STEPS = 10_000
MAX_STEPS = 2**31 - 2
"""Attachment times are int32."""


@dataclass(frozen=True)
class StopRules:
    """When a member stops growing; whichever rule is met first is named in `Trajectory.stopped_by`.

    A model with rules of its own states them as further fields of a subclass; they become options like these.

    Attributes:
        margin: Stop ("front") when the crystal comes within this many rows or columns of the far edge: when it reaches
            row or column `size - margin`. None: never. Meaningless, and ignored, on a periodic lattice.
        max_steps: Stop ("steps") after this many steps. None: never. "default": 10,000 at sizes up to 64, else never.
        no_growth: Stop ("no-growth") after this many steps without an attachment.

    Raises:
        ParameterError: A value is out of range or of the wrong kind.

    >>> import nakaya
    >>> rules = nakaya.StopRules(max_steps=40)
    >>> short = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7, stop=rules)
    >>> short.steps.tolist(), short.stopped_by.tolist()
    ([40], ['steps'])
    """

    margin: int | None = limit(
        default=5,
        low=1,
        high=MAX_SIZE,
        never=True,
        unit="sites",
        meaning="when the front comes this close to the far edge",
    )
    max_steps: int | Literal["default"] | None = limit(
        default="default",
        low=1,
        high=MAX_STEPS,
        never=True,
        meaning=f"after this many steps; by default {SMALL_MAX_STEPS} up to size {SMALL_SIZE}, else no limit",
    )
    no_growth: int = limit(
        default=NO_GROWTH_STEPS, low=1, high=MAX_STEPS, meaning="after this many steps without an attachment"
    )

    def __post_init__(self) -> None:
        unset = {"max_steps"} if self.max_steps == "default" else set()
        check_stated(self, {name: rule for name, rule in stated_in(type(self)).items() if name not in unset})

    def step_limit(self, size: int) -> int | None:
        """The number of steps after which a member of this size stops, or None."""
        if self.max_steps == "default":
            return SMALL_MAX_STEPS if size <= SMALL_SIZE else None
        return self.max_steps

    def as_metadata(self, size: int) -> dict[str, object]:
        """The rules as plain JSON values, with the step limit of a member of this size."""
        return asdict(self) | {"max_steps": self.step_limit(size)}


@dataclass(frozen=True)
class GrowthSetup:
    """A checked request, as `nakaya.growth.lattice` makes it from names and keywords.

    Attributes:
        geometry: Name of a geometry of the model's lattice, such as "sector" or "full".
        shape: Sites along every axis of the array that holds the lattice.
        edges: "reservoir" (far edge held at the value far away), "periodic" or "insulated" (no flux through it).
        initial: Sites attached before the first step, sorted and without repeats.
        stop: When to stop.
    """

    geometry: str
    shape: tuple[int, ...]
    edges: Edges
    initial: tuple[Site, ...]
    stop: StopRules

    @property
    def size(self) -> int:
        """Sites along each axis, where all axes have as many.

        Raises:
            ParameterError: They have not.
        """
        if len(set(self.shape)) > 1:
            raise ParameterError(f"an array of shape {self.shape} has no size: its axes differ in length")
        return self.shape[0]

    def as_metadata(self) -> dict[str, object]:
        """The setup as plain JSON values, as it is stored with a trajectory."""
        sides: dict[str, object] = {"size": self.shape[0]} if len(set(self.shape)) == 1 else {"shape": list(self.shape)}
        return {
            "name": self.geometry,
            **sides,
            "edges": self.edges,
            "initial": [list(site) for site in self.initial],
            "stop": self.stop.as_metadata(max(self.shape)),
        }
