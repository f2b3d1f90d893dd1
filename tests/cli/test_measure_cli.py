"""`nakaya measure`: numbers of maps whose grains are known, of stores, and of coarsened maps."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import nakaya
from nakaya.cli.app import run
from nakaya.core.archives import pack_arrays
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains
from nakaya.growth.solvers.grains.measures import grain_statistics
from nakaya.growth.solvers.grains.orientations import grain_orientations
from nakaya.growth.solvers.grains.parameters import Grains, Grains3D
from nakaya.theory import length_of_density


def measured(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["measure", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_squares_have_the_numbers_that_are_counted_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, columns = np.indices((12, 12)) // 4
    squares = (3 * rows + columns).astype(np.int32)
    squares[:4, :4] = -1  # melt
    (tmp_path / "map.npz").write_bytes(pack_arrays({"grain": 10 * squares - 9 * (squares < 0)}, level=1))
    source, table = str(tmp_path / "map.npz"), tmp_path / "grains.csv"
    found = measured([source, "--spacing", "2 um", "--out", str(table)], capsys)
    assert (found["grains"], found["grains_on_edges"]) == (8, 7)
    assert found["solid_fraction"] == pytest.approx(8 / 9)
    assert found["grain_density"] == pytest.approx(8 / (24e-6) ** 2)
    assert found["characteristic_length"] == pytest.approx(length_of_density(8 / (24e-6) ** 2, dimension=2))
    assert found["mean_size"] == pytest.approx(64e-12)
    assert found["size_variation"] == pytest.approx(0, abs=1e-12)
    assert found["mean_diameter"] == pytest.approx(8e-6 * 2 / np.sqrt(np.pi))
    assert found["texture"] is None
    with table.open() as stream:
        by_number = {int(row["grain"]): row for row in csv.DictReader(stream)}
    assert sorted(by_number) == [10 * number for number in range(1, 9)]
    assert {row["area [m2]"] for row in by_number.values()} == {"6.4e-11"}
    # Of the last square: to the left, above, and across the corner that four grains share.
    assert (by_number[80]["neighbours"], by_number[40]["on_edge"], by_number[80]["on_edge"]) == ("3", "0", "1")
    assert measured([source], capsys)["length_unit"] == "sites"
    assert run(["measure", source]) == 0
    printed = capsys.readouterr().out
    assert "8, 7 of them at the edges" in printed
    assert "mean area      16 sites^2" in printed
    assert "no orientations known" in printed


@pytest.mark.parametrize(
    ("point", "model", "shape"),
    [
        (Grains(site_density=2e10), "grains", (48, 48)),
        (Grains3D(site_density=1e15), "grains-3d", (24, 24, 24)),
        (DendriticGrains(nuclei_density=1e9, undercooling=8.0), "grains-dendritic", (48, 40)),
    ],
    ids=["grains", "grains-3d", "grains-dendritic"],
)
def test_stores_have_what_their_crystals_have(
    point: Any, model: str, shape: tuple[int, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crystals = nakaya.grow(point, model=model, shape=shape, members=2, seed=7)
    nakaya.save(crystals, tmp_path / "grown.zarr")
    found = measured([str(tmp_path / "grown.zarr"), "--member", "1", "--out", str(tmp_path / "a.csv")], capsys)
    known = grain_statistics(crystals, member=1)
    assert found["grains"] == known.num_grains > 2
    assert found["length_unit"] == "m"
    for name, value in (
        ("grain_density", known.density),
        ("characteristic_length", known.characteristic_length),
        ("mean_size", known.sizes.mean()),
        ("mean_diameter", known.mean_diameter),
    ):
        assert found[name] == pytest.approx(value), name
    with (tmp_path / "a.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    turns = grain_orientations(crystals, member=1)
    assert crystals.grain is not None
    if len(shape) == 2:
        field = crystals.fields["angle"][1]
        for row in rows:
            assert float(row["angle [deg]"]) == pytest.approx(
                field[crystals.grain[1] == int(row["grain"])][0], abs=1e-4
            )
        phases = np.exp(4j * np.radians([float(row["angle [deg]"]) for row in rows]))
        weights = known.sizes / known.sizes.sum()
        assert found["texture"]["index"] == pytest.approx(1 + 2 * abs((weights * phases).sum()) ** 2)
        assert found["texture"]["random"] == pytest.approx(1 + 2 * (weights**2).sum())
    else:
        angles = [[float(row[f"{name} [deg]"]) for name in ("phi1", "Phi", "phi2")] for row in rows]
        back = Rotation.from_euler("ZXZ", angles, degrees=True).inv()
        assert (back * turns.inv()).magnitude().max() == pytest.approx(0, abs=1e-5)
        assert found["texture"]["single"] == 10


def test_what_has_coarsened_keeps_its_units_and_orientations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crystals = nakaya.grow(Grains(site_density=1e10), model="grains", size=64, seed=7)
    nakaya.save(crystals, tmp_path / "grown.zarr")
    words = ["coarsen", str(tmp_path / "grown.zarr"), "--until-grains", "20", "--frames", "1"]
    assert run([*words, "--mobility", "1e-14 m^2/s", "--out", str(tmp_path / "si")]) == 0
    assert run([*words, "--out", str(tmp_path / "plain")]) == 0
    capsys.readouterr()
    table = tmp_path / "left.csv"
    found = measured([str(tmp_path / "si" / "coarsening.npz"), "--out", str(table)], capsys)
    plain = measured([str(tmp_path / "plain" / "coarsening.npz")], capsys)
    assert found["grains"] == plain["grains"] <= 20
    assert (found["length_unit"], plain["length_unit"]) == ("m", "sites")
    assert found["mean_size"] == pytest.approx(1e-12 * plain["mean_size"])
    assert found["texture"] == plain["texture"]
    assert found["texture"]["single"] == 3
    assert crystals.grain is not None
    with table.open() as stream:
        for row in csv.DictReader(stream):
            angle = crystals.fields["angle"][0][crystals.grain[0] == int(row["grain"])][0]
            assert float(row["angle [deg]"]) == pytest.approx(float(angle), abs=1e-4)


def test_what_has_no_grains_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flake = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7, stop=nakaya.StopRules(max_steps=5))
    nakaya.save(flake, tmp_path / "flake.zarr")
    assert run(["measure", str(tmp_path / "flake.zarr")]) == 2
    assert "without their grains" in capsys.readouterr().err
    (tmp_path / "melt.npz").write_bytes(pack_arrays({"grain": np.full((9, 9), -1, np.int32)}, level=1))
    assert run(["measure", str(tmp_path / "melt.npz")]) == 2
    assert "no grain in this map" in capsys.readouterr().err
    assert run(["measure", str(tmp_path / "melt.npz"), "--spacing", "2"]) == 2
    assert "has no unit" in capsys.readouterr().err
    assert run(["measure", str(tmp_path / "missing.zarr")]) == 2
