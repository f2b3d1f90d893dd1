"""What is white stays white, what cannot be unpacked says why, and no small file fills the memory."""

from __future__ import annotations

import subprocess
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nakaya.core.errors import FormatError, InputFileError
from nakaya.microscopy.image_files import MAX_PIXELS, read_raw_image
from nakaya.microscopy.images import read_image

RAMP = np.arange(240, dtype=np.uint8).reshape(12, 20)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_white_is_the_largest_number_whichever_way_a_tiff_states_it(tmp_path, dtype, white_is_zero):
    top = np.iinfo(dtype).max
    values = (RAMP.astype(np.float64) / 255 * top).astype(dtype)
    stored = (top - values).astype(dtype) if white_is_zero else values
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite" if white_is_zero else "minisblack")
    raw, flags = read_raw_image(tmp_path / "a.tif")
    assert (raw == values).all()
    assert flags == ()


@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
@pytest.mark.parametrize("compression", [None, "group4"])
def test_one_bit_is_black_and_white_the_right_way_round(tmp_path, photometric, compression):
    white = RAMP % 3 == 0
    if compression is None:
        stored = ~white if photometric == "miniswhite" else white
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric)
    else:  # Pillow writes black-is-zero whatever is asked for, so the tag says which
        code = {"miniswhite": 0, "minisblack": 1}[photometric]
        Image.fromarray(white).save(tmp_path / "a.tif", compression=compression, tiffinfo={262: code})
    raw, _ = read_raw_image(tmp_path / "a.tif")
    assert (raw.astype(bool) == white).all()


def test_a_compressed_white_is_zero_image_of_16_bits_is_turned_over(tmp_path):
    values = RAMP.astype(np.uint16) * 257
    Image.fromarray(65535 - values).save(tmp_path / "a.tif", compression="tiff_lzw", tiffinfo={262: 0})
    raw, _ = read_raw_image(tmp_path / "a.tif")
    assert (raw == values).all()


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_printers_colours_come_out_with_dark_dark(tmp_path, planar):
    ink = np.zeros((4, 12, 20), np.uint8)
    ink[3] = 255 - RAMP  # black ink alone: what is left of white is the ramp
    stored = ink if planar == "separate" else np.moveaxis(ink, 0, -1)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="separated", planarconfig=planar)
    raw, flags = read_raw_image(tmp_path / "a.tif")
    assert (raw == RAMP[..., None]).all()
    assert "CMYK" in flags[0]
    # r = (1 - c)(1 - k): half of the cyan ink and half of the black leave a quarter of the red.
    ink[0], ink[3] = 127, 127
    tifffile.imwrite(tmp_path / "b.tif", np.moveaxis(ink, 0, -1), photometric="separated")
    assert (read_raw_image(tmp_path / "b.tif")[0] == [64, 128, 128]).all()
    Image.fromarray(np.moveaxis(ink, 0, -1), "CMYK").save(tmp_path / "c.jpg", quality=100)
    assert np.abs(read_raw_image(tmp_path / "c.jpg")[0].astype(int) - [64, 128, 128]).max() <= 3
    assert "CMYK" in read_raw_image(tmp_path / "c.jpg")[1][0]


def tiff_with(path: Path, tag: str, value: int) -> Path:
    """A TIFF of 12 x 20 pixels of which one entry was overwritten."""
    tifffile.imwrite(path, RAMP, photometric="minisblack")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags[tag].overwrite(value)
    return path


@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="with imagecodecs these can be unpacked")
@pytest.mark.parametrize(("code", "name"), [(34712, "JPEG2000"), (50000, "ZSTD"), (50001, "WEBP")])
def test_a_compression_that_cannot_be_unpacked_is_named(tmp_path, code, name):
    path = tiff_with(tmp_path / "a.tif", "Compression", code)
    with pytest.raises(FormatError) as told:
        read_raw_image(path)
    assert name in str(told.value).upper().replace("_", "")
    assert "imagecodecs" in str(told.value)
    assert "without compression" in str(told.value)


def test_colours_that_are_no_grey_values_are_named(tmp_path):
    with pytest.raises(FormatError, match="colours of the kind CFA"):
        read_raw_image(tiff_with(tmp_path / "a.tif", "PhotometricInterpretation", 32803))
    inks = np.zeros((12, 20, 5), np.uint8)
    tifffile.imwrite(tmp_path / "inks.tif", inks, photometric="separated", extratags=[(332, "H", 1, 2, True)])
    with pytest.raises(FormatError, match="inks other than CMYK"):
        read_raw_image(tmp_path / "inks.tif")


