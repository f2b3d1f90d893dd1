"""Sweep file to store: many crystals, shard by shard, going on wherever an earlier run stopped.

With `workers` above 1 the crystals grow in other processes, which are started afresh ("spawn"): a script that calls
these functions needs the usual guard `if __name__ == "__main__":`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from nakaya.core.claims import Claims
from nakaya.core.errors import FormatError, NakayaError, OutputError, OutputExistsError
from nakaya.core.executors import Executor, Processes
from nakaya.core.files import check_output, output_errors, remove_leftovers, remove_parts
from nakaya.core.folders import discard, new_folder
from nakaya.core.locks import OutputLog, lock_output
from nakaya.core.resumable import refuse_differences
from nakaya.growth.campaigns.config import CampaignConfig, read_campaign
from nakaya.growth.campaigns.tasks import GrownShard, ShardPlan, ShardTarget, claim_name, grow_shards
from nakaya.growth.catalogue import find_model
from nakaya.growth.store.layout import ShardIndex
from nakaya.growth.store.reading import ShardReader
from nakaya.growth.store.schema import GROUP_FILE
from nakaya.growth.store.store import StoredTrajectory, open_store, read_description
from nakaya.growth.store.verification import is_intact
from nakaya.growth.store.writing import describe, write_skeleton

__all__ = [
    "CampaignProgress",
    "CampaignReport",
    "StoreWriter",
    "grow_into",
    "open_if_ours",
    "plan_campaign",
    "run_campaign",
    "sweep_store",
]


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
    executor: Executor | None = None,
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
        executor: Grows the crystals in their place: a cluster, say. Its workers write their shards themselves.
        overwrite: Begin anew, and delete what is there (a file, an empty directory or a store).
        progress: Told how far it is, at the start and after each shard.

    Raises:
        InputFileError: The sweep file cannot be read.
        ConfigError: The sweep file is wrong, or the store is that of another campaign.
        OutputError: The output exists and is no campaign's store, is locked, or cannot be written.
        NakayaError: A worker process died; what is finished is safe.

    >>> import tempfile
    >>> from nakaya.growth.campaigns.sampling import Axis, PointsPlan
    >>> from nakaya.growth.lattice.geometry import make_setup
    >>> points = PointsPlan("grid", {"rho": Axis(0.4, 0.6, count=3)})
    >>> config = CampaignConfig(make_setup("sector", 16), points, members=2, seed=7)
    >>> store = tempfile.mkdtemp() + "/store.zarr"
    >>> run_campaign(config, store).computed_crystals, run_campaign(config, store).computed_crystals
    (6, 0)
    """
    config = config if isinstance(config, CampaignConfig) else read_campaign(Path(config))
    executor = executor or Processes(workers)
    store = Path(out)
    plan, campaign = plan_campaign(config)
    check_output(store, overwrite=True)
    open_if_ours(store, campaign, overwrite=overwrite)  # refuse before a log is made
    with lock_output(store) as log, output_errors(store):
        remove_leftovers(store)
        sweep_store(store)
        stored = open_if_ours(store, campaign, overwrite=overwrite)
        if stored is not None:
            writer = StoreWriter.of_store(store, stored, plan, log)
        else:
            if _is_there(store):
                _refuse_if_worked_on(store)
                discard(store)
                log.write("deleted, to begin anew")
            writer = StoreWriter(store, replace(plan, parameters=config.sample(plan.family)), campaign, log)
        try:
            computed = grow_into(writer, executor, progress)
            sweep_store(store)  # a worker elsewhere may have been killed, and its shard written by another
        finally:
            Claims(store).tidy()
    layout = plan.layout
    return CampaignReport(
        store, layout.num_points, layout.num_members, layout.num_shards, len(computed), layout.count_crystals(computed)
    )


def plan_campaign(config: CampaignConfig) -> tuple[ShardPlan, dict[str, object]]:
    """Return what makes the tasks of a campaign, still without its points, and the campaign as it stands in its store.

    Raises:
        NakayaError: A parameter is out of range, or missing.
    """
    family = find_model(config.model).family
    campaign = config.as_plain(family)  # checks the parameters, which are sampled where there is no store to read them
    return ShardPlan(config.model, family, config.setup, config.seed, config.layout(family), {}), campaign


