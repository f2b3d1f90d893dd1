"""A store that is open for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import FormatError, InputFileError, ParameterError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import MAX_DOCUMENT_BYTES, parse_json, read_bounded
from nakaya.growth.exchange.datasets import to_dataset
from nakaya.growth.model.setup import STOP_REASONS
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.store.layout import StoreLayout
from nakaya.growth.store.reading import READ_LIMIT_BYTES, ShardReader, along, select, with_fields
from nakaya.growth.store.schema import (
    GROUP_FILE,
    StoreDescription,
    array_type,
    block_arrays,
    field_array,
    is_on_lattice,
    parameter_array,
    parse_description,
    static_documents,
)

__all__ = ["StoredArray", "StoredTrajectory", "open_store", "read_description", "read_parameters"]


class StoredArray:
    """An array of a store. Square brackets read what they name, and nothing else.

    Understood are integers, slices, one list (of integers, or of truth values) and `...`; the result is a NumPy array,
    as it would be from an array in memory. `np.asarray` reads all of it.

    Args:
        reader: Reads the store's shards.
        name: The array's name in the store.
        reasons: Show stop codes as words.
    """

    def __init__(self, reader: ShardReader, name: str, *, reasons: bool = False) -> None:
        self._reader, self._name, self._reasons = reader, name, reasons

    @property
    def shape(self) -> tuple[int, ...]:
        """[point, member, *lattice], without the first axis where one point was saved without it."""
        layout = self._reader.layout
        lattice = layout.lattice_shape if is_on_lattice(self._name) else ()
        points = (layout.num_points,) if layout.has_point_axis else ()
        return (*points, layout.num_members, *lattice)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return np.asarray(STOP_REASONS).dtype if self._reasons else array_type(self._name)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array in memory."""
        return int(np.prod([float(length) for length in self.shape])) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:  # whatever stands between square brackets; an array or a scalar
        layout = self._reader.layout
        selection = select(key, layout, self.ndim)
        found = self._reader.read([self._name], selection.points, selection.members, READ_LIMIT_BYTES)
        values = selection.finish(found[self._name])
        return np.asarray(STOP_REASONS)[values] if self._reasons else values

    def __iter__(self) -> Iterator[Any]:  # arrays, or scalars of a one-dimensional array
        return (self[place] for place in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # NumPy's protocol
        return np.asarray(self[...], dtype)

    def __repr__(self) -> str:
        return f"<{self._name} of {self._reader.path}, {self.dtype} {list(self.shape)}>"


class StoredTrajectory:
    """Crystals on disk, with the shapes and names of a `Trajectory`; nothing is read before it is asked for.

    Attributes:
        path: Where the store lies.
        metadata: Where the crystals come from.
        layout: Shape, shards and chunks.
        parameters: float64 [point] (a scalar array where one point was saved without axis) by parameter name.
        arrival: int32 [point, member, *lattice]; see `Trajectory`.
        steps: int64 [point, member].
        stop_codes: int8 [point, member].
        stopped_by: Text [point, member]: "front", "steps" or "no-growth".
        grain: int32, shape of `arrival`; None where it was not stored.
        fields: float32, shape of `arrival`, by name: what is known of every site at the end.
        campaign: The campaign that makes the store, as plain values; None where it was saved in one piece.

    Asking for crystals that a campaign has not computed yet is a `ParameterError`; `computed` says which there are.
    """

    def __init__(
        self, path: Path, description: StoreDescription, parameters: Mapping[str, FloatArray], store_sha256: str
    ) -> None:
        self.path = path
        self.metadata: TrajectoryMetadata = description.metadata
        self.layout: StoreLayout = description.layout
        self.campaign: Mapping[str, object] | None = description.campaign
        self.parameters: Mapping[str, FloatArray] = MappingProxyType(dict(parameters))
        self.reader = ShardReader(path, self.layout, store_sha256)
        self.arrival = StoredArray(self.reader, "arrival")
        self.steps = StoredArray(self.reader, "steps")
        self.stop_codes = StoredArray(self.reader, "stop_codes")
        self.stopped_by = StoredArray(self.reader, "stop_codes", reasons=True)
        self.grain = StoredArray(self.reader, "grain") if self.layout.has_grain else None
        self.fields: Mapping[str, StoredArray] = {
            entry.name: StoredArray(self.reader, field_array(entry.name)) for entry in self.layout.fields
        }

    def __getstate__(self) -> dict[str, Any]:  # processes that load data receive a copy
        return self.__dict__ | {"parameters": dict(self.parameters)}

    @property
    def has_point_axis(self) -> bool:
        """Whether the arrays have a leading axis of points."""
        return self.layout.has_point_axis

    @property
    def num_points(self) -> int:
        """Number of parameter points."""
        return self.layout.num_points

    @property
    def num_members(self) -> int:
        """Number of members at each point."""
        return self.layout.num_members

    @property
    def lattice_shape(self) -> tuple[int, ...]:
        """Shape of one crystal."""
        return self.layout.lattice_shape

    @property
    def is_complete(self) -> bool:
        """Whether every crystal is computed."""
        return len(self.reader.completed()) == self.layout.num_shards

    @property
    def computed(self) -> BoolArray:
        """Which crystals are computed, by the records of the shards: bool [point, member], or [member]."""
        mask = np.zeros((self.num_points, self.num_members), np.bool_)
        for index in self.reader.completed():
            points, members = self.layout.points_of(index), self.layout.members_of(index)
            mask[points.start : points.stop, members.start : members.stop] = True
        return mask if self.has_point_axis else mask[0]

    def load(
        self,
        points: slice | Sequence[int] | IntArray | BoolArray | None = None,
        members: slice | Sequence[int] | IntArray | BoolArray | None = None,
        *,
        limit_bytes: int = READ_LIMIT_BYTES,
    ) -> Trajectory:
        """Read crystals into memory.

        Args:
            points: Slice or list of points, or truth values; None: all.
            members: The same of members.
            limit_bytes: Refuse to read more than this, decoded.

        Returns:
            A `Trajectory` in memory: what was saved, exactly, or the asked part of it.

        Raises:
            ParameterError: It is more than the limit, or not computed yet.
            FormatError: A file is damaged.
        """
        if not self.has_point_axis and points is not None:
            raise ParameterError(f"{self.path} holds one point, without an axis of points: leave points out")
        chosen, _ = along(slice(None) if points is None else points, self.num_points, "point")
        chosen_members, _ = along(slice(None) if members is None else members, self.num_members, "member")
        found = self.reader.read(block_arrays(self.layout), chosen, chosen_members, limit_bytes)
        if not self.has_point_axis:
            found = {name: values[0] for name, values in found.items()}
        parameters = {
            name: np.array(values[chosen if values.ndim else ...]) for name, values in self.parameters.items()
        }
        return Trajectory(**with_fields(found), parameters=parameters, metadata=self.metadata)

    def point(self, index: int) -> Trajectory:
        """Read one parameter point, without the leading axis.

        Raises:
            ParameterError: It is not computed yet.
            IndexError: There is no such point.
        """
        return self.load([index]).point(0) if self.has_point_axis else self.load()

    def to_xarray(self) -> Any:  # an xarray.Dataset: xarray is an extra
        """Return the crystals as an `xarray.Dataset`; nothing but parameters is read before it is asked for.

        As `Trajectory.to_xarray`. Asking it for crystals that are not computed yet is a `ParameterError`.

        Raises:
            MissingExtraError: xarray is not installed.
        """
        return to_dataset(self)

    def __repr__(self) -> str:
        done, shards = len(self.reader.completed()), self.layout.num_shards
        state = "" if done == shards else f", incomplete: {done} of {shards} shards"
        return (
            f"<{self.path}: {self.num_points} points of {self.num_members} members, {self.metadata.model}, "
            f"lattice {list(self.lattice_shape)}{state}>"
        )


def read_description(path: Path) -> tuple[StoreDescription, str]:
    """Return what a store says about itself, and the sha256 of the file that says it.

    Raises:
        InputFileError: There is no store.
        FormatError: It is no store, or damaged.
    """
    if not path.exists():
        raise InputFileError(f"{path} does not exist: check the path")
    if not path.is_dir():
        raise InputFileError(f"{path} is a file: a store is a directory")
    group_file = path / GROUP_FILE
    if not group_file.is_file():
        raise FormatError(f"{path} is not a nakaya store: it has no {GROUP_FILE}")
    content = read_bounded(group_file, MAX_DOCUMENT_BYTES)
    return parse_description(parse_json(content, str(group_file)), group_file), sha256_of_bytes(content)


def open_store(path: str | PathLike[str]) -> StoredTrajectory:
    """Open a store, as `nakaya.open`; every document is checked, and nothing but parameters is read.

    Example:
        crystals = nakaya.open("flakes.zarr")
        crystals.arrival[3, 0:2]    # reads these two crystals only
        crystals.load().at(300)     # reads all

    Args:
        path: Directory that `nakaya.save`, `nakaya grow` or `nakaya campaign run` made.

    Raises:
        InputFileError: There is nothing there, or it cannot be read.
        FormatError: It is not a store of a version that is known, or it is damaged.

    >>> import tempfile, nakaya
    >>> path = tempfile.mkdtemp() + "/flakes.zarr"
    >>> nakaya.save(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, members=4, seed=7), path)
    >>> flakes = nakaya.open(path)
    >>> flakes.arrival.shape, flakes.arrival[3].shape, float(flakes.parameters["rho"])
    ((4, 16, 16), (16, 16), 0.6)
    """
    path = Path(path)
    description, digest = read_description(path)
    for name, document in static_documents(description.layout).items():
        content = read_bounded(path / name, MAX_DOCUMENT_BYTES)
        if parse_json(content, str(path / name)) != document:
            raise FormatError(f"{path / name} contradicts {path / GROUP_FILE}: the store is damaged or foreign")
    return StoredTrajectory(path, description, read_parameters(path, description), digest)


def read_parameters(
    path: Path, description: StoreDescription, names: Sequence[str] | None = None
) -> dict[str, FloatArray]:
    """Return parameters, float64 [point] or scalar arrays, after checking their sha256.

    Args:
        path: The store.
        description: What it says about itself.
        names: Which parameters; None: all.

    Raises:
        InputFileError: A file is missing.
        FormatError: A file is damaged.
    """
    layout = description.layout
    parameters = {}
    for name in layout.parameters if names is None else names:
        file = path / parameter_array(name) / "c.0"
        content = read_bounded(file, 8 * layout.num_points)
        if len(content) != 8 * layout.num_points or sha256_of_bytes(content) != description.parameters_sha256[name]:
            raise FormatError(f"{file} does not hold the {layout.num_points} values that were written: it is damaged")
        values = np.frombuffer(content, "<f8").astype(np.float64)
        parameters[name] = values if layout.has_point_axis else np.asarray(values[0])
    return parameters
