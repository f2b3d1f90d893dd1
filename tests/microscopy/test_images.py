"""Image files that tell the truth in many formats, and files that lie."""

from __future__ import annotations

import contextlib
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nakaya.core.errors import FormatError, InputFileError, NakayaError, ParameterError
from nakaya.microscopy import images
from nakaya.microscopy.images import parse_pixel_size, read_image
from nakaya.microscopy.pixel_sizes import find_pixel_size, imagej_pixel_size, ome_pixel_size

ONE_STEP = 1.5 / 255  # of eight bits


@pytest.fixture
def picture():
    """A ramp with a bright spot: float64 [12, 20] from 0 to 1."""
    values = np.linspace(0, 0.9, 240).reshape(12, 20)
    values[6, 10] = 1.0
    return values


def test_eight_bits_sixteen_bits_colour_and_transparency_give_the_same_grey_values(picture, tmp_path):
    eight = np.rint(picture * 255).astype(np.uint8)
    sixteen = np.rint(picture * 65535).astype(np.uint16)
    opaque = np.full_like(eight, 255)
    written = {
        "grey.png": Image.fromarray(eight),
        "deep.png": Image.fromarray(sixteen),
        "colour.png": Image.fromarray(np.stack([eight] * 3, axis=-1)),
        "alpha.png": Image.fromarray(np.stack([eight, eight, eight, opaque], axis=-1)),
        "grey-alpha.png": Image.fromarray(np.stack([eight, opaque], axis=-1), "LA"),
        "palette.png": Image.fromarray(eight).convert("P"),
        "grey.bmp": Image.fromarray(eight),
    }
    for name, image in written.items():
        image.save(tmp_path / name)
    tifffile.imwrite(tmp_path / "grey.tif", eight)
    tifffile.imwrite(tmp_path / "deep.tif", sixteen)
    tifffile.imwrite(tmp_path / "float.tif", picture.astype(np.float32))
    tifffile.imwrite(tmp_path / "planar.tif", np.stack([eight] * 3), photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "inverted.tif", 255 - eight, photometric="miniswhite")
    for path in sorted(tmp_path.iterdir()):
        found = read_image(path)
        np.testing.assert_allclose(found.values, picture, atol=ONE_STEP, err_msg=path.name)
        assert found.flags == (), path.name
        assert found.bits == {"deep.png": 16, "deep.tif": 16, "float.tif": 32}.get(path.name, 8)


def test_what_is_odd_but_readable_is_flagged(picture, tmp_path):
    eight = np.rint(picture * 255).astype(np.uint8)
    alpha = np.full_like(eight, 255)
    alpha[:2] = 0
    Image.fromarray(np.stack([eight, eight, eight, alpha], axis=-1)).save(tmp_path / "glass.png")
    assert "40 pixels are transparent" in read_image(tmp_path / "glass.png").flags[0]
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([eight, eight]), photometric="minisblack")
    assert "2 pictures" in read_image(tmp_path / "stack.tif").flags[0]
    holes = picture.astype(np.float32)
    holes[3, 3] = np.nan
    tifffile.imwrite(tmp_path / "holes.tif", holes)
    found = read_image(tmp_path / "holes.tif")
    assert "1 pixels are not numbers" in found.flags[0]
    assert np.isfinite(found.values).all()


