"""Pixel sizes that microscopes write into their TIFF files.

Only statements about the specimen count: OME-XML, ImageJ's calibration, and the headers of FEI and Zeiss microscopes.
The resolution for printing ("72 dots per inch"), which nearly every file has, says nothing about the specimen and is
never used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nakaya.core.reading import open_input
from nakaya.microscopy.images import LENGTH_UNITS, PIXEL_SIZES, TIFF_MARKS

__all__ = ["find_pixel_size", "imagej_pixel_size", "ome_pixel_size"]

SQUARE = 0.01
"""Pixels whose sides differ by more than this fraction are not square, and have no one size."""
_SPELLINGS = {"micron": "um", "microns": "um", "\\u00b5m": "um", "å": "angstrom"}


def find_pixel_size(path: Path) -> tuple[float, str] | None:
    """Return the pixel size in metres that a TIFF file states, and where it states it; None where it does not.

    A file that cannot be read states nothing: whoever reads its pixels will say what is wrong with it.
    """
    try:
        with open_input(path) as stream:
            if stream.read(4) not in TIFF_MARKS:
                return None
        import tifffile

        with tifffile.TiffFile(path) as tiff:
            found = {
                "OME-XML": ome_pixel_size(tiff.ome_metadata or ""),
                "ImageJ": imagej_pixel_size(tiff.imagej_metadata or {}, _pixels_per_unit(tiff)),
                "FEI": _fei_pixel_size(tiff.fei_metadata or {}),
                "Zeiss": _zeiss_pixel_size(tiff.sem_metadata or {}),
            }
    except Exception:  # tifffile raises whatever damaged bytes lead to; metadata must not stand in the way of pixels
        return None
    for place, size in found.items():
        if size is not None and PIXEL_SIZES[0] <= size <= PIXEL_SIZES[1]:
            return size, f"{place} metadata of the file"
    return None


def _in_metres(value: float, unit: str) -> float | None:
    spelled = _SPELLINGS.get(unit.strip().lower(), unit.strip())
    size = value * LENGTH_UNITS.get(spelled, math.nan)
    return size if math.isfinite(size) and size > 0 else None


def _one_size(width: float | None, height: float | None) -> float | None:
    if width is None or height is None or not math.isclose(width, height, rel_tol=SQUARE):
        return None
    return width


def ome_pixel_size(xml: str) -> float | None:
    """Return PhysicalSizeX of OME-XML in metres; None where it is missing, or the pixels are not square.

    >>> ome_pixel_size('<Pixels PhysicalSizeX="0.5" PhysicalSizeXUnit="nm" PhysicalSizeY="0.5" PhysicalSizeYUnit="nm">')
    5e-10
    """
    sides = []
    for side in "XY":
        value = re.search(rf'PhysicalSize{side}="([0-9.eE+-]+)"', xml)
        unit = re.search(rf'PhysicalSize{side}Unit="([^"]+)"', xml)
        try:
            sides.append(_in_metres(float(value[1]), unit[1] if unit else "um") if value else None)
        except ValueError:
            sides.append(None)
    return _one_size(sides[0], sides[1])


def imagej_pixel_size(metadata: Mapping[str, Any], pixels_per_unit: tuple[float, float]) -> float | None:
    """Return the pixel size of ImageJ's calibration in metres; None for inches, which are a printer's, or no unit.

    Args:
        metadata: ImageJ's description of the file: `unit` is used.
        pixels_per_unit: Along x and y.
    """
    unit = str(metadata.get("unit", ""))
    if min(pixels_per_unit) <= 0:
        return None
    return _one_size(_in_metres(1 / pixels_per_unit[0], unit), _in_metres(1 / pixels_per_unit[1], unit))


def _pixels_per_unit(tiff: Any) -> tuple[float, float]:  # tifffile carries no types
    numbers = []
    for name in ("XResolution", "YResolution"):
        tag = tiff.pages.first.tags.get(name)
        top, bottom = tag.value if tag is not None else (0, 1)
        numbers.append(float(top) / float(bottom) if bottom else 0.0)
    return numbers[0], numbers[1]


def _fei_pixel_size(metadata: Mapping[str, Any]) -> float | None:
    for part in ("Scan", "EScan", "IScan"):
        sizes = metadata.get(part, {})
        if isinstance(sizes, Mapping) and "PixelWidth" in sizes and "PixelHeight" in sizes:
            return _one_size(float(sizes["PixelWidth"]), float(sizes["PixelHeight"]))
    return None


def _zeiss_pixel_size(metadata: Mapping[str, Any]) -> float | None:
    for name in ("ap_image_pixel_size", "ap_pixel_size"):
        entry = metadata.get(name)
        if isinstance(entry, tuple) and len(entry) == 3:
            return _in_metres(float(entry[1]), str(entry[2]))
    return None