def test_a_strip_that_unpacks_to_more_than_the_image_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RAMP, compression="zlib", photometric="minisblack")
    bomb = zlib.compress(bytes(30_000_000), 9)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        end = path.stat().st_size
        tiff.pages.first.tags["StripOffsets"].overwrite(end)
        tiff.pages.first.tags["StripByteCounts"].overwrite(len(bomb))
    path.write_bytes(path.read_bytes() + bomb)
    with pytest.raises(FormatError, match="unpacks to more pixels than it states"):
        read_raw_image(path)


def test_many_samples_a_pixel_are_refused_before_they_are_unpacked(tmp_path):
    cube = np.zeros((500, 1000, 500), np.uint8)
    tifffile.imwrite(tmp_path / "cube.tif", cube, photometric="minisblack", planarconfig="contig", compression="zlib")
    assert (tmp_path / "cube.tif").stat().st_size < 1_000_000
    with pytest.raises(FormatError, match="1000 x 500 pixels of 500 bytes: images up to 200 MB are read"):
        read_raw_image(tmp_path / "cube.tif")


def test_a_pipe_is_no_image(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputFileError, match="pipe"):
        read_raw_image(tmp_path / "pipe.png")


BLACK = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_DATA, (10**9, 10**9))
from nakaya.core.errors import NakayaError
from nakaya.workflows.ingest_micrograph import MicrographOptions, ingest_micrograph
for kind in ("grains", "loops", "lattice"):
    try:
        ingest_micrograph(Path(sys.argv[1]), Path(sys.argv[2]) / kind, MicrographOptions(kind=kind))
    except NakayaError as error:
        print(kind, error)
from nakaya.core.processes import peak_memory
print(peak_memory())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process' memory is Linux' own")
@pytest.mark.parametrize(("mode", "side"), [("L", 6000), ("RGBA", 10_000), ("L", 7000)])
def test_a_black_picture_of_little_bytes_is_refused_in_little_memory(tmp_path, mode, side):
    path = tmp_path / "black.png"
    image = Image.new(mode, (side, side))
    image.putpixel((3, 3), 255 if mode == "L" else (255, 255, 255, 255))
    image.save(path)
    assert path.stat().st_size < 1_000_000
    ran = subprocess.run(
        [sys.executable, "-c", BLACK, str(path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *refusals, peak = ran.stdout.splitlines()
    assert len(refusals) == 3
    is_read = side**2 <= MAX_PIXELS
    limit = "are looked for in up to" if is_read else f"images up to {MAX_PIXELS:,} pixels"
    assert all(limit in line for line in refusals[is_read:])  # grains are looked for in means over squares of pixels
    assert int(peak) < 10**9


def test_more_pixels_than_grey_values_fit_the_memory_are_refused(tmp_path):
    Image.new("L", (4000, 3000)).save(tmp_path / "large.png")
    with pytest.raises(FormatError, match="4000 x 3000 pixels: up to 10,000,000 are turned into grey values"):
        read_image(tmp_path / "large.png")


def test_one_hot_or_dead_pixel_leaves_the_grey_scale_as_it_was(tmp_path):
    rng = np.random.default_rng(0)
    values = np.rint(rng.normal(600, 30, (120, 160)) - 300 * (rng.random((120, 160)) < 0.02)).astype(np.uint16)
    values[60:90, 40:70] = 250
    tifffile.imwrite(tmp_path / "sound.tif", values)
    sound = read_image(tmp_path / "sound.tif")
    assert sound.flags == ()
    values[5, 5], values[20, 31], values[100:102, 100:102] = 65535, 0, 4000
    tifffile.imwrite(tmp_path / "hit.tif", values)
    hit = read_image(tmp_path / "hit.tif")
    assert "6 lone pixels lie far outside" in hit.flags[0]
    same = np.ones(values.shape, bool)
    same[5, 5] = same[20, 31] = False
    same[100:102, 100:102] = False
    np.testing.assert_allclose(hit.values[same], sound.values[same], atol=0.05)


@pytest.mark.parametrize("width", [1, 2])
def test_thin_lines_are_no_lone_pixels(tmp_path, width):
    values = np.full((400, 400), 200, np.uint8)
    values[:, 200 : 200 + width] = 20
    Image.fromarray(values).save(tmp_path / "line.png")
    found = read_image(tmp_path / "line.png")
    assert found.flags == ()
    assert (found.values == (values == 200)).all()
