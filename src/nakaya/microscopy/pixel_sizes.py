"""Pixel sizes, and the end of the specimen, that microscopes write into their TIFF files.

Only statements about the specimen count: OME-XML, ImageJ's calibration, and the headers of FEI (Thermo Fisher) and
Zeiss microscopes. The resolution for printing ("72 dots per inch"), which nearly every file has, says nothing about the
specimen and is never used. A header may speak of another image than the one in the file (of the screen; of what it was
before it was scaled down): so each statement is held against the width of the field over the columns of the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nakaya.core.reading import open_input
from nakaya.microscopy.image_files import TIFF_MARKS
from nakaya.microscopy.images import LENGTH_UNITS, PIXEL_SIZES

__all__ = [
    "ImageHeader",
    "fei_header",
    "find_pixel_size",
    "imagej_pixel_size",
    "ome_header",
    "ome_pixel_size",
    "read_image_header",
    "zeiss_header",
]

SQUARE = 0.01
"""Pixels whose sides differ by more than this fraction are not square, and have no one size."""
SAME = 0.02
"""Statements that differ by more than this fraction contradict each other: headers round to three digits."""
ZEISS_SCREEN = 1024
"""Columns of the screen that the entry AP_PIXEL_SIZE is about, whatever the columns of the file."""
_SPELLINGS = {"micron": "um", "microns": "um", "\\u00b5m": "um", "å": "angstrom"}


@dataclass(frozen=True)
class ImageHeader:
    """What a file says about the specimen.

    Attributes:
        pixel_size: m; None = nothing that can be used.
        place: Which header says so; empty without a size.
        specimen: Rows and columns that show the specimen, from the top left corner; None = nothing is said.
        flags: What the header contradicts.
    """

    pixel_size: float | None = None
    place: str = ""
    specimen: tuple[int, int] | None = None
    flags: tuple[str, ...] = ()


def find_pixel_size(path: Path) -> tuple[float, str] | None:
    """Return the pixel size in metres that a TIFF file states, and where it states it; None where it does not."""
    header = read_image_header(path)
    return None if header.pixel_size is None else (header.pixel_size, header.place)


def read_image_header(path: Path) -> ImageHeader:
    """Return what a TIFF file says about the specimen.

    The first of OME-XML, ImageJ, FEI and Zeiss that states a size is believed; another one that differs is a flag.
    A file that cannot be read states nothing: whoever reads its pixels will say what is wrong with it.
    """
    try:
        with open_input(path) as stream:
            if stream.read(4) not in TIFF_MARKS:
                return ImageHeader()
        import tifffile

        with tifffile.TiffFile(path) as tiff:
            page: Any = tiff.pages.first
            shape = int(page.imagelength), int(page.imagewidth)
            found = [
                ome_header(tiff.ome_metadata or "", shape),
                ImageHeader(imagej_pixel_size(tiff.imagej_metadata or {}, _pixels_per_unit(tiff)), "ImageJ"),
                fei_header(tiff.fei_metadata or {}, shape),
                zeiss_header(tiff.sem_metadata or {}, shape),
            ]
    except Exception:  # tifffile raises whatever damaged bytes lead to; metadata must not stand in the way of pixels
        return ImageHeader()
    specimen = next((header.specimen for header in found if header.specimen is not None), None)
    flags = tuple(flag for header in found for flag in header.flags)
    stated = [header for header in found if header.pixel_size and PIXEL_SIZES[0] <= header.pixel_size <= PIXEL_SIZES[1]]
    if not stated:
        return ImageHeader(specimen=specimen, flags=flags)
    first, size = stated[0], stated[0].pixel_size or math.nan
    for other in stated[1:]:
        if not _agree(size, other.pixel_size):
            flags += (
                f"the {first.place} metadata give pixels of {size:.4g} m, the {other.place} metadata "
                f"{other.pixel_size:.4g} m: the former are used; give the pixel size",
            )
    return ImageHeader(size, f"{first.place} metadata of the file", specimen, flags)


def _agree(first: float | None, second: float | None) -> bool:
    return first is not None and second is not None and math.isclose(first, second, rel_tol=SAME)


def _number(value: object) -> float | None:
    """A finite number above zero, or None."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _in_metres(value: object, unit: str) -> float | None:
    number = _number(value)
    spelled = _SPELLINGS.get(unit.strip().lower(), unit.strip())
    return None if number is None else _number(number * LENGTH_UNITS.get(spelled, math.nan))


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
        sides.append(_in_metres(value[1], unit[1] if unit else "um") if value else None)
    return _one_size(sides[0], sides[1])


def ome_header(xml: str, shape: tuple[int, int]) -> ImageHeader:
    """Return the pixel size of OME-XML, with a flag where its SizeX is not the columns of the file.

    Args:
        xml: The description of the file.
        shape: Rows and columns of the file.
    """
    size, columns = ome_pixel_size(xml), re.search(r'\bSizeX="([0-9]{1,9})"', xml)
    flags = _other_columns("OME", int(columns[1]), shape[1]) if size and columns else ()
    return ImageHeader(size, "OME-XML", flags=flags)


