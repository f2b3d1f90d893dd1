"""Crystals of a store in the forms of other programs: CSV, NetCDF, The Well's HDF5, VTK, and one NumPy file.

Not for keeping: these files have no checksums, most cannot be read in parts, and none goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nakaya.core.checks import check_count
from nakaya.core.errors import OutputError, ParameterError, UnknownNameError
from nakaya.core.files import check_output, new_file, remove_leftovers, write_whole
from nakaya.core.folders import new_folder
from nakaya.core.tables import Cell, Column, Table, encode_csv
from nakaya.growth.exchange.about import statements_of
from nakaya.growth.exchange.datasets import to_dataset, write_netcdf
from nakaya.growth.exchange.vtk import encode_vtk, vtk_suffix
from nakaya.growth.exchange.well import DEFAULT_FRAMES, write_well
from nakaya.growth.model.setup import STOP_REASONS
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.encoding import named_arrays
from nakaya.growth.store.store import StoredTrajectory

__all__ = ["FORMS", "Selected", "crystal_table", "export_npz", "export_store"]

Progress = Callable[[int, int], None]
"""Takes how many points are done, and of how many."""

CRYSTALS: Final = "crystals.csv"
MAX_FRAMES: Final = 10_000


@dataclass(frozen=True)
class Selected:
    """Which crystals of a store, and what of them.

    Attributes:
        points: Numbers of points; empty: all.
        members: Numbers of members; empty: all.
        fields: Names of final fields; None: all.
        frames: At most so many frames, where the form has any; None: as many as it usually has.

    >>> Selected(points=[0, 3], members=[0]).frames is None
    True
    """

    points: Sequence[int] = ()
    members: Sequence[int] = ()
    fields: Sequence[str] | None = None
    frames: int | None = None

    def of(self, store: StoredTrajectory) -> Selected:
        """Return the same with every number and name written out, after checking that the store has them.

        Raises:
            ParameterError: There is no such point or member, or one is named twice.
            UnknownNameError: There is no such final field.
        """
        for field in self.fields or ():
            if field not in store.fields:
                raise UnknownNameError("final field", field, store.fields)
        points = _numbers("point", self.points, store.num_points)
        members = _numbers("member", self.members, store.num_members)
        return Selected(points, members, tuple(store.fields if self.fields is None else self.fields), self.frames)


def _numbers(what: str, chosen: Sequence[int], count: int) -> tuple[int, ...]:
    for number in chosen:
        if not 0 <= number < count:
            raise ParameterError(f"{what} {number} does not exist: there are {count} {what}s, counted from 0")
    if len(set(chosen)) != len(chosen):
        raise ParameterError(f"{what}s {', '.join(map(str, chosen))}: name each once")
    return tuple(chosen) or tuple(range(count))


def export_store(
    store: StoredTrajectory,
    form: str,
    out: Path,
    selected: Selected | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write crystals of a store in another form, whole or not at all.

    Args:
        store: That is open; "npz", "netcdf" and "csv" hold what is asked for in memory, up to 4 GiB an array.
        form: One of `FORMS`.
        out: File to make; for VTK of several crystals, a folder of files `point-3-member-0.vti` and a table of them.
        selected: Which crystals; by default all.
        overwrite: Whether what is there is replaced.
        progress: Called with the points that are done and their number, where a form is written point by point.

    Returns:
        Plain values: format, crystals, out, and what else there is to say.

    Raises:
        UnknownNameError: There is no such form, or field.
        ParameterError: There are no such crystals, they are not computed yet, or the form has no frames.
        MissingExtraError: The form needs packages that are not installed.
        OutputError: The output exists or cannot be written; nothing is left behind.

    >>> import tempfile, nakaya
    >>> folder = Path(tempfile.mkdtemp())
    >>> nakaya.save(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, members=3, seed=7), folder / "flakes.zarr")
    >>> told = export_store(nakaya.open(folder / "flakes.zarr"), "csv", folder / "flakes.csv", Selected(members=[0, 2]))
    >>> told["crystals"], len((folder / "flakes.csv").read_text("utf-8").splitlines())
    (2, 3)
    """
    if form not in FORMS:
        raise UnknownNameError("format", form, FORMS)
    chosen = (selected or Selected()).of(store)
    if chosen.frames is not None:
        if form != "well":
            raise ParameterError(f"frames={chosen.frames}: {form} holds attachment times, and has no frames")
        check_count("frames", chosen.frames, 2, MAX_FRAMES)
    check_output(out, overwrite=overwrite, sign=CRYSTALS)
    remove_leftovers(out)
    about = FORMS[form](store, out, chosen, overwrite, progress or _ignore)
    return {"format": form, "crystals": len(chosen.points) * len(chosen.members), "out": out, **about}


def _ignore(done: int, total: int) -> None:
    """Tells nobody."""


def _crystals(store: StoredTrajectory, chosen: Selected, progress: Progress) -> Iterator[tuple[int, Trajectory]]:
    """Each point with the crystals that were chosen, without a leading axis."""
    for done, point in enumerate(chosen.points, start=1):
        yield point, _part(store, chosen, [point]).point(0)
        progress(done, len(chosen.points))


def _part(store: StoredTrajectory, chosen: Selected, points: Sequence[int]) -> Trajectory:
    found = store.load(list(points) if store.has_point_axis else None, list(chosen.members))
    stated = tuple(entry for entry in found.metadata.fields if entry.name in (chosen.fields or ()))
    fields = {entry.name: found.fields[entry.name] for entry in stated}
    return replace(found, fields=fields, metadata=replace(found.metadata, fields=stated))


# CSV ------------------------------------------------------------------------------------------------------------------


