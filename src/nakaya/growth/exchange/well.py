"""Crystals in the HDF5 layout of The Well, a collection of physics simulations for machine learning.

The layout holds fields on a grid at equal intervals of time, so the growth becomes frames of the field `attached`. What
frames lose is kept beside them in the group `nakaya`, which readers of The Well pass over: they would feed every
constant field to a network, and attachment times tell the future.

https://polymathic-ai.org/the_well/data_format/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.arrays import Float32Array, FloatArray
from nakaya.core.errors import MissingExtraError
from nakaya.growth.exchange.about import Crystals, attributes_of, axes_of, field_of, spacing_of, statements_of
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata, occupancy_at

__all__ = ["DEFAULT_FRAMES", "FrameClock", "frame_clock", "write_well"]

DEFAULT_FRAMES: Final = 33
FIELD: Final = "attached"
CHUNK_BYTES: Final = 2**22
"""Frames of one crystal that are compressed together, at least one."""

COMPRESSION: Final[Mapping[str, Any]] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
BOUNDARIES: Final = {"reservoir": "open", "insulated": "wall", "periodic": "periodic"}
"""Edges of ours -> the layout's word: matter comes in through the edge that is held at the value far away."""


@dataclass(frozen=True)
class FrameClock:
    """Frames at equal intervals.

    Attributes:
        stride: Steps between frames.
        count: Number of frames, the initial crystal among them.
    """

    stride: int
    count: int

    @property
    def steps(self) -> list[int]:
        """Step of every frame."""
        return [self.stride * frame for frame in range(self.count)]


