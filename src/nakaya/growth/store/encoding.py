"""One shard as bytes, and back. zarr writes the shard; reading believes nothing that a damaged file may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import SEEK_END
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, Float32Array, GrainMap, IntArray
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.growth.model.trajectory import NOT_COMPUTED, Trajectory
from nakaya.growth.store.layout import ShardIndex, StoreLayout
from nakaya.growth.store.schema import array_document, block_arrays, chunk_file, field_array, is_on_lattice

__all__ = [
    "EncodedShard",
    "ShardBlock",
    "decode_crystals",
    "decode_plain",
    "encode_shard",
    "most_decoded_bytes",
    "named_arrays",
]

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_ZSTD_RATIO = 2**15
"""A block of zstd takes at least 4 bytes for 128 KiB: a frame that claims more has been made to mislead."""

ZSTD_SLACK = 2**17
CHECKSUM_BYTES = 4
ABSENT = np.uint64(2**64 - 1)
"""Offset and length of a chunk that the index says is not there."""


@dataclass(frozen=True)
class ShardBlock:
    """The crystals of one shard, decoded.

    Attributes:
        arrival: int32 [point, member, *lattice].
        steps: int64 [point, member].
        stop_codes: int8 [point, member].
        grain: Optional int32, shape of `arrival`.
        fields: float32, shape of `arrival`, by name.
    """

    arrival: ArrivalMap
    steps: NDArray[np.int64]
    stop_codes: NDArray[np.int8]
    grain: GrainMap | None = None
    fields: Mapping[str, Float32Array] = field(default_factory=dict)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The arrays by their names in the store."""
        return named_arrays(self, field_array)

    def each(self, change: Callable[[Any], Any]) -> ShardBlock:  # any array to one of its own type
        """Return the block with every array changed in the same way."""
        grain = None if self.grain is None else change(self.grain)
        fields = {name: change(values) for name, values in self.fields.items()}
        return ShardBlock(change(self.arrival), change(self.steps), change(self.stop_codes), grain, fields)

    def sha256(self) -> dict[str, str]:
        """sha256 of each array's values in C order, little-endian."""
        return {name: sha256_of_bytes(_plain_bytes(values)) for name, values in self.arrays().items()}


