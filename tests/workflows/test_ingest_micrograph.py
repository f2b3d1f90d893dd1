"""Micrographs whose files show more than the specimen, and those whose boundaries are doubtful."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')
pytest.importorskip("tifffile", reason='micrographs need the extra "microscopy"')

import tifffile

from nakaya.core.errors import FormatError, ParameterError
from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.masks import mask_of_boundaries
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from nakaya.workflows import ingest_micrograph as module
from nakaya.workflows.ingest_micrograph import MicrographOptions, ingest_micrograph

ROWS, COLUMNS, BAR = 150, 200, 24
MEASURED = ("grains", "mean_intercept_m", "mean_intercept_pixels", "mean_diameter_m", "flags")


@pytest.fixture(scope="module")
def truth():
    points = scatter_points(30, (ROWS, COLUMNS), np.random.default_rng(3), relaxations=2)
    return voronoi_map(points, (ROWS, COLUMNS), periodic=False).labels


@pytest.fixture(scope="module")
def specimen(truth):
    image = etched_image(truth, Etching(noise=0.03), np.random.default_rng(4))
    return np.rint(image * 255).astype(np.uint8)


@pytest.fixture
def with_bar(specimen, tmp_path):
    """An FEI file whose header says that the specimen ends where the data bar begins."""
    bar = np.zeros((BAR, COLUMNS), np.uint8)
    bar[8:16:2, 10:120:3] = 255
    bar[10:13, 150:190] = 255
    text = (
        "[Beam]\r\nScan=EScan\r\n[EScan]\r\nPixelWidth=5e-07\r\nPixelHeight=5e-07\r\nHorFieldsize=1e-04\r\n"
        f"[Image]\r\nResolutionX={COLUMNS}\r\nResolutionY={ROWS}\r\n[PrivateFei]\r\nDatabarHeight={BAR}\r\n\0"
    ).encode()
    pixels = np.concatenate([specimen, bar])
    tifffile.imwrite(
        tmp_path / "sem.tif", pixels, photometric="minisblack", extratags=[(34682, 2, len(text), text, True)]
    )
    return tmp_path / "sem.tif"


def measured(path, out, **options):
    result = ingest_micrograph(path, out, MicrographOptions(**options))
    return {name: result[name] for name in MEASURED}


def test_a_data_bar_that_the_header_names_is_no_specimen(specimen, with_bar, tmp_path):
    Image.fromarray(specimen).save(tmp_path / "bare.png")
    bare = measured(tmp_path / "bare.png", tmp_path / "bare", pixel_size="0.5um")
    assert measured(with_bar, tmp_path / "sem") == bare
    (record,) = (tmp_path / "sem" / "records").glob("*.json")
    settings = json.loads(record.read_text())["provenance"]["settings"]
    assert settings["crop"] == f"{COLUMNS}x{ROWS}+0+0, from the header of the file"
    assert measured(with_bar, tmp_path / "given", crop=f"{COLUMNS}x{ROWS}+0+0") == bare
    whole = measured(with_bar, tmp_path / "whole", crop="none")
    assert f"crop to {COLUMNS}x{ROWS}+0+0" in " ".join(whole["flags"])
    assert whole["grains"] != bare["grains"]


def test_a_mask_may_be_of_the_part_or_of_the_whole_file(truth, with_bar, tmp_path):
    part = mask_of_boundaries(truth)
    found = []
    for name, drawn in (("part", part), ("whole", np.pad(part, ((0, BAR), (0, 0))))):
        Image.fromarray(drawn).save(tmp_path / f"{name}.png")
        found.append(measured(with_bar, tmp_path / name, mask=tmp_path / f"{name}.png"))
        assert found[-1]["grains"] == truth.max() + 1
    assert found[0] == found[1]
    Image.fromarray(part[:-1]).save(tmp_path / "other.png")
    with pytest.raises(FormatError, match="they must be the same"):
        measured(with_bar, tmp_path / "other", mask=tmp_path / "other.png")


def test_a_crop_is_measured_like_a_file_of_that_part(specimen, tmp_path):
    Image.fromarray(specimen).save(tmp_path / "all.png")
    Image.fromarray(specimen[20:140, 30:180]).save(tmp_path / "part.png")
    part = measured(tmp_path / "part.png", tmp_path / "a", pixel_size="1um")
    assert measured(tmp_path / "all.png", tmp_path / "b", pixel_size="1um", crop="150x120+30+20") == part
    with pytest.raises(ParameterError, match="reaches over all.png"):
        measured(tmp_path / "all.png", tmp_path / "c", crop="150x120+60+20")
    with pytest.raises(ParameterError, match="is not WIDTHxHEIGHT"):
        MicrographOptions(crop="everything")


def test_grains_without_lines_and_grains_with_scratches_are_flagged(truth, specimen, tmp_path):
    grey = etched_image(truth, Etching(contrast=0.0, noise=0.03, grey_deviation=0.15), np.random.default_rng(5))
    scratched = specimen.copy()
    for row in (33, 71, 118):
        scratched[row : row + 2] = 90
    Image.fromarray(np.rint(grey * 255).astype(np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(scratched).save(tmp_path / "scratched.png")
    Image.fromarray(specimen).save(tmp_path / "sound.png")
    flags = {
        name: " ".join(measured(tmp_path / f"{name}.png", tmp_path / name, pixel_size="1um")["flags"])
        for name in ("sound", "grey", "scratched")
    }
    assert ("brightness" in flags["grey"], "brightness" in flags["sound"]) == (True, False)
    assert ("scratches" in flags["scratched"], "scratches" in flags["sound"]) == (True, False)


def test_a_glaring_spot_leaves_the_grains_as_they_were(specimen, tmp_path):
    deep = specimen.astype(np.uint16)
    tifffile.imwrite(tmp_path / "sound.tif", deep)
    deep[60:67, 90:97] = 65535
    tifffile.imwrite(tmp_path / "glaring.tif", deep)
    sound = measured(tmp_path / "sound.tif", tmp_path / "a", pixel_size="1um")
    glaring = measured(tmp_path / "glaring.tif", tmp_path / "b", pixel_size="1um")
    assert glaring["mean_intercept_m"] == pytest.approx(sound["mean_intercept_m"], rel=0.02)
    assert any("bright spots" in flag for flag in glaring["flags"])
    assert not any("bright spots" in flag for flag in sound["flags"])


@pytest.mark.parametrize("kind", ["loops", "lattice"])
def test_images_of_more_pixels_than_fit_the_memory_are_refused_with_the_limit(specimen, tmp_path, monkeypatch, kind):
    monkeypatch.setitem(module.MAX_PIXELS, kind, ROWS * COLUMNS - 1)
    Image.fromarray(specimen).save(tmp_path / "a.png")
    with pytest.raises(FormatError, match=rf"200 x 150 pixels: {kind} are looked for in up to 29,999; crop to a part"):
        measured(tmp_path / "a.png", tmp_path / "a", kind=kind)
    assert not (tmp_path / "a").exists()


def test_grains_of_an_image_too_large_for_the_memory_are_those_of_its_means(specimen, tmp_path, monkeypatch):
    """As if the image had been halved before: an odd row and column are left out, and the pixels are twice as large."""
    large = np.kron(specimen, np.ones((3, 3), np.uint8))[:-1, :-1]
    small = np.rint(large[:448, :598].reshape(224, 2, 299, 2).mean(axis=(1, 3))).astype(np.uint8)
    Image.fromarray(large).save(tmp_path / "large.png")
    Image.fromarray(small).save(tmp_path / "small.png")
    expected = ingest_micrograph(tmp_path / "small.png", tmp_path / "a", MicrographOptions(pixel_size="2um"))
    monkeypatch.setitem(module.MAX_PIXELS, "grains", 224 * 299 + 500)
    found = ingest_micrograph(tmp_path / "large.png", tmp_path / "b", MicrographOptions(pixel_size="1um"))
    assert found["mean_intercept_m"] == expected["mean_intercept_m"]
    assert found["pixel_size_m"] == 2e-6
    (note,) = set(found["flags"]) - set(expected["flags"])
    assert note.startswith("599 x 449 pixels: grains are looked for in up to 67,476: means over 2 x 2")
    Image.fromarray(large).save(tmp_path / "mask.png")
    with pytest.raises(FormatError, match="crop to a part"):
        ingest_micrograph(tmp_path / "large.png", tmp_path / "c", MicrographOptions(mask=tmp_path / "mask.png"))


def test_pixels_that_are_no_specimen_are_flagged_in_loops_too(tmp_path):
    rows, columns = np.indices((256, 256))
    image = 0.7 - 0.5 * np.exp(-((rows - 128) ** 2 + (columns - 100) ** 2) / (2 * 9.0**2))
    image += 0.02 * np.random.default_rng(6).standard_normal(image.shape)
    image[230:] = 0
    Image.fromarray(np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)).save(tmp_path / "tem.png")
    flagged = ingest_micrograph(tmp_path / "tem.png", tmp_path / "a", MicrographOptions(kind="loops", pixel_size="1nm"))
    assert "crop to 256x230+0+0" in flagged["flags"][0]
    options = MicrographOptions(kind="loops", pixel_size="1nm", crop="256x230+0+0")
    cut = ingest_micrograph(tmp_path / "tem.png", tmp_path / "b", options)
    assert (cut["count"], cut["flags"]) == (1, [])
    assert cut["density_per_m2"] == pytest.approx(1 / (256 * 230 * 1e-18))


def test_an_image_without_loops_has_none_and_says_so(tmp_path):
    grey = np.random.default_rng(0).normal(128, 8, (200, 200)).clip(0, 255).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "melt.png")
    made = ingest_micrograph(tmp_path / "melt.png", tmp_path / "out", MicrographOptions(kind="loops", pixel_size="1nm"))
    assert made["count"] == 0
    assert any("no loop was found" in flag for flag in made["flags"])
