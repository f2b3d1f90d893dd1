"""The colour of every site: arrival time by colour, the crystal's relief by light.

The arrival map is read as a relief in which what attached first stands highest, so the axes of branches are ridges and
the places where branches met are grooves. The light comes from all sides: a symmetric crystal has a symmetric picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, Mask
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice
from nakaya.growth.model.trajectory import INITIAL, occupancy_at
from nakaya.viz.colour import from_hex, oklab_to_srgb, srgb_to_linear
from nakaya.viz.crystals.colouring import attached_colours
from nakaya.viz.crystals.view import CrystalView, ShownField
from nakaya.viz.style import Theme

__all__ = ["DEFAULT_RELIEF", "SiteColours", "relief_of", "site_colours"]

DEFAULT_RELIEF = 0.12
"""Change of lightness (OKLab) between a ridge and a flat place: seen as form, too small to be read as another time."""

RELIEF_SHARE = 1 / 60
"""A difference of this share of the whole growth between a site and its neighbours counts as half a full ridge."""


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


def site_colours(view: CrystalView, theme: Theme, *, relief: float = DEFAULT_RELIEF) -> SiteColours:
    """Return the colours of the sites of a crystal in the plane.

    Args:
        view: The crystal; see `nakaya.viz.crystals.colouring`. A field is shown beyond the crystal too, whose edge then
            has the colour of text.
        theme: Colours.
        relief: Lightness of the relief, 0 = flat. Colours of fields and orientations are to be read, and stay flat.
    """
    if view.field is not None:
        return _field_colours(view, view.field, theme)
    attached = view.arrival >= INITIAL
    lab = attached_colours(view, theme)
    if relief and view.orientations is None:
        lab[:, 0] = np.clip(
            lab[:, 0] + relief * relief_of(view.arrival, max(view.last, 1), view.lattice)[attached], 0.0, 1.0
        )
    empty = _empty_lattice(view.domain.ravel(), theme)
    whole = empty.copy()
    whole[:-1][attached.ravel()] = srgb_to_linear(oklab_to_srgb(lab))
    return SiteColours(whole, empty, view.arrival.ravel())


def _field_colours(view: CrystalView, field: ShownField, theme: Theme) -> SiteColours:
    attached, defined = view.arrival >= INITIAL, view.domain & np.isfinite(field.values)
    within = _neighbour_mean(attached.astype(np.float64), np.ones_like(attached), view.lattice)
    empty = _empty_lattice(view.domain.ravel(), theme)
    whole = empty.copy()
    whole[:-1][defined.ravel()] = srgb_to_linear(view.ramp(theme)(field.fractions(defined)))
    whole[:-1][(attached & (within < 1)).ravel()] = srgb_to_linear(from_hex(theme.foreground))
    return SiteColours(whole, empty, view.arrival.ravel())


def _empty_lattice(domain: Mask, theme: Theme) -> Float32Array:
    """Vapour on the lattice, ground outside it."""
    vapour, ground = (
        srgb_to_linear(from_hex(colour)).astype(np.float32) for colour in (theme.vapour, theme.background)
    )
    inside = np.append(domain, False)
    return np.where(inside[:, None], vapour, ground)