def _refuse_if_worked_on(store: Path) -> None:
    if held := Claims(store).living():
        raise OutputError(
            f"{store} is being written by {len(held)} workers (shard {held[0]}): wait for them, or stop them first"
        )


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def open_if_ours(store: Path, wanted: Mapping[str, object], *, overwrite: bool) -> StoredTrajectory | None:
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
    """Whoever brings shards into a campaign's store.

    A new store is made when its first shard is there, for only then it is known what the model says about itself.

    Args:
        path: The store.
        plan: Makes the tasks.
        campaign: The campaign as plain values, as it stands in the store.
        log: The log beside the store.

    Attributes:
        target: The store, once it exists.
    """

    def __init__(self, path: Path, plan: ShardPlan, campaign: Mapping[str, object] | None, log: OutputLog) -> None:
        self.path, self.plan, self.campaign, self.log = path, plan, campaign, log
        self.target: ShardTarget | None = None

    @classmethod
    def of_store(cls, path: Path, stored: StoredTrajectory, plan: ShardPlan, log: OutputLog) -> StoreWriter:
        """Take up a store that an earlier run began; its points count, not those of the plan."""
        writer = cls(path, plan, stored.campaign, log)
        writer._take_up(stored)
        return writer

    def _take_up(self, stored: StoredTrajectory) -> None:
        parameters = {name: np.atleast_1d(values) for name, values in stored.parameters.items()}
        self.plan = replace(self.plan, layout=stored.layout, parameters=parameters)
        digest = stored.reader.store_sha256
        self.target = ShardTarget(self.path.absolute(), stored.layout, stored.metadata, digest)

    def missing(self) -> list[ShardIndex]:
        """The shards that are not there, or not as long as they were."""
        if self.target is None:
            return list(self.plan.layout.shards())
        reader = ShardReader(self.path, self.plan.layout, self.target.sha256)
        completed = reader.completed()
        return [index for index in self.plan.layout.shards() if index not in completed or not is_intact(reader, index)]

    def holds(self, index: ShardIndex) -> bool:
        """Whether a shard is there, by a quick look."""
        if self.target is None and not self._is_begun():
            return False
        assert self.target is not None
        return self.target.holds(index)

    def write(self, grown: GrownShard) -> None:
        """Write one shard; make the store if it is the first.

        Raises:
            ConfigError: The model has changed since the store was begun.
            OSError: It cannot be written.
        """
        if self.target is None:
            self._begin(grown)
        assert self.target is not None
        self.target.write(grown)
        self.note(grown.shard.index)

    def note(self, index: ShardIndex) -> None:
        """Write a line about a shard that is there."""
        self.log.write(f"shard {claim_name(index)} written")

    def _is_begun(self) -> bool:
        """Whether another worker has made the store; it is taken up then."""
        if not (self.path / GROUP_FILE).is_file():
            return False
        assert self.campaign is not None
        stored = open_if_ours(self.path, self.campaign, overwrite=False)
        assert stored is not None
        self._take_up(stored)
        return True

    def _begin(self, grown: GrownShard) -> None:
        """Make the store, or take up the one that another worker has made meanwhile."""
        with Claims(self.path).hold("store", wait=True):
            if self._is_begun():
                return
            self.plan = replace(self.plan, layout=grown.layout)
            description = describe(grown.metadata, grown.layout, self.plan.parameters, self.campaign)
            with new_folder(self.path, overwrite=False, is_locked=True) as fresh:
                digest = write_skeleton(fresh, description, self.plan.parameters)
        self.target = ShardTarget(self.path.absolute(), grown.layout, description.metadata, digest)


def sweep_store(store: Path) -> None:
    """Remove what killed workers left in a store, where no worker of anybody's is at it."""
    claims = Claims(store)
    if claims.living():
        return
    claims.forget()
    if store.exists():
        remove_parts(store)


def grow_into(
    writer: StoreWriter, executor: Executor, progress: Callable[[CampaignProgress], None] | None
) -> list[ShardIndex]:
    """Compute and write the shards that a store lacks, and return which these were.

    Raises:
        NakayaError: A worker died, the model cannot grow this, or the disk cannot be written.
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
    executor = executor.at_most(len(missing))
    writer.log.write(f"{len(missing)} of {layout.num_shards} shards to compute, {executor}")
    tasks = (writer.plan.task(index) for index in missing)
    try:
        with closing(grow_shards(tasks, executor, lambda: writer.target)) as shards:
            for shard in shards:
                if isinstance(shard, GrownShard):
                    index = shard.shard.index
                    writer.write(shard)
                else:
                    index = shard.index
                    writer.note(index)
                num_done, num_crystals = num_done + 1, num_crystals + layout.count_crystals([index])
                tell()
        if executor.is_elsewhere and (lost := writer.missing()):
            raise OutputError(
                f"{len(lost)} shards that workers have written are not in {writer.path}, from {claim_name(lost[0])}: "
                "all workers need to see it under one path"
            )
    except BaseException as error:
        writer.log.write(f"stopped with {num_done} of {layout.num_shards} shards: {type(error).__name__}: {error}")
        raise
    writer.log.write(f"finished: {layout.num_shards} shards")
    return missing
