"""Data bars, borders and labels are seen, specimens are not taken for them, and crops cut what they say."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nakaya.core.errors import ParameterError
from nakaya.microscopy.specimen import Crop, describe_foreign_parts, parse_crop


def specimen(rows: int = 300, columns: int = 400, seed: int = 0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(0.5, 0.1, (rows, columns)), 0.05, 0.95)


def lettered(rows: int, columns: int, *, white: bool) -> np.ndarray:
    bar = Image.new("L", (columns, rows), 255 if white else 0)
    draw = ImageDraw.Draw(bar)
    draw.text((4, rows // 4), "HV 20.00 kV  mag 500 x  WD 10.1 mm", fill=0 if white else 255)
    draw.rectangle([columns - 110, rows // 2, columns - 10, rows // 2 + 2], fill=0 if white else 255)
    return np.asarray(bar) / 255


@pytest.mark.parametrize("white", [False, True])
@pytest.mark.parametrize("at_top", [False, True])
def test_a_data_bar_is_flagged_with_the_crop_that_leaves_it_out(white, at_top):
    image, bar = specimen(), lettered(30, 400, white=white)
    (flag,) = describe_foreign_parts(np.concatenate([bar, image] if at_top else [image, bar]))
    assert "30 at the " + ("top" if at_top else "bottom") in flag
    assert flag.endswith(f"crop to 400x300+0+{30 if at_top else 0}")
    crop = parse_crop(flag.split()[-1])
    assert (crop.of(np.concatenate([bar, image] if at_top else [image, bar]), "a.tif") == image).all()


def test_borders_on_all_sides_are_flagged_with_the_crop():
    framed = np.pad(specimen(), ((10, 20), (12, 9)))
    (flag,) = describe_foreign_parts(framed)
    assert flag.endswith("crop to 400x300+12+10")


@pytest.mark.parametrize("value", [0, 255])
def test_a_label_box_and_a_bare_scale_bar_are_flagged(value):
    image = specimen()
    image[260:285, 270:390] = lettered(25, 120, white=value == 255)
    (flag,) = describe_foreign_parts(image)
    assert "a box of one value at +270+260, 120 x 25 pixels" in flag
    assert describe_foreign_parts(image, boxes=False) == []
    bare = specimen()
    bare[280:284, 300:380] = value / 255
    assert "at +300+280, 80 x 4 pixels" in describe_foreign_parts(bare)[0]


def test_specimens_are_no_bars_and_no_boxes():
    rows, columns = np.indices((300, 400))
    assert describe_foreign_parts(specimen()) == []
    saturated = np.clip(specimen() + 0.6 * (np.hypot(rows - 150, columns - 200) < 60), 0, 1)
    assert describe_foreign_parts(saturated) == []
    layers = np.where(rows < 150, 0.2, 0.8) + 0.02 * np.random.default_rng(1).standard_normal((300, 400))
    assert describe_foreign_parts(np.clip(layers, 0, 1)) == []
    clean = np.where(((rows + columns // 3) // 40 + columns // 40) % 2 == 0, 0.3, 0.7)
    clean[np.hypot(rows - 100, columns - 100) < 30] = 1.0
    assert describe_foreign_parts(clean) == []


@pytest.mark.parametrize(
    "text", ["", "400x300", "400x300+0", "0x300+0+0", "400 x 300", "-4x3+0+0", "4x3+0+0+0", "none"]
)
def test_what_is_no_crop_is_refused(text):
    with pytest.raises(ParameterError, match="is not WIDTHxHEIGHT"):
        parse_crop(text)


def test_crops_are_read_as_they_are_written_and_do_not_reach_over_the_image():
    assert parse_crop(str(Crop(5, 4, 3, 2))) == Crop(5, 4, 3, 2)
    pixels = np.arange(70).reshape(7, 10)
    assert Crop(5, 4, 3, 2).of(pixels, "a.tif").tolist() == pixels[2:6, 3:8].tolist()
    with pytest.raises(ParameterError, match="reaches over a.tif, which has 10 x 7 pixels"):
        Crop(8, 4, 3, 2).of(pixels, "a.tif")
