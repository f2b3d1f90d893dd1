"""Pictures of crystals as occupied sites of a lattice: what a posterior is asked about when there is no store.

A picture that `nakaya show` drew says by its colours where the lattice lies. Of any other one the length of a pixel and
the turn of the crystal are stated, and Otsu's threshold parts crystal and surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal import fftconvolve

from nakaya.core.arrays import ArrivalMap, BoolArray, FloatArray, Mask
from nakaya.core.errors import FormatError, ParameterError, UnstatedError
from nakaya.growth.lattice.lattice import LATTICES, Lattice
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.microscopy.image_files import read_raw_image
from nakaya.microscopy.images import read_image
from nakaya.viz.colour import from_hex
from nakaya.viz.style import THEMES

__all__ = ["SeenCrystal", "cut_parts", "otsu_threshold", "read_crystal_picture"]

LEAST_OF_LATTICE = 0.02
"""Fraction of the pixels that have exactly the colour of vapour where `nakaya show` drew the picture."""

SAME = 1.5
"""Display levels within which a colour is the same."""

FAINT = 10.0
"""Display levels by which a crystal's colours differ from vapour's at least."""

SEPARATED = 0.6
"""Fraction of the variance of grey values between the two classes below which a picture shows no two things; an even
ramp of grey has 0.75, one bell-shaped peak 0.64 - a picture of a crystal has 0.85 and more."""

IN_ONE_PIECE = 0.9
"""Fraction of the foreground that the largest connected piece has at least."""


@dataclass(frozen=True)
class SeenCrystal:
    """What a picture shows of a crystal.

    Attributes:
        parts: The mirrored parts of the crystal, as maps of 0 (attached) and -1: int32 [part, row, column].
        spacing: Length of a pixel in site spacings.
        notes: How it was read.
    """

    parts: ArrivalMap
    spacing: float
    notes: tuple[str, ...]


def otsu_threshold(grey: FloatArray) -> tuple[float, float]:
    """Return the threshold that leaves most of the variance of grey values between two classes, and that fraction.

    N. Otsu, IEEE Trans. Syst. Man Cybern. 9, 62 (1979).

    Args:
        grey: 0 to 1.

    >>> threshold, between = otsu_threshold(np.array([0.1, 0.1, 0.2, 0.8, 0.9]))
    >>> 0.2 < threshold < 0.8, between > 0.9
    (True, True)
    """
    counts, edges = np.histogram(grey, 256, (0, 1))
    middles = (edges[1:] + edges[:-1]) / 2
    weight, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * middles)
    mean = sums[-1] / total
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (mean * weight - sums) ** 2 / (weight * (total - weight))
    between = np.where(np.isfinite(between), between, 0.0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    variance = float((counts * (middles - mean) ** 2).sum()) / total
    return float(edges[1:][best].mean()), float(between.max() / variance) if variance else 0.0


def read_crystal_picture(
    path: Path,
    *,
    lattice: str,
    size: int,
    spacing: float | None = None,
    is_whole: bool = True,
    angle: float = 0.0,
) -> SeenCrystal:
    """Return the mirrored parts of the crystal in a picture.

    Args:
        path: The picture.
        lattice: "hexagonal" or "square".
        size: Sites along a side of a part.
        spacing: Length of a pixel in site spacings; None: of a picture of `nakaya show`, which says it by its colours.
        is_whole: Whether the picture shows the whole crystal, or a quarter with the centre in its lower left corner.
        angle: Degrees, anticlockwise, from the rightward direction to an arm.

    Raises:
        InputFileError, FormatError: No picture, or none of a crystal that can be told from what surrounds it.
        UnstatedError: The length of a pixel is missing.
        ParameterError: A quarter of a hexagonal lattice.
    """
    if lattice == "hexagonal" and not is_whole:
        raise ParameterError("a crystal of a hexagonal lattice has no quarter: give a picture of the whole")
    drawn = _drawn_by_us(path, LATTICES[lattice], size) if spacing is None and is_whole else None
    if drawn is not None:
        mask, centre, spacing = drawn
        notes = ["drawn by nakaya: the lattice is where its colours are"]
    else:
        mask, notes = _threshold(path, is_whole=is_whole)
        if spacing is None:
            raise UnstatedError(f"{path.name} does not say how long a pixel is: give its length", "spacing")
        centre = _centre(mask) if is_whole else (0.0, mask.shape[0] - 1.0)
        notes.append(f"centre at x = {centre[0]:.1f}, y = {centre[1]:.1f} pixels")
    if not spacing > 0:
        raise ParameterError(f"spacing={spacing:g} is not positive: it is the length of a pixel in site spacings")
    parts = cut_parts(mask, centre, spacing, LATTICES[lattice], size, is_whole=is_whole, angle=angle)
    return SeenCrystal(parts, spacing, tuple(notes))


def cut_parts(
    mask: Mask,
    centre: tuple[float, float],
    spacing: float,
    lattice: Lattice,
    size: int,
    *,
    is_whole: bool,
    angle: float = 0.0,
) -> ArrivalMap:
    """Return the mirrored parts of a crystal that pixels show: three sectors or four quarters of a whole one.

    Args:
        mask: bool [row, column]: rows run down.
        centre: Pixel (x, y) of the crystal's centre.
        spacing: Length of a pixel in site spacings.
        lattice: Of the crystal.
        size: Sites along a side of a part.
        is_whole: Whether all parts are shown, or the upper right one alone.
        angle: Degrees, anticlockwise, from the rightward direction to an arm.

    Raises:
        FormatError: A part holds no crystal.
    """
    place = lattice.positions(np.moveaxis(np.indices((size, size)), 0, -1))
    turns = ([0, 120, 240] if lattice.name == "hexagonal" else [0, 90, 180, 270]) if is_whole else [0]
    maps = []
    for turn in turns:
        along = np.deg2rad(turn + angle)
        x = np.cos(along) * place[..., 0] - np.sin(along) * place[..., 1]
        y = np.sin(along) * place[..., 0] + np.cos(along) * place[..., 1]
        column = np.rint(centre[0] + x / spacing).astype(np.int64)
        row = np.rint(centre[1] - y / spacing).astype(np.int64)
        inside = (row >= 0) & (row < mask.shape[0]) & (column >= 0) & (column < mask.shape[1])
        there = inside & mask[row.clip(0, mask.shape[0] - 1), column.clip(0, mask.shape[1] - 1)]
        if not there.any():
            raise FormatError("a part of the crystal is empty: is its centre in the picture, and the scale right?")
        maps.append(np.where(there, INITIAL, NEVER))
    return np.stack(maps).astype(np.int32)


def _drawn_by_us(path: Path, lattice: Lattice, size: int) -> tuple[Mask, tuple[float, float], float] | None:
    """Crystal, centre and site spacings per pixel of a picture of `nakaya show`; None for any other one."""
    raw, _ = read_raw_image(path)
    if raw.ndim != 3 or raw.shape[2] < 3 or raw.dtype != np.uint8:
        return None
    colours = raw[..., :3].astype(np.float64)
    for theme in THEMES.values():
        vapour, ground = (255 * np.asarray(from_hex(colour)) for colour in (theme.vapour, theme.background))
        off = np.abs(colours - vapour).max(axis=-1)
        is_vapour = off <= SAME
        is_ground = np.abs(colours - ground).max(axis=-1) <= SAME
        if is_vapour.mean() < LEAST_OF_LATTICE or is_ground.mean() < LEAST_OF_LATTICE:
            continue
        rows, columns = np.flatnonzero(is_vapour.any(axis=1)), np.flatnonzero(is_vapour.any(axis=0))
        top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
        centre = (float(left + right) / 2, float(top + bottom) / 2)
        spacing = (2 * size - 1) / float(right - left + 1)
        reach = ndimage.maximum_filter(off, size=5)
        crystal = (off > FAINT) & (off >= reach / 2) & ~is_ground
        crystal[:top], crystal[bottom + 1 :], crystal[:, :left], crystal[:, right + 1 :] = False, False, False, False
        return crystal, centre, spacing
    return None


def _threshold(path: Path, *, is_whole: bool) -> tuple[Mask, list[str]]:
    """Crystal by Otsu's threshold, and how it was told from its surroundings.

    Raises:
        FormatError: The picture does not show two things, or the crystal is in pieces.
    """
    image = read_image(path)
    threshold, between = otsu_threshold(image.values)
    if between < SEPARATED:
        raise FormatError(
            f"{path.name}: grey values fall into no two classes ({between:.2f} of their variance lies between the best "
            f"two, {SEPARATED:g} expected): draw the crystal as a mask in black and white"
        )
    bright = image.values > threshold
    edge = (
        np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
        if is_whole
        else np.concatenate([bright[0], bright[:, -1]])
    )
    is_dark_around = edge.mean() < 0.5
    crystal = bright if is_dark_around else ~bright
    if is_whole and (edge == is_dark_around).any():
        raise FormatError(f"{path.name}: the crystal meets the picture's edge: show all of it, or a --quarter")
    labels, number = ndimage.label(crystal, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    if not number or sizes.max() < IN_ONE_PIECE * sizes.sum():
        raise FormatError(
            f"{path.name}: the {'bright' if is_dark_around else 'dark'} pixels lie in {number} pieces, the largest "
            f"with {sizes.max() / max(sizes.sum(), 1):.0%} of them: one crystal is expected; draw it as a mask"
        )
    largest: BoolArray = np.asarray(labels == 1 + int(sizes.argmax()))
    how = "brighter" if is_dark_around else "darker"
    notes = [f"crystal {how} than its surroundings, Otsu's threshold at {threshold:.2f} of the grey scale"]
    return largest, [*notes, *image.flags]


def _centre(mask: Mask) -> tuple[float, float]:
    """Pixel (x, y) about which a half turn changes least: the centre of what has arms on opposite sides."""
    overlap: NDArray[np.float64] = fftconvolve(mask.astype(np.float64), mask.astype(np.float64))
    best = overlap >= overlap.max() - 0.5
    row, column = (float(axis.mean()) / 2 for axis in np.nonzero(best))
    return column, row
