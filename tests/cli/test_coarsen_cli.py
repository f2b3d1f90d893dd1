"""`nakaya coarsen`: starts, outputs, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nakaya
from nakaya.cli.app import run
from nakaya.core.archives import pack_arrays
from nakaya.growth.coarsening.files import open_coarsening
from nakaya.growth.solvers.grains.parameters import Grains
from nakaya.workflows.coarsening_starts import read_start, tessellation

OUTPUTS = ["coarsening.npz", "film.gif", "frames.csv", "grains.csv", "maps.png", "summary.json"]


def test_a_tessellation_coarsens_into_a_folder_that_is_opened_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    words = ["coarsen", "laguerre", "--grains", "20", "--shape", "48,40", "--duration", "20", "--frames", "2"]
    assert run([*words, "--out", str(first), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert sorted(file.name for file in first.iterdir()) == OUTPUTS
    found = open_coarsening(first / "coarsening.npz")
    assert summary["grains"] == found.num_grains.tolist()
    rows = (first / "grains.csv").read_text().splitlines()
    assert rows[0] == "frame,time,grain,area,neighbours"
    assert len(rows) == 1 + int((found.neighbours > 0).sum())
    assert run([*words, "--out", str(first)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    again = ["coarsen", str(first / "coarsening.npz"), "--duration", "5", "--frames", "1", "--vti"]
    assert run([*again, "--out", str(second)]) == 0
    later = open_coarsening(second / "coarsening.npz")
    assert (later.names[later.grain_maps[0]] == found.names[found.grain_maps[-1]]).all()
    assert b'Name="grain"' in (second / "frame-001.vti").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["first", "second"]


def test_masks_and_maps_are_read_with_their_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grain_map = tessellation("voronoi", (64, 64), 12, 4).grain_map
    Image.fromarray((20 * grain_map + 10).astype(np.uint8)).save(tmp_path / "mask.png")
    (tmp_path / "map.npz").write_bytes(pack_arrays({"labels": grain_map}, level=1))
    for name in ("mask.png", "map.npz"):
        words = ["coarsen", str(tmp_path / name), "--mobility", "1e-14 m^2/s", "--duration", "5 min", "--frames", "1"]
        assert run([*words, "--out", str(tmp_path / "o")]) == 2
        assert "give --spacing" in capsys.readouterr().err
        out = tmp_path / f"of-{name}"
        assert run([*words, "--spacing", "0.5 um", "--out", str(out)]) == 0
        found = open_coarsening(out / "coarsening.npz")
        assert found.times.tolist() == pytest.approx([0, 300])
        assert (found.spacing, found.edges) == (5e-7, "insulated")
        assert "mean_area [m2]" in (out / "frames.csv").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mobility", "3 m/s"], "expected m^2/s or m^4/(J s)"),
        (["--mobility", "fast"], "no number with a unit"),
        (["--mobility", "1e-14 m^4/(J s)"], "M needs --energy"),
        (["--mobility", "1e-14 m^2/s", "--energy", "0.5 J/m^2"], "leave --energy out"),
        (["--mobility", "1e-14 m^2/s", "--spacing", "1 um", "--duration", "7"], "some of spacing"),
        (["--energy", "-1"], "energy=-1"),
        (["--shape", "4,4"], "two or three numbers"),
        (["--until-grains", "50"], "the map has 20 grains"),
        (["--read-shockley", "0"], "threshold=0"),
    ],
)
def test_bad_words_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    base = ["coarsen", "voronoi", "--grains", "20", "--shape", "48,40", "--out", str(tmp_path / "out")]
    end = [] if "--duration" in words or "--until-grains" in words else ["--duration", "5"]
    assert run([*base, *words, *end]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_grown_grains_keep_their_orientations(tmp_path: Path) -> None:
    store, out = tmp_path / "grown.zarr", tmp_path / "out"
    crystals = nakaya.grow(Grains(site_density=5e9), model="grains", size=64, seed=7)
    nakaya.save(crystals, store)
    begun = read_start(store)
    assert begun.orientations is not None
    assert crystals.grain is not None
    assert len(begun.orientations) == len(np.unique(crystals.grain[0]))
    assert begun.spacing == crystals.parameters["spacing"]
    words = ["coarsen", str(store), "--read-shockley", "15", "--duration", "60", "--frames", "1", "--out", str(out)]
    assert run(words) == 0
    found = open_coarsening(out / "coarsening.npz")
    assert found.settings["symmetry"] == "m-3m"
    assert found.edges == begun.edges
