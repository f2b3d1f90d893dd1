"""Parts of a store as arrays: only what is asked for is read, and what is read is checked."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import IntArray
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, InputFileError, ParameterError
from nakaya.core.reading import MAX_DOCUMENT_BYTES, parse_json, read_bounded
from nakaya.growth.store.encoding import ShardBlock, decode_crystals, decode_plain, most_decoded_bytes
from nakaya.growth.store.layout import ShardIndex, StoreLayout
from nakaya.growth.store.schema import (
    FIELDS,
    RECORDS,
    ShardRecord,
    array_type,
    block_arrays,
    check_values,
    chunk_file,
    is_on_lattice,
    is_shard_file,
    parse_record,
    record_document,
    record_file,
)

__all__ = ["READ_LIMIT_BYTES", "Selection", "ShardReader", "along", "select", "with_fields"]

READ_LIMIT_BYTES = 2**32
"""What one access may read, decoded; larger stores are read in parts."""


@dataclass(frozen=True)
class Selection:
    """Which crystals an index asks for, and what is left to do with them.

    Attributes:
        points: Points, int64 [n].
        members: Members, int64 [m].
        crystal_axes: Index for the first two axes of the array [n, m, *lattice]: drops the axis of an integer.
        lattice_axes: Index for the axes of the lattice.
    """

    points: IntArray
    members: IntArray
    crystal_axes: tuple[int | slice, int | slice]
    lattice_axes: tuple[Any, ...]

    def finish(self, values: NDArray[Any]) -> Any:  # an array, or a scalar where every axis is dropped
        """Apply what is left of the index to the array that was read."""
        chosen = values[self.crystal_axes]
        return chosen[(..., *self.lattice_axes)] if self.lattice_axes else chosen


class ShardReader:
    """Reads blocks of shards, each checked against its record.

    Args:
        path: The store.
        layout: Its layout.
        store_sha256: sha256 of its `zarr.json`.
    """

    def __init__(self, path: Path, layout: StoreLayout, store_sha256: str) -> None:
        self.path, self.layout, self.store_sha256 = path, layout, store_sha256

    def completed(self) -> frozenset[ShardIndex]:
        """The shards that have a record."""
        try:
            names = os.listdir(self.path / RECORDS)
        except OSError as error:
            raise InputFileError(f"cannot read {self.path / RECORDS}: {(error.strerror or '').lower()}") from error
        known = (name for name in names if is_shard_file(f"{RECORDS}/{name}", self.layout))
        pairs = (name.removesuffix(".json").split(".") for name in known)
        return frozenset((int(row), int(column)) for row, column in pairs)

    def record(self, index: ShardIndex) -> ShardRecord:
        """Return the record of a shard.

        Raises:
            FormatError: It is damaged, or belongs to another store.
            InputFileError: There is none.
        """
        path = self.path / record_file(index)
        content = read_bounded(path, MAX_DOCUMENT_BYTES)
        record = parse_record(parse_json(content, str(path)), index, self.layout, path)
        if content != dump_json(record_document(record, self.layout)):
            raise FormatError(f"{path} is not as it was written: it is damaged")
        if record.store != self.store_sha256:
            raise FormatError(f"{path} belongs to another store, or {self.path.name}/zarr.json was altered")
        return record

    def _open(self, name: str, index: ShardIndex, record: ShardRecord) -> Any:  # a stream; IO[bytes] names no protocol
        path = self.path / chunk_file(name, index, self.layout)
        try:
            if not path.is_file():
                raise FileNotFoundError(errno.ENOENT, "no such file")
            stream = path.open("rb")
        except OSError as error:
            raise FormatError(
                f"{path} cannot be read ({(error.strerror or '').lower()}) but its shard is recorded as complete"
            ) from error
        size = os.fstat(stream.fileno()).st_size
        if size != record.file_bytes[name]:
            stream.close()
            raise FormatError(f"{path} holds {size} bytes, {record.file_bytes[name]} were written: it is damaged")
        return stream

    def _part(
        self, name: str, index: ShardIndex, record: ShardRecord, points: IntArray, members: IntArray
    ) -> NDArray[Any]:
        """Part of a shard's block of an array, by places in it: [points, members, *lattice]."""
        kind, where = array_type(name), str(self.path / chunk_file(name, index, self.layout))
        with self._open(name, index, record) as stream:
            if is_on_lattice(name):
                return decode_crystals(stream, points, members, self.layout, where, kind)
            return decode_plain(stream, kind, self.layout, where)[np.ix_(points, members)]

    def block(self, index: ShardIndex, points: IntArray, members: IntArray, names: Sequence[str]) -> dict[str, Any]:
        """Return parts of a shard, by their places in it, after checking that the values are possible.

        Args:
            index: Which shard.
            points: Places of the points.
            members: Places of the members.
            names: The arrays that are wanted.
        """
        record = self.record(index)
        needed = dict.fromkeys(("steps", "stop_codes", *names))
        found: dict[str, Any] = {name: self._part(name, index, record, points, members) for name in needed}
        fault = check_values(**with_fields(found))
        if fault:
            raise FormatError(f"{self.path}: shard {index[0]}.{index[1]} is damaged or foreign: {fault}")
        return {name: found[name] for name in names}

    def whole_block(self, index: ShardIndex) -> ShardBlock:
        """Return a whole shard."""
        points, members = self.layout.points_of(index), self.layout.members_of(index)
        everything = np.arange(len(points)), np.arange(len(members))
        return ShardBlock(**with_fields(self.block(index, *everything, block_arrays(self.layout))))

    def read(self, names: Sequence[str], points: IntArray, members: IntArray, limit_bytes: int) -> dict[str, Any]:
        """Return arrays [points, members, *lattice] by name.

        Raises:
            ParameterError: That is more than `limit_bytes`, or part of it is not computed yet.
            FormatError: A file is damaged or foreign.
        """
        layout = self.layout
        sites = {name: prod(layout.lattice_shape) if is_on_lattice(name) else 1 for name in names}
        wanted_bytes = sum(len(points) * len(members) * sites[name] * array_type(name).itemsize for name in names)
        if wanted_bytes > limit_bytes:
            raise ParameterError(
                f"{wanted_bytes} bytes of {self.path} are more than the {limit_bytes} that are read at once: "
                "read fewer points or members at a time"
            )
        rows, columns = points // layout.shard_points, members // layout.shard_members
        shards = [(i, j) for i in np.unique(rows).tolist() for j in np.unique(columns).tolist()]
        self._check_computed(shards)
        for i, j in shards:  # before anything is allocated
            num_crystals = np.count_nonzero(rows == i) * np.count_nonzero(columns == j)
            self._check_plausible((i, j), int(num_crystals), [name for name in names if is_on_lattice(name)])
        whole: dict[str, Any] = {}
        for name in names:
            shape = (len(points), len(members), *(layout.lattice_shape if is_on_lattice(name) else ()))
            whole[name] = np.empty(shape, array_type(name))
        for i, j in shards:
            here, there = np.flatnonzero(rows == i), np.flatnonzero(columns == j)
            local_points, local_members = points[here] % layout.shard_points, members[there] % layout.shard_members
            try:
                block = self.block((i, j), local_points, local_members, names)
            except FormatError as error:
                raise FormatError(f"{error}; nakaya campaign verify {self.path} looks for more") from error
            for name, values in block.items():
                whole[name][np.ix_(here, there)] = values
        return whole

    def _check_plausible(self, index: ShardIndex, num_crystals: int, names: Sequence[str]) -> None:
        for name in names:
            path = self.path / chunk_file(name, index, self.layout)
            file_bytes = path.stat().st_size if path.is_file() else 0
            if num_crystals * self.layout.crystal_bytes > most_decoded_bytes(file_bytes):
                raise FormatError(
                    f"{path} is missing or damaged: its {file_bytes} bytes cannot hold {num_crystals} crystals; "
                    f"nakaya campaign verify {self.path} looks for more"
                )

    def _check_computed(self, shards: Sequence[ShardIndex]) -> None:
        missing = [index for index in shards if not (self.path / record_file(index)).is_file()]
        if not missing:
            return
        points, members = self.layout.points_of(missing[0]), self.layout.members_of(missing[0])
        num_complete = len(self.completed())
        raise ParameterError(
            f"points {points.start} to {points.stop - 1}, members {members.start} to {members.stop - 1} of {self.path} "
            f"are not computed yet ({num_complete} of {self.layout.num_shards} shards are): run nakaya campaign run "
            "again with the same sweep file to go on, or read .computed and ask for what is there"
        )


