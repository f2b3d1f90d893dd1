"""Stores on their way to the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import FloatArray
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.files import check_output, write_whole
from nakaya.core.folders import new_folder
from nakaya.core.provenance import sha256_of_bytes
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.store.encoding import EncodedShard, ShardBlock, encode_shard
from nakaya.growth.store.layout import ShardIndex, StoreLayout, make_layout
from nakaya.growth.store.schema import (
    GROUP_FILE,
    ShardRecord,
    StoreDescription,
    check_values,
    chunk_file,
    group_document,
    parameter_array,
    parse_description,
    record_document,
    record_file,
    static_documents,
)

__all__ = [
    "block_of",
    "describe",
    "parameter_bytes",
    "part_of",
    "save",
    "save_trajectory",
    "write_parameters",
    "write_shard",
    "write_skeleton",
    "write_static_documents",
]


def describe(
    metadata: TrajectoryMetadata,
    layout: StoreLayout,
    parameters: Mapping[str, FloatArray],
    campaign: Mapping[str, object] | None = None,
) -> StoreDescription:
    """Return the description of a store that is to be written, as it will be read.

    Args:
        metadata: Where the crystals come from.
        layout: Shape, shards and chunks.
        parameters: float64 [point] by name; the names of `layout.parameters`.
        campaign: The campaign that makes it, as plain JSON values.

    Raises:
        ParameterError: The metadata are not what the schema asks for.
    """
    digests = {name: sha256_of_bytes(parameter_bytes(parameters[name])) for name in layout.parameters}
    description = StoreDescription(metadata, layout, digests, campaign)
    try:
        return parse_description(_plain_json(group_document(description)), Path("metadata") / GROUP_FILE)
    except FormatError as error:
        raise ParameterError(f"these crystals cannot be stored: {error}") from error
    except (TypeError, ValueError) as error:
        raise ParameterError(f"these crystals cannot be stored: the metadata are not JSON values: {error}") from error


def _plain_json(document: Mapping[str, object]) -> dict[str, object]:
    plain: dict[str, object] = json.loads(dump_json(document))
    return plain


def parameter_bytes(values: FloatArray) -> bytes:
    """The values of a parameter as they stand in a store: float64, little-endian."""
    return np.ascontiguousarray(np.atleast_1d(values), "<f8").tobytes()


def write_skeleton(path: Path, description: StoreDescription, parameters: Mapping[str, FloatArray]) -> str:
    """Write everything but shards into an empty directory.

    Args:
        path: The directory.
        description: As `describe` returns it.
        parameters: float64 [point] by name.

    Returns:
        sha256 of the group's `zarr.json`, which every record repeats.

    Raises:
        OSError: It cannot be written.
    """
    content = dump_json(group_document(description))
    write_static_documents(path, description.layout)
    write_parameters(path, description.layout, parameters)
    write_whole(path / GROUP_FILE, content)
    return sha256_of_bytes(content)


def write_static_documents(path: Path, layout: StoreLayout) -> None:
    """Write the documents of the arrays and groups inside a store."""
    for name, document in static_documents(layout).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(path / name, dump_json(document))


def write_parameters(path: Path, layout: StoreLayout, parameters: Mapping[str, FloatArray]) -> None:
    """Write the parameter points of a store."""
    for name in layout.parameters:
        write_whole(path / parameter_array(name) / "c.0", parameter_bytes(parameters[name]))


def write_shard(path: Path, shard: EncodedShard, layout: StoreLayout, store_sha256: str) -> None:
    """Write one shard, its record last: a shard whose writer was killed has no record.

    Raises:
        OSError: It cannot be written; the shard then has no record, or one that does not fit what is there.
    """
    for name, content in shard.files.items():
        write_whole(path / chunk_file(name, shard.index, layout), content)
    sizes = {name: len(content) for name, content in shard.files.items()}
    digests = {name: sha256_of_bytes(content) for name, content in shard.files.items()}
    record = ShardRecord(shard.index, store_sha256, shard.sha256, sizes, digests)
    write_whole(path / record_file(shard.index), dump_json(record_document(record, layout)))


def save(trajectory: Trajectory, path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Write a trajectory as a store; `nakaya.open` gives back exactly what was saved.

    The store is made beside `path` under a temporary name and renamed when it is whole.

    Args:
        trajectory: With or without a leading point axis.
        path: Directory to make, such as "flakes.zarr".
        overwrite: Whether a file, an empty directory or a store there is replaced.

    Raises:
        OutputError: The output exists, or cannot be written; nothing is left behind.
        ParameterError: The trajectory contradicts itself.

    >>> import tempfile, nakaya
    >>> path = tempfile.mkdtemp() + "/flakes.zarr"
    >>> crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7)
    >>> nakaya.save(crystals, path)
    >>> bool((nakaya.open(path).arrival[:] == crystals.arrival).all())
    True
    """
    check_output(path, overwrite=overwrite, sign=GROUP_FILE)
    save_trajectory(trajectory, Path(path), overwrite=overwrite)


