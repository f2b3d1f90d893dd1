"""Sweep file to store: many crystals, shard by shard, going on wherever an earlier run stopped.

With `workers` above 1 the crystals grow in other processes, which are started afresh ("spawn"): a script that calls
these functions needs the usual guard `if __name__ == "__main__":`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path

import numpy as np

from nakaya.core.checks import check_count
from nakaya.core.errors import FormatError, NakayaError, OtherConfigurationError, OutputExistsError
from nakaya.core.files import check_output, output_errors, remove_leftovers, remove_parts
from nakaya.core.folders import discard, new_folder
from nakaya.core.locks import OutputLog, lock_output
from nakaya.core.resumable import refuse_differences
from nakaya.growth.campaigns.config import CampaignConfig, read_campaign
from nakaya.growth.campaigns.tasks import GrownShard, ShardPlan, grow_shards
from nakaya.growth.catalogue import find_model, version_of
from nakaya.growth.model.trajectory import TrajectoryMetadata
from nakaya.growth.store.layout import ShardIndex
from nakaya.growth.store.reading import ShardReader
from nakaya.growth.store.schema import GROUP_FILE
from nakaya.growth.store.store import StoredTrajectory, open_store, read_description
from nakaya.growth.store.verification import is_intact
from nakaya.growth.store.writing import describe, write_shard, write_skeleton

__all__ = ["CampaignProgress", "CampaignReport", "StoreWriter", "grow_into", "run_campaign"]

MAX_WORKERS = 4096


@dataclass(frozen=True)
class CampaignProgress:
    """How far a campaign is; the counts include what earlier runs finished.

    Attributes:
        shards: Shards that are finished.
        num_shards: All shards.
        crystals: Crystals that are finished.
        num_crystals: All crystals.
    """

    shards: int
    num_shards: int
    crystals: int
    num_crystals: int


@dataclass(frozen=True)
class CampaignReport:
    """What one run of a campaign did.

    Attributes:
        store: Where the crystals are.
        points: Parameter points.
        members: Crystals at each.
        shards: Shards of the store; all are finished.
        computed_shards: Shards that this run computed; the others were there.
        computed_crystals: Crystals in them.
    """

    store: Path
    points: int
    members: int
    shards: int
    computed_shards: int
    computed_crystals: int


def run_campaign(
    config: CampaignConfig | str | PathLike[str],
    out: str | PathLike[str],
    *,
    workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[CampaignProgress], None] | None = None,
) -> CampaignReport:
    """Grow all crystals of a campaign into a store, or those that are still missing.

    Killed at any moment and started again, it ends with the same bytes as an undisturbed run. The bytes do not depend
    on `workers` either. Time stamps and names of machines go to a log beside the store.

    Args:
        config: The campaign, or the path of a sweep file.
        out: The store; one that the same campaign began is gone on with.
        workers: Processes that grow crystals, of one thread each; 1: this process.
        overwrite: Begin anew, and delete what is there (a file, an empty directory or a store).
        progress: Told how far it is, at the start and after each shard.

    Raises:
        InputFileError: The sweep file cannot be read.
        ConfigError: The sweep file is wrong, or the store is that of another campaign.
        OutputError: The output exists and is no campaign's store, is locked, or cannot be written.
        NakayaError: A worker process died; what is finished is safe.
    """
    config = config if isinstance(config, CampaignConfig) else read_campaign(Path(config))
    workers = check_count("workers", workers, 1, MAX_WORKERS, ": it is the number of processes")
    store = Path(out)
    plan, campaign = _plan(config)
    check_output(store, overwrite=True)
    _open_if_ours(store, campaign, overwrite=overwrite)  # refuse before a log is made
    with lock_output(store) as log, output_errors(store):
        remove_leftovers(store)
        stored = _open_if_ours(store, campaign, overwrite=overwrite)
        if stored is not None:
            writer = StoreWriter.of_store(store, stored, plan, log)
        else:
            if _is_there(store):
                discard(store)
                log.write("deleted, to begin anew")
            writer = StoreWriter(store, plan, campaign, log)
        computed = grow_into(writer, workers, progress)
    layout = plan.layout
    return CampaignReport(
        store, layout.num_points, layout.num_members, layout.num_shards, len(computed), layout.count_crystals(computed)
    )


def _plan(config: CampaignConfig) -> tuple[ShardPlan, dict[str, object]]:
    family = find_model(config.model).family
    layout, parameters = config.layout(family), config.sample(family)
    return ShardPlan(config.model, family, config.setup, config.seed, layout, parameters), config.as_plain(family)


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _open_if_ours(store: Path, wanted: Mapping[str, object], *, overwrite: bool) -> StoredTrajectory | None:
    """Open the store of an earlier run of the wanted campaign; None: there is none, or it shall be replaced.

    Raises:
        OutputError: There is something else.
        ConfigError: It is the store of another campaign.
        FormatError: It is damaged.
    """
    if not _is_there(store):
        return None
    if overwrite:
        check_output(store, overwrite=True, sign=GROUP_FILE)
        return None
    try:
        description, _ = read_description(store)
    except NakayaError as error:
        raise OutputExistsError(f"{store} exists already: {error}; choose another name") from error
    if description.campaign is None:
        raise OutputExistsError(f"{store} exists already and was not made by a campaign: choose another name")
    refuse_differences(store, description.campaign, wanted, "in the store")
    try:
        return open_store(store)
    except NakayaError as error:
        raise FormatError(f"{error}; try nakaya campaign repair {store}") from error


class StoreWriter:
    """The one writer of a campaign's store, while the lock is held.

    A new store is made when its first shard is there, for only then it is known what the model says about itself.

    Args:
        path: The store.
        plan: Makes the tasks.
        campaign: The campaign as plain values, as it stands in the store.
        log: The log beside the store.
    """

    def __init__(self, path: Path, plan: ShardPlan, campaign: Mapping[str, object] | None, log: OutputLog) -> None:
        self.path, self.plan, self.campaign, self.log = path, plan, campaign, log
        self._metadata: TrajectoryMetadata | None = None
        self._store_sha256: str | None = None

    @classmethod
    def of_store(cls, path: Path, stored: StoredTrajectory, plan: ShardPlan, log: OutputLog) -> StoreWriter:
        """Take up a store that an earlier run began; its points count, not those of the plan."""
        parameters = {name: np.atleast_1d(values) for name, values in stored.parameters.items()}
        writer = cls(path, replace(plan, layout=stored.layout, parameters=parameters), stored.campaign, log)
        writer._metadata, writer._store_sha256 = stored.metadata, stored.reader.store_sha256
        remove_parts(path)
        return writer

    def missing(self) -> list[ShardIndex]:
        """The shards that are not there, or not as long as they were."""
        if self._store_sha256 is None:
            return list(self.plan.layout.shards())
        reader = ShardReader(self.path, self.plan.layout, self._store_sha256)
        completed = reader.completed()
        return [index for index in self.plan.layout.shards() if index not in completed or not is_intact(reader, index)]

    def write(self, grown: GrownShard) -> None:
        """Write one shard; make the store if it is the first.

        Raises:
            ConfigError: The model has changed since the store was begun.
            OSError: It cannot be written.
        """
        if self._store_sha256 is None:
            self.plan = replace(self.plan, layout=grown.layout)
            description = describe(grown.metadata, grown.layout, self.plan.parameters, self.campaign)
            self._metadata = description.metadata
            with new_folder(self.path, overwrite=False, is_locked=True) as fresh:
                self._store_sha256 = write_skeleton(fresh, description, self.plan.parameters)
        self._check_same_model(grown)
        write_shard(self.path, grown.shard, self.plan.layout, self._store_sha256)
        self.log.write(f"shard {grown.shard.index[0]}.{grown.shard.index[1]} written")

    def _check_same_model(self, grown: GrownShard) -> None:
        assert self._metadata is not None
        stored = self._metadata
        now = replace(grown.metadata, geometry=json.loads(json.dumps(dict(grown.metadata.geometry))))  # as it is stored
        if replace(now, package_version=stored.package_version) == stored and grown.layout == self.plan.layout:
            return
        changed = [
            f"{entry.name} is {getattr(stored, entry.name)} in the store, {getattr(now, entry.name)} now"
            for entry in fields(stored)
            if getattr(stored, entry.name) != getattr(now, entry.name)
        ]
        if grown.layout != self.plan.layout:
            changed.append("the arrays have other shapes")
        raise OtherConfigurationError(
            f"{stored.model} has changed since {self.path} was begun: {'; '.join(changed)}: "
            f"go on with {version_of(stored)}"
        )


def grow_into(
    writer: StoreWriter, workers: int, progress: Callable[[CampaignProgress], None] | None
) -> list[ShardIndex]:
    """Compute and write the shards that a store lacks, and return which these were.

    Raises:
        NakayaError: A worker process died, the model cannot grow this, or the disk cannot be written.
    """
    layout = writer.plan.layout
    missing = writer.missing()
    num_done, num_crystals = layout.num_shards - len(missing), layout.num_crystals - layout.count_crystals(missing)

    def tell() -> None:
        if progress is not None:
            progress(CampaignProgress(num_done, layout.num_shards, num_crystals, layout.num_crystals))

    tell()
    if not missing:
        return []
    workers = min(workers, len(missing))
    writer.log.write(f"{len(missing)} of {layout.num_shards} shards to compute, {workers} workers")
    tasks = (writer.plan.task(index) for index in missing)
    try:
        with closing(grow_shards(tasks, workers)) as grown_shards:
            for grown in grown_shards:
                writer.write(grown)
                num_done, num_crystals = num_done + 1, num_crystals + layout.count_crystals([grown.shard.index])
                tell()
    except BaseException as error:
        writer.log.write(f"stopped with {num_done} of {layout.num_shards} shards: {type(error).__name__}: {error}")
        raise
    writer.log.write(f"finished: {layout.num_shards} shards")
    return missing