def with_fields(arrays: dict[str, Any]) -> dict[str, Any]:
    """The arrays of a store by the names that they have in a trajectory: final fields are gathered in one mapping."""
    prefix = f"{FIELDS}/"
    named = {name: values for name, values in arrays.items() if not name.startswith(prefix)}
    return named | {"fields": {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}}


def select(key: Any, layout: StoreLayout, num_axes: int) -> Selection:  # whatever stands between square brackets
    """Translate an index into points, members and a remainder.

    Integers, slices, one sequence of integers or truth values, and an ellipsis are understood.

    Args:
        key: The index.
        layout: The store's.
        num_axes: Axes that the array shows.

    Raises:
        IndexError: An index is out of range, or there are too many.
        ParameterError: An index is of a kind that is not understood.
    """
    words = list(key) if isinstance(key, tuple) else [key]
    if sum(word is Ellipsis for word in words) > 1 or any(word is None for word in words):
        raise ParameterError(f"index {key!r} is not understood: use integers, slices, one list, and at most one ...")
    if not any(word is Ellipsis for word in words):
        words.append(Ellipsis)
    if len(words) - 1 > num_axes:
        raise IndexError(f"{len(words) - 1} indices for {num_axes} axes")
    place = next(place for place, word in enumerate(words) if word is Ellipsis)
    words[place : place + 1] = [slice(None)] * (num_axes - len(words) + 1)
    if not layout.has_point_axis:
        words.insert(0, 0)
    if sum(not isinstance(word, slice) and np.ndim(word) > 0 for word in words) > 1:
        raise ParameterError("two lists in one index are ambiguous: use one list at a time")
    points, point_rest = along(words[0], layout.num_points, "point")
    members, member_rest = along(words[1], layout.num_members, "member")
    return Selection(points, members, (point_rest, member_rest), tuple(words[2:]))


