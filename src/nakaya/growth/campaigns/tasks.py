"""One task of a campaign is one whole shard; here it is computed, and written where the store is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

from nakaya.core.arrays import FloatArray
from nakaya.core.claims import Claims
from nakaya.core.errors import NakayaError, OtherConfigurationError, OutputError
from nakaya.core.executors import Executor
from nakaya.core.files import output_errors
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import MAX_DOCUMENT_BYTES, read_bounded
from nakaya.growth.catalogue import find_grower, version_of
from nakaya.growth.grower_model import points_of
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import TrajectoryMetadata
from nakaya.growth.store.encoding import EncodedShard, encode_shard
from nakaya.growth.store.layout import ShardIndex, StoreLayout
from nakaya.growth.store.reading import ShardReader
from nakaya.growth.store.schema import GROUP_FILE
from nakaya.growth.store.verification import is_intact
from nakaya.growth.store.writing import block_of, write_shard

__all__ = [
    "GrownShard",
    "ShardPlan",
    "ShardTarget",
    "ShardTask",
    "WrittenShard",
    "claim_name",
    "grow_shard",
    "grow_shards",
]


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


@dataclass(frozen=True)
class ShardTarget:
    """A store that exists, for whoever writes shards into it, be it on another machine.

    Attributes:
        path: The store, absolute.
        layout: Its layout.
        metadata: What it says about its crystals.
        sha256: Of its `zarr.json`.
    """

    path: Path
    layout: StoreLayout
    metadata: TrajectoryMetadata
    sha256: str

    def holds(self, index: ShardIndex) -> bool:
        """Whether a shard is there, by a quick look."""
        return is_intact(ShardReader(self.path, self.layout, self.sha256), index)

    def write(self, grown: GrownShard) -> None:
        """Write a shard, whole.

        Raises:
            OtherConfigurationError: The model has changed since the store was begun.
            OutputError: It cannot be written, or the store is not there any more.
        """
        self._check_same_model(grown)
        with output_errors(self.path):
            self._check_is_there()
            write_shard(self.path, grown.shard, self.layout, self.sha256)

    def _check_is_there(self) -> None:
        """What was begun for a store that has been replaced since must not end in its successor."""
        file = self.path / GROUP_FILE
        if not file.is_file() or sha256_of_bytes(read_bounded(file, MAX_DOCUMENT_BYTES)) != self.sha256:
            raise OutputError(
                f"{self.path} is not there, or is not the store that this was begun for: all workers need to see it "
                "under one path, and nobody may replace it meanwhile"
            )

    def _check_same_model(self, grown: GrownShard) -> None:
        stored = self.metadata
        now = replace(grown.metadata, geometry=json.loads(json.dumps(dict(grown.metadata.geometry))))  # as it is stored
        if replace(now, package_version=stored.package_version) == stored and grown.layout == self.layout:
            return
        changed = [
            f"{entry.name} is {getattr(stored, entry.name)} in the store, {getattr(now, entry.name)} now"
            for entry in fields(stored)
            if getattr(stored, entry.name) != getattr(now, entry.name)
        ]
        if grown.layout != self.layout:
            changed.append("the arrays have other shapes")
        raise OtherConfigurationError(
            f"{stored.model} has changed since {self.path} was begun: {'; '.join(changed)}: "
            f"go on with {version_of(stored)}"
        )


@dataclass(frozen=True)
class WrittenShard:
    """One shard that was written where it was computed.

    Attributes:
        index: Which shard.
    """

    index: ShardIndex


@dataclass(frozen=True)
class _Job:
    task: ShardTask
    target: ShardTarget | None


def claim_name(index: ShardIndex) -> str:
    """What the claim of a shard is called."""
    return f"{index[0]}.{index[1]}"


def grow_shards(
    tasks: Iterable[ShardTask], executor: Executor, target: Callable[[], ShardTarget | None] = lambda: None
) -> Generator[GrownShard | WrittenShard, None, None]:
    """Compute shards and yield each when it is ready, in any order.

    Args:
        tasks: The shards to compute.
        executor: Computes them.
        target: Asked before each task: the store, where workers shall write shards themselves.

    Raises:
        NakayaError: A worker died, or the model cannot grow this.
    """
    jobs = (_Job(task, target() if executor.is_elsewhere else None) for task in tasks)
    yield from executor.results(_do, jobs, name=lambda job: f"shard {claim_name(job.task.index)}")


def _do(job: _Job) -> GrownShard | WrittenShard:
    return grow_shard(job.task) if job.target is None else _grow_and_write(job.task, job.target)


def _grow_and_write(task: ShardTask, target: ShardTarget) -> WrittenShard:
    """Grow a shard into its store, unless somebody has: one whose parent is gone may still be at it."""
    with Claims(target.path).hold(claim_name(task.index), wait=True):
        if not target.holds(task.index):
            target.write(grow_shard(task))
    return WrittenShard(task.index)
