"""Masks that a person drew or corrected: boundaries as lines, or grains as labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nakaya.core.arrays import BoolArray, GrainMap
from nakaya.core.errors import FormatError
from nakaya.microscopy.grains.topology import split_disconnected

__all__ = ["check_mask_size", "grains_from_mask", "mask_of_boundaries"]

MIN_GRAIN = 4
"""Pixels; enclosed specks below this are left from drawing."""
NEARLY_TWO = 0.85
"""Fraction of pixels near black or white from which a mask with grey rims (JPEG, pens) counts as black and white."""


def mask_of_boundaries(labels: GrainMap) -> BoolArray:
    """Return boundaries as lines two pixels wide, for a person to correct: bool [row, column]."""
    cross = ndimage.generate_binary_structure(2, 1)
    return np.asarray(
        ndimage.maximum_filter(labels, footprint=cross) != ndimage.minimum_filter(labels, footprint=cross), np.bool_
    )


def check_mask_size(pixels: NDArray[np.generic], shape: tuple[int, int]) -> None:
    """Raise `FormatError` where a mask has other rows or columns than the image that it belongs to."""
    if pixels.shape[:2] != shape:
        raise FormatError(
            f"the mask has {pixels.shape[1]} x {pixels.shape[0]} pixels, the image {shape[1]} x {shape[0]}: "
            "they must be the same"
        )


def grains_from_mask(pixels: NDArray[np.generic], shape: tuple[int, int]) -> tuple[GrainMap, list[str]]:
    """Return the grains of a mask.

    A mask of two values shows boundaries: the value whose places are thinner is the boundary. A mask of more values, or
    colours, shows grains, each with its value; black (0) belongs to none. Pixels without a grain go to the nearest one.

    Args:
        pixels: As read from a file, [row, column] or [row, column, channel].
        shape: Rows and columns of the image that the mask belongs to.

    Returns:
        int32 [row, column], 0 .. n - 1, and flags.

    Raises:
        FormatError: The mask has another size, or shows no grains.
    """
    check_mask_size(pixels, shape)
    if pixels.ndim == 3:
        colours = pixels[..., : 3 if pixels.shape[2] >= 3 else 1].reshape(-1, 3 if pixels.shape[2] >= 3 else 1)
        # One number a colour; a grey picture stored as colours keeps its grey value.
        grey = (colours == colours[:, :1]).all()
        codes = colours[:, 0] if grey else np.unique(colours, axis=0, return_inverse=True)[1].ravel()
        black = (colours == 0).all(axis=1)
        if not grey:
            codes = np.where(black, 0, codes.astype(np.int64) + 1)
        pixels = codes.reshape(shape)
    values = pixels.astype(np.float64)
    if not np.isfinite(values).all():
        raise FormatError("the mask holds pixels that are not numbers")
    low, high = float(values.min()), float(values.max())
    if high <= low:
        raise FormatError("the mask has one value only: it shows neither boundaries nor grains")
    relative = (values - low) / (high - low)
    flags: list[str] = []
    if len(np.unique(values)) == 2 or (((relative < 0.1) | (relative > 0.9)).mean() > NEARLY_TWO and high - low > 100):
        seeds = _between_boundaries(relative > 0.5)
    else:
        if (values != np.round(values)).any():
            raise FormatError("the mask is neither black and white nor whole numbers, one a grain")
        seeds = np.where(values == 0, 0, np.unique(values, return_inverse=True)[1].reshape(shape) + 1).astype(np.int32)
        flags += _repeated_values(seeds)
    size = np.bincount(seeds.ravel())
    small = size < MIN_GRAIN
    small[0] = False
    if small.any():
        flags.append(f"{int(small.sum())} specks of fewer than {MIN_GRAIN} pixels in the mask are no grains")
        seeds = np.where(small[seeds], 0, seeds)
    if len(np.unique(seeds[seeds > 0])) < 2:
        raise FormatError("the mask shows fewer than two grains: are its boundaries closed?")
    nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    labels = seeds[tuple(nearest)]
    return np.unique(labels, return_inverse=True)[1].reshape(shape).astype(np.int32), flags


def _repeated_values(seeds: NDArray[np.int32]) -> list[str]:
    """A flag where a value that should be one grain lies in several places: a palette that was used in turn."""
    pieces = split_disconnected((seeds - 1).astype(np.int32))
    first = np.unique(pieces, return_index=True)[1]
    large = np.bincount(pieces[pieces >= 0]) >= MIN_GRAIN
    value = seeds.ravel()[first[-len(large) :]][large]
    number, areas = len(np.unique(value)), len(value)
    if areas == number:
        return []
    return [
        f"{number} colours or values of the mask lie in {areas} separate areas: each area is taken for a grain, but "
        "grains that touch in one colour cannot be told apart; give every grain its own, or draw boundaries"
    ]


def _between_boundaries(white: BoolArray) -> NDArray[np.int32]:
    """Number the areas between lines; which of the two values is the line is told by how thick its places are."""
    thickness = [float(ndimage.distance_transform_edt(side)[side].mean()) for side in (white, ~white)]
    lines = white if thickness[0] < thickness[1] else ~white
    return np.asarray(ndimage.label(~lines)[0], np.int32)