def frame_clock(last_step: int, frames: int) -> FrameClock:
    """Return at most `frames` frames, from the initial crystal to the first that is not before `last_step`.

    >>> frame_clock(100, 5), frame_clock(3, 33).steps
    (FrameClock(stride=25, count=5), [0, 1, 2, 3])
    """
    stride = max(-(-last_step // (frames - 1)), 1)
    return FrameClock(stride, max(-(-last_step // stride), 1) + 1)


def write_well(
    crystals: Crystals,
    path: Path,
    points: Sequence[int],
    members: Sequence[int],
    fields: Sequence[str] | None = None,
    *,
    frames: int = DEFAULT_FRAMES,
    progress: Callable[[int, int], None] | None = None,
) -> FrameClock:
    """Write crystals as one HDF5 file of The Well; a trajectory of the file is a crystal, points outermost.

    Args:
        crystals: In memory or in a store, which is read point by point.
        path: The file; what is there is replaced, and a file that could not be finished stays.
        points: Points to write; [0] where there is no axis of points.
        members: Members to write.
        fields: Final fields to keep; None: all.
        frames: At most so many frames, 2 or more.
        progress: Called with the points that are done, and their number.

    Returns:
        Where the frames lie. The last one shows every crystal finished.

    Raises:
        MissingExtraError: h5py is not installed.
        ParameterError: Crystals are not computed yet.
        OSError: It cannot be written.

    >>> import tempfile, nakaya
    >>> path = Path(tempfile.mkdtemp()) / "flakes.hdf5"
    >>> flakes = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, members=2, seed=7)
    >>> _ = write_well(flakes, path, points=[0], members=[0, 1], frames=9)
    >>> import h5py
    >>> with h5py.File(path) as file:
    ...     print(file["t0_fields/attached"].shape[0], int(file.attrs["n_trajectories"]))
    2 2
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("files of The Well", "exchange") from None
    metadata, shape = crystals.metadata, crystals.lattice_shape
    steps = np.asarray(crystals.steps).reshape(crystals.num_points, -1)[np.ix_(points, members)]
    clock = frame_clock(int(steps.max()), frames)
    count = steps.size
    with h5py.File(path, "w", libver="v110") as file:  # texts of more than 64 KiB: initial crystals may be many
        _write_root(file, crystals, points, count)
        _write_dimensions(file, metadata, shape, clock)
        _write_boundaries(file, metadata, shape)
        _write_scalars(file, crystals, points, len(members))
        attached = _write_fields(file, shape, count, clock)
        kept = _write_kept(file, crystals, points, members, tuple(crystals.fields) if fields is None else fields)
        for place, point in enumerate(points):
            grown = crystals.point(point)
            for number, member in enumerate(members):
                _write_crystal(attached, kept, place * len(members) + number, grown, member, clock)
            if progress is not None:
                progress(place + 1, len(points))
    return clock


def _names(names: Sequence[str]) -> Any:
    import h5py

    return np.array(list(names), dtype=h5py.string_dtype())


def _said(item: Any, **varying: bool) -> Any:
    """The item with the attributes by which a reader knows what it varies with."""
    for name, value in varying.items():
        item.attrs[name] = np.bool_(value)
    return item


def _write_root(file: Any, crystals: Crystals, points: Sequence[int], count: int) -> None:
    metadata = crystals.metadata
    constant = {}
    for name, values in crystals.parameters.items():
        here = np.unique(np.atleast_1d(values)[list(points)])
        if here.size == 1:
            constant[name] = float(here[0])
    file.attrs["dataset_name"] = f"nakaya-{metadata.model}"
    # The axes of a hexagonal lattice are oblique: to call it cartesian would be a lie of 30 degrees.
    file.attrs["grid_type"] = "hexagonal" if metadata.lattice == "hexagonal" else "cartesian"
    file.attrs["n_spatial_dims"] = metadata.dimension
    file.attrs["n_trajectories"] = count
    file.attrs["simulation_parameters"] = _names(list(constant))
    for name, value in constant.items():
        file.attrs[name] = value


def _write_dimensions(file: Any, metadata: TrajectoryMetadata, shape: tuple[int, ...], clock: FrameClock) -> None:
    group = file.create_group("dimensions")
    group.attrs["spatial_dims"] = _names(axes_of(metadata))
    spacing, unit = spacing_of(metadata)
    duration = metadata.step_duration
    time = group.create_dataset("time", data=np.float32(np.array(clock.steps) * (1 if duration is None else duration)))
    _said(time, sample_varying=False).attrs["units"] = "steps" if duration is None else metadata.time_unit
    for axis, length in zip(axes_of(metadata), shape, strict=True):
        places = group.create_dataset(axis, data=np.float32(spacing * np.arange(length)))
        _said(places, sample_varying=False, time_varying=False).attrs["units"] = unit


def _write_boundaries(file: Any, metadata: TrajectoryMetadata, shape: tuple[int, ...]) -> None:
    """One group for each axis and kind of edge: mirrors are walls."""
    group = file.create_group("boundary_conditions")
    edges = BOUNDARIES.get(str(metadata.geometry.get("edges")))
    if edges is None:  # a geometry of others: nothing is known
        return
    mirrored = LATTICES[metadata.lattice].is_mirrored(str(metadata.geometry.get("name")))
    for axis, length in zip(axes_of(metadata), shape, strict=True):
        kinds = (("wall", [0]), (edges, [-1])) if mirrored else ((edges, [0, -1]),)
        for kind, ends in kinds if edges != "wall" else (("wall", [0, -1]),):
            mask = np.zeros(length, np.bool_)
            mask[ends] = True
            boundary = _said(group.create_group(f"{axis}_{kind}"), sample_varying=False, time_varying=False)
            boundary.attrs["bc_type"] = kind
            boundary.attrs["associated_dims"] = _names([axis])
            boundary.attrs["associated_fields"] = _names([])
            boundary.create_dataset("mask", data=mask)
            boundary.create_dataset("values", data=np.zeros(int(mask.sum()), np.float32))


def _write_scalars(file: Any, crystals: Crystals, points: Sequence[int], members: int) -> None:
    group = file.create_group("scalars")
    group.attrs["field_names"] = _names(list(crystals.parameters))
    statements = statements_of(crystals.metadata)
    for name, values in crystals.parameters.items():
        here = np.repeat(np.atleast_1d(values)[list(points)], members)
        scalar = _said(group.create_dataset(name, data=_single(here)), sample_varying=True, time_varying=False)
        if name in statements:
            scalar.attrs["units"], scalar.attrs["long_name"] = statements[name].unit, statements[name].noun


def _single(values: FloatArray) -> FloatArray | Float32Array:
    """Numbers in single precision, as the layout has them; in double where that would make them zero or infinite."""
    with np.errstate(over="ignore", under="ignore"):
        single = values.astype(np.float32)
    return single if np.allclose(single, values, rtol=2 * np.finfo(np.float32).eps, atol=0) else values


def _write_fields(file: Any, shape: tuple[int, ...], count: int, clock: FrameClock) -> Any:
    for order, names in enumerate(([FIELD], [], [])):
        file.create_group(f"t{order}_fields").attrs["field_names"] = _names(names)
    together = max(min(CHUNK_BYTES // (4 * prod(shape)), clock.count), 1)
    attached = file["t0_fields"].create_dataset(
        FIELD, (count, clock.count, *shape), np.float32, chunks=(1, together, *shape), **COMPRESSION
    )
    attached.attrs["dim_varying"] = np.ones(len(shape), np.bool_)
    attached.attrs["long_name"] = "1 where the site belongs to the crystal, else 0"
    return _said(attached, sample_varying=True, time_varying=True)


def _write_kept(
    file: Any, crystals: Crystals, points: Sequence[int], members: Sequence[int], fields: Sequence[str]
) -> dict[str, Any]:
    """What the layout has no place for: datasets to be filled crystal by crystal, by name."""
    group = file.create_group("nakaya")
    for name, value in attributes_of(crystals.metadata).items():
        group.attrs[name] = value
    group.create_dataset("point", data=np.repeat(np.array(points, np.int64), len(members)))
    group.create_dataset("member", data=np.tile(np.array(members, np.int64), len(points)))
    for name, values in crystals.parameters.items():
        group.create_dataset(
            f"parameters/{name}", data=np.repeat(np.atleast_1d(values)[list(points)], len(members)).astype(np.float64)
        )
    count, shape = len(points) * len(members), crystals.lattice_shape

    def of_sites(name: str, kind: type[np.generic]) -> Any:
        return group.create_dataset(name, (count, *shape), kind, chunks=(1, *shape), **COMPRESSION)

    kept = {"arrival": of_sites("arrival", np.int32)}
    kept |= {
        "steps": group.create_dataset("steps", (count,), np.int64),
        "stop_codes": group.create_dataset("stop_codes", (count,), np.int8),
    }
    if crystals.grain is not None:
        kept["grain"] = of_sites("grain", np.int32)
    for name in fields:
        place, stated = f"fields/{name}", field_of(crystals.metadata, name)
        kept[place] = of_sites(place, np.float32)
        kept[place].attrs["units"], kept[place].attrs["long_name"] = stated.unit, f"{stated.meaning} at the end"
    return kept


def _write_crystal(
    attached: Any, kept: Mapping[str, Any], row: int, grown: Trajectory, member: int, clock: FrameClock
) -> None:
    arrival = grown.arrival[member]
    together, axes = attached.chunks[1], (1,) * arrival.ndim
    for first in range(0, clock.count, together):
        steps = np.array(clock.steps[first : first + together]).reshape(-1, *axes)
        attached[row, first : first + together] = occupancy_at(arrival[None], steps).astype(np.float32)
    values = {"arrival": arrival, "steps": grown.steps[member], "stop_codes": grown.stop_codes[member]}
    values |= {} if grown.grain is None else {"grain": grown.grain[member]}
    values |= {f"fields/{name}": field[member] for name, field in grown.fields.items()}
    for name, dataset in kept.items():
        dataset[row] = values[name]
