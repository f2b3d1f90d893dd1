"""Independent sites: each attaches at a time of its own, that of a near training crystal drawn for it alone.

A control that has every site's distribution nearly right and no shape at all: what is gained over it is gained by
knowing that sites grow together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nakaya.core.arrays import ArrivalMap
from nakaya.core.randomness import member_key
from nakaya.growth.emulators.controls.lookup import LookUpTable, as_memory
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import NEVER, Trajectory

__all__ = ["IndependentSites"]

STREAM = "bernoulli"


@dataclass
class IndependentSites:
    """A grower whose sites are drawn independently among the k nearest training crystals.

    Attributes:
        table: The crystals, and how many are near.
    """

    table: LookUpTable
    name: str = "bernoulli"

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
        """Grow `members` at every point; see `nakaya.growth.model.grower.Grower`.

        The duration is that of one of the crystals; sites that would attach later are free.
        """
        known, nearest = self.table.crystals, self.table.nearest(conditions)
        arrival: ArrivalMap = np.empty((len(conditions), len(members), *setup.shape), np.int32)
        steps = np.empty(arrival.shape[:2], np.int64)
        codes = np.empty(arrival.shape[:2], np.int8)
        sites = np.indices(setup.shape)
        for place, point in enumerate(conditions):
            for column, member in enumerate(members):
                rng = np.random.default_rng(member_key(seed, point_hash(point), member, stream=STREAM))
                duration_of = nearest[place, rng.integers(self.table.neighbours)]
                steps[place, column] = known.steps[duration_of, 0]
                codes[place, column] = known.stop_codes[duration_of, 0]
                chosen = nearest[place, rng.integers(self.table.neighbours, size=setup.shape)]
                drawn = known.arrival[(chosen, 0, *sites)]
                arrival[place, column] = np.where(drawn <= steps[place, column], drawn, NEVER)
        if progress is not None:
            progress(steps.size)
        return as_memory(self.table, self.name, arrival, steps, codes, conditions, setup, seed)
