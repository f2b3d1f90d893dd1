"""One task of a campaign is one whole shard; here it is computed, in this process or in others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from multiprocessing.connection import Connection

from nakaya.core.arrays import FloatArray
from nakaya.core.conditions import Conditions
from nakaya.core.errors import NakayaError
from nakaya.core.grower import Grower
from nakaya.core.growth import GrowthSetup
from nakaya.core.trajectory import TrajectoryMetadata
from nakaya.dataset.encoding import EncodedShard, encode_shard
from nakaya.dataset.layout import ShardIndex, StoreLayout
from nakaya.dataset.writing import block_of
from nakaya.pipelines.catalogue import find_grower

__all__ = ["GrownShard", "ShardPlan", "ShardTask", "grow_shard", "grow_shards"]

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ZARR_THREADING__MAX_WORKERS",
)
TASKS_PER_WORKER = 2
"""How many tasks wait for each worker: none idles, and few finished shards are held in memory."""


@dataclass(frozen=True)
class ShardTask:
    """All that is needed to compute one shard.

    Attributes:
        index: Which shard.
        layout: The store's; whether it has grain numbers is decided by what the model returns.
        model: Name of the grower.
        conditions: The shard's points.
        setup: Lattice, initial crystals, edges, stop rules.
        members: The shard's members.
        seed: Of the noise.
    """

    index: ShardIndex
    layout: StoreLayout
    model: str
    conditions: tuple[Conditions, ...]
    setup: GrowthSetup
    members: range
    seed: int


@dataclass(frozen=True)
class ShardPlan:
    """What all tasks of a store have in common; makes the task of each shard.

    Attributes:
        model: Name of the grower.
        family: The parameter space of the points.
        setup: Lattice, initial crystals, edges, stop rules.
        seed: Of the noise.
        layout: The store's.
        parameters: float64 [point] by name.
    """

    model: str
    family: type[Conditions]
    setup: GrowthSetup
    seed: int
    layout: StoreLayout
    parameters: Mapping[str, FloatArray]

    def task(self, index: ShardIndex) -> ShardTask:
        """Return the task of one shard."""
        conditions = tuple(
            self.family(**{name: float(values[point]) for name, values in self.parameters.items()})
            for point in self.layout.points_of(index)
        )
        members = self.layout.members_of(index)
        return ShardTask(index, self.layout, self.model, conditions, self.setup, members, self.seed)


@dataclass(frozen=True)
class GrownShard:
    """One shard, computed and encoded.

    Attributes:
        shard: What is to be written.
        layout: The task's, with grain numbers if the model returned them.
        metadata: What the model says about itself.
    """

    shard: EncodedShard
    layout: StoreLayout
    metadata: TrajectoryMetadata


@lru_cache(maxsize=1)  # an emulator reads its weights once in each process, not once for each shard
def _grower(model: str) -> Grower:
    return find_grower(model)


def grow_shard(task: ShardTask) -> GrownShard:
    """Compute and encode one shard. The same task gives the same bytes in any process.

    Raises:
        NakayaError: The model cannot grow this.
    """
    grown = _grower(task.model).grow(task.conditions, task.setup, members=task.members, seed=task.seed, workers=1)
    block = block_of(grown)
    expected = (len(task.conditions), len(task.members), *task.layout.lattice_shape)
    if block.arrival.shape != expected:
        raise NakayaError(f"{task.model} returned crystals of shape {block.arrival.shape}, not {expected}")
    layout = replace(task.layout, has_grain=block.grain is not None)
    return GrownShard(encode_shard(block, task.index, layout), layout, grown.metadata)


def grow_shards(tasks: Iterable[ShardTask], workers: int) -> Generator[GrownShard, None, None]:
    """Compute shards and yield each when it is ready, in any order.

    Args:
        tasks: The shards to compute.
        workers: Processes, of one thread each; 1: this process.

    Raises:
        NakayaError: A worker died, or the model cannot grow this.
    """
    if workers == 1:
        yield from map(grow_shard, tasks)
        return
    waiting = iter(tasks)
    with _leashed_pool(workers) as pool:
        running: set[Future[GrownShard]] = set()
        try:
            while True:
                room = workers * TASKS_PER_WORKER - len(running)
                running |= {pool.submit(_grow_in_worker, task) for task in islice(waiting, room)}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool as error:
            raise NakayaError(
                "a worker process died (killed, or out of memory): what is finished is safe; "
                "run the same command again to go on, with fewer workers if memory is short"
            ) from error


@contextmanager
def _leashed_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers end when this process ends, however it ends.

    Each worker holds the reading end of a pipe. When the only writing end is gone, because it was closed or because
    its process was killed, the worker leaves at once.
    """
    context = multiprocessing.get_context("spawn")
    leash, hand = context.Pipe(duplex=False)
    with _one_thread_each():
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(leash,))
        try:
            yield pool
        except BaseException:
            hand.close()  # nobody wants the shards that are still being computed
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            hand.close()
            leash.close()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start inside the body use one thread: numerical libraries read this when they are loaded."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker(leash: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the parent, which then lets go of the leash
    threading.Thread(target=_leave_with_parent, args=(leash,), daemon=True).start()


def _leave_with_parent(leash: Connection) -> None:
    try:
        leash.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _grow_in_worker(task: ShardTask) -> GrownShard:
    try:
        return grow_shard(task)
    except NakayaError as error:  # some of our errors take other arguments than a message and cannot cross over
        raise NakayaError(str(error)) from None
