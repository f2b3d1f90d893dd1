"""Differences of the phase field of alloys: central ones of nine points, with one site beyond every edge.

A pure melt balances flows through faces instead (`nakaya.growth.solvers.phase_field`), which looks two sites away. Both
are of second order.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin

import numpy as np

from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.alloy.parameters import DiluteAlloy
from nakaya.growth.solvers.phase_field.reference import TINY, Field

__all__ = ["Neighbours", "curvature", "pad_alike"]


def pad_alike(field: Field, setup: GrowthSetup) -> Field:
    """Return the field with one site added on all sides: the opposite side, the mirror image, or a copy of the edge."""
    if setup.edges == "periodic":
        return np.pad(field, 1, mode="wrap")
    padded = np.pad(field, 1, mode="edge")
    if SQUARE.is_mirrored(setup.geometry):
        padded[0] = padded[2]
        padded[:, 0] = padded[:, 2]
    return padded


@dataclass(frozen=True)
class Neighbours:
    """The values around every site.

    Attributes:
        centre: The site's own.
        rows: The neighbours (below, above).
        columns: The neighbours (left, right).
        equal: Sum over the neighbours on diagonals with equal signs.
        opposite: Sum over those with opposite ones.
    """

    centre: Field
    rows: tuple[Field, Field]
    columns: tuple[Field, Field]
    equal: Field
    opposite: Field


def curvature(params: DiluteAlloy, around: Neighbours) -> tuple[Field, Field, Field]:
    """Return a^2, |grad psi|^2 and sum_ij f_ij d_i d_j psi in two dimensions.

    With n and t along and across grad psi, and ' = d/dtheta,

        sum_ij f_ij d_i d_j psi = a^2 lap psi + 2 a a' psi_nt + (a'^2 + a a'') psi_tt

    Columns are x, rows are y. cos m theta and sin m theta are polynomials of cos 2 theta and sin 2 theta. To the second
    difference along an axis a twelfth of its own second difference along the other is added: their sum then is the
    isotropic Laplacian of nine points.
    """
    (below, above), (left, right) = around.rows, around.columns
    per_length, per_area = 0.5 / params.spacing, 1 / params.spacing**2
    x, y = (right - left) * per_length, (above - below) * per_length
    twice, fourfold = around.centre * 2.0, around.centre * 4.0
    along_y, along_x = below + above, left + right
    bent = ((around.equal + around.opposite) - ((along_y + along_x) * 2.0 - fourfold)) * (1 / 12)
    yy, xx = ((along_y - twice) + bent) * per_area, ((along_x - twice) + bent) * per_area
    xy = (around.equal - around.opposite) * (0.25 * per_area)
    x2, y2 = x * x, y * y
    square = x2 + y2
    inverse = 1.0 / (square + TINY)
    c2, s2 = (x2 - y2) * inverse, ((x * y) * 2.0) * inverse
    c, s = c2 * c2 - s2 * s2, (c2 * s2) * 2.0
    if params.symmetry == 6:
        c, s = c * c2 - s * s2, s * c2 + c * s2
    m, eps = params.symmetry, params.anisotropy
    turned_c = c * cos(params.phase) + s * sin(params.phase)
    turned_s = s * cos(params.phase) - c * sin(params.phase)
    a, first, second = turned_c * eps + 1.0, turned_s * (-m * eps), turned_c * (-m * m * eps)
    difference = xx - yy
    across = (xy * c2) - (s2 * difference) * 0.5
    along = ((xx + yy) - c2 * difference) * 0.5 - s2 * xy
    a2 = a * a
    return a2, square, (a2 * (xx + yy) + ((a * first) * 2.0) * across) + (first * first + a * second) * along
