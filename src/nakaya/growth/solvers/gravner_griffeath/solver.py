"""The exact solvers of the Gravner-Griffeath model, as growers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import ClassVar, cast

from nakaya.core.errors import ParameterError
from nakaya.core.randomness import Key, member_key
from nakaya.growth.grower_model import MemberGrowth, empty_maps, parameters_of
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import STOP_REASONS, GrowthSetup
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.solvers.gravner_griffeath.model import MODEL
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.solvers.gravner_griffeath.reference import grow_member

__all__ = ["FastSolver", "grow_reference"]

TASKS_PER_WORKER = 8
"""Members are handed out in a few portions per thread: enough to even out, few enough to cost nothing."""


def grow_reference(point: GravnerGriffeath, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one member by the published model in plain NumPy."""
    growth = grow_member(point, setup, key)
    return MemberGrowth(growth.arrival, growth.steps, STOP_REASONS[growth.stop_code])


class FastSolver:
    """The model at full speed: equal to the reference to the last bit, on one or more threads."""

    name: ClassVar[str] = MODEL.name
    family: ClassVar[str] = GravnerGriffeath.family

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
        maps = empty_maps(MODEL, len(points), len(members), setup)
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
                maps["steps"][i, j], maps["stop_codes"][i, j] = grower.grow(
                    points[i],
                    member_key(seed, hashes[i], members[j]),
                    maps["arrival"][i, j],
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
        return Trajectory(**maps, parameters=parameters_of(points), metadata=MODEL.metadata(setup, seed))


def _portions(tasks: Sequence[tuple[int, int]], count: int) -> Iterator[Sequence[tuple[int, int]]]:
    """Cut a sequence into about `count` parts."""
    length = max(1, -(-len(tasks) // count))
    for start in range(0, len(tasks), length):
        yield tasks[start : start + length]
