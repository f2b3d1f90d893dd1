"""The colour of every site: arrival time by colour, the crystal's relief by light.

The arrival map is read as a relief in which what attached first stands highest, so the axes of branches are ridges and
the places where branches met are grooves. The light comes from all sides: a symmetric crystal has a symmetric picture.
"""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray
from nakaya.core.trajectory import INITIAL, occupancy_at
from nakaya.lattice.hexagonal import NEIGHBOURS
from nakaya.viz.colour import from_hex, grain_hues, oklab_to_srgb, srgb_to_linear, srgb_to_oklab
from nakaya.viz.style import Theme
from nakaya.viz.view import CrystalView

__all__ = ["DEFAULT_RELIEF", "relief_of", "site_colours"]

DEFAULT_RELIEF = 0.08
"""Change of lightness (OKLab) between a ridge and a flat place: seen as form, too small to be read as another time."""

RELIEF_SHARE = 1 / 60
"""A difference of this share of the whole growth between a site and its neighbours counts as half a full ridge."""

GRAIN_CHROMA = 0.105


def relief_of(arrival: ArrivalMap, last: int) -> FloatArray:
    """Return how far each site stands above its neighbourhood: float64 [row, column] in (-1, 1), 0 outside the crystal.

    The mean arrival of the attached neighbours less the site's own, squashed; the mean over the six neighbours makes it
    equal for sites that a rotation or mirror of the lattice carries into each other.

    Args:
        arrival: int32 [row, column].
        last: Number of steps that the growth took.
    """
    attached = arrival >= INITIAL
    rows, columns = arrival.shape
    padded = np.full((rows + 2, columns + 2), -1, np.int64)
    padded[1:-1, 1:-1] = arrival
    total, count = np.zeros(arrival.shape), np.zeros(arrival.shape)
    for down, across in NEIGHBOURS:
        neighbour = padded[1 + down : 1 + down + rows, 1 + across : 1 + across + columns]
        total += np.where(neighbour >= INITIAL, neighbour, 0)
        count += neighbour >= INITIAL
    rise = np.where(attached & (count > 0), total / np.maximum(count, 1) - arrival, 0.0)
    return np.asarray(rise / (np.abs(rise) + max(last, 1) * RELIEF_SHARE))


def site_colours(
    view: CrystalView, theme: Theme, *, step: int | None = None, relief: float = DEFAULT_RELIEF
) -> Float32Array:
    """Return the colour of every site and of the ground: float32 [row * column + 1, 3], linear light.

    Args:
        view: The crystal; the young end of the ramp stands for `view.last`, and each grain has a hue of its own.
        theme: Colours.
        step: Leave out what attached after this step. The relief stays that of the whole crystal, so a site keeps its
            colour from the step at which it appears (and films change only where something grows).
        relief: Lightness of the relief, 0 = flat.
    """
    arrival, grain, last = view.arrival, view.grain, max(view.last, 1)
    attached = arrival >= INITIAL if step is None else occupancy_at(arrival, step)
    age = np.clip(arrival[attached] / last, 0.0, 1.0)
    if grain is None:
        lab = srgb_to_oklab(theme.ramp(age))
    else:
        dark, light = theme.grain_lightness
        hue = np.deg2rad(grain_hues(int(grain.max()) + 1))[np.maximum(grain[attached], 0)]
        chroma = np.where(grain[attached] >= 0, GRAIN_CHROMA, 0.0)
        lab = np.stack([dark + (light - dark) * age, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    if relief:
        lab[:, 0] = np.clip(lab[:, 0] + relief * relief_of(arrival, last)[attached], 0.0, 1.0)
    srgb = np.where(view.domain[..., None], from_hex(theme.vapour), from_hex(theme.ground))
    srgb[attached] = oklab_to_srgb(lab)
    colours = np.empty((arrival.size + 1, 3), np.float32)
    colours[:-1] = srgb_to_linear(srgb).reshape(-1, 3)
    colours[-1] = srgb_to_linear(from_hex(theme.ground))
    return colours