def _other_columns(place: str, stated: int, columns: int) -> tuple[str, ...]:
    if stated == columns:
        return ()
    return (
        f"the {place} metadata are of an image of {stated} columns, the file has {columns}: it was cut (the pixel size "
        "stays) or scaled (it does not); give the pixel size",
    )


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


def fei_header(metadata: Mapping[str, Any], shape: tuple[int, int]) -> ImageHeader:
    """Return what the header of an FEI microscope says.

    PixelWidth is believed where it is HorFieldsize over the columns of the file. Where it is not, the file was scaled
    (rows and columns alike: the size of the field over the columns counts) or cut (PixelWidth counts): both are flags.
    The specimen ends at row [Image] ResolutionY, or DatabarHeight above the end; below it is the data bar.

    Args:
        metadata: Sections of the header, as tifffile gives them.
        shape: Rows and columns of the file.
    """

    def section(name: str) -> Mapping[str, Any]:
        found = metadata.get(name, {})
        return found if isinstance(found, Mapping) else {}

    rows, columns = shape
    beam = str(section("Beam").get("Scan", ""))
    scan = next((section(part) for part in ("Scan", beam, "EScan", "IScan") if "PixelWidth" in section(part)), {})
    scan = scan or next((section(part) for part in ("Scan", beam, "EScan", "IScan") if section(part)), {})
    height, width = (_number(section("Image").get(f"Resolution{side}")) for side in "YX")
    bar = _number(section("PrivateFei").get("DatabarHeight")) or 0
    field = _number(scan.get("HorFieldsize"))
    size = _one_size(_number(scan.get("PixelWidth")), _number(scan.get("PixelHeight")))
    specimen = None
    if (width is None or width == columns) and 0 < (end := height or rows - bar) < rows:
        specimen = int(end), columns
    by_field = None if field is None else field / columns
    if "PixelWidth" not in scan:
        return ImageHeader(by_field, "FEI", specimen)
    if size is None or by_field is None or _agree(size, by_field):
        if width is not None and width != columns and by_field is None:
            return ImageHeader(size, "FEI", specimen, _other_columns("FEI", int(width), columns))
        return ImageHeader(size, "FEI", specimen)
    is_scaled = bool(width and height) and _agree(columns / width, rows / (height + bar))  # type: ignore[operator]
    used, words = (by_field, "scaled") if is_scaled and width != columns else (size, "cut, or one of them is wrong")
    flag = (
        f"the FEI metadata give pixels of {size:.4g} m, and {by_field:.4g} m as the width of the field over the "
        f"{columns} columns of the file, which was {words}: {used:.4g} m is used; give the pixel size"
    )
    return ImageHeader(used, "FEI", specimen, (flag,))


def zeiss_header(metadata: Mapping[str, Any], shape: tuple[int, int]) -> ImageHeader:
    """Return what the header of a Zeiss microscope says.

    AP_IMAGE_PIXEL_SIZE is of the image as it was stored; AP_PIXEL_SIZE is of a screen of 1024 columns, and has to be
    multiplied by 1024 over the columns of the file; AP_WIDTH over the columns is the pixel size where the file was not
    cut. The first of these that is there is used: the image's own, the width's, the screen's.

    Args:
        metadata: Entries of the header, as tifffile gives them: (name, value, unit).
        shape: Rows and columns of the file.
    """

    def length(name: str) -> float | None:
        entry = metadata.get(name)
        return _in_metres(entry[1], str(entry[2])) if isinstance(entry, tuple) and len(entry) == 3 else None

    columns = shape[1]
    own, screen, width = length("ap_image_pixel_size"), length("ap_pixel_size"), length("ap_width")
    found = {
        "the image's own entry": own,
        "the width of the field over the columns of the file": None if width is None else width / columns,
        "the size on the screen": None if screen is None else screen * ZEISS_SCREEN / columns,
    }
    if own is not None:  # some programs write the size of the image into both
        del found["the size on the screen"]
    sizes = {name: size for name, size in found.items() if size is not None}
    if not sizes:
        return ImageHeader()
    (first, size), *others = sizes.items()
    flags = [
        f"the Zeiss metadata give pixels of {size:.4g} m ({first}), and of {other:.4g} m ({name}): the former is used; "
        "the file was cut or scaled, give the pixel size"
        for name, other in others
        if not _agree(size, other)
    ]
    if first == "the size on the screen" and columns != ZEISS_SCREEN:
        flags.append(
            f"the Zeiss metadata give the size of a pixel on a screen of {ZEISS_SCREEN} columns only; {size:.4g} m was "
            f"computed for the {columns} columns of the file, which is right if the file shows the whole field"
        )
    return ImageHeader(size, "Zeiss", flags=tuple(flags))
