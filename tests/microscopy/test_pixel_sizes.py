"""What headers say about the specimen, held against the width of the field over the columns of the file."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from nakaya.microscopy.pixel_sizes import ImageHeader, fei_header, find_pixel_size, ome_header, read_image_header

WIDTH = 12e-6
"""m, of the field of view."""


def write_zeiss(path, columns: int, entries: dict[str, str]) -> None:
    """A TIFF with the tag that Zeiss writes; entries are such as {"AP_WIDTH": "Width = 12 µm"}."""
    text = "\r\n".join(["0", "0", "0", "1e-9", "0", *(line for pair in entries.items() for line in pair)]) + "\r\n\0"
    pixels = np.zeros((24, columns), np.uint8)
    tifffile.imwrite(path, pixels, extratags=[(34118, 2, len(text), text.encode("cp1252"), True)])


def nm(metres: float) -> str:
    return f"{metres * 1e9:.4g} nm"


@pytest.mark.parametrize("columns", [512, 1024, 2048, 3072])
@pytest.mark.parametrize(
    "known", ["own", "width", "screen", "own width", "own screen", "width screen", "own width screen"]
)
def test_zeiss_pixels_are_the_field_over_the_columns_at_every_store_resolution(tmp_path, columns, known):
    every = {
        "own": ("AP_IMAGE_PIXEL_SIZE", f"Image Pixel Size = {nm(WIDTH / columns)}"),
        "width": ("AP_WIDTH", "Width = 12.00 µm"),
        "screen": ("AP_PIXEL_SIZE", f"Pixel Size = {nm(WIDTH / 1024)}"),
    }
    write_zeiss(tmp_path / "a.tif", columns, dict(every[name] for name in known.split()))
    header = read_image_header(tmp_path / "a.tif")
    assert header.pixel_size == pytest.approx(WIDTH / columns, rel=1e-3)
    assert header.place == "Zeiss metadata of the file"
    assert find_pixel_size(tmp_path / "a.tif") == (header.pixel_size, header.place)
    is_guess = known == "screen" and columns != 1024
    assert len(header.flags) == is_guess
    if is_guess:
        assert "screen of 1024 columns only" in header.flags[0]


def test_a_zeiss_file_that_was_scaled_or_cut_is_flagged(tmp_path):
    entries = {"AP_IMAGE_PIXEL_SIZE": f"Image Pixel Size = {nm(WIDTH / 1024)}", "AP_WIDTH": "Width = 12.00 µm"}
    write_zeiss(tmp_path / "a.tif", 700, entries)
    header = read_image_header(tmp_path / "a.tif")
    assert header.pixel_size == pytest.approx(WIDTH / 1024, rel=1e-3)
    assert "11.72" not in header.flags[0]
    assert "1.172e-08 m (the image's own entry), and of 1.714e-08 m" in header.flags[0]


def fei(rows: int = 300, columns: int = 400, bar: int = 34, size: float = 5e-7, **scan: float):
    return {
        "Beam": {"Scan": "EScan"},
        "EScan": {"PixelWidth": size, "PixelHeight": size, "HorFieldsize": size * columns, **scan},
        "Image": {"ResolutionX": columns, "ResolutionY": rows},
        "PrivateFei": {"DatabarHeight": bar},
    }


def test_an_fei_header_says_where_the_specimen_ends():
    assert fei_header(fei(), (334, 400)) == ImageHeader(5e-7, "FEI", (300, 400))
    assert fei_header(fei(), (300, 400)).specimen is None  # saved without its bar
    without = fei()
    del without["Image"]
    assert fei_header(without, (334, 400)).specimen == (300, 400)
    assert fei_header({}, (334, 400)) == ImageHeader(None, "FEI")


def test_an_fei_file_that_was_scaled_or_cut_is_told_apart():
    half = fei_header(fei(), (167, 200))
    assert half.pixel_size == pytest.approx(1e-6)
    assert "scaled" in half.flags[0]
    assert half.specimen is None
    cut = fei_header(fei(), (300, 200))
    assert cut.pixel_size == pytest.approx(5e-7)
    assert "cut" in cut.flags[0]
    wrong = fei_header(fei(HorFieldsize=4e-4), (334, 400))
    assert wrong.pixel_size == pytest.approx(5e-7)
    assert "5e-07 m, and 1e-06 m" in wrong.flags[0]


def test_an_fei_header_without_pixel_sizes_has_the_width_of_the_field():
    header = fei()
    del header["EScan"]["PixelWidth"], header["EScan"]["PixelHeight"]
    assert fei_header(header, (334, 400)).pixel_size == pytest.approx(5e-7)
    assert fei_header(fei(PixelHeight=6e-7), (334, 400)).pixel_size is None  # not square


def test_ome_metadata_of_an_image_of_other_columns_are_flagged():
    xml = '<Pixels SizeX="400" SizeY="300" PhysicalSizeX="0.5" PhysicalSizeY="0.5">'
    assert ome_header(xml, (300, 400)) == ImageHeader(pytest.approx(5e-7), "OME-XML")
    assert "of an image of 400 columns, the file has 200" in ome_header(xml, (150, 200)).flags[0]


def test_two_headers_that_disagree_are_flagged(tmp_path):
    text = "0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 7 nm\r\n\0"
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((24, 100), np.uint8),
        imagej=True,
        resolution=(200.0, 200.0),
        metadata={"unit": "um"},
        extratags=[(34118, 2, len(text), text.encode(), True)],
    )
    header = read_image_header(tmp_path / "a.tif")
    assert header.pixel_size == pytest.approx(5e-9)
    assert "ImageJ metadata give pixels of 5e-09 m, the Zeiss metadata 7e-09 m" in header.flags[0]
