"""Growth step by step: what all models share that say in every step which sites attach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nakaya.core.arrays import Mask
from nakaya.core.errors import ParameterError
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.geometry import stop_mask
from nakaya.growth.lattice.lattice import Lattice
from nakaya.growth.model.parameters import stated_in
from nakaya.growth.model.setup import GrowthSetup, StopRules
from nakaya.growth.model.trajectory import INITIAL, NEVER

__all__ = ["grow_by_steps"]


def grow_by_steps(
    setup: GrowthSetup,
    lattice: Lattice,
    joining: Callable[[Mask, int], Mask],
    stops: Callable[[Mask, int], bool] | None = None,
) -> MemberGrowth:
    """Grow one crystal from the initial sites of a setup until a stop rule is met.

    Of rules that are met in the same step the first in `STOP_REASONS` is named.

    Args:
        setup: Shape, initial crystals, edges and stop rules.
        lattice: The model's.
        joining: Takes which sites are attached and the number of the step, from 1; returns the sites that attach in it,
            bool [*lattice]. Sites that are attached already are ignored.
        stops: Evaluates the model's own stop rules: takes which sites are attached after a step, and its number;
            whether growth ends there, which is reported as "steps".

    Raises:
        ParameterError: The setup has stop rules of the model's own and `stops` is missing.
    """
    own = [name for name in stated_in(type(setup.stop)) if name not in stated_in(StopRules)]
    if own and stops is None:
        raise ParameterError(f"nothing evaluates the stop rules {', '.join(own)}: give grow_by_steps a function stops")
    front, limit = stop_mask(setup, lattice), setup.stop.step_limit(max(setup.shape))
    arrival = np.full(setup.shape, NEVER, np.int32)
    arrival[tuple(np.array(setup.initial).T)] = INITIAL
    step, last_growth = 0, 0
    while True:
        step += 1
        attached = arrival >= INITIAL
        joins = joining(attached, step) & ~attached
        arrival[joins] = step
        if joins.any():
            last_growth = step
        if (joins & front).any():
            return MemberGrowth(arrival, step, "front")
        if step == limit or (stops is not None and stops(arrival >= INITIAL, step)):
            return MemberGrowth(arrival, step, "steps")
        if step - last_growth >= setup.stop.no_growth or (arrival >= INITIAL).all():
            return MemberGrowth(arrival, step, "no-growth")
