"""Grower: whatever can grow crystals. The exact solvers and the neural emulators are all growers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import Trajectory

__all__ = ["Grower", "Progress"]

Progress = Callable[[int], None]
"""Called with the number of members that were finished since the last call."""


@runtime_checkable
class Grower(Protocol):
    """Grows crystals from conditions.

    The draw for a site depends on (seed, hash of the parameter point, member, step, site) and on nothing else: not on
    the order of the points, the number of members, or how the work is divided.

    Attributes:
        name: The name that `nakaya.grow(model=...)` knows it by.
        family: The parameter space whose conditions it accepts.
    """

    name: str
    family: str

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
        """Grow `members` at every point.

        Args:
            conditions: Points, all of this grower's family; at least one.
            setup: Lattice, initial crystals, edges, stop rules.
            members: Numbers of the members to grow; `range(4, 8)` gives the members 4 to 7 of `range(0, 8)`.
            seed: Non-negative.
            workers: How many threads may work at once; does not change the result. 1 = the calling thread alone.
            progress: Told about finished members, for a progress bar.

        Returns:
            A trajectory with a leading point axis, also for one point.
        """
        ...
