"""Growth step by step: what all models share that say in every step which sites attach."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from nakaya.core.arrays import ArrivalMap, Mask
from nakaya.core.errors import ParameterError
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.geometry import stop_mask
from nakaya.growth.lattice.lattice import Lattice
from nakaya.growth.model.parameters import stated_in
from nakaya.growth.model.setup import STOP_REASONS, GrowthSetup, StopRules
from nakaya.growth.model.trajectory import INITIAL, NEVER

__all__ = ["cut_at_stop", "grow_by_steps"]


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


def cut_at_stop(arrival: ArrivalMap, setup: GrowthSetup, lattice: Lattice) -> tuple[ArrivalMap, int, str]:
    """Return the part of a history that is known to its end as it was when the first stop rule was met.

    Of rules that are met in the same step the first in `STOP_REASONS` is named.

    Args:
        arrival: int32 [*lattice]: attachment times of a member that is grown until nothing is left to attach.
        setup: Edges and stop rules.
        lattice: The model's.

    Returns:
        Attachment times, those after the stop -1; steps; why it stopped.
    """
    reached = arrival[stop_mask(setup, lattice)]
    front = reached[reached > INITIAL]
    limit = setup.stop.step_limit(max(setup.shape))
    moments = np.unique(np.append(arrival[arrival > INITIAL], INITIAL)).astype(np.int64)
    pauses = moments[:-1][np.diff(moments) > setup.stop.no_growth]
    ends = (
        int(front.min()) if front.size else inf,
        inf if limit is None else limit,
        int(pauses[0]) + setup.stop.no_growth if pauses.size else int(moments[-1]),
    )
    steps = int(min(ends))
    return np.where(arrival <= steps, arrival, np.int32(NEVER)), steps, STOP_REASONS[ends.index(min(ends))]
