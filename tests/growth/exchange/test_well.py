"""Files of The Well against the layout that it states, and against its own reader where that is installed."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nakaya
from nakaya.core.errors import MissingExtraError
from nakaya.growth.exchange.well import frame_clock, write_well
from nakaya.growth.model.trajectory import Trajectory, occupancy_at
from support.crystals import make_crystals

KINDS: dict[str, dict[str, Any]] = {
    "wedge": {"points": 3, "members": 2, "spacing": 2e-6, "grain": True},
    "periodic": {"points": 2, "members": 1, "edges": "periodic"},
    "one point in three dimensions": {"points": None, "members": 2, "lattice": (3, 4, 5), "fields": ("temperature",)},
}
FRAMES = 9


@pytest.fixture
def h5py() -> Any:
    return pytest.importorskip("h5py", reason='files of The Well need the extra "exchange"')


@pytest.fixture(params=KINDS)
def crystals(request: pytest.FixtureRequest) -> Trajectory:
    return make_crystals(**KINDS[request.param])


def write(crystals: Any, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    points = range(crystals.num_points)
    write_well(crystals, folder / "crystals.hdf5", points, range(crystals.num_members), frames=FRAMES)
    return folder / "crystals.hdf5"


@given(st.integers(0, 2**31 - 1), st.integers(2, 100))
def test_frames_lie_evenly_from_the_first_step_to_the_last(last: int, frames: int) -> None:
    clock = frame_clock(last, frames)
    assert 2 <= clock.count <= frames
    assert clock.steps[0] == 0
    assert clock.steps[-2] < max(last, 1) <= clock.steps[-1]
    assert set(np.diff(clock.steps)) == {clock.stride}


def test_the_layout_is_the_stated_one(crystals: Trajectory, h5py: Any, tmp_path: Path) -> None:
    shape, count = crystals.lattice_shape, crystals.num_points * crystals.num_members
    with h5py.File(write(crystals, tmp_path / "set")) as file:
        assert set(file) == {
            "boundary_conditions",
            "dimensions",
            "nakaya",
            "scalars",
            "t0_fields",
            "t1_fields",
            "t2_fields",
        }
        assert file.attrs["n_trajectories"] == count
        assert file.attrs["n_spatial_dims"] == len(shape)
        assert file.attrs["grid_type"] == ("hexagonal" if len(shape) == 2 else "cartesian")
        for name in file.attrs["simulation_parameters"]:
            assert file.attrs[name] == crystals.parameters[name]
        dimensions = file["dimensions"]
        assert list(dimensions.attrs["spatial_dims"]) == list("zyx"[-len(shape) :])
        times = dimensions["time"]
        assert (times.dtype, times.shape, times.attrs["sample_varying"]) == (np.float32, (FRAMES,), False)
        assert len(set(np.diff(times[:]).round(3))) == 1
        for axis, length in zip(dimensions.attrs["spatial_dims"], shape, strict=True):
            assert (dimensions[axis].dtype, dimensions[axis].shape) == (np.float32, (length,))
            assert not dimensions[axis].attrs["sample_varying"]
            assert not dimensions[axis].attrs["time_varying"]
        assert list(file["scalars"].attrs["field_names"]) == list(crystals.parameters)
        for name, values in crystals.parameters.items():
            scalar = file["scalars"][name]
            assert (scalar.attrs["sample_varying"], scalar.attrs["time_varying"]) == (True, False)
            assert scalar.dtype == (np.float64 if name == "sigma" else np.float32)  # 1e-300 would become zero
            np.testing.assert_allclose(scalar[:], np.repeat(values, crystals.num_members), rtol=1e-6)
        for order in range(3):
            group = file[f"t{order}_fields"]
            assert list(group) == list(group.attrs["field_names"]) == (["attached"] if order == 0 else [])
        field = file["t0_fields/attached"]
        assert (field.dtype, field.shape) == (np.float32, (count, FRAMES, *shape))
        assert field.attrs["dim_varying"].tolist() == [True] * len(shape)
        assert field.attrs["sample_varying"]
        assert field.attrs["time_varying"]
        for name, boundary in file["boundary_conditions"].items():
            (axis,) = boundary.attrs["associated_dims"]
            assert name == f"{axis}_{boundary.attrs['bc_type']}"
            mask = boundary["mask"]
            assert (mask.dtype, mask.shape) == (np.bool_, dimensions[axis].shape)
            assert boundary["values"].shape == (np.count_nonzero(mask[:]),)


def test_every_frame_is_the_crystal_after_its_steps_and_nothing_is_lost(
    crystals: Trajectory, h5py: Any, tmp_path: Path
) -> None:
    count = crystals.num_points * crystals.num_members
    arrival = crystals.arrival.reshape(count, *crystals.lattice_shape)
    with h5py.File(write(crystals, tmp_path / "set")) as file:
        steps = np.rint(file["dimensions/time"][:] / crystals.metadata.step_duration).astype(int)
        for frame, step in enumerate(steps.tolist()):
            np.testing.assert_array_equal(file["t0_fields/attached"][:, frame], occupancy_at(arrival, step))
        np.testing.assert_array_equal(file["t0_fields/attached"][:, -1], arrival >= 0)
        kept = file["nakaya"]
        np.testing.assert_array_equal(kept["arrival"][:], arrival)
        point, member = np.divmod(np.arange(count), crystals.num_members)
        np.testing.assert_array_equal(kept["point"][:], point)
        np.testing.assert_array_equal(kept["member"][:], member)
        np.testing.assert_array_equal(kept["steps"][:], crystals.steps.ravel())
        np.testing.assert_array_equal(kept["stop_codes"][:], crystals.stop_codes.ravel())
        assert ("grain" in kept) == (crystals.grain is not None)
        for name, values in crystals.fields.items():
            np.testing.assert_array_equal(kept["fields"][name][:], values.reshape(arrival.shape))
        for name, values in crystals.parameters.items():
            np.testing.assert_array_equal(kept["parameters"][name][:], np.repeat(values, crystals.num_members))
        assert kept.attrs["model_hash"] == crystals.metadata.model_hash
        assert json.loads(kept.attrs["geometry"]) == crystals.metadata.geometry


def test_more_initial_crystals_than_an_attribute_usually_holds(h5py: Any, tmp_path: Path) -> None:
    crystals = make_crystals(1, 1)
    geometry = {**crystals.metadata.geometry, "initial": [[0, 0]] * 20_000}  # 140 kB of JSON; the usual limit is 64 KiB
    many = replace(crystals, metadata=replace(crystals.metadata, geometry=geometry))
    with h5py.File(write(many, tmp_path / "set")) as file:
        assert json.loads(file["nakaya"].attrs["geometry"]) == geometry


def test_a_store_gives_the_same_file_as_what_was_saved_in_it(h5py: Any, tmp_path: Path) -> None:
    crystals = make_crystals(3, 2, grain=True)
    nakaya.save(crystals, tmp_path / "c.zarr")
    saved = write(crystals, tmp_path / "set").read_bytes()
    assert write(nakaya.open(tmp_path / "c.zarr"), tmp_path / "set").read_bytes() == saved


def test_without_h5py_the_extra_is_named(tmp_path: Path) -> None:
    with patch.dict(sys.modules, {"h5py": None}), pytest.raises(MissingExtraError, match=r"nakaya\[exchange\]"):
        write(make_crystals(1, 1), tmp_path)


def test_the_reader_of_the_well_reads_the_same(crystals: Trajectory, tmp_path: Path) -> None:
    pytest.importorskip("the_well", reason="the_well is not installed: it asks for one older release of fsspec")
    from the_well.data.datasets import WellDataset

    write(crystals, tmp_path / "set")
    samples = WellDataset(path=str(tmp_path / "set"), n_steps_input=1, n_steps_output=FRAMES - 1)
    assert len(samples) == crystals.num_points * crystals.num_members
    assert samples.metadata.constant_scalar_names == list(crystals.parameters)
    last = samples[len(samples) - 1]
    finished = crystals.arrival.reshape(-1, *crystals.lattice_shape)[-1] >= 0
    np.testing.assert_array_equal(last["output_fields"][-1, ..., 0].numpy(), finished)
    edges = {"reservoir": 1, "periodic": 2}[
        str(crystals.metadata.geometry["edges"])
    ]  # 0 = wall, 1 = open, 2 = periodic
    mirrored = crystals.metadata.lattice == "hexagonal"
    assert last["boundary_conditions"].tolist() == [[0 if mirrored else edges, edges]] * crystals.metadata.dimension
