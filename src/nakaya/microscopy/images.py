"""Pictures of a microscope from files: 8 and 16 bit, grey, colour, with transparency; TIFF, PNG and what Pillow reads.

The header is looked at before anything is decoded: a small file can claim an image that fills the memory.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, InputFileError, MissingExtraError, ParameterError
from nakaya.core.provenance import sha256_of_file
from nakaya.core.reading import input_errors, open_input

__all__ = ["MAX_PIXELS", "GreyImage", "parse_pixel_size", "read_image", "read_raw_image"]

MAX_PIXELS = 100_000_000
MIN_SIDE = 2
PIXEL_SIZES = (1e-12, 1e-2)
"""Metres: from a hundredth of an atom to a photograph of a fist."""
LENGTH_UNITS = {
    "m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9, "pm": 1e-12,
    "angstrom": 1e-10, "Å": 1e-10,
}  # fmt: skip
"""Units of a specimen. Printers' units ("px" is a 96th of an inch to some) are not among them."""
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""

_PIXEL_SIZE = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-zµμÅ]+)\s*")


@dataclass(frozen=True)
class GreyImage:
    """One picture as grey values.

    Attributes:
        values: float64 [row, column], 0 = the darkest pixel, 1 = the brightest one.
        name: File name.
        sha256: Of the file's bytes.
        bits: Bits per channel in the file.
        flags: What was odd.
    """

    values: FloatArray = field(repr=False)
    name: str
    sha256: str
    bits: int
    flags: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]


def parse_pixel_size(text: str) -> float:
    """Return a pixel size such as "0.2252um" or "0.39 nm" in metres.

    Raises:
        ParameterError: It is no length with a unit, or outside 1e-12 to 1e-2 m.

    >>> round(parse_pixel_size("0.2252um") * 1e9, 6)
    225.2
    """
    match = _PIXEL_SIZE.fullmatch(text)
    if match is None or match[2] not in LENGTH_UNITS:
        raise ParameterError(
            f"pixel size {text[:40]!r} is not a length with its unit ({', '.join(LENGTH_UNITS)}): write 0.2252um"
        )
    size = float(match[1]) * LENGTH_UNITS[match[2]]
    if not PIXEL_SIZES[0] <= size <= PIXEL_SIZES[1]:
        raise ParameterError(f"pixel size {text!r} is {size:g} m: expected {PIXEL_SIZES[0]:g} to {PIXEL_SIZES[1]:g} m")
    return size


def _check_size(height: int, width: int, name: str) -> None:
    if height < MIN_SIDE or width < MIN_SIDE:
        raise FormatError(f"{name} is {width} x {height} pixels: there is no image in it")
    if height * width > MAX_PIXELS:
        raise FormatError(f"{name} claims {width} x {height} pixels: images up to {MAX_PIXELS:,} pixels are read")


def _read_tiff(path: Path) -> tuple[NDArray[np.generic], list[str]] | None:
    """First page of a TIFF; None where its compression needs another reader."""
    try:
        import tifffile
    except ImportError:
        raise MissingExtraError("TIFF images", "microscopy") from None
    flags = []
    try:
        with tifffile.TiffFile(path) as tiff:
            if len(tiff.pages) == 0:
                raise FormatError(f"{path.name} is a TIFF without a picture")
            page = tiff.pages.first
            shape = page.shape
            if len(shape) not in (2, 3):
                raise FormatError(f"{path.name} has {len(shape)} axes: expected rows, columns and perhaps colours")
            planar = len(shape) == 3 and page.axes.startswith("S")
            height, width = (shape[1], shape[2]) if planar else (shape[0], shape[1])
            _check_size(height, width, path.name)
            if len(tiff.pages) > 1:
                flags.append(f"the file holds {len(tiff.pages)} pictures: only the first one is used")
            raw = page.asarray()
            if page.photometric == 0:  # "white is zero"
                raw = (np.iinfo(raw.dtype).max - raw) if raw.dtype.kind == "u" else -raw
            if page.photometric == 3:  # a palette: its numbers are no grey values
                return None
    except (FormatError, MissingExtraError):
        raise
    except Exception as error:  # tifffile raises whatever the damaged bytes lead to, and ValueError for a missing codec
        if "imagecodecs" in str(error):
            return None
        raise FormatError(
            f"{path.name} begins like a TIFF but cannot be read ({type(error).__name__}): it may be truncated"
        ) from None
    return (np.moveaxis(raw, 0, -1) if planar else raw), flags


