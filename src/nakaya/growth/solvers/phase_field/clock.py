"""When sites solidify, and when a member stops: what the reference and the fast solver share.

A site's attachment time is the first at which its phi rises through 0, linear in time between two time steps, in
units of `STEP_DURATION` and rounded up: it is solid after so many steps. Seeds are attached after the first step, but
for their centres, the initial sites, which are so from the start. What melts again shows in the final fields alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, Float32Array
from nakaya.core.errors import ParameterError
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.geometry import stop_mask
from nakaya.growth.lattice.lattice import Lattice
from nakaya.growth.model.setup import STOP_REASONS, GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.growth.solvers.phase_field.parameters import PureMelt

__all__ = ["STEP_DURATION", "Clock"]

STEP_DURATION = 0.05
"""Of a trajectory's step, in tau0: the same for all points, and less than a tip takes for a tenth of a site.

The solver's own time step, `PureMelt.time_step`, is another; it depends on the point."""


class Clock:
    """Attachment times of a member that grows.

    Args:
        params: The parameter point.
        setup: Seeds, edges and stop rules.
        lattice: The model's.
        phi: The phase field before the first step, float [*lattice].

    Attributes:
        arrival: int32 [*lattice]: attachment times up to now.
        num_steps: Time steps done.
        time_step: dt in tau0.

    Raises:
        ParameterError: A seed reaches the far edge.
    """

    def __init__(self, params: PureMelt, setup: GrowthSetup, lattice: Lattice, phi: NDArray[np.floating]) -> None:
        self.front = stop_mask(setup, lattice)
        self.arrival: ArrivalMap = np.where(phi >= 0, np.int32(1), np.int32(NEVER))
        if (self.front & (self.arrival > INITIAL)).any():
            sites = ceil(params.seed_width / params.spacing)
            raise ParameterError(
                f"a seed of {sites} sites' radius (seed_radius={params.seed_radius:g}) around {setup.initial[0]} "
                f"reaches the far edge of {setup.shape}: use a larger size, fewer or smaller seeds"
            )
        self.arrival[tuple(np.array(setup.initial).T)] = INITIAL
        self.time_step = params.time_step
        self.num_steps = 0
        self._setup = setup
        limit = setup.stop.step_limit(max(setup.shape))
        self.limit = inf if limit is None else limit

    @property
    def now(self) -> float:
        """Time in units of `STEP_DURATION`."""
        return self.num_steps * self.time_step / STEP_DURATION

    def tick(self, before: NDArray[np.floating], after: NDArray[np.floating]) -> None:
        """Note which sites solidified in a time step, from phi before and after it."""
        rising = (before < 0) & (after >= 0) & (self.arrival == NEVER)
        if rising.any():
            low, high = before[rising].astype(np.float64), after[rising].astype(np.float64)
            moments = (self.num_steps + low / (low - high)) * (self.time_step / STEP_DURATION)
            self.arrival[rising] = np.ceil(moments).astype(np.int32).clip(1)
        self.num_steps += 1

    def has_stopped(self) -> bool:
        """Whether a stop rule is met."""
        if (self.arrival[self.front] > INITIAL).any():
            return True
        return self.now >= min(self.limit, int(self.arrival.max()) + self._setup.stop.no_growth)

    def growth(self, fields: Mapping[str, Float32Array]) -> MemberGrowth:
        """Return the crystal as it was when the first stop rule was met, of equal ones the first in `STOP_REASONS`."""
        reached = self.arrival[self.front]
        moments = np.append(np.unique(self.arrival[self.arrival >= INITIAL]).astype(np.float64), inf)
        pauses = np.flatnonzero(np.diff(moments) > self._setup.stop.no_growth)
        ends = (
            float(reached[reached > INITIAL].min(initial=np.iinfo(np.int32).max)),
            float(self.limit),
            float(moments[pauses[0]] + self._setup.stop.no_growth),
        )
        steps = int(min(ends))
        arrival = np.where(self.arrival <= steps, self.arrival, np.int32(NEVER))
        return MemberGrowth(arrival, steps, STOP_REASONS[ends.index(min(ends))], fields=fields)
