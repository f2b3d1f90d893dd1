"""One task of a campaign is one whole shard; here it is computed, in this process or in others."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import NakayaError
from nakaya.core.processes import parent_bound_pool, results_as_completed
from nakaya.growth.catalogue import find_grower
from nakaya.growth.grower_model import points_of
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import TrajectoryMetadata
from nakaya.growth.store.encoding import EncodedShard, encode_shard
from nakaya.growth.store.layout import ShardIndex, StoreLayout
from nakaya.growth.store.writing import block_of

__all__ = ["GrownShard", "ShardPlan", "ShardTask", "grow_shard", "grow_shards"]

TASKS_PER_WORKER = 2
"""How many tasks wait for each worker: none idles, and few finished shards are held in memory."""


@dataclass(frozen=True)
class ShardTask:
    """All that is needed to compute one shard.

    Attributes:
        index: Which shard.
        layout: The store's; whether it has grain numbers and fields is decided by what the model returns.
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
        points, members = self.layout.points_of(index), self.layout.members_of(index)
        here = {name: values[points.start : points.stop] for name, values in self.parameters.items()}
        conditions = tuple(points_of(self.family, here))
        return ShardTask(index, self.layout, self.model, conditions, self.setup, members, self.seed)


@dataclass(frozen=True)
class GrownShard:
    """One shard, computed and encoded.

    Attributes:
        shard: What is to be written.
        layout: The task's, with grain numbers and fields if the model returned them.
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
    layout = replace(task.layout, has_grain=block.grain is not None, fields=grown.metadata.fields)
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
    with parent_bound_pool(workers) as pool:
        yield from results_as_completed(pool, _grow_in_worker, tasks, ahead=workers * TASKS_PER_WORKER)


def _grow_in_worker(task: ShardTask) -> GrownShard:
    try:
        return grow_shard(task)
    except NakayaError as error:  # some of our errors take other arguments than a message and cannot cross over
        raise NakayaError(str(error)) from None