def _read_pillow(path: Path) -> tuple[NDArray[np.generic], list[str]]:
    flags: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            # From memory: of a file, Pillow asks for as many bytes as a damaged chunk claims to have, up to 2 GiB.
            with Image.open(io.BytesIO(path.read_bytes())) as opened:
                _check_size(opened.height, opened.width, path.name)
                num_pictures = getattr(opened, "n_frames", 1)
                if num_pictures > 1:
                    flags.append(f"the file holds {num_pictures} pictures: only the first one is used")
                image: Image.Image = opened
                if image.mode == "P":
                    image = image.convert("RGBA" if "transparency" in image.info else "RGB")
                elif image.mode in ("1", "CMYK", "YCbCr", "LAB", "HSV"):
                    image = image.convert("L" if image.mode == "1" else "RGB")
                return np.array(image), flags
    except FormatError:
        raise
    except UnidentifiedImageError:
        start = path.open("rb").read(12)
        raise FormatError(
            f"{path.name} is not an image: it begins with {start!r}; expected PNG, TIFF, JPEG or BMP"
        ) from None
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, struct.error, zlib.error) as error:
        raise FormatError(f"{path.name} is damaged or truncated: {error}") from None
    except Image.DecompressionBombError:
        raise FormatError(f"{path.name} claims too many pixels: images up to {MAX_PIXELS:,} pixels are read") from None


def read_raw_image(path: Path) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """Return the pixels of an image file as they are: [row, column] or [row, column, channel], and flags.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no image, damaged, or too large.
        MissingExtraError: It is a TIFF and tifffile is not installed.
    """
    with input_errors(path):
        if path.is_dir():
            raise InputFileError(f"{path} is a directory: name an image file")
        with open_input(path) as stream:
            start = stream.read(4)
    if not start:
        raise FormatError(f"{path.name} is empty")
    found = _read_tiff(path) if start in TIFF_MARKS else None
    raw, flags = found if found is not None else _read_pillow(path)
    if raw.ndim == 3 and raw.shape[2] == 1:
        raw = raw[..., 0]
    if raw.ndim not in (2, 3) or (raw.ndim == 3 and raw.shape[2] not in (2, 3, 4)) or raw.dtype.kind not in "buif":
        raise FormatError(f"{path.name} has pixels of shape {raw.shape} and type {raw.dtype}: expected grey or colour")
    _check_size(raw.shape[0], raw.shape[1], path.name)
    return raw, tuple(flags)


def read_image(path: Path) -> GreyImage:
    """Read a picture as grey values from 0 (its darkest pixel) to 1 (its brightest one).

    Colours become luminance. Transparency is left out, with a flag where there is any. Pixels that are no
    numbers take the median of the others, with a flag.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no image, damaged, too large, or has one value only.
        MissingExtraError: It is a TIFF and tifffile is not installed.
    """
    raw, found = read_raw_image(path)
    flags = list(found)
    bits = 8 * raw.dtype.itemsize
    values = raw.astype(np.float64)
    if values.ndim == 3:
        if values.shape[2] in (2, 4):
            opaque = values[..., -1] == values[..., -1].max()
            if not opaque.all():
                flags.append(f"{int((~opaque).sum())} pixels are transparent: their colours are taken as they are")
            values = values[..., :-1]
        values = values[..., 0] if values.shape[2] == 1 else values @ np.array(LUMINANCE)
    bad = ~np.isfinite(values)
    if bad.all():
        raise FormatError(f"{path.name}: no pixel is a number")
    if bad.any():
        flags.append(f"{int(bad.sum())} pixels are not numbers: taken as the median")
        values = np.where(bad, np.median(values[~bad]), values)
    low, high = float(values.min()), float(values.max())
    if high <= low:
        raise FormatError(f"{path.name}: all pixels have the value {low:g}: there is nothing to see")
    return GreyImage((values - low) / (high - low), path.name, sha256_of_file(path), bits, tuple(flags))