def along(word: Any, length: int, axis: str) -> tuple[IntArray, int | slice]:  # whatever stands for one axis
    """Translate an index of one axis into numbers, and into what to do with that axis afterwards.

    Raises:
        IndexError: It is out of range.
        ParameterError: It is of a kind that is not understood.
    """
    if isinstance(word, slice):
        start, stop, step = word.indices(length)
        return np.arange(start, stop, step, dtype=np.int64), slice(None)
    if isinstance(word, (np.ndarray, list, range)) and np.ndim(word) > 0:
        chosen = np.asarray(word)
        if chosen.dtype == np.bool_ and chosen.shape == (length,):
            return np.flatnonzero(chosen), slice(None)
        if chosen.ndim == 1 and (chosen.dtype.kind in "iu" or chosen.size == 0):
            numbers = chosen.astype(np.int64)
            if ((numbers < -length) | (numbers >= length)).any():
                raise IndexError(f"a {axis} is out of range: there are {length}")
            return np.where(numbers < 0, numbers + length, numbers), slice(None)
    elif hasattr(word, "__index__") and not isinstance(word, bool):
        number = int(word.__index__())
        if not -length <= number < length:
            raise IndexError(f"{axis} {number} is out of range: there are {length}")
        return np.array([number % length], dtype=np.int64), 0
    raise ParameterError(f"{axis} index {word!r} is not understood: use an integer, a slice or a list of integers")
