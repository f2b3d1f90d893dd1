"""A store as a data set of PyTorch: every crystal once, the same in every process, parts that share no point."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import nakaya
from nakaya.core.errors import MissingExtraError, ParameterError, UnknownNameError
from nakaya.growth.store.reading import ShardReader
from nakaya.growth.store.splits import split_points
from support.crystals import make_crystals

torch = pytest.importorskip("torch", reason='data sets of PyTorch need the extra "ml"')

POINTS, MEMBERS = 5, 3


@pytest.fixture(scope="module")
def crystals() -> nakaya.Trajectory:
    return make_crystals(POINTS, MEMBERS, grain=True, fields=("heat",))


@pytest.fixture(scope="module")
def store(crystals: nakaya.Trajectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "c.zarr"
    nakaya.save(crystals, path)
    return path


@pytest.mark.parametrize("in_memory", [False, True])
def test_every_crystal_is_an_item_with_its_parameters(
    in_memory: bool, crystals: nakaya.Trajectory, store: Path
) -> None:
    found = nakaya.CrystalDataset(store, in_memory=in_memory)
    assert len(found) == POINTS * MEMBERS
    assert found.parameter_names == ("rho", "sigma")
    for index in range(len(found)):
        item, (point, member) = found[index], divmod(index, MEMBERS)
        assert (int(item["point"]), int(item["member"])) == (point, member)
        assert item["arrival"].dtype == torch.int32
        np.testing.assert_array_equal(item["arrival"], crystals.arrival[point, member])
        np.testing.assert_array_equal(item["grain"], crystals.grain[point, member])
        np.testing.assert_array_equal(item["fields"]["heat"], crystals.fields["heat"][point, member])
        assert int(item["steps"]) == crystals.steps[point, member]
        assert int(item["stop_code"]) == crystals.stop_codes[point, member]
        expected = np.float32([values[point] for values in crystals.parameters.values()])
        np.testing.assert_array_equal(item["parameters"], expected)
    np.testing.assert_array_equal(found[-1]["arrival"], crystals.arrival[-1, -1])
    with pytest.raises(IndexError, match="there are 15"):
        found[15]


def test_a_batch_reads_each_point_once_and_keeps_its_order(crystals: nakaya.Trajectory, store: Path) -> None:
    found, calls = nakaya.CrystalDataset(store), 0
    whole = ShardReader.read

    def counted(*words: Any) -> Any:
        nonlocal calls
        calls += 1
        return whole(*words)

    with patch.object(ShardReader, "read", counted):
        items = found.__getitems__([14, 2, 0, 13, 2])
    assert [(int(item["point"]), int(item["member"])) for item in items] == [(4, 2), (0, 2), (0, 0), (4, 1), (0, 2)]
    for item in items:
        np.testing.assert_array_equal(item["arrival"], crystals.arrival[int(item["point"]), int(item["member"])])
    assert calls == 2


@pytest.mark.parametrize(("start", "workers"), [("fork", 2), ("spawn", 1)])  # one that is spawned imports torch anew
def test_worker_processes_give_the_same_batches(
    start: str, workers: int, crystals: nakaya.Trajectory, store: Path
) -> None:
    if start not in torch.multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {start}")
    found = nakaya.CrystalDataset(store, parameters=("rho",))
    batches = torch.utils.data.DataLoader(found, batch_size=4, num_workers=workers, multiprocessing_context=start)
    arrival = torch.cat([batch["arrival"] for batch in batches])
    np.testing.assert_array_equal(arrival, crystals.arrival.reshape(-1, 9, 9))
    rho = torch.cat([batch["parameters"] for batch in batches])
    np.testing.assert_array_equal(rho[:, 0], np.repeat(np.float32(crystals.parameters["rho"]), MEMBERS))


def test_parts_share_no_point_and_are_those_of_the_stated_split(store: Path) -> None:
    fractions = {"train": 0.6, "validation": 0.2, "test": 0.2}
    parts = nakaya.CrystalDataset(store).split(fractions, seed=7)
    stated = split_points(POINTS, fractions, 7)
    assert {name: part.points.tolist() for name, part in parts.items()} == {
        name: points.tolist() for name, points in stated.items()
    }
    assert sum(map(len, parts.values())) == POINTS * MEMBERS
    some = nakaya.CrystalDataset(store, points=[0, 1], parameters=("sigma",), in_memory=True).split(fractions, seed=7)
    for name, part in some.items():
        assert set(part.points.tolist()) == {0, 1} & set(stated[name].tolist())
        assert {int(part[index]["point"]) for index in range(len(part))} == set(part.points.tolist())
        assert part.parameter_names == ("sigma",)


def test_times_have_the_unit_of_the_model(crystals: nakaya.Trajectory, store: Path) -> None:
    arrival = nakaya.CrystalDataset(store, in_time=True)[4]["arrival"]
    steps = crystals.arrival[1, 1]
    assert arrival.dtype == torch.float32
    expected = np.where(steps < 0, np.nan, steps * crystals.metadata.step_duration)
    np.testing.assert_allclose(arrival, expected, rtol=1e-6)


def test_a_point_without_an_axis_and_a_transform(tmp_path: Path) -> None:
    nakaya.save(make_crystals(None, 2, (3, 4, 5)), tmp_path / "c.zarr")
    found = nakaya.CrystalDataset(nakaya.open(tmp_path / "c.zarr"), transform=lambda item: item["arrival"].shape)
    assert [found[0], found[1]] == [(3, 4, 5)] * 2


def test_what_cannot_be_given_is_said(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown parameter 'rhoo': did you mean 'rho'"):
        nakaya.CrystalDataset(store, parameters=("rhoo",))
    with pytest.raises(IndexError, match="point is out of range"):
        nakaya.CrystalDataset(store, points=[5])
    grown = nakaya.grow(nakaya.GravnerGriffeath(rho=0.9), model="gravner-griffeath-reference", size=8, seed=0)
    nakaya.save(grown, tmp_path / "c.zarr")
    with pytest.raises(ParameterError, match="does not say how long a step is"):
        nakaya.CrystalDataset(tmp_path / "c.zarr", in_time=True)
    next((tmp_path / "c.zarr" / "records").glob("0.*.json")).unlink()
    with pytest.raises(ParameterError, match="1 of 1 crystals of .* are not computed yet"):
        nakaya.CrystalDataset(tmp_path / "c.zarr")


def test_without_torch_the_extra_is_named() -> None:
    names = ("nakaya.growth.emulators.crystal_dataset", "torch", "torch.utils.data")
    with patch.dict(sys.modules, dict.fromkeys(names[1:])):
        sys.modules.pop(names[0], None)
        with pytest.raises(MissingExtraError, match=r"nakaya\[ml\]"):
            nakaya.__getattr__("CrystalDataset")
