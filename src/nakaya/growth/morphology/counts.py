"""Measures that count sites and bonds: exact integers of any occupancy."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray, Mask
from nakaya.growth.lattice.neighbourhood import count_neighbours, pad_edges
from nakaya.growth.model.setup import Edges

__all__ = [
    "SITE_AREA",
    "area",
    "boundary_sites",
    "crofton_perimeter",
    "on_boundary",
    "perimeter",
]

SITE_AREA = np.sqrt(3.0) / 2.0
"""Area of a site's Voronoi cell, in squared site spacings."""

CELL_EDGE = 1.0 / np.sqrt(3.0)
"""Length of one edge of that cell."""

NEAREST_BONDS = ((1, 0), (0, 1), (1, 1))
"""One offset for each of the three directions to nearest neighbours, at distance 1."""

SECOND_BONDS = ((2, 1), (1, 2), (1, -1))
"""One offset for each of the three directions to second neighbours, at distance sqrt 3."""


def area(attached: Mask) -> IntArray:
    """Return the number of attached sites: int64 [*batch]. Times `SITE_AREA` it is an area in squared site spacings.

    Args:
        attached: bool [*batch, row, column].
    """
    return np.asarray(np.count_nonzero(attached, axis=(-2, -1)), np.int64)


def on_boundary(attached: Mask, *, edges: Edges = "reservoir") -> Mask:
    """Return which vapour sites have an attached neighbour: bool [*batch, row, column].

    Args:
        attached: bool [*batch, row, column].
        edges: What lies beyond the array. A mirrored sector is read with "reservoir": its mirrors add no boundary site.
    """
    return np.asarray((count_neighbours(attached, edges=edges) > 0) & ~attached, np.bool_)


def boundary_sites(attached: Mask, *, edges: Edges = "reservoir") -> IntArray:
    """Return the number of vapour sites that touch the crystal: int64 [*batch].

    In a sector this is the plain count in the sector's array, as in the CGNE paper, not a third of the whole crystal's.

    Args:
        attached: bool [*batch, row, column].
        edges: What lies beyond the array; "reservoir" for a sector.
    """
    return np.asarray(np.count_nonzero(on_boundary(attached, edges=edges), axis=(-2, -1)), np.int64)


def _crossings(attached: Mask, bonds: tuple[tuple[int, int], ...], edges: Edges) -> IntArray:
    """How many bonds of these offsets join crystal and vapour: int64 [*batch]."""
    width = 2  # no bond is longer, so every bond with an end in the array lies wholly in the padded one
    rows, columns = attached.shape[-2:]
    padded = pad_edges(attached, edges, False, width)
    count = np.zeros(attached.shape[:-2], np.int64)
    for row, column in bonds:
        if edges == "periodic":  # each bond once: those that start in the array itself
            here = padded[..., width:-width, width:-width]
            there = padded[..., width + row : width + row + rows, width + column : width + column + columns]
        else:
            here = padded[..., : rows + 2 * width - row, max(0, -column) : columns + 2 * width - max(0, column)]
            there = padded[..., row:, max(0, column) : columns + 2 * width - max(0, -column)]
        count += np.count_nonzero(here ^ there, axis=(-2, -1))
    return count


def perimeter(attached: Mask, *, edges: Edges = "reservoir") -> FloatArray:
    """Return the length of the outline of the crystal's Voronoi cells: float64 [*batch], in site spacings.

    Exactly the number of bonds between crystal and vapour times the cells' edge, 1 / sqrt 3. The outline zigzags, so
    for a round shape it is 4 / pi = 1.27 times the length of the smooth outline, however large the shape; that length
    is what `crofton_perimeter` estimates. Use this one to compare crystals with each other, or per bond.

    Args:
        attached: bool [*batch, row, column]; a whole crystal (unfold a sector first).
        edges: Whether bonds cross the edges of the array ("periodic").

    >>> one = np.zeros((5, 5), bool)
    >>> one[2, 2] = True
    >>> round(float(perimeter(one)) / 3**0.5, 3)  # a hexagon: six edges of length 1 / sqrt 3
    2.0
    """
    return np.asarray(_crossings(attached, NEAREST_BONDS, edges) * CELL_EDGE, np.float64)


def crofton_perimeter(attached: Mask, *, edges: Edges = "reservoir") -> FloatArray:
    """Return an estimate of the length of the crystal's smooth outline: float64 [*batch], in site spacings.

    Cauchy and Crofton: the length is pi / 2 times the mean over directions of (crossings x spacing of the lines), here
    over six directions 30 degrees apart: three to nearest neighbours (lines sqrt 3 / 2 apart) and three to second
    neighbours (1 / 2 apart). A long straight edge comes out 2.3 % too short to 1.2 % too long, according to its
    direction. For round shapes these errors cancel: a disc of radius R has a relative error of 0.06 / R (root mean
    square over its place on the lattice; largest seen 0.18 / R, but 0.3 / R for one around a site whose whole radius
    makes lines of the lattice touch it). Not for arms one or two sites wide: there the lattice does not say what the
    smooth outline would be.

    Args:
        attached: bool [*batch, row, column]; a whole crystal (unfold a sector first).
        edges: Whether lines cross the edges of the array ("periodic").

    >>> rows, columns = np.indices((81, 81)) - 40
    >>> disc = (columns - rows / 2) ** 2 + 0.75 * rows**2 <= 20.3**2
    >>> round(float(crofton_perimeter(disc)) / (2 * np.pi * 20.3), 2)
    1.0
    """
    nearest = _crossings(attached, NEAREST_BONDS, edges) * (np.sqrt(3.0) / 2.0)
    second = _crossings(attached, SECOND_BONDS, edges) * 0.5
    return np.asarray(np.pi / 2.0 * (nearest + second) / 6.0, np.float64)
