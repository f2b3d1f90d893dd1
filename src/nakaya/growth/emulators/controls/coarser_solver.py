"""The solver itself at a coarser resolution, its clock set by training crystals: what cheapness costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.growth.grower_model import parameters_of
from nakaya.growth.model.grower import Grower, Progress
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, Trajectory

__all__ = ["CoarserSolver", "calibrated_clock"]


@dataclass
class CoarserSolver:
    """A solver with other numbers than the training's.

    Attributes:
        solver: What grows.
        changed: Parameters that differ from those that are asked for, such as a wider interface.
        clock: What its times are multiplied by.
        name: Of the row in a table.
    """

    solver: Grower
    changed: Mapping[str, float]
    clock: float = 1.0
    name: str = "solver-coarse"

    family: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.family = self.solver.family

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
        coarse = [type(point)(**{**point.parameters(), **self.changed}) for point in conditions]
        grown = self.solver.grow(coarse, setup, members=members, seed=seed, workers=workers, progress=progress)
        arrival = np.where(grown.arrival > INITIAL, np.maximum(np.rint(grown.arrival * self.clock), 1), grown.arrival)
        return replace(
            grown,
            arrival=arrival.astype(np.int32),
            steps=np.maximum(np.rint(grown.steps * self.clock), 1).astype(np.int64),
            parameters=parameters_of(conditions),
            metadata=replace(grown.metadata, model=self.name, fields=()),
            fields={},
        )


def calibrated_clock(steps: IntArray, coarse_steps: IntArray) -> float:
    """Return the factor that makes durations of coarse crystals those of training crystals at the same points.

    Args:
        steps: Of the training crystals, int [crystal].
        coarse_steps: Of the coarser solver's at the same points, int [crystal].

    >>> round(calibrated_clock(np.array([100, 400]), np.array([50, 200])), 9)
    2.0
    """
    return float(np.exp(np.mean(np.log(steps) - np.log(coarse_steps))))
