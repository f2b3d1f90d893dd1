"""Which part of an image shows the specimen: crops, and what looks like data bars, borders and burnt-in labels.

Nothing is cut away on a guess: what is found here becomes a flag that names the part to keep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["Crop", "describe_foreign_parts", "parse_crop"]

SAME_VALUE = 0.012
"""Grey values within this fraction of the scale are one value: three steps of 8 bits, which JPEG adds to a bar."""
BAR_ROW = 0.5
"""A row belongs to a data bar where at least this fraction of it has the value of the bar; the rest is lettering ..."""
LETTERED_ROW = 0.2
"""... rows between such rows may have this much lettering left."""
ELSEWHERE = 0.1
"""Greatest fraction of a typical row elsewhere that has the value of a bar: clean or saturated images are no bars."""
MIN_BAR = 0.02
"""Least width of a bar or border, as a fraction of the side; and `MIN_LINES` lines."""
MIN_LINES = 3
MIN_BOX = 150
"""Pixels of the smallest label box; a scale bar alone has `MIN_LENGTH` columns at least."""
FILLED = 0.97
"""A box fills at least this fraction of its rectangle, lettering included: its sides are straight and upright."""
MAX_TOLD = 3
"""Boxes, the largest; lettering of black on white can be many."""
MIN_LENGTH, SLENDER = 24, 5.0
"""Columns of a scale bar without a box, and columns over rows."""
_CROP = re.compile(r"([0-9]{1,6})x([0-9]{1,6})\+([0-9]{1,6})\+([0-9]{1,6})")


@dataclass(frozen=True)
class Crop:
    """A rectangle of an image, in pixels."""

    width: int
    height: int
    left: int = 0
    top: int = 0

    def __str__(self) -> str:
        """As `parse_crop` reads it."""
        return f"{self.width}x{self.height}+{self.left}+{self.top}"

    def lies_in(self, other: Crop) -> bool:
        """Whether no pixel of it lies outside another one."""
        return (
            other.left <= self.left
            and other.top <= self.top
            and self.left + self.width <= other.left + other.width
            and self.top + self.height <= other.top + other.height
        )

    def of(self, pixels: NDArray[np.generic], name: str) -> NDArray[np.generic]:
        """Return this part of an image [row, column, ...].

        Raises:
            ParameterError: It reaches over the image.
        """
        rows, columns = pixels.shape[:2]
        if self.left + self.width > columns or self.top + self.height > rows:
            raise ParameterError(f"crop {self} reaches over {name}, which has {columns} x {rows} pixels")
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]


def parse_crop(text: str) -> Crop:
    """Return a crop from WIDTHxHEIGHT+LEFT+TOP in pixels.

    Raises:
        ParameterError: It is none, or has no area.

    >>> parse_crop("1024x884+0+0")
    Crop(width=1024, height=884, left=0, top=0)
    """
    match = _CROP.fullmatch(text.strip())
    if match is None or 0 in (int(match[1]), int(match[2])):
        raise ParameterError(f"crop {text[:40]!r} is not WIDTHxHEIGHT+LEFT+TOP in pixels, such as 1024x884+0+0")
    return Crop(*(int(number) for number in match.groups()))


def describe_foreign_parts(values: FloatArray, *, boxes: bool = True) -> list[str]:
    """Return flags on what seems to be no specimen: data bars, borders of one value, label boxes and scale bars.

    Args:
        values: Grey values from 0 to 1, float64 [row, column].
        boxes: Whether boxes inside the image are looked for.
    """
    rows, columns = values.shape
    margins = _margins(values)
    top, bottom, left, right = margins
    inner = values[top : rows - bottom, left : columns - right]
    flags = []
    if any(margins):
        kept = Crop(inner.shape[1], inner.shape[0], left, top)
        sides = ", ".join(
            f"{n} at the {side}" for n, side in zip(margins, ("top", "bottom", "left", "right"), strict=True) if n
        )
        flags.append(
            f"rows or columns at the frame are of one value but for lettering ({sides}): a data bar or border is "
            f"measured as specimen; crop to {kept}"
        )
    flags += [
        f"a box of one value at +{box.left + left}+{box.top + top}, {box.width} x {box.height} pixels, is measured as "
        "specimen (a burnt-in scale bar or label?): crop it away, or draw a mask"
        for box in (_boxes(inner)[:MAX_TOLD] if boxes else [])
    ]
    return flags


def _margins(values: FloatArray) -> tuple[int, int, int, int]:
    """Rows at the top and bottom, columns at the left and right that are a bar or a border; 0 where there is none."""
    rows, columns = values.shape
    top, bottom = _bar(values), _bar(values[::-1])
    if top + bottom >= rows - MIN_LINES:
        return 0, 0, 0, 0
    across = values[top : rows - bottom].T
    left, right = _bar(across), _bar(across[::-1])
    return (top, bottom, left, right) if left + right < columns - MIN_LINES else (top, bottom, 0, 0)


def _bar(values: FloatArray) -> int:
    """Rows from the first one on that share one value."""
    value = float(np.median(values[0]))
    near = (np.abs(values - value) <= SAME_VALUE).mean(axis=1)
    if near[0] < BAR_ROW:
        return 0
    within = near >= LETTERED_ROW
    end = len(values) if within.all() else int(np.argmin(within))
    end = int(np.flatnonzero(near[:end] >= BAR_ROW)[-1]) + 1
    if end < max(MIN_LINES, MIN_BAR * len(values)) or end == len(values) or np.median(near[end:]) > ELSEWHERE:
        return 0
    return end


def _boxes(values: FloatArray) -> list[Crop]:
    """Upright rectangles of one extreme value, the largest first; holes in them are lettering."""
    found: list[Crop] = []
    for value in (float(values.max()), float(values.min())):
        parts, _ = ndimage.label(np.abs(values - value) <= SAME_VALUE)
        sizes = np.bincount(parts.ravel())
        for number, part in enumerate(ndimage.find_objects(parts), start=1):
            height, width = part[0].stop - part[0].start, part[1].stop - part[1].start
            if sizes[number] < MIN_LENGTH or height < 2 or height * width == values.size:
                continue
            filled = _filled_fraction(parts[part] == number)
            is_box = height * width >= MIN_BOX and min(height, width) >= 8
            is_bar = width >= max(MIN_LENGTH, SLENDER * height) and filled == 1
            if filled >= FILLED and (is_box or is_bar):
                found.append(Crop(width, height, part[1].start, part[0].start))
    found.sort(key=lambda box: -box.width * box.height)
    return [box for number, box in enumerate(found) if not any(box.lies_in(larger) for larger in found[:number])]


def _filled_fraction(inside: BoolArray) -> float:
    return float(ndimage.binary_fill_holes(inside).mean())
