"""Crystals as xarray data sets: the same numbers, read when asked for, and the same again after NetCDF."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import nakaya
from nakaya.core.errors import MissingExtraError, ParameterError
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.reading import ShardReader
from support.crystals import make_crystals

KINDS = {
    "points": {"points": 3, "members": 2},
    "one point": {"points": None, "members": 2},
    "three dimensions": {"points": 2, "members": 1, "lattice": (3, 4, 5)},
    "grains and fields": {"points": 2, "members": 2, "grain": True, "fields": ("temperature", "steps")},
}


@pytest.fixture(params=KINDS)
def crystals(request: pytest.FixtureRequest) -> Trajectory:
    return make_crystals(**KINDS[request.param])


@pytest.fixture
def xarray() -> Any:
    return pytest.importorskip("xarray", reason='data sets need the extra "exchange"')


def test_a_data_set_holds_the_arrays_with_their_axes(crystals: Trajectory, xarray: Any) -> None:
    found = crystals.to_xarray()
    axes = ("z", "y", "x")[-crystals.metadata.dimension :]
    points = ("point",) if crystals.has_point_axis else ()
    assert found["arrival"].dims == (*points, "member", *axes)
    assert found["steps"].dims == (*points, "member")
    for name in ("arrival", "steps", "stop_codes"):
        np.testing.assert_array_equal(found[name], getattr(crystals, name))
        assert found[name].dtype == getattr(crystals, name).dtype
    assert ("grain" in found) == (crystals.grain is not None)
    for name, values in crystals.parameters.items():
        assert found[name].dims == points
        assert name in found.coords
        np.testing.assert_array_equal(found[name], values)
    for name, values in crystals.fields.items():
        variable = found["field_steps" if name == "steps" else name]
        np.testing.assert_array_equal(variable, values)
        assert variable.attrs["units"] == "K"


def test_attributes_say_where_crystals_come_from(xarray: Any) -> None:
    crystals = make_crystals(2, 1)
    about = crystals.to_xarray().attrs
    for name in ("model", "model_hash", "seed", "step_duration", "time_unit", "package_version"):
        assert about[name] == getattr(crystals.metadata, name)
    assert "Gravner" in about["citation"]
    assert "nakaya" in about["citation"]
    assert "site_spacing" not in about  # it is not known
    rho = crystals.to_xarray()["rho"].attrs
    assert rho == {"units": "1", "long_name": "vapour density far from the crystal"}


def test_sites_of_a_hexagonal_lattice_lie_one_spacing_from_their_neighbours(xarray: Any) -> None:
    found = make_crystals(None, 1, spacing=2e-6).to_xarray()
    x, y = found["position_x"].to_numpy(), found["position_y"].to_numpy()
    for rows, columns in ((1, 0), (0, 1), (1, 1)):
        far = np.hypot(
            x[rows:, columns:] - x[: 9 - rows, : 9 - columns], y[rows:, columns:] - y[: 9 - rows, : 9 - columns]
        )
        np.testing.assert_allclose(far, 2e-6, rtol=1e-12)
    assert found["position_x"].attrs["units"] == "m"
    cubic = make_crystals(None, 1, (3, 4, 5), spacing=2e-6).to_xarray()
    assert "position_x" not in cubic
    np.testing.assert_allclose(cubic["z"], [0, 2e-6, 4e-6])


def test_netcdf_opens_again_equal(crystals: Trajectory, xarray: Any, tmp_path: Path) -> None:
    pytest.importorskip("h5netcdf", reason='NetCDF needs the extra "exchange"')
    found = crystals.to_xarray()
    found.to_netcdf(tmp_path / "crystals.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "crystals.nc", engine="h5netcdf") as again:
        again.load()
        xarray.testing.assert_identical(again, found)
        assert {name: again[name].dtype for name in again.variables} == {
            name: found[name].dtype for name in found.variables
        }


def test_a_store_is_the_same_data_set_and_reads_what_is_asked_for(
    crystals: Trajectory, xarray: Any, tmp_path: Path
) -> None:
    nakaya.save(crystals, tmp_path / "c.zarr")
    read: list[tuple[int, int]] = []
    whole = ShardReader.read

    def counted(reader: ShardReader, names: Any, points: Any, members: Any, limit: int) -> Any:
        read.append((len(points), len(members)))
        return whole(reader, names, points, members, limit)

    with patch.object(ShardReader, "read", counted):
        found = nakaya.open(tmp_path / "c.zarr").to_xarray()
        assert read == []
        one = found["arrival"].isel(member=0)
        one = one.isel(point=-1) if crystals.has_point_axis else one
        assert read == []
        expected = crystals.arrival[-1, 0] if crystals.has_point_axis else crystals.arrival[0]
        np.testing.assert_array_equal(one.values, expected)
        assert read == [(1, 1)]
    xarray.testing.assert_identical(found.load(), crystals.to_xarray())


def test_lists_strides_and_copies_of_a_store_read_the_right_crystals(xarray: Any, tmp_path: Path) -> None:
    crystals = make_crystals(4, 3)
    nakaya.save(crystals, tmp_path / "c.zarr")
    arrival = pickle.loads(pickle.dumps(nakaya.open(tmp_path / "c.zarr").to_xarray()))["arrival"]
    np.testing.assert_array_equal(arrival.isel(point=[2, 0], member=[1, 2]), crystals.arrival[np.ix_([2, 0], [1, 2])])
    np.testing.assert_array_equal(arrival[::-1, ::2, 3:1:-1], crystals.arrival[::-1, ::2, 3:1:-1])
    np.testing.assert_array_equal(arrival.isel(y=[4, 4], x=[0, 8]), crystals.arrival[..., [4, 4], :][..., [0, 8]])


def test_without_xarray_the_extra_is_named() -> None:
    with patch.dict("sys.modules", {"xarray": None}), pytest.raises(MissingExtraError, match=r"nakaya\[exchange\]"):
        make_crystals(1, 1).to_xarray()


def test_what_is_not_computed_yet_is_an_error(xarray: Any, tmp_path: Path) -> None:
    nakaya.save(make_crystals(2, 1), tmp_path / "c.zarr")
    for record in (tmp_path / "c.zarr" / "records").glob("0.0.json"):
        record.unlink()
    found = nakaya.open(tmp_path / "c.zarr").to_xarray()
    with pytest.raises(ParameterError, match="not computed yet"):
        found["arrival"].load()
