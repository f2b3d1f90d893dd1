"""Nothing happens: the initial crystal stays as it is for as long as a near training crystal grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nakaya.growth.emulators.controls.lookup import LookUpTable, as_memory
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import NO_GROWTH, GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, NEVER, Trajectory

__all__ = ["Persistence"]


@dataclass
class Persistence:
    """A grower of crystals that do not grow.

    Attributes:
        table: Whose crystals say how long nothing happens.
    """

    table: LookUpTable
    name: str = "persistence"

    family: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.family = self.table.family

    def grow(
        self,
        conditions: Sequence[Conditions],
        setup: GrowthSetup,
        *,
        members: range,
        seed: int,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Trajectory:
        """Grow `members` at every point; see `nakaya.growth.model.grower.Grower`."""
        looked_up = self.table.grow(conditions, setup, members=members, seed=seed, progress=progress)
        arrival = np.full(looked_up.arrival.shape, NEVER, np.int32)
        arrival[(..., *np.array(setup.initial).T)] = INITIAL
        codes = np.full(looked_up.steps.shape, NO_GROWTH, np.int8)
        return as_memory(self.table, self.name, arrival, looked_up.steps, codes, conditions, setup, seed)
