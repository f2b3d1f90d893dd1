"""Pictures of a microscope as grey values, and pixel sizes in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.provenance import sha256_of_file
from nakaya.microscopy.image_files import read_raw_image

__all__ = ["GreyImage", "grey_image", "parse_pixel_size", "read_image", "without_bright_spots"]

PIXEL_SIZES = (1e-12, 1e-2)
"""Metres: from a hundredth of an atom to a photograph of a fist."""
LENGTH_UNITS = {
    "m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9, "pm": 1e-12,
    "angstrom": 1e-10, "Å": 1e-10,
}  # fmt: skip
"""Units of a specimen. Printers' units ("px" is a 96th of an inch to some) are not among them."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
MAX_GREY = 10_000_000
"""Pixels; grey values and their statistics take 50 bytes each."""
RARE = 0.005
"""Fraction of the pixels at either end of the grey scale that may be outliers: a dead column of a camera is less."""
LONE = 0.15
"""Outliers lie farther outside than this fraction of the range of the others ..."""
NOISE = 10.0
"""... and than this many standard deviations of the noise; where noise grows with brightness, 9 occur by chance."""
CLUSTER = 4
"""Pixels far out in 5 x 5: an X-ray hit spreads over four, a line one pixel wide has five."""
BRIGHT, BRIGHTER = 0.005, 0.35
"""Fraction of the pixels that may be bright spots, and how far above the others, as a fraction of their range, the
scale ends: noise reached 0.3 in images of 512 x 512 pixels."""

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


def read_image(path: Path) -> GreyImage:
    """Read a picture as grey values from 0 (its darkest pixel) to 1 (its brightest one).

    Colours become luminance. Transparency is left out, with a flag where there is any. Pixels that are no
    numbers take the median of the others, and lone ones far outside all others (dead and hot pixels, X-ray hits) that
    of their surroundings, with a flag.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no image, damaged, too large, or has one value only.
        MissingExtraError: It is a TIFF and tifffile is not installed.
    """
    raw, flags = read_raw_image(path)
    return grey_image(raw, path.name, sha256_of_file(path), flags)


def grey_image(raw: NDArray[np.generic], name: str, sha256: str, flags: tuple[str, ...] = ()) -> GreyImage:
    """Return pixels as `read_raw_image` gives them, or a part of them, as grey values; see `read_image`.

    Args:
        raw: [row, column] or [row, column, channel].
        name: File name.
        sha256: Of the file's bytes.
        flags: What was odd so far.

    Raises:
        FormatError: All pixels are alike, or none is a number; or there are too many.
    """
    if raw.shape[0] * raw.shape[1] > MAX_GREY:
        raise FormatError(
            f"{name} has {raw.shape[1]} x {raw.shape[0]} pixels: up to {MAX_GREY:,} are turned into grey values; "
            "crop to a part, or halve the resolution"
        )
    found = list(flags)
    bits = 8 * raw.dtype.itemsize
    if raw.ndim == 3:
        if raw.shape[2] in (2, 4):
            opaque = raw[..., -1] == raw[..., -1].max()
            if not opaque.all():
                found.append(f"{int((~opaque).sum())} pixels are transparent: their colours are taken as they are")
            raw = raw[..., :-1]
        values = _luminance(raw)
    else:
        values = raw.astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.all():
        raise FormatError(f"{name}: no pixel is a number")
    if bad.any():
        found.append(f"{int(bad.sum())} pixels are not numbers: taken as the median")
        values[bad] = np.median(values[~bad])
    num_lone = _mend_lone_pixels(values)
    if num_lone:
        found.append(
            f"{num_lone} lone pixels lie far outside the grey values of all others (dead or hot pixels, X-ray hits): "
            "taken as the median around them"
        )
    low, high = float(values.min()), float(values.max())
    if high <= low:
        raise FormatError(f"{name}: all pixels have the value {low:g}: there is nothing to see")
    values -= low
    values /= high - low
    return GreyImage(values, name, sha256, bits, tuple(found))


def _luminance(raw: NDArray[np.generic]) -> FloatArray:
    """Grey values of colours [row, column, 1 or 3], a few rows at a time: colours in float64 are three images more."""
    if raw.shape[2] == 1:
        return raw[..., 0].astype(np.float64)
    weights = np.array(LUMINANCE)
    values = np.empty(raw.shape[:2])
    for row in range(0, len(raw), 256):
        values[row : row + 256] = raw[row : row + 256].astype(np.float64) @ weights
    return values


def _mend_lone_pixels(values: FloatArray) -> int:
    """Give lone outliers the median of their 5 x 5 surroundings, in place, and return how many there were.

    All that is found in an image is measured on the scale from its darkest to its brightest pixel: one hot pixel would
    make everything else faint. Small things of the specimen are spared: of them more than `CLUSTER` pixels are far out.
    """
    low, high = np.percentile(values, [100 * RARE, 100 - 100 * RARE])
    margin = LONE * (high - low)
    steps = np.diff(values, axis=1)
    noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / np.sqrt(2)
    far = (values < low - margin) | (values > high + margin)
    places = np.argwhere(far)
    if len(places) == 0:
        return 0
    around = [
        tuple(np.clip(places + np.array([down, right]), 0, np.array(values.shape) - 1).T)
        for down in range(-2, 3)
        for right in range(-2, 3)
    ]
    median = np.median([values[place] for place in around], axis=0)
    own = tuple(places.T)
    is_lone = np.sum([far[place] for place in around], axis=0) <= CLUSTER
    is_lone &= np.abs(values[own] - median) > NOISE * noise
    values[tuple(places[is_lone].T)] = median[is_lone]
    return int(is_lone.sum())


def without_bright_spots(image: FloatArray) -> tuple[FloatArray, float]:
    """Return the image on a grey scale that ends little above its brightest half per cent, and how far it went before.

    The contrast of loops and the clarity of lines are fractions of the grey scale; a charged particle, a hole or
    lettering, many times brighter than all else, would make them faint. What is dark stays: it may be a loop or a line.

    Args:
        image: Grey values from 0 to 1, float64 [row, column].

    Returns:
        Grey values from 0 to 1, and the old range over the new one: 1 where nothing is so bright.
    """
    low, high = np.percentile(image, [100 * BRIGHT, 100 - 100 * BRIGHT])
    top = high + BRIGHTER * (high - low)
    darkest, brightest = float(image.min()), float(image.max())
    if brightest <= top or top <= darkest:
        return image, 1.0
    return (np.minimum(image, top) - darkest) / (top - darkest), float((brightest - darkest) / (top - darkest))
