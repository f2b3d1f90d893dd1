"""The measured claims about micrographs, on one map and on drawn loops."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')

from benchmarks import micrographs as synthetic
from benchmarks.__main__ import run
from benchmarks.loops import benchmark_loops
from nakaya.core.errors import InputFileError


def test_every_etching_that_is_asked_for_is_right_within_a_tenth(monkeypatch, capsys):
    monkeypatch.setattr(synthetic, "SHAPE", (200, 240))
    monkeypatch.setattr(synthetic, "GRAINS", 45)
    assert run(["micrographs", "--maps", "1", "--seed", "3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in document["etchings"]}
    assert set(rows) == set(synthetic.ETCHINGS)
    for name, row in rows.items():
        if name != "a quarter unmarked":
            assert abs(row["deviation"][0]) <= document["asked"], name
            assert row["grains"][0] == pytest.approx(1.0, abs=0.2), name
    assert abs(rows["clean"]["deviation"][0]) < 0.02


def write_pair(folder, name: str, spots: int) -> None:
    rng = np.random.default_rng(spots)
    rows, columns = np.indices((200, 200))
    image, mask = np.full((200, 200), 0.8), np.zeros((200, 200), np.uint8)
    for spot in range(spots):
        square = (columns - 40 - 60 * (spot % 3)) ** 2 + (rows - 40 - 60 * (spot // 3)) ** 2
        image -= 0.4 * np.exp(-square / (2 * 12.0**2))
        mask[square <= 100] = 255
    image += 0.03 * rng.standard_normal(image.shape)
    Image.fromarray(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)).save(folder / f"image-{name}.png")
    Image.fromarray(mask).save(folder / f"mask-{name}.png")


def test_loops_are_counted_with_the_image_left_out(tmp_path, capsys):
    for name, spots in (("a", 4), ("b", 7), ("c", 2)):
        write_pair(tmp_path, name, spots)
    rows = benchmark_loops(tmp_path)
    assert [(row.image, row.drawn, row.found, row.on_drawn) for row in rows] == [
        ("image-a.png", 4, 4, 4),
        ("image-b.png", 7, 7, 7),
        ("image-c.png", 2, 2, 2),
    ]
    (tmp_path / "mask-b.png").unlink()
    assert [row.drawn for row in benchmark_loops(tmp_path)] == [4, 2]
    (tmp_path / "mask-a.png").unlink()
    with pytest.raises(InputFileError, match="holds 1 pairs"):
        benchmark_loops(tmp_path)
    assert run(["loops", str(tmp_path / "nowhere")]) == 2
    assert "at least 2 are needed" in capsys.readouterr().err