def claimed_png(width: int, height: int) -> bytes:
    """A PNG that claims a size that it does not hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_files_that_lie_are_refused_in_words(picture, tmp_path):
    whole = tmp_path / "whole.png"
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(whole)
    liars = {
        "text.png": (b"grain,area\n1,2\n", "is not an image: it begins with"),
        "text.tif": (b"this is not a picture at all", "is not an image"),
        "empty.png": (b"", "is empty"),
        "cut.png": (whole.read_bytes()[:60], "damaged or truncated"),
        "cut.tif": (b"II*\0\x08\0\0\0\xff", "begins like a TIFF but cannot be read|without a picture"),
        "bomb.png": (claimed_png(60_000, 60_000), "images up to 50,000,000 pixels"),
        "thin.png": (claimed_png(1, 500), "there is no image in it"),
    }
    for name, (content, message) in liars.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            read_image(path)
    Image.new("L", (30, 30), 77).save(tmp_path / "flat.png")
    with pytest.raises(FormatError, match="there is nothing to see"):
        read_image(tmp_path / "flat.png")
    with pytest.raises(InputFileError, match="is a directory"):
        read_image(tmp_path)
    with pytest.raises(InputFileError, match="no such file"):
        read_image(tmp_path / "nowhere.png")


def test_a_chunk_that_claims_gigabytes_takes_none(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(12, 16)).save(path)
    content = path.read_bytes()
    place = content.index(b"IDAT") - 4
    path.write_bytes(content[:place] + b"\x7f\xff\xff\xff" + content[place + 4 :])
    tracemalloc.start()
    try:
        with contextlib.suppress(FormatError):  # the pixels are whole
            read_image(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused_but_never_break(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    kind = data.draw(st.sampled_from(["png", "tif", "bmp", "raw"]))
    path = folder / f"file.{kind}"
    if kind == "raw":
        start = data.draw(st.sampled_from([b"", b"II*\0", b"MM\0*", b"II+\0", b"\x89PNG\r\n\x1a\n", b"BM"]))
        path.write_bytes(start + data.draw(st.binary(max_size=200)))
    else:
        Image.fromarray(np.arange(192, dtype=np.uint8).reshape(12, 16)).save(path)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    try:
        found = read_image(path)
    except NakayaError:
        return
    assert found.values.min() == 0.0
    assert found.values.max() == 1.0
    assert find_pixel_size(path) is None or find_pixel_size(path)[0] > 0


@pytest.mark.parametrize(
    ("text", "metres"),
    [("0.2252um", 2.252e-7), ("0.39 nm", 3.9e-10), ("1e-7m", 1e-7), ("2.5 µm", 2.5e-6), (".5angstrom", 5e-11)],
)
def test_pixel_sizes_are_read_with_their_units(text, metres):
    assert parse_pixel_size(text) == pytest.approx(metres)


@pytest.mark.parametrize("text", ["0.2", "um", "-1um", "0um", "1 s", "3 px", "5 km", "nan um", "1 um 2", "", "9" * 500])
def test_what_is_no_pixel_size_is_refused(text):
    with pytest.raises(ParameterError):
        parse_pixel_size(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_pixel_size_or_refused(text):
    try:
        size = parse_pixel_size(text)
    except ParameterError:
        return
    assert images.PIXEL_SIZES[0] <= size <= images.PIXEL_SIZES[1]


def test_a_file_that_states_its_pixel_size_is_believed_and_its_printing_resolution_is_not(picture, tmp_path):
    eight = np.rint(picture * 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "imagej.tif", eight, imagej=True, resolution=(4.0, 4.0), metadata={"unit": "um"})
    size, place = find_pixel_size(tmp_path / "imagej.tif")
    assert size == pytest.approx(0.25e-6)
    assert "ImageJ" in place
    ome = {"PhysicalSizeX": 1.5, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 1.5, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(tmp_path / "map.ome.tif", eight, metadata={"axes": "YX", **ome})
    assert find_pixel_size(tmp_path / "map.ome.tif")[0] == pytest.approx(1.5e-9)
    tifffile.imwrite(tmp_path / "dots.tif", eight, resolution=(72, 72), resolutionunit="INCH")
    assert find_pixel_size(tmp_path / "dots.tif") is None
    Image.fromarray(eight).save(tmp_path / "dots.png", dpi=(300, 300))
    assert find_pixel_size(tmp_path / "dots.png") is None
    assert imagej_pixel_size({"unit": "inch"}, (72.0, 72.0)) is None
    assert imagej_pixel_size({"unit": "um"}, (4.0, 2.0)) is None  # not square
    assert ome_pixel_size('PhysicalSizeX="1e-3" PhysicalSizeXUnit="pixel" PhysicalSizeY="1e-3"') is None
