"""The exact solvers of the Gravner-Griffeath model, as growers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap
from nakaya.core.errors import ParameterError
from nakaya.core.provenance import package_version, sha256_of_bytes
from nakaya.core.randomness import member_key
from nakaya.growth.model.conditions import Conditions, point_hash
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.solvers.gravner_griffeath.reference import grow_member

__all__ = ["RULES_VERSION", "FastSolver", "ReferenceSolver", "make", "make_reference"]

RULES_VERSION = "gravner-griffeath rules 1: flux form, axis-symmetric sums, float32, threefry2x32-20 bits"
"""Names the arithmetic and the noise. Whoever changes a crystal changes this text, and with it the model hash."""

TASKS_PER_WORKER = 8
"""Members are handed out in a few portions per thread: enough to even out, few enough to cost nothing."""


@dataclass(frozen=True)
class Results:
    """Where the members' results go: arrays of [point, member] and [point, member, row, column]."""

    arrival: ArrivalMap
    steps: NDArray[np.int64]
    stop_codes: NDArray[np.int8]


def _allocate(num_points: int, num_members: int, setup: GrowthSetup) -> Results:
    shape = (num_points, num_members)
    try:
        return Results(np.empty((*shape, *setup.shape), np.int32), np.empty(shape, np.int64), np.empty(shape, np.int8))
    except (MemoryError, ValueError):
        gigabytes = num_points * num_members * setup.size**2 * 4 / 1e9
        raise ParameterError(
            f"{num_points} x {num_members} crystals of size {setup.size} need {gigabytes:.3g} GB in memory at once: "
            "grow fewer members at a time, or run a campaign, which stores them as it goes"
        ) from None


class _Solver:
    """What both solvers share: how results become a trajectory."""

    name: ClassVar[str]
    family: ClassVar[str] = GravnerGriffeath.family

    def _trajectory(
        self, points: Sequence[GravnerGriffeath], setup: GrowthSetup, seed: int, results: Results
    ) -> Trajectory:
        metadata = TrajectoryMetadata(
            model=self.name,
            model_hash=sha256_of_bytes(RULES_VERSION.encode()),
            seed=seed,
            geometry=setup.as_metadata(),
            package_version=package_version(),
        )
        parameters = {name: np.array([point.parameters()[name] for point in points]) for name in points[0].ranges}
        return Trajectory(results.arrival, results.steps, results.stop_codes, parameters, metadata)


class ReferenceSolver(_Solver):
    """The published model in plain NumPy: slow, clear, the definition. One thread, whatever `workers` says."""

    name: ClassVar[str] = "gravner-griffeath-reference"

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
        points = cast(Sequence[GravnerGriffeath], conditions)
        results = _allocate(len(points), len(members), setup)
        for i, point in enumerate(points):
            for j, member in enumerate(members):
                growth = grow_member(point, setup, member_key(seed, point_hash(point), member))
                results.arrival[i, j] = growth.arrival
                results.steps[i, j], results.stop_codes[i, j] = growth.steps, growth.stop_code
                if progress is not None:
                    progress(1)
        return self._trajectory(points, setup, seed, results)


class FastSolver(_Solver):
    """The same model at full speed: equal to the reference to the last bit, on one or more threads."""

    name: ClassVar[str] = "gravner-griffeath"

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

        Raises:
            ParameterError: There is not enough memory for the crystals.
        """
        from nakaya.growth.solvers.gravner_griffeath.cpu import FastGrower

        points = cast(Sequence[GravnerGriffeath], conditions)
        results = _allocate(len(points), len(members), setup)
        hashes = [point_hash(point) for point in points]
        stopped, told = threading.Event(), threading.Lock()

        def grow_some(tasks: Sequence[tuple[int, int]]) -> None:
            try:
                grower = FastGrower(setup)
            except MemoryError:
                raise ParameterError(
                    f"a member of size {setup.size} does not fit in memory: use a smaller size or fewer workers"
                ) from None
            for i, j in tasks:
                if stopped.is_set():
                    return
                results.steps[i, j], results.stop_codes[i, j] = grower.grow(
                    points[i],
                    member_key(seed, hashes[i], members[j]),
                    results.arrival[i, j],
                    must_stop=stopped.is_set,
                )
                if progress is not None:
                    with told:
                        progress(1)

        tasks = [(i, j) for i in range(len(points)) for j in range(len(members))]
        workers = min(workers, len(tasks))
        if workers == 1:
            grow_some(tasks)
        else:
            with ThreadPoolExecutor(workers) as pool:
                futures = [pool.submit(grow_some, part) for part in _portions(tasks, workers * TASKS_PER_WORKER)]
                try:
                    for future in futures:
                        future.result()
                except BaseException:  # an interrupt, or an error in one thread: the others have no more to do
                    stopped.set()
                    wait(futures)
                    raise
        return self._trajectory(points, setup, seed, results)


def _portions(tasks: Sequence[tuple[int, int]], count: int) -> Iterator[Sequence[tuple[int, int]]]:
    """Cut a sequence into about `count` parts."""
    length = max(1, -(-len(tasks) // count))
    for start in range(0, len(tasks), length):
        yield tasks[start : start + length]


def make() -> FastSolver:
    """The solver of everyday use."""
    return FastSolver()


def make_reference() -> ReferenceSolver:
    """The reference solver."""
    return ReferenceSolver()
