"""Crystals as a data set of xarray, which writes NetCDF; those of a store are read when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.errors import MissingExtraError
from nakaya.growth.exchange.about import (
    ARRAYS,
    AXES,
    Crystals,
    attributes_of,
    axes_of,
    field_of,
    positions_of,
    spacing_of,
    statements_of,
)
from nakaya.growth.model.trajectory import TrajectoryMetadata

__all__ = ["to_dataset", "write_netcdf"]

EXTRA = "exchange"


def to_dataset(crystals: Crystals, fields: Sequence[str] | None = None) -> Any:  # an xarray.Dataset: an extra
    """Return crystals as an `xarray.Dataset`, with some of their final fields or (None) all of them.

    Variables `arrival`, `steps`, `stop_codes`, `grain` and each final field by name, with dimensions point, member, and
    y, x (or z, y, x), y along the rows' numbers. Coordinates are the parameters (on `point`), the numbers of points and
    members, and places along the lattice's axes; those of a hexagonal lattice are oblique, so `position_x` and
    `position_y` say where its sites lie. Attributes say units, meanings, model, hash, version and citation.

    Names that are taken get a prefix: `parameter_x`, `field_steps`.

    Raises:
        MissingExtraError: xarray is not installed.

    >>> import nakaya
    >>> points = [nakaya.GravnerGriffeath(rho=rho) for rho in (0.5, 0.6)]
    >>> flakes = to_dataset(nakaya.grow(points, size=16, members=3, seed=7))
    >>> dict(flakes["arrival"].sizes), flakes["rho"].values.tolist()
    ({'point': 2, 'member': 3, 'y': 16, 'x': 16}, [0.5, 0.6])
    """
    try:
        import xarray

        from nakaya.growth.exchange.lazy import lazy
    except ImportError:
        raise MissingExtraError("xarray data sets", EXTRA) from None

    def readable(values: Any) -> Any:
        return values if isinstance(values, np.ndarray) else lazy(values)

    metadata = crystals.metadata
    axes = axes_of(metadata)
    points = ("point",) if crystals.has_point_axis else ()
    of_site, of_crystal = (*points, "member", *axes), (*points, "member")
    coordinates = _places(metadata, crystals.lattice_shape)
    coordinates["member"] = ("member", np.arange(crystals.num_members), {"long_name": "number of the crystal"})
    if points:
        coordinates["point"] = ("point", np.arange(crystals.num_points), {"long_name": "number of the parameter point"})
    arrays = {"arrival": crystals.arrival, "steps": crystals.steps, "stop_codes": crystals.stop_codes}
    arrays |= {} if crystals.grain is None else {"grain": crystals.grain}
    variables = {
        name: (of_site if name in ("arrival", "grain") else of_crystal, readable(values), dict(ARRAYS[name]))
        for name, values in arrays.items()
    }
    taken = {*variables, *coordinates, "position_x", "position_y", "position_z"}
    statements = statements_of(metadata)
    for name, values in crystals.parameters.items():
        stated = statements.get(name)
        about = {} if stated is None else {"units": stated.unit, "long_name": stated.noun}
        coordinates[_free(name, "parameter", taken)] = (points, np.array(values), about)
    for name in crystals.fields if fields is None else fields:
        entry = field_of(metadata, name)
        about = {"units": entry.unit, "long_name": f"{entry.meaning} at the end of the growth"}
        variables[_free(name, "field", taken)] = (of_site, readable(crystals.fields[name]), about)
    return xarray.Dataset(variables, coordinates, attributes_of(metadata))


def _free(name: str, kind: str, taken: set[str]) -> str:
    """A name that is not taken, and is from now on."""
    while name in taken:
        name = f"{kind}_{name}"
    taken.add(name)
    return name


def _places(metadata: TrajectoryMetadata, shape: tuple[int, ...]) -> dict[str, Any]:
    spacing, unit = spacing_of(metadata)
    axes = axes_of(metadata)
    along = "along the axis of the array" if metadata.lattice == "hexagonal" else "of the site"
    places: dict[str, Any] = {
        axis: (axis, spacing * np.arange(length), {"long_name": f"{axis} {along}", "units": unit})
        for axis, length in zip(axes, shape, strict=True)
    }
    if metadata.lattice == "hexagonal":
        positions = positions_of(metadata, shape)
        for number, axis in enumerate("xy"):
            about = {"long_name": f"{axis} of the site; rows run along x, columns at 120 degrees", "units": unit}
            places[f"position_{axis}"] = (axes, positions[..., number], about)
    return places


def write_netcdf(dataset: Any, path: Path) -> None:  # an xarray.Dataset
    """Write a data set of crystals as NetCDF 4, compressed; a reader may ask for single crystals.

    Raises:
        MissingExtraError: h5netcdf is not installed.
        OSError: It cannot be written; what was begun stays.
    """
    if find_spec("h5netcdf") is None or find_spec("h5py") is None:
        raise MissingExtraError("NetCDF files", EXTRA)
    packed = {}
    for name, variable in dataset.data_vars.items():
        if set(AXES) & set(variable.dims):
            chunks = tuple(size if axis in AXES else 1 for axis, size in variable.sizes.items())
            packed[name] = {"zlib": True, "complevel": 4, "shuffle": True, "chunksizes": chunks}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=packed)
