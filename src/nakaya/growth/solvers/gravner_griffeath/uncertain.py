"""The model where its vapour density is known only so well: every crystal has a density of its own, which is hidden.

What is told of a crystal (rho, with an error) is then not what it grew from, and the crystals of one parameter point
differ as a forecast of them has to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from nakaya.core.randomness import member_key
from nakaya.growth.grower_model import empty_maps, parameters_of
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions, parameter, point_hash
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.solvers.gravner_griffeath.model import MODEL
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

__all__ = ["UNCERTAIN", "UncertainGrower", "UncertainVapour", "hidden_point"]

STREAM = "hidden vapour density"
"""Name of the random stream of what is hidden."""

LEAST_DENSITY = 1e-6
"""A density is positive: where the error reaches 0 and below, the least that is drawn."""


class UncertainVapour(GravnerGriffeath):
    """A parameter point of the snow-crystal model whose vapour density is known to +- `rho_error` and no better.

    See `GravnerGriffeath`; rho is what is told. A crystal grows at a density that is drawn for it, evenly between
    rho - rho_error and rho + rho_error (at least 1e-6, at most 1).

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.

    >>> UncertainVapour(rho=0.5).rho_error
    0.01
    """

    family: ClassVar[str] = "gravner-griffeath-uncertain"

    rho_error: float = parameter(
        default=0.01, low=0, high=1, symbol="drho", meaning="the largest error with which rho is told"
    )


def hidden_point(point: UncertainVapour, seed: int, member: int) -> GravnerGriffeath:
    """Return the parameter point that a member grows at, the same for every order and company.

    Args:
        point: What is told.
        seed: Of the crystals.
        member: Its number.
    """
    word, _ = member_key(seed, point_hash(point), member, stream=STREAM)
    error = point.rho_error * (2.0 * (word + 0.5) / 2.0**32 - 1.0)
    values = {name: value for name, value in point.parameters().items() if name != "rho_error"}
    return GravnerGriffeath(**{**values, "rho": float(np.clip(point.rho + error, LEAST_DENSITY, 1.0))})


class UncertainGrower:
    """Draws what is hidden of every member, and lets the fast solver grow it."""

    name, family = "gravner-griffeath-uncertain", UncertainVapour.family

    def __init__(self) -> None:
        self.solver = MODEL.make()

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
        maps = empty_maps(UNCERTAIN, len(conditions), len(members), setup)
        for column, member in enumerate(members):
            points = [hidden_point(point, seed, member) for point in conditions]  # type: ignore[arg-type]  # its family
            grown = self.solver.grow(
                points, setup, members=range(member, member + 1), seed=seed, workers=workers, progress=progress
            )
            for name in ("arrival", "steps", "stop_codes"):
                maps[name][:, column] = getattr(grown, name)[:, 0]
        return Trajectory(**maps, parameters=parameters_of(conditions), metadata=UNCERTAIN.metadata(setup, seed))


UNCERTAIN = replace(
    MODEL,
    name=UncertainGrower.name,
    family=UncertainVapour,
    grower=UncertainGrower,
    rules=f"{MODEL.rules}; hidden density by threefry key word, uniform",
)
"""The model at full speed, with a vapour density that is not exactly known."""
