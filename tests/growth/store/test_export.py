from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nakaya
from nakaya.core.errors import MissingExtraError, NakayaError, OutputError, OutputExistsError
from nakaya.core.tables import encode_csv
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.export import FORMS, Selected, crystal_table, export_npz, export_store
from nakaya.growth.store.store import StoredTrajectory

Maker = Callable[..., Trajectory]


@pytest.mark.parametrize("grain", [False, True])
def test_numpy_alone_reads_what_was_exported(crystals: Maker, tmp_path: Path, grain: bool) -> None:
    original = crystals(2, 3, grain=grain)
    export_npz(original, tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz", allow_pickle=False) as found:
        assert np.array_equal(found["arrival"], original.arrival)
        assert np.array_equal(found["steps"], original.steps)
        assert np.array_equal(found["stop_codes"], original.stop_codes)
        assert ("grain" in found) == grain
        assert np.array_equal(found["parameter_sigma"], original.parameters["sigma"])
        metadata = json.loads(str(found["metadata"]))
    assert metadata["seed"] == original.metadata.seed
    assert metadata["geometry"] == original.metadata.geometry


def test_a_full_disk_leaves_nothing_behind(crystals: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="no space left"):
        export_npz(crystals(1, 1), tmp_path / "c.npz")
    assert list(tmp_path.iterdir()) == []


ENDINGS = {"csv": "c.csv", "netcdf": "c.nc", "npz": "c.npz", "vtk": "c", "well": "c.hdf5"}
NEEDS = {"netcdf": "xarray", "well": "h5py"}


@pytest.fixture
def store(crystals: Maker, tmp_path: Path) -> StoredTrajectory:
    nakaya.save(crystals(3, 2, grain=True, fields=("heat", "steps")), tmp_path / "c.zarr")
    return nakaya.open(tmp_path / "c.zarr")


def test_every_form_has_a_test_here() -> None:
    assert set(FORMS) == set(ENDINGS)


@pytest.mark.parametrize("form", ENDINGS)
def test_what_is_there_stays_and_what_fails_leaves_nothing(
    form: str, store: StoredTrajectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form in NEEDS:
        pytest.importorskip(NEEDS[form], reason='the form needs the extra "exchange"')
    out = tmp_path / "new" / ENDINGS[form]
    done: list[tuple[int, int]] = []
    told = export_store(store, form, out, progress=lambda *now: done.append(now))
    assert done[-3:] == ([] if form in ("netcdf", "npz") else [(1, 3), (2, 3), (3, 3)])
    assert (told["format"], told["crystals"], told["out"]) == (form, 6, out)
    with pytest.raises(OutputExistsError, match="exists already"):
        export_store(store, form, out)
    export_store(store, form, out, overwrite=True)
    before = sorted(path.name for path in out.parent.iterdir())

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    for place, overwrite in ((out, True), (out.with_name(f"other-{out.name}"), False)):
        with pytest.raises(OutputError, match="no space left"):
            export_store(store, form, place, overwrite=overwrite)
    assert sorted(path.name for path in out.parent.iterdir()) == before


def test_netcdf_of_some_crystals_is_that_part_of_the_data_set(store: StoredTrajectory, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason='NetCDF needs the extra "exchange"')
    export_store(store, "netcdf", tmp_path / "c.nc", Selected(points=(2, 0), members=(1,), fields=("steps",)))
    with xarray.open_dataset(tmp_path / "c.nc") as found:
        part = store.to_xarray().isel(point=[2, 0], member=[1]).drop_vars("heat")
        xarray.testing.assert_identical(found.load(), part.load())
        assert found["arrival"].encoding["chunksizes"] == (1, 1, 9, 9)


def test_a_table_has_a_row_for_every_crystal(store: StoredTrajectory, crystals: Maker) -> None:
    whole = store.load()
    table = crystal_table(store, Selected(points=(1,)))
    cells = {column.name: list(column.cells) for column in table.columns}
    assert cells["member"] == [0, 1]
    assert cells["steps"] == whole.steps[1].tolist()
    assert cells["sites"] == [int((arrival >= 0).sum()) for arrival in whole.arrival[1]]
    assert cells["stopped_by"] == whole.stopped_by[1].tolist()
    assert cells["parameter.rho"] == [float(whole.parameters["rho"][1])] * 2
    assert b"parameter.rho [1],parameter.sigma [1],steps,duration [s]," in encode_csv(table).splitlines()[0]


def test_vtk_is_a_folder_of_crystals_or_one_file(store: StoredTrajectory, tmp_path: Path) -> None:
    told = export_store(store, "vtk", tmp_path / "all", Selected(points=(2,), fields=()))
    assert told["files"] == ["point-2-member-0.vts", "point-2-member-1.vts", "crystals.csv"]
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == sorted(told["files"])
    assert b"heat" not in (tmp_path / "all" / "point-2-member-0.vts").read_bytes()
    export_store(store, "vtk", tmp_path / "one.vts", Selected(points=(2,), members=(1,), fields=()))
    one = (tmp_path / "one.vts").read_bytes()
    assert one == (tmp_path / "all" / "point-2-member-1.vts").read_bytes()


def test_a_point_without_axis_is_exported_as_well(crystals: Maker, tmp_path: Path) -> None:
    nakaya.save(crystals(None, 2), tmp_path / "c.zarr")
    store = nakaya.open(tmp_path / "c.zarr")
    for form in ("csv", "npz", "vtk"):
        assert export_store(store, form, tmp_path / ENDINGS[form], Selected(points=(0,)))["crystals"] == 2
    with np.load(tmp_path / "c.npz") as found:
        assert np.array_equal(found["arrival"], store.arrival)


@pytest.mark.parametrize(
    ("form", "selected", "message"),
    [
        ("hdf4", Selected(), "unknown format 'hdf4'.*known: csv, netcdf, npz, vtk, well"),
        ("vtk", Selected(points=(3,)), "point 3 does not exist: there are 3 points, counted from 0"),
        ("vtk", Selected(members=(-1,)), "member -1 does not exist"),
        ("npz", Selected(points=(1, 1)), "name each once"),
        ("netcdf", Selected(fields=("heta",)), "unknown final field 'heta': did you mean 'heat'"),
        ("csv", Selected(frames=9), "has no frames"),
        ("well", Selected(frames=1), "frames"),
        ("vtk", Selected(points=(0,), members=(0,)), r"a file .vts: name it c.vts"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(
    form: str, selected: Selected, message: str, store: StoredTrajectory, tmp_path: Path
) -> None:
    with pytest.raises(NakayaError, match=message):
        export_store(store, form, tmp_path / "out" / "c.vti", selected)
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(("form", "module"), [("netcdf", "xarray"), ("well", "h5py")])
def test_a_missing_extra_is_named_and_leaves_nothing(
    form: str, module: str, store: StoredTrajectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"nakaya\[exchange\]"):
        export_store(store, form, tmp_path / "out" / "c")
    assert not list((tmp_path / "out").glob("*"))


def test_crystals_that_are_not_computed_yet_are_not_exported(store: StoredTrajectory, tmp_path: Path) -> None:
    next((store.path / "records").glob("0.*.json")).unlink()
    for form in ("csv", "npz", "vtk"):
        with pytest.raises(NakayaError, match="not computed yet"):
            export_store(store, form, tmp_path / "out" / "c")
    assert not list((tmp_path / "out").glob("*"))


def test_what_a_killed_export_left_goes_with_the_next_one(store: StoredTrajectory, tmp_path: Path) -> None:
    out = tmp_path / "new" / "c.csv"
    begun = f"from nakaya.core.files import own_part; own_part(Path({str(out)!r})).write_bytes(b'half')"
    out.parent.mkdir()
    subprocess.run([sys.executable, "-c", f"from pathlib import Path; {begun}"], check=True)
    assert len(list(out.parent.iterdir())) == 1
    export_store(store, "csv", out)
    assert [path.name for path in out.parent.iterdir()] == ["c.csv"]
