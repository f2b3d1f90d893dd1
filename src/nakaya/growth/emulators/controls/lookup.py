"""Look-up table: the crystals of the training points, found again by the nearest condition.

The control that every emulator has to beat: a memory without any model of growth. It holds one crystal of each training
point, all of its arrival times exact, and costs nothing to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.core.provenance import package_version, sha256_of_bytes
from nakaya.core.randomness import member_key
from nakaya.growth.grower_model import parameters_of
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import Trajectory
from nakaya.learn.normalisation import Standardiser

__all__ = ["LookUpTable", "as_memory", "choose_neighbours"]

STREAM = "look-up"


@dataclass
class LookUpTable:
    """A grower that returns, at every point, crystals of the k nearest training points.

    The members of a point are independent draws, with equal weights, among these k crystals.

    Attributes:
        crystals: One crystal at each training point: a trajectory with a point axis and one member.
        standardiser: The conditions that vary; distance is Euclidean in their standard deviations.
        neighbours: k.
        setup: What the crystals were grown with; nothing else can be asked for.
        logarithmic: Conditions whose logarithm the standardiser takes.

    Raises:
        ParameterError: There is more than one member, or fewer points than neighbours.
    """

    crystals: Trajectory
    standardiser: Standardiser
    neighbours: int
    setup: GrowthSetup
    logarithmic: tuple[str, ...] = ()

    name: str = field(default="look-up", init=False)
    family: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.family = self.crystals.metadata.family
        if not self.crystals.has_point_axis or self.crystals.num_members != 1:
            raise ParameterError(f"a look-up table holds one crystal per point, not {self.crystals.num_members}")
        check_count("neighbours", self.neighbours, 1, self.crystals.num_points)

    def nearest(self, conditions: Sequence[Conditions]) -> IntArray:
        """Return the training points nearest to each condition, nearest first: int64 [condition, k]."""
        known, asked = self._standard(self.crystals.parameters), self._standard(parameters_of(conditions))
        distance = np.linalg.norm(asked[:, None] - known[None], axis=2)
        return np.argsort(distance, axis=1, kind="stable")[:, : self.neighbours].astype(np.int64)

    def _standard(self, parameters: Mapping[str, FloatArray]) -> FloatArray:
        values = {name: parameters[name] for name in self.standardiser.names}
        logs = {name: np.log(values[name]) for name in self.logarithmic}
        return self.standardiser.apply(values | logs).astype(np.float64)

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
        """Look crystals up; see `nakaya.growth.model.grower.Grower`.

        Raises:
            ParameterError: The setup is not the one that the table was grown with.
        """
        if setup != self.setup:
            raise ParameterError(f"the look-up table holds crystals of {self.setup}, not of {setup}")
        nearest = self.nearest(conditions)
        chosen = np.empty((len(conditions), len(members)), np.int64)
        for place, point in enumerate(conditions):
            for column, member in enumerate(members):
                word, _ = member_key(seed, point_hash(point), member, stream=STREAM)
                chosen[place, column] = nearest[place, word * self.neighbours >> 32]
        if progress is not None:
            progress(chosen.size)
        arrival: ArrivalMap = self.crystals.arrival[chosen, 0]
        codes: NDArray[np.int8] = self.crystals.stop_codes[chosen, 0]
        return as_memory(self, self.name, arrival, self.crystals.steps[chosen, 0], codes, conditions, setup, seed)


def as_memory(
    table: LookUpTable,
    name: str,
    arrival: ArrivalMap,
    steps: IntArray,
    codes: NDArray[np.int8],
    conditions: Sequence[Conditions],
    setup: GrowthSetup,
    seed: int,
) -> Trajectory:
    """Return crystals that a control made of those of a table: int32 [point, member, *lattice] and [point, member]."""
    metadata = replace(
        table.crystals.metadata,
        model=name,
        model_hash=sha256_of_bytes(table.crystals.arrival.tobytes()),
        seed=seed,
        geometry=setup.as_metadata(),
        package_version=package_version(),
        fields=(),
    )
    return Trajectory(arrival, steps, codes, parameters_of(conditions), metadata)


def choose_neighbours(candidates: Sequence[int], score: Callable[[int], float]) -> tuple[int, dict[int, float]]:
    """Return the number of neighbours with the least score on validation points, and all scores.

    Args:
        candidates: Numbers to try.
        score: Mean distance from the solver on the validation points; less is better.
    """
    scores = {candidate: score(candidate) for candidate in candidates}
    return min(scores, key=lambda candidate: (scores[candidate], candidate)), scores
