"""From a crystal to pixels: one renderer serves every crystal of one lattice, in figures and animations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nakaya.core.arrays import Float32Array
from nakaya.viz.colour import linear_to_srgb
from nakaya.viz.crystals.raster import Frame, average_colours, frame_sites, sample_sites
from nakaya.viz.crystals.shading import DEFAULT_RELIEF, site_colours
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme

__all__ = ["PADDING", "Renderer", "to_display"]

PADDING = 1.5
"""Empty space around the lattice, in site spacings."""

_TRANSFER: NDArray[np.uint8] = np.rint(linear_to_srgb(np.arange(65536) / 65535.0) * 255.0).astype(np.uint8)


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
        return Image.fromarray(self.render(site_colours(view, theme, relief=relief).at(step)))
