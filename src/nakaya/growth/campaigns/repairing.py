"""Damaged store to sound store: what is broken or missing is computed again, and must be what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, NakayaError, UnknownNameError
from nakaya.core.executors import Processes
from nakaya.core.files import output_errors
from nakaya.core.locks import OutputLog, lock_output
from nakaya.core.provenance import sha256_of_bytes
from nakaya.growth.campaigns.campaigning import StoreWriter, sweep_store
from nakaya.growth.campaigns.config import sample_plain
from nakaya.growth.campaigns.tasks import GrownShard, ShardPlan, grow_shards
from nakaya.growth.catalogue import find_model, version_of
from nakaya.growth.grower_model import GrowerModel, setup_from_metadata
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.store.layout import ShardIndex
from nakaya.growth.store.reading import ShardReader
from nakaya.growth.store.schema import StoreDescription
from nakaya.growth.store.store import open_store, read_description, read_parameters
from nakaya.growth.store.verification import Verification, verify_store
from nakaya.growth.store.writing import parameter_bytes, write_parameters, write_static_documents

__all__ = ["RepairReport", "repair_campaign"]


@dataclass(frozen=True)
class RepairReport:
    """What a repair did.

    Attributes:
        rewritten_documents: Descriptions and parameters that were written again.
        recomputed: Shards that were computed again.
        after: What a second look at the whole store found.
    """

    rewritten_documents: tuple[str, ...]
    recomputed: tuple[ShardIndex, ...]
    after: Verification


def repair_campaign(
    path: str | PathLike[str], *, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> RepairReport:
    """Compute again what is damaged or missing in a store, and nothing else.

    What the store says about itself is enough: model, seed, geometry, points. Where the record of a damaged shard
    still stands, the shard is replaced only if it comes out as recorded. Files that do not belong there are left alone.

    Args:
        path: A store, of a campaign or saved in one piece.
        workers: Processes that grow crystals, of one thread each; 1: this process.
        progress: Called with the number of shards that are repaired, and that are to be.

    Raises:
        InputFileError: There is no store.
        FormatError: It is no store, its own description is damaged, or what is computed now is not what was recorded.
        ConfigError: The model has changed since.
        OutputError: The store is locked, or cannot be written.
    """
    store = Path(path)
    executor = Processes(workers)
    description, digest = read_description(store)
    with lock_output(store) as log, output_errors(store):
        before = verify_store(store)
        sweep_store(store)
        rewritten = _rewrite_documents(store, description, before)
        broken = sorted({*before.damaged, *before.missing})
        if broken:
            _recompute(store, description, digest, broken, executor, log, progress)
        if rewritten or broken:
            log.write(f"repaired: {len(rewritten)} documents, {len(broken)} shards")
        return RepairReport(rewritten, tuple(broken), verify_store(store))


def _rewrite_documents(store: Path, description: StoreDescription, before: Verification) -> tuple[str, ...]:
    """Write the damaged descriptions and parameters again; return their names."""
    if before.damaged_documents:
        parameters = _sound_parameters(store, description)
        write_static_documents(store, description.layout)
        write_parameters(store, description.layout, parameters)
    return tuple(before.damaged_documents)


def _sound_parameters(store: Path, description: StoreDescription) -> dict[str, FloatArray]:
    """The parameters as they stand in the store, or as its campaign says."""
    try:
        return read_parameters(store, description)
    except NakayaError as error:
        if description.campaign is None:
            raise FormatError(
                f"{error}: nothing else in the store says what they were, so it cannot be repaired"
            ) from error
    parameters = sample_plain(description.campaign, _model(description, store).family, f"{store}: campaign")
    digests = {name: sha256_of_bytes(parameter_bytes(values)) for name, values in parameters.items()}
    if digests != dict(description.parameters_sha256):
        raise FormatError(f"{store}: the points that its campaign gives now are not those that were written")
    return parameters


def _model(description: StoreDescription, store: Path) -> GrowerModel:
    try:
        return find_model(description.metadata.model)
    except UnknownNameError as error:
        raise FormatError(f"{store}: its crystals cannot be grown again: {error}: install the package of it") from error


def _recompute(
    store: Path,
    description: StoreDescription,
    digest: str,
    broken: list[ShardIndex],
    executor: Processes,
    log: OutputLog,
    progress: Callable[[int, int], None] | None,
) -> None:
    stored = open_store(store)
    metadata = description.metadata
    model = _model(description, store)
    setup = _setup_of(metadata.geometry, model, store)
    plan = ShardPlan(metadata.model, model.family, setup, metadata.seed, stored.layout, stored.parameters)
    writer = StoreWriter.of_store(store, stored, plan, log)
    recorded = _recorded(ShardReader(store, stored.layout, digest), broken)
    tasks = (writer.plan.task(index) for index in broken)
    with closing(grow_shards(tasks, executor.at_most(len(broken)))) as grown_shards:
        for number, grown in enumerate(grown_shards, start=1):
            assert isinstance(grown, GrownShard)  # nobody was told to write
            index = grown.shard.index
            if index in recorded and recorded[index] != grown.shard.sha256:
                raise FormatError(
                    f"{store}: shard {index[0]}.{index[1]} was computed again and is not what was recorded; "
                    f"it is left as it was: {metadata.model} may have changed since {version_of(metadata)}"
                )
            writer.write(grown)
            if progress is not None:
                progress(number, len(broken))


def _recorded(reader: ShardReader, broken: list[ShardIndex]) -> dict[ShardIndex, Mapping[str, str]]:
    """The sha256 in the records that still stand."""
    recorded: dict[ShardIndex, Mapping[str, str]] = {}
    for index in broken:
        try:
            recorded[index] = reader.record(index).sha256
        except NakayaError:  # damaged or missing itself: there is nothing to compare with
            continue
    return recorded


def _setup_of(geometry: Mapping[str, object], model: GrowerModel, store: Path) -> GrowthSetup:
    """The request that a trajectory's metadata describe.

    Raises:
        FormatError: They do not describe one that this version knows.
    """
    try:
        setup = setup_from_metadata(geometry, model)
    except (NakayaError, TypeError) as error:
        raise FormatError(f"{store}: crystals of this geometry cannot be grown again: {error}") from error
    if setup.as_metadata() != dict(geometry):
        raise FormatError(f"{store}: crystals of this geometry cannot be grown again by this version of nakaya")
    return setup
