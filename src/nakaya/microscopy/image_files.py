"""Pixels of image files as they are: 1 to 32 bits, grey, colour, with transparency; TIFF, PNG and what Pillow reads.

The header is looked at before anything is decoded: a small file can claim, or unpack to, an image that fills the
memory. White is high in whatever is returned: what says that white is zero, and printers' colours, are turned over.
"""

from __future__ import annotations

import io
import lzma
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nakaya.core.errors import FormatError, InputFileError, MissingExtraError
from nakaya.core.reading import input_errors, open_input

__all__ = ["MAX_BYTES", "MAX_PIXELS", "TIFF_MARKS", "read_raw_image"]

MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000
"""Of decoded samples: the readers hold them twice, and all of it has to stay below 1 GB."""
ROWS = 256
"""Rows that are converted at a time."""
MIN_SIDE = 2
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
FORMATS = ("BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
"""What Pillow may try: some of its other readers start programs (EPS) or fetch nothing but a preview."""
_WHITE_IS_ZERO, _PALETTE, _CMYK, _YCBCR = 0, 3, 5, 6
_AS_THEY_ARE = (1, 2, 4)
"""Black is zero, RGB, and a mask of transparency."""
_CMYK_FLAG = "the file holds printers' colours (CMYK): grey values are computed from them"
_PACKBITS, _LZMA, _DEFLATE = 32773, 34925, (8, 32946, 50013)


def _check_size(height: int, width: int, name: str, sample_bytes: int = 1) -> None:
    if height < MIN_SIDE or width < MIN_SIDE:
        raise FormatError(f"{name} is {width} x {height} pixels: there is no image in it")
    if height * width > MAX_PIXELS:
        raise FormatError(
            f"{name} claims {width} x {height} pixels: images up to {MAX_PIXELS:,} pixels are read; "
            "cut out a part, or save it at a lower resolution"
        )
    if height * width * sample_bytes > MAX_BYTES:
        raise FormatError(
            f"{name} claims {width} x {height} pixels of {sample_bytes} bytes: images up to {MAX_BYTES // 10**6} MB "
            "are read; save it in grey with 8 or 16 bits"
        )


def _several(number: int) -> list[str]:
    return [f"the file holds {number} pictures: only the first one is used"] if number > 1 else []


def _from_cmyk(raw: NDArray[np.generic], white: int) -> NDArray[np.generic]:
    """Red, green and blue of cyan, magenta, yellow and black: (white - c)(white - k) / white, [row, column, 3]."""
    colours = np.empty((*raw.shape[:2], 3), raw.dtype)
    for row in range(0, len(raw), ROWS):
        inverse = (white - raw[row : row + ROWS, :, :4].astype(np.float32)) / white
        colours[row : row + ROWS] = np.rint(inverse[..., :3] * inverse[..., 3:] * white)
    return colours


# ---------------------------------------------------------------------------------------------------------------- TIFF


def _check_unpacked(page: Any, name: str) -> None:
    """Refuse a TIFF whose parts unpack to more than their share of the image: the decoders have no limit of their own.

    Raises:
        FormatError: One does.
    """
    limit = 2 * int(np.prod(page.chunks)) * max(page.dtype.itemsize, 1) + 65536
    if page.compression not in (*_DEFLATE, _LZMA, _PACKBITS):
        return
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        page.parent.filehandle.seek(offset)
        packed = page.parent.filehandle.read(count)
        if page.compression == _PACKBITS:
            is_more = 64 * len(packed) > limit and _packbits_size(packed) > limit
        else:
            unpacker = lzma.LZMADecompressor() if page.compression == _LZMA else zlib.decompressobj()
            is_more = len(unpacker.decompress(packed, limit + 1)) > limit
        if is_more:
            raise FormatError(
                f"{name} unpacks to more pixels than it states: it is damaged, or made to fill the memory"
            )


def _packbits_size(packed: bytes) -> int:
    place = size = 0
    while place < len(packed):
        code = packed[place]
        if code < 128:
            size, place = size + code + 1, place + code + 2
        else:
            size, place = size + (257 - code if code > 128 else 0), place + (2 if code > 128 else 1)
    return size


def _turned_over(raw: NDArray[np.generic], bits: int) -> NDArray[np.generic]:
    """White is zero: the largest number of `bits` less the pixels."""
    if raw.dtype.kind == "b":
        return np.asarray(np.logical_not(raw))
    if raw.dtype.kind == "u":
        return np.asarray(np.subtract((1 << bits) - 1, raw, dtype=raw.dtype))
    return np.asarray(np.negative(raw))


def _read_tiff(path: Path) -> tuple[NDArray[np.generic], list[str]] | None:
    """First page of a TIFF; None where another reader is needed for its colours or its compression."""
    try:
        import tifffile
    except ImportError:
        raise MissingExtraError("TIFF images", "microscopy") from None
    try:
        with tifffile.TiffFile(path) as tiff:
            if len(tiff.pages) == 0:
                raise FormatError(f"{path.name} is a TIFF without a picture")
            page: Any = tiff.pages.first  # a page or a frame: tifffile's types know no photometric
            shape, dtype = page.shape, page.dtype
            if len(shape) not in (2, 3) or dtype is None:
                raise FormatError(f"{path.name} has {len(shape)} axes: expected rows, columns and perhaps colours")
            planar = len(shape) == 3 and page.axes.startswith("S")
            height, width = (shape[1], shape[2]) if planar else (shape[0], shape[1])
            samples = 1 if len(shape) == 2 else shape[0] if planar else shape[2]
            _check_size(height, width, path.name, samples * dtype.itemsize)
            photometric = int(page.photometric)
            if photometric in (_PALETTE, _YCBCR):
                return None
            if photometric not in (*_AS_THEY_ARE, _WHITE_IS_ZERO, _CMYK):
                raise FormatError(
                    f"{path.name} has colours of the kind {_name_of(page.photometric)}: "
                    "expected grey, RGB, a palette or CMYK; save it in grey"
                )
            _check_unpacked(page, path.name)
            raw = page.asarray()
            if planar:
                raw = np.moveaxis(raw, 0, -1)
            flags = _several(len(tiff.pages))
            if photometric == _WHITE_IS_ZERO:
                raw = _turned_over(raw, page.bitspersample)
            elif photometric == _CMYK:
                if samples < 4 or raw.dtype.kind != "u" or page.tags.valueof(332, 1) != 1:
                    raise FormatError(f"{path.name} has inks other than CMYK: save it in grey")
                raw, flags = _from_cmyk(raw, (1 << page.bitspersample) - 1), [*flags, _CMYK_FLAG]
            return raw, flags
    except (FormatError, MissingExtraError):
        raise
    except ImportError:  # of a decoder
        return None
    except Exception as error:  # tifffile raises whatever the damaged bytes lead to, and ValueError for a missing codec
        if "imagecodecs" in str(error):
            return None
        raise FormatError(
            f"{path.name} begins like a TIFF but cannot be read ({type(error).__name__}): it may be truncated"
        ) from None


def _name_of(code: Any) -> str:
    return str(getattr(code, "name", code)).upper()


def _refuse_tiff(path: Path, reason: str) -> FormatError:
    """Why no reader could make a picture of a TIFF: its compression, where that is the reason."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            page: Any = tiff.pages.first
            compression, photometric, bits = page.compression, page.photometric, page.bitspersample
    except Exception:  # what lies in a damaged header is no reason to go on
        return FormatError(f"{path.name} is damaged or truncated: {reason}")
    if compression == 1:
        return FormatError(f"{path.name} is damaged or truncated: {reason}")
    return FormatError(
        f"{path.name} is compressed with {_name_of(compression)} ({_name_of(photometric)}, {bits} bits), which cannot "
        "be unpacked here: install the Python package imagecodecs, or save the image without compression or as PNG"
    )


# -------------------------------------------------------------------------------------------------------------- Pillow


def _read_pillow(path: Path, *, is_tiff: bool = False) -> tuple[NDArray[np.generic], list[str]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            # From memory: of a file, Pillow asks for as many bytes as a damaged chunk claims to have, up to 2 GiB.
            with Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS) as opened:
                _check_size(opened.height, opened.width, path.name)
                flags = _several(getattr(opened, "n_frames", 1))
                image: Image.Image = opened
                white_is_zero = is_tiff and dict(getattr(opened, "tag_v2", {})).get(262) == _WHITE_IS_ZERO
                if image.mode == "P":
                    image = image.convert("RGBA" if "transparency" in image.info else "RGB")
                elif image.mode == "CMYK":
                    return _from_cmyk(np.array(image), 255), [*flags, _CMYK_FLAG]
                elif image.mode in ("1", "YCbCr", "HSV", "RGBX"):
                    image = image.convert("L" if image.mode == "1" else "RGB")
                elif image.mode == "LAB":
                    raise FormatError(f"{path.name} has colours of the kind CIELAB: save it in grey")
                raw: NDArray[np.generic] = np.array(image)
                if white_is_zero and raw.dtype.itemsize > 1:  # Pillow turns the others over itself
                    raw = _turned_over(raw, 8 * raw.dtype.itemsize)
                return raw, flags
    except FormatError:
        raise
    except UnidentifiedImageError:
        if is_tiff:
            raise _refuse_tiff(path, "its first picture cannot be told") from None
        with path.open("rb") as stream:
            start = stream.read(12)
        raise FormatError(
            f"{path.name} is not an image: it begins with {start!r}; expected PNG, TIFF, JPEG or BMP"
        ) from None
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, EOFError) as error:
        if is_tiff:
            raise _refuse_tiff(path, str(error)) from None
        raise FormatError(f"{path.name} is damaged or truncated: {error}") from None
    except (struct.error, zlib.error) as error:
        raise FormatError(f"{path.name} is damaged or truncated: {error}") from None
    except Image.DecompressionBombError:
        raise FormatError(f"{path.name} claims too many pixels: images up to {MAX_PIXELS:,} pixels are read") from None


def read_raw_image(path: Path) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """Return the pixels of an image file as they are: [row, column] or [row, column, channel], and flags.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no image, damaged, too large, or compressed in a way that cannot be unpacked here.
        MissingExtraError: It is a TIFF and tifffile is not installed.
    """
    with input_errors(path):
        if path.is_dir():
            raise InputFileError(f"{path} is a directory: name an image file")
        with open_input(path) as stream:
            start = stream.read(4)
    if not start:
        raise FormatError(f"{path.name} is empty")
    is_tiff = start in TIFF_MARKS
    found = _read_tiff(path) if is_tiff else None
    raw, flags = found if found is not None else _read_pillow(path, is_tiff=is_tiff)
    if raw.ndim == 3 and raw.shape[2] == 1:
        raw = raw[..., 0]
    if raw.ndim not in (2, 3) or (raw.ndim == 3 and raw.shape[2] not in (2, 3, 4)) or raw.dtype.kind not in "buif":
        raise FormatError(f"{path.name} has pixels of shape {raw.shape} and type {raw.dtype}: expected grey or colour")
    _check_size(raw.shape[0], raw.shape[1], path.name)
    return raw, tuple(flags)