def named_arrays(crystals: ShardBlock | Trajectory, of_field: Callable[[str], str]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of crystals by name; `of_field` makes a final field's name."""
    fields = {of_field(name): values for name, values in crystals.fields.items()}
    grain = {} if crystals.grain is None else {"grain": crystals.grain}
    return {"arrival": crystals.arrival, "steps": crystals.steps, "stop_codes": crystals.stop_codes, **grain, **fields}


@dataclass(frozen=True)
class EncodedShard:
    """One shard, ready to be written.

    Attributes:
        index: Which shard.
        files: What each array's file holds, by the array's name.
        sha256: For each array, of the decoded values.
    """

    index: ShardIndex
    files: dict[str, bytes]
    sha256: dict[str, str]


def _plain_bytes(values: NDArray[np.generic]) -> bytes:
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()


def most_decoded_bytes(encoded_bytes: int) -> int:
    """The most that so many bytes of zstd can decompress to."""
    return MAX_ZSTD_RATIO * encoded_bytes + ZSTD_SLACK


def encode_shard(block: ShardBlock, index: ShardIndex, layout: StoreLayout) -> EncodedShard:
    """Return the files of one shard. The same values give the same bytes, whatever has been encoded before.

    Args:
        block: All crystals of the shard.
        index: Which shard.
        layout: The store's.
    """
    arrays = block.arrays()
    assert tuple(sorted(arrays)) == tuple(sorted(block_arrays(layout)))
    files = {}
    for name in block_arrays(layout):
        on_lattice = is_on_lattice(name)
        files[name] = _encode_with_zarr(name, arrays[name], index, layout) if on_lattice else _pad(arrays[name], layout)
    return EncodedShard(index, files, block.sha256())


def _pad(values: NDArray[np.generic], layout: StoreLayout) -> bytes:
    whole = np.full((layout.shard_points, layout.shard_members), NOT_COMPUTED, values.dtype)
    whole[: values.shape[0], : values.shape[1]] = values
    return _plain_bytes(whole)


def _encode_with_zarr(name: str, values: NDArray[np.generic], index: ShardIndex, layout: StoreLayout) -> bytes:
    import zarr
    from zarr.core.buffer import Buffer, default_buffer_prototype
    from zarr.storage import MemoryStore

    document = default_buffer_prototype().buffer.from_bytes(dump_json(array_document(name, layout)))
    held: dict[str, Buffer] = {f"{name}/zarr.json": document}
    array = zarr.open_array(MemoryStore(held), path=name, mode="r+", zarr_format=3)
    points, members = layout.points_of(index), layout.members_of(index)
    array[points.start : points.stop, members.start : members.stop] = values
    return held[chunk_file(name, index, layout)].to_bytes()


def decode_plain(stream: BinaryIO, kind: np.dtype[np.generic], layout: StoreLayout, where: str) -> NDArray[np.generic]:
    """Return a shard's block of `steps` or `stop_codes`, padding included: [shard_points, shard_members].

    Args:
        stream: The file, opened for reading bytes.
        kind: Type of the values.
        layout: The store's.
        where: Name of the file, for messages.

    Raises:
        FormatError: The file has the wrong size.
    """
    shape = (layout.shard_points, layout.shard_members)
    expected = kind.itemsize * shape[0] * shape[1]
    file_bytes = stream.seek(0, SEEK_END)
    if file_bytes != expected:
        raise FormatError(f"{where} holds {file_bytes} bytes, not {expected}: the file is damaged or foreign")
    stream.seek(0)
    return np.frombuffer(stream.read(expected), kind.newbyteorder("<")).astype(kind).reshape(shape)


def decode_crystals(
    stream: BinaryIO,
    points: IntArray,
    members: IntArray,
    layout: StoreLayout,
    where: str,
    kind: np.dtype[Any] = np.dtype(np.int32),  # noqa: B008 - a dtype does not change
) -> NDArray[Any]:
    """Return some crystals of a shard: int32, or float32 of a field, [points, members, *lattice].

    Reads and decodes the chunks that hold them and no others. Nothing is allocated that the size of the file cannot
    account for.

    Args:
        stream: The shard's file, opened for reading bytes.
        points: Points, counted from the shard's first; within the shard.
        members: Members, counted from the shard's first; within the shard.
        layout: The store's.
        where: Name of the file, for messages.
        kind: Type of the values, of four bytes.

    Raises:
        FormatError: The file is damaged or foreign.
    """
    file_bytes = stream.seek(0, SEEK_END)
    chunk_index = _read_index(stream, file_bytes, layout, where)
    chunks = members // layout.chunk_members
    columns = np.unique(chunks).tolist()
    chunk_bytes = layout.chunk_members * layout.crystal_bytes
    if len(points) * len(columns) * chunk_bytes > most_decoded_bytes(file_bytes):
        raise FormatError(f"{where} is damaged: its {file_bytes} bytes cannot hold what it claims")
    crystals = np.empty((len(points), len(members), *layout.lattice_shape), kind)
    chunk = np.empty((layout.chunk_members, *layout.lattice_shape), kind.newbyteorder("<"))
    for row, point in enumerate(points.tolist()):
        for column in columns:
            offset, length = chunk_index[point, column].tolist()
            stream.seek(offset)
            _decode_frame(stream.read(length), chunk, where)
            wanted = chunks == column
            crystals[row, wanted] = chunk[members[wanted] % layout.chunk_members]
    return crystals


def _read_index(stream: BinaryIO, file_bytes: int, layout: StoreLayout, where: str) -> NDArray[np.uint64]:
    """The shard's index, uint64 [point, chunk, (offset, length)], all of it inside the file."""
    import google_crc32c

    grid = layout.chunks_per_shard
    index_bytes = 16 * grid[0] * grid[1]
    room = file_bytes - index_bytes - CHECKSUM_BYTES
    if room < 0:
        raise FormatError(f"{where} is cut off: it is shorter than its own index")
    stream.seek(room)
    index, checksum = stream.read(index_bytes), stream.read(CHECKSUM_BYTES)
    if google_crc32c.value(index) != int.from_bytes(checksum, "little"):
        raise FormatError(f"{where} is damaged: the checksum of its index is wrong")
    table = np.frombuffer(index, "<u8").astype(np.uint64).reshape(*grid, 2)
    offsets, lengths = table[..., 0], table[..., 1]
    present = (offsets != ABSENT) | (lengths != ABSENT)
    limit = np.uint64(room)
    if (present & ((offsets > limit) | (lengths > limit - np.minimum(offsets, limit)))).any():
        raise FormatError(f"{where} is damaged: its index points outside the file")
    return np.where(present[..., None], table, np.uint64(0))


def _decode_frame(frame: bytes, chunk: NDArray[Any], where: str) -> None:
    from numcodecs.zstd import Zstd

    if not frame:
        raise FormatError(f"{where} is damaged: a chunk is missing")
    claimed = _claimed_size(frame)
    if claimed != chunk.nbytes or claimed > most_decoded_bytes(len(frame)):
        raise FormatError(f"{where} is damaged: a chunk claims {claimed} bytes, not {chunk.nbytes}")
    try:
        Zstd().decode(frame, out=chunk)
    except (RuntimeError, ValueError) as error:
        raise FormatError(f"{where} is damaged: a chunk cannot be decompressed") from error


def _claimed_size(frame: bytes) -> int:
    """Decompressed size that the header of a zstd frame claims (RFC 8878, section 3.1.1.1); -1 where it has none."""
    if len(frame) < 14 or frame[:4] != ZSTD_MAGIC:
        return -1
    descriptor = frame[4]
    size_flag, single_segment, dictionary_flag = descriptor >> 6, (descriptor >> 5) & 1, descriptor & 3
    size_bytes = (1 if single_segment else 0, 2, 4, 8)[size_flag]
    if size_bytes == 0:
        return -1
    start = 5 + (0 if single_segment else 1) + (0, 1, 2, 4)[dictionary_flag]
    claimed = int.from_bytes(frame[start : start + size_bytes], "little")
    return claimed + 256 if size_bytes == 2 else claimed
