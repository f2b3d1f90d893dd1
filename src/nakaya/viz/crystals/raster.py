"""From sites to pixels: which site a point of the plane belongs to, and pictures averaged over many such points.

The cell of a site is the hexagon of points nearer to it than to any other site. Finding the nearest site is a rounding,
so a picture costs a few operations per sample and nothing per site.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import Float32Array, FloatArray, IntArray, Mask
from nakaya.growth.lattice.hexagonal import to_plane

__all__ = ["CELL_AREA", "Frame", "average_colours", "frame_sites", "nearest_site", "sample_sites"]

CELL_AREA = math.sqrt(3.0) / 2.0
"""Area of a site's hexagon, in squares of the site spacing."""

HALF_WIDTH = 0.5
"""A hexagon reaches this far from its centre along x: half the site spacing."""

HALF_HEIGHT = 1.0 / math.sqrt(3.0)
"""A hexagon reaches this far from its centre along y."""


BAND_ROWS = 128
"""Rows of pixels that are looked up together: they fit into a cache, and large pictures need no large temporaries."""


@dataclass(frozen=True)
class Frame:
    """A rectangle of the plane and the pixels that show it; y points up in the plane and rows run down.

    Attributes:
        left: Least x, in site spacings.
        top: Greatest y, in site spacings.
        width: Pixels across.
        height: Pixels down.
        scale: Pixels per site spacing.
    """

    left: float
    top: float
    width: int
    height: int
    scale: float

    def pixel_of(self, rows: IntArray | FloatArray, columns: IntArray | FloatArray) -> FloatArray:
        """Return where sites lie in the picture, float64 [..., 2] as (x, y) in pixels from its upper left corner."""
        place = to_plane(rows, columns)
        return np.stack([(place[..., 0] - self.left) * self.scale, (self.top - place[..., 1]) * self.scale], axis=-1)


def nearest_site(x: FloatArray, y: FloatArray) -> tuple[IntArray, IntArray]:
    """Return (rows, columns) of the site nearest to each point of the plane; exact but for points on an edge.

    With real coordinates i = y / (sqrt(3)/2) and j = x + i/2 the three numbers i, -j and j - i add up to zero. Rounding
    each and then giving up the one that was rounded furthest finds the hexagon.

    Args:
        x: In site spacings, any shape.
        y: The same shape.

    >>> [int(v) for v in nearest_site(np.array(-0.5), np.array(0.9))]
    [1, 0]
    """
    i = np.asarray(y) * (2.0 / math.sqrt(3.0))
    j = np.asarray(x) + i / 2.0
    k = j - i
    row, column, third = np.rint(i), np.rint(j), np.rint(k)
    off_row, off_column, off_third = np.abs(row - i), np.abs(column - j), np.abs(third - k)
    row_is_worst = (off_row > off_column) & (off_row > off_third)
    column_is_worst = ~row_is_worst & (off_column > off_third)
    return (
        np.where(row_is_worst, column - third, row).astype(np.int64),
        np.where(column_is_worst, row + third, column).astype(np.int64),
    )


def frame_sites(domain: Mask, *, width: int, padding: float = 1.0) -> Frame:
    """Return the frame that shows every site of `domain`, `width` pixels across.

    Args:
        domain: bool [row, column]: the sites that must be seen; at least one.
        width: Pixels across; the height follows.
        padding: Empty space around the sites, in site spacings.
    """
    place = to_plane(*np.nonzero(domain))
    left = place[:, 0].min() - HALF_WIDTH - padding
    right = place[:, 0].max() + HALF_WIDTH + padding
    bottom = place[:, 1].min() - HALF_HEIGHT - padding
    top = place[:, 1].max() + HALF_HEIGHT + padding
    scale = width / (right - left)
    height = max(1, math.ceil((top - bottom) * scale))
    spare = height / scale - (top - bottom)  # a part of a pixel, shared between top and bottom
    return Frame(float(left), float(top + spare / 2), width, height, float(scale))


def supersampling(scale: float) -> int:
    """Samples per pixel and direction: three, or more where a pixel holds several sites (two samples per site)."""
    return max(3, min(8, math.ceil(2.0 / scale)))


def sample_sites(shape: tuple[int, int], frame: Frame, *, samples: int | None = None) -> NDArray[np.int32]:
    """Return the site under each sample of each pixel: int32 [samples, samples, height, width].

    Args:
        shape: Rows and columns of the lattice array.
        frame: What is shown.
        samples: Samples per pixel and direction; by default as many as the scale needs.

    Returns:
        Flat index row * columns + column, or rows * columns where no site of the array lies.
    """
    samples = supersampling(frame.scale) if samples is None else samples
    rows, columns = shape
    sites = np.empty((samples, samples, frame.height, frame.width), np.int32)
    for start in range(0, frame.height, BAND_ROWS):
        lines = np.arange(start, min(start + BAND_ROWS, frame.height), dtype=np.float64)
        for down in range(samples):
            y = frame.top - (lines + (down + 0.5) / samples) / frame.scale
            for across in range(samples):
                x = frame.left + (np.arange(frame.width, dtype=np.float64) + (across + 0.5) / samples) / frame.scale
                row, column = nearest_site(x[None, :], y[:, None])
                inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
                found = np.where(inside, row * columns + column, rows * columns)
                sites[down, across, start : start + len(lines)] = found
    return sites


def average_colours(sites: NDArray[np.int32], colours: Float32Array) -> Float32Array:
    """Return the mean colour of each pixel's samples: float32 [height, width, 3].

    Args:
        sites: What `sample_sites` returned.
        colours: float32 [rows * columns + 1, 3], linear light (means of display values would darken edges); the last
            entry is the colour of the background outside the array.
    """
    total = np.zeros((*sites.shape[2:], 3), np.float32)
    for down in range(sites.shape[0]):
        for across in range(sites.shape[1]):
            total += np.take(colours, sites[down, across], axis=0)
    total *= np.float32(1.0 / (sites.shape[0] * sites.shape[1]))
    return total
