"""The colour of every site: arrival time by colour, the crystal's relief by light.

The arrival map is read as a relief in which what attached first stands highest, so the axes of branches are ridges and
the places where branches met are grooves. The light comes from all sides: a symmetric crystal has a symmetric picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, IntArray, Mask
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice
from nakaya.growth.model.trajectory import INITIAL, occupancy_at
from nakaya.viz.colour import from_hex, grain_hues, oklab_to_srgb, srgb_to_linear, srgb_to_oklab
from nakaya.viz.crystals.lattice import isometric_cells
from nakaya.viz.crystals.view import CrystalView, ShownField
from nakaya.viz.style import Theme

__all__ = ["DEFAULT_RELIEF", "SiteColours", "SurfaceColours", "relief_of", "site_colours", "visible_faces"]

DEFAULT_RELIEF = 0.12
"""Change of lightness (OKLab) between a ridge and a flat place: seen as form, too small to be read as another time."""

RELIEF_SHARE = 1 / 60
"""A difference of this share of the whole growth between a site and its neighbours counts as half a full ridge."""

GRAIN_CHROMA = 0.105


def relief_of(arrival: ArrivalMap, last: int, lattice: Lattice = HEXAGONAL) -> FloatArray:
    """Return how far each site stands above its neighbourhood: float64 [row, column] in (-1, 1), 0 outside the crystal.

    The mean arrival of the attached neighbours less the site's own, evened out once over the neighbours (single sites
    that were late by a few steps are no relief) and squashed. Only means over all neighbours enter, so sites that a
    rotation or mirror of the lattice carries into each other get the same value.

    Args:
        arrival: int32 [row, column].
        last: Number of steps that the growth took.
        lattice: Who is a neighbour of whom.
    """
    attached = arrival >= INITIAL
    rise = _neighbour_mean(arrival.astype(np.float64), attached, lattice) - arrival
    rise = np.where(attached, 0.5 * rise + 0.5 * _neighbour_mean(rise, attached, lattice), 0.0)
    return np.asarray(rise / (np.abs(rise) + max(last, 1) * RELIEF_SHARE))


def _neighbour_mean(field: FloatArray, attached: Mask, lattice: Lattice) -> FloatArray:
    """Mean of the field over each site's attached neighbours, or the site's own value where it has none."""
    rows, columns = field.shape
    values, counted = np.pad(np.where(attached, field, 0.0), 1), np.pad(attached, 1)
    total, count = np.zeros(field.shape), np.zeros(field.shape)
    for down, across in lattice.neighbours:
        window = (slice(1 + down, 1 + down + rows), slice(1 + across, 1 + across + columns))
        total += values[window]
        count += counted[window]
    return np.where(count > 0, total / np.maximum(count, 1), field)


@dataclass(frozen=True)
class SiteColours:
    """The colours of a crystal's sites, at any step of its growth; linear light.

    Attributes:
        whole: At the end: float32 [row * column + 1, 3]; the last entry is the background outside the array.
        empty: Before anything attached: the same shape.
        arrival: int32 [row * column]: when each site attached.
    """

    whole: Float32Array
    empty: Float32Array
    arrival: ArrivalMap

    def at(self, step: int | None = None) -> Float32Array:
        """Return the colours after `step` steps, or at the end: float32 [row * column + 1, 3].

        A site keeps its colour from the step at which it appears, and so does its relief, which is that of the whole
        crystal: a film changes only where something grows.
        """
        if step is None:
            return self.whole
        there = np.flatnonzero(occupancy_at(self.arrival, step))
        colours = self.empty.copy()
        colours[there] = self.whole[there]
        return colours


@dataclass(frozen=True)
class SurfaceColours:
    """The colours of a crystal in three dimensions, seen along the diagonal of the cube; as `SiteColours`.

    Attributes:
        sites: float32 [site, 3]: colour (OKLab) of every site.
        empty: float32 [triangle + 1, 3]: the picture before anything attached, linear light.
        arrival: int32 [layer, row, column].
        relief: Difference in lightness between the faces.
    """

    sites: FloatArray
    empty: Float32Array
    arrival: ArrivalMap
    relief: float

    def at(self, step: int | None = None) -> Float32Array:
        """Return the colours after `step` steps, or at the end: float32 [triangle + 1, 3]."""
        attached = self.arrival >= INITIAL if step is None else occupancy_at(self.arrival, step)
        site, face = visible_faces(attached)
        there = np.flatnonzero(site >= 0)
        lab = self.sites[site[there]]
        lab[:, 0] = np.clip(lab[:, 0] + self.relief * FACE_LIGHT[face[there]], 0.0, 1.0)
        colours = self.empty.copy()
        colours[there] = srgb_to_linear(oklab_to_srgb(lab))
        return colours


FACE_LIGHT = np.array([0.0, -0.7, -1.5])
"""Of the upper, left and right faces, in units of the relief: the light falls from above and from the left."""


def visible_faces(attached: Mask) -> tuple[IntArray, IntArray]:
    """Return what is seen of a cubic lattice along (1, 1, 1), triangle by triangle.

    Site (l, r, c) projects to the point (s, t) = (c - l, r - l) of a triangular lattice. The triangle (0, 0), (1, 0),
    (1, 1), and likewise its mirror image (0, 0), (0, 1), (1, 1), shows one face of a site that projects to each of its
    three corners; of attached ones the one nearest to who looks, of the greatest l + r + c. These differ modulo 3.

    Args:
        attached: bool [layer, row, column].

    Returns:
        Flat index of the site, -1 where none is seen, and its face (0 = layer, 1 = row, 2 = column): int64 [triangle].
    """
    layers, rows, columns = attached.shape
    shape = isometric_cells(attached.shape)
    top = np.full((shape[0] + 1, shape[1] + 1), -1, np.int64)  # of each stack: the uppermost layer that is attached
    layer, row, column = np.nonzero(attached)
    np.maximum.at(top, (column - layer + layers, row - layer + layers), layer)
    s, t = np.indices(top.shape) - layers
    height = np.where(top >= 0, 3 * top + s + t, NOTHING)
    site = (top * rows + t + top) * columns + s + top
    corners = {(0, 0): np.s_[:-1, :-1], (1, 0): np.s_[1:, :-1], (0, 1): np.s_[:-1, 1:], (1, 1): np.s_[1:, 1:]}
    halves = (((0, 0), 2), ((1, 0), 1), ((1, 1), 0)), (((0, 0), 1), ((0, 1), 2), ((1, 1), 0))
    found, faces = np.full((*shape, 2), -1, np.int64), np.zeros((*shape, 2), np.int64)
    for half, candidates in enumerate(halves):
        best = np.full(shape, NOTHING)
        for corner, face in candidates:
            nearer = height[corners[corner]] > best
            best = np.where(nearer, height[corners[corner]], best)
            found[..., half] = np.where(nearer, site[corners[corner]], found[..., half])
            faces[..., half] = np.where(nearer, face, faces[..., half])
    return found.ravel(), faces.ravel()


NOTHING = np.iinfo(np.int64).min


def site_colours(view: CrystalView, theme: Theme, *, relief: float = DEFAULT_RELIEF) -> SiteColours | SurfaceColours:
    """Return the colours of a crystal's sites.

    Args:
        view: The crystal; the young end of the ramp stands for `view.last`, and each grain has a hue of its own. A
            field in the plane is shown beyond the crystal too, whose edge then has the colour of text.
        theme: Colours.
        relief: Lightness of the relief, 0 = flat.
    """
    arrival, grain, last = view.arrival, view.grain, max(view.last, 1)
    attached = arrival >= INITIAL
    age = np.clip(arrival[attached] / last, 0.0, 1.0)
    if view.field is not None and view.lattice.dimension == 2:
        return _field_colours(view, view.field, theme)
    if view.field is not None:
        lab = srgb_to_oklab(theme.ramp(_fraction(view.field, attached)))
    elif grain is None:
        lab = srgb_to_oklab(theme.ramp(age))
    else:
        dark, light = theme.grain_lightness
        hue = np.deg2rad(grain_hues(int(grain.max()) + 1))[np.maximum(grain[attached], 0)]
        chroma = np.where(grain[attached] >= 0, GRAIN_CHROMA, 0.0)
        lab = np.stack([dark + (light - dark) * age, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    if view.lattice.dimension == 3:
        sites = np.zeros((arrival.size, 3))
        sites[attached.ravel()] = lab
        seen = visible_faces(view.domain)[0] >= 0
        return SurfaceColours(sites, _empty_lattice(seen, theme), arrival, relief)
    if relief:
        lab[:, 0] = np.clip(lab[:, 0] + relief * relief_of(arrival, last, view.lattice)[attached], 0.0, 1.0)
    empty = _empty_lattice(view.domain.ravel(), theme)
    whole = empty.copy()
    whole[:-1][attached.ravel()] = srgb_to_linear(oklab_to_srgb(lab))
    return SiteColours(whole, empty, arrival.ravel())


def _fraction(field: ShownField, where: Mask) -> FloatArray:
    values = np.nan_to_num(field.values[where].astype(np.float64), nan=field.low)
    return np.asarray((values - field.low) / ((field.high - field.low) or 1.0))


def _field_colours(view: CrystalView, field: ShownField, theme: Theme) -> SiteColours:
    attached, defined = view.arrival >= INITIAL, view.domain & np.isfinite(field.values)
    within = _neighbour_mean(attached.astype(np.float64), np.ones_like(attached), view.lattice)
    empty = _empty_lattice(view.domain.ravel(), theme)
    whole = empty.copy()
    whole[:-1][defined.ravel()] = srgb_to_linear(theme.ramp(_fraction(field, defined)))
    whole[:-1][(attached & (within < 1)).ravel()] = srgb_to_linear(from_hex(theme.foreground))
    return SiteColours(whole, empty, view.arrival.ravel())


def _empty_lattice(domain: Mask, theme: Theme) -> Float32Array:
    """Vapour on the lattice, ground outside it."""
    vapour, ground = (
        srgb_to_linear(from_hex(colour)).astype(np.float32) for colour in (theme.vapour, theme.background)
    )
    inside = np.append(domain, False)
    return np.where(inside[:, None], vapour, ground)