def save_trajectory(
    trajectory: Trajectory, path: Path, *, crystals_per_shard: int | None = None, overwrite: bool = True
) -> None:
    """Write a trajectory as a store.

    Args:
        trajectory: With or without a leading point axis.
        path: Where the store shall be; its parent exists.
        crystals_per_shard: At most so many crystals in a shard; None: about 4 MiB of them, decoded.
        overwrite: Whether it takes the place of what is at `path`.

    Raises:
        OutputError: It cannot be written; nothing is left behind and what was there stays.
        ParameterError: The trajectory contradicts itself.
    """
    block, parameters = _as_block(trajectory)
    layout = make_layout(
        block.steps.shape[0],
        block.steps.shape[1],
        block.arrival.shape[2:],
        tuple(parameters),
        crystals_per_shard=crystals_per_shard,
        has_point_axis=trajectory.has_point_axis,
        has_grain=block.grain is not None,
        fields=trajectory.metadata.fields,
    )
    description = describe(trajectory.metadata, layout, parameters)
    with new_folder(path, overwrite=overwrite) as fresh:
        digest = write_skeleton(fresh, description, parameters)
        for index in layout.shards():
            write_shard(fresh, encode_shard(part_of(block, index, layout), index, layout), layout, digest)


def part_of(block: ShardBlock, index: ShardIndex, layout: StoreLayout) -> ShardBlock:
    """Return the crystals of one shard, out of all crystals of the store."""
    points, members = layout.points_of(index), layout.members_of(index)
    part = (slice(points.start, points.stop), slice(members.start, members.stop))
    return block.each(lambda values: values[part])


def block_of(trajectory: Trajectory) -> ShardBlock:
    """Return the arrays of a trajectory with a leading point axis, after checking them.

    Raises:
        ParameterError: A shape, a type or a value is not what a trajectory holds.
    """
    return _as_block(trajectory)[0]


def _as_block(trajectory: Trajectory) -> tuple[ShardBlock, dict[str, FloatArray]]:
    steps = np.asarray(trajectory.steps)
    if steps.ndim not in (1, 2) or steps.size == 0:
        raise ParameterError(f"steps of shape {list(steps.shape)} are not [member] or [point, member], or are empty")
    arrival_shape = (*steps.shape, *trajectory.lattice_shape)
    arrival = _checked("arrival", trajectory.arrival, np.int32, arrival_shape)
    if len(trajectory.lattice_shape) not in (2, 3) or arrival.size == 0:
        raise ParameterError(f"arrival of shape {list(arrival.shape)} has no lattice of two or three dimensions")
    _checked("steps", steps, np.int64, steps.shape)
    stop_codes = _checked("stop_codes", trajectory.stop_codes, np.int8, steps.shape)
    grain = None if trajectory.grain is None else _checked("grain", trajectory.grain, np.int32, arrival_shape)
    fields = {
        name: _checked(f"field {name}", values, np.float32, arrival_shape) for name, values in trajectory.fields.items()
    }
    if set(fields) != {entry.name for entry in trajectory.metadata.fields}:
        raise ParameterError(f"fields {sorted(fields)} are not those that the metadata state")
    fault = check_values(steps, stop_codes, arrival, grain, fields)
    if fault:
        raise ParameterError(f"these crystals cannot be stored: {fault}")
    points = (steps.shape[0],) if trajectory.has_point_axis else ()
    parameters = {
        str(name): np.atleast_1d(_checked(f"parameter {name}", np.asarray(values), np.float64, points))
        for name, values in trajectory.parameters.items()
    }
    block = ShardBlock(arrival, steps, stop_codes, grain, fields)
    return block if trajectory.has_point_axis else block.each(lambda values: values[None]), parameters


Values = TypeVar("Values", bound=NDArray[Any])


def _checked(name: str, values: Values, kind: type[np.generic], shape: tuple[int, ...]) -> Values:
    if values.dtype != kind or values.shape != shape:
        raise ParameterError(
            f"{name} is {values.dtype} {list(values.shape)}: {np.dtype(kind)} {list(shape)} was expected"
        )
    return values
