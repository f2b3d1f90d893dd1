"""From a crystal to pixels: the site under every sample of a picture, and pictures averaged over their samples.

One renderer serves every crystal of one lattice in the plane, in figures and animations. Finding the nearest site is a
rounding, so a picture costs a few operations per sample and nothing per site.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nakaya.core.arrays import Float32Array, FloatArray, IntArray, Mask
from nakaya.growth.lattice.lattice import Lattice
from nakaya.viz.colour import linear_to_srgb
from nakaya.viz.crystals.lattice import HEXAGONAL, cell_under, site_positions
from nakaya.viz.crystals.shading import DEFAULT_RELIEF, site_colours
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme

__all__ = ["PADDING", "Frame", "Renderer", "average_colours", "frame_sites", "sample_sites", "to_display"]

BAND_ROWS = 128
"""Rows of pixels that are looked up together: they fit into a cache, and large pictures need no large temporaries."""

PADDING = 1.5
"""Empty space around the lattice, in site spacings."""

_TRANSFER: NDArray[np.uint8] = np.rint(linear_to_srgb(np.arange(65536) / 65535.0) * 255.0).astype(np.uint8)


@dataclass(frozen=True)
class Frame:
    """A rectangle of the plane and the pixels that show it; y points up in the plane and rows run down.

    Attributes:
        left: Least x, in site spacings.
        top: Greatest y, in site spacings.
        width: Pixels across.
        height: Pixels down.
        scale: Pixels per site spacing.
        lattice: Whose sites are shown.
    """

    left: float
    top: float
    width: int
    height: int
    scale: float
    lattice: Lattice = HEXAGONAL

    def pixel_of(self, rows: IntArray | FloatArray, columns: IntArray | FloatArray) -> FloatArray:
        """Return where sites lie in the picture, float64 [..., 2] as (x, y) in pixels from its upper left corner."""
        place = site_positions(rows, columns, lattice=self.lattice)
        return np.stack([(place[..., 0] - self.left) * self.scale, (self.top - place[..., 1]) * self.scale], axis=-1)


def frame_sites(domain: Mask, *, width: int, padding: float = 1.0, lattice: Lattice = HEXAGONAL) -> Frame:
    """Return the frame that shows every site of `domain`, `width` pixels across.

    Args:
        domain: bool [*lattice]: the sites that must be seen; at least one.
        width: Pixels across; the height follows.
        padding: Empty space around the cells, in site spacings.
        lattice: Whose sites.
    """
    place = site_positions(*np.nonzero(domain), lattice=lattice)
    cell = np.array(lattice.cell)
    left, bottom = place.min(axis=0) + cell.min(axis=0) - padding
    right, top = place.max(axis=0) + cell.max(axis=0) + padding
    scale = width / (right - left)
    height = max(1, math.ceil((top - bottom) * scale))
    spare = height / scale - (top - bottom)  # a part of a pixel, shared between top and bottom
    return Frame(float(left), float(top + spare / 2), width, height, float(scale), lattice)


def supersampling(scale: float) -> int:
    """Samples per pixel and direction: three, or more where a pixel holds several sites (two samples per site)."""
    return max(3, min(8, math.ceil(2.0 / scale)))


def sample_sites(shape: tuple[int, ...], frame: Frame, *, samples: int | None = None) -> NDArray[np.int32]:
    """Return the cell under each sample of each pixel: int32 [samples, samples, height, width].

    Args:
        shape: Of the lattice array.
        frame: What is shown.
        samples: Samples per pixel and direction; by default as many as the scale needs.

    Returns:
        Flat index row * columns + column, or rows * columns where no site of the array lies.
    """
    samples = supersampling(frame.scale) if samples is None else samples
    sites = np.empty((samples, samples, frame.height, frame.width), np.int32)
    for start in range(0, frame.height, BAND_ROWS):
        lines = np.arange(start, min(start + BAND_ROWS, frame.height), dtype=np.float64)
        for down in range(samples):
            y = frame.top - (lines + (down + 0.5) / samples) / frame.scale
            for across in range(samples):
                x = frame.left + (np.arange(frame.width, dtype=np.float64) + (across + 0.5) / samples) / frame.scale
                found = cell_under(x[None, :], y[:, None], shape, frame.lattice)
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


def to_display(light: Float32Array) -> NDArray[np.uint8]:
    """Return display values, uint8 of the same shape, of linear light in [0, 1].

    A table over 16 bits stands for the transfer curve: exact to a display level, and much faster than powers.
    """
    level = np.clip(light * np.float32(65535.0) + np.float32(0.5), 0, 65535).astype(np.uint16)
    return np.asarray(_TRANSFER[level], np.uint8)


@dataclass(frozen=True)
class Renderer:
    """A frame over a lattice, and the site under each of its samples.

    Attributes:
        frame: The part of the plane that is shown.
        sites: What `sample_sites` made of it: int32 [samples, samples, height, width].
    """

    frame: Frame
    sites: NDArray[np.int32]

    @classmethod
    def over(cls, view: CrystalView, *, width: int, padding: float = PADDING) -> Renderer:
        """Return the renderer that shows every site of a crystal's domain, `width` pixels across."""
        frame = frame_sites(view.domain, width=width, padding=padding, lattice=view.lattice)
        return cls(frame, sample_sites(view.domain.shape, frame))

    def render(self, colours: Float32Array) -> NDArray[np.uint8]:
        """Return the picture of the sites' colours (as `SiteColours.at` gives them): uint8 [height, width, 3]."""
        return to_display(average_colours(self.sites, colours))

    def prepare(
        self, view: CrystalView, theme: Theme, relief: float = DEFAULT_RELIEF
    ) -> Callable[[int | None], Image.Image]:
        """Return what draws the crystal after any number of steps, or (None) at the end; arguments as `draw`."""
        colours = site_colours(view, theme, relief=relief)
        return lambda step: Image.fromarray(self.render(colours.at(step)))

    def draw(
        self, view: CrystalView, theme: Theme, *, step: int | None = None, relief: float = DEFAULT_RELIEF
    ) -> Image.Image:
        """Return the crystal without words, RGB.

        Args:
            view: A crystal of the renderer's lattice.
            theme: Colours.
            step: Leave out what attached after this step; by default all is shown. Every site keeps its colour.
            relief: Strength of the shading, 0 = flat colours.
        """
        return self.prepare(view, theme, relief)(step)