def crystal_table(
    store: StoredTrajectory, selected: Selected | None = None, *, progress: Progress | None = None
) -> Table:
    """Return the crystals of a store, one a row: its point and member, the parameters, and how it ended.

    `sites` counts those that were attached; `duration` is there where the duration of a step is known.
    """
    chosen, metadata = (selected or Selected()).of(store), store.metadata
    points = np.repeat(np.array(chosen.points), len(chosen.members))
    statements = statements_of(metadata)
    columns = [Column("point", points), Column("member", list(chosen.members) * len(chosen.points))]
    for name, values in store.parameters.items():
        unit = statements[name].unit if name in statements else None
        columns.append(Column(f"parameter.{name}", np.atleast_1d(values)[points], unit))
    steps: list[Cell] = []
    sites: list[Cell] = []
    stopped: list[Cell] = []
    for _, grown in _crystals(store, chosen, progress or _ignore):
        steps += grown.steps.tolist()
        sites += (grown.arrival >= 0).reshape(grown.num_members, -1).sum(axis=1).tolist()
        stopped += [STOP_REASONS[code] for code in grown.stop_codes.tolist()]
    columns.append(Column("steps", steps))
    if metadata.step_duration is not None:
        columns.append(Column("duration", np.array(steps) * metadata.step_duration, metadata.time_unit))
    return Table((*columns, Column("stopped_by", stopped), Column("sites", sites)))


def _export_csv(
    store: StoredTrajectory, out: Path, chosen: Selected, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    write_whole(out, encode_csv(crystal_table(store, chosen, progress=progress)), overwrite=overwrite)
    return {}


# NetCDF, The Well -----------------------------------------------------------------------------------------------------


def _export_netcdf(
    store: StoredTrajectory, out: Path, chosen: Selected, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    places = {"member": list(chosen.members)} | ({"point": list(chosen.points)} if store.has_point_axis else {})
    found = to_dataset(store, chosen.fields).isel(places)
    with new_file(out, overwrite=overwrite) as part:
        write_netcdf(found, part)
    return {"variables": sorted(map(str, found.data_vars))}


def _export_well(
    store: StoredTrajectory, out: Path, chosen: Selected, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    with new_file(out, overwrite=overwrite) as part:
        frames = DEFAULT_FRAMES if chosen.frames is None else chosen.frames
        clock = write_well(
            store, part, chosen.points, chosen.members, chosen.fields or (), frames=frames, progress=progress
        )
    return {"frames": clock.count, "steps_between_frames": clock.stride}


# VTK, NumPy -----------------------------------------------------------------------------------------------------------


def _export_vtk(
    store: StoredTrajectory, out: Path, chosen: Selected, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    suffix = vtk_suffix(store.metadata)
    if len(chosen.points) * len(chosen.members) == 1:
        if out.suffix != suffix:
            raise OutputError(
                f"{out}: a crystal on a {store.metadata.lattice} lattice is a file {suffix}: name it {out.stem}{suffix}"
            )
        [(_, grown)] = _crystals(store, chosen, progress)
        write_whole(out, encode_vtk(grown, 0), overwrite=overwrite)
        return {"files": [out.name]}
    names = []
    with new_folder(out, overwrite=overwrite) as folder:
        for point, grown in _crystals(store, chosen, progress):
            for place, member in enumerate(chosen.members):
                names.append(f"point-{point}-member-{member}{suffix}")
                write_whole(folder / names[-1], encode_vtk(grown, place))
        table = crystal_table(store, chosen)
        write_whole(folder / CRYSTALS, encode_csv(Table((*table.columns, Column("file", names)))))
    return {"files": [*names, CRYSTALS]}


def export_npz(trajectory: Trajectory, path: str | PathLike[str], *, overwrite: bool = True) -> None:
    """Write a trajectory as an `.npz` file, for programs that know neither zarr nor nakaya; no pickle inside.

    The file holds `arrival`, `steps`, `stop_codes`, `grain` (where there is one), each final field as `field_NAME`,
    each parameter as `parameter_NAME`, and `metadata`, a text of JSON.

    Args:
        trajectory: In memory; `nakaya.open(store).load()` reads a store.
        path: The file, such as "flakes.npz".
        overwrite: Whether it takes the place of what is there.

    Raises:
        OutputExistsError: It may not.
        OutputError: It cannot be written; nothing is left behind.

    >>> import tempfile, nakaya
    >>> path = tempfile.mkdtemp() + "/flakes.npz"
    >>> export_npz(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7), path)
    >>> with np.load(path) as arrays:
    ...     print(arrays["arrival"].shape, float(arrays["parameter_rho"]))
    (1, 16, 16) 0.6
    """
    path = Path(path)
    arrays: dict[str, NDArray[Any]] = named_arrays(trajectory, "field_{}".format)
    arrays |= {f"parameter_{name}": np.asarray(values) for name, values in trajectory.parameters.items()}
    metadata = asdict(trajectory.metadata) | {
        "geometry": dict(trajectory.metadata.geometry),
        "format_version": trajectory.metadata.format_version,
    }
    arrays["metadata"] = np.array(json.dumps(metadata))
    stream = BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    write_whole(path, stream.getvalue(), overwrite=overwrite)


def _export_npz(
    store: StoredTrajectory, out: Path, chosen: Selected, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    export_npz(_part(store, chosen, chosen.points), out, overwrite=overwrite)
    return {}


FORMS: Final[Mapping[str, Callable[[StoredTrajectory, Path, Selected, bool, Progress], dict[str, Any]]]] = {
    "csv": _export_csv,
    "netcdf": _export_netcdf,
    "npz": _export_npz,
    "vtk": _export_vtk,
    "well": _export_well,
}
"""What crystals can be written as; `csv` has one row for each, the others hold all that the store does."""
