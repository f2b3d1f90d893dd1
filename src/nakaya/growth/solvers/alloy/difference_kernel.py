"""`differences`, compiled, on flat arrays with one ghost line on every side."""

from __future__ import annotations

from typing import Any

import numpy as np

from nakaya.core.compiling import njit
from nakaya.growth.solvers.phase_field.kernel import copy_line, diagonal_sums
from nakaya.growth.solvers.simd import load, splat

__all__ = ["curvature_in_plane", "fill_ghosts"]


@njit
def fill_ghosts(layout: Any, field: Any) -> None:
    """Write the neighbours beyond all edges: the opposite side, the mirror image, or a copy of the edge."""
    columns, rows = layout.columns, layout.rows
    for row in range(rows):
        start = layout.first + row * layout.stride
        field[start + columns] = field[start if layout.is_periodic else start + columns - 1]
        behind = columns - 1 if layout.is_periodic else (1 if layout.is_mirrored else 0)
        field[start - 1] = field[start + behind]
    above = layout.first
    ahead = above if layout.is_periodic else above + (rows - 1) * layout.stride
    copy_line(field, ahead - 1, above + rows * layout.stride - 1, columns + 2)
    behind = rows - 1 if layout.is_periodic else (1 if layout.is_mirrored else 0)
    copy_line(field, above + behind * layout.stride - 1, above - layout.stride - 1, columns + 2)


@njit(forceinline=True)
def curvature_in_plane(layout: Any, rules: Any, psi: Any, at: Any) -> Any:
    """a^2, |grad psi|^2 and sum_ij f_ij d_i d_j psi."""
    stride = layout.stride
    one, two, half = splat(np.float32(1)), splat(np.float32(2)), splat(np.float32(0.5))
    below_it, above = load(psi, at - stride), load(psi, at + stride)
    left, right = load(psi, at - 1), load(psi, at + 1)
    equal, opposite = diagonal_sums(psi, at, stride, 1)
    per_length, per_area = splat(rules.per_length), splat(rules.per_area)
    centre, twelfth = load(psi, at), splat(rules.twelfth)
    twice, fourfold = centre * two, centre * splat(np.float32(4))
    rows, columns = below_it + above, left + right
    bent = ((equal + opposite) - ((rows + columns) * two - fourfold)) * twelfth
    x, y = (right - left) * per_length, (above - below_it) * per_length
    xx, yy = ((columns - twice) + bent) * per_area, ((rows - twice) + bent) * per_area
    xy = (equal - opposite) * splat(rules.quarter_per_area)
    x2, y2 = x * x, y * y
    square = x2 + y2
    inverse = one / (square + splat(rules.tiny))
    c2, s2 = (x2 - y2) * inverse, ((x * y) * two) * inverse
    c, s = c2 * c2 - s2 * s2, (c2 * s2) * two
    if rules.is_sixfold:
        c, s = c * c2 - s * s2, s * c2 + c * s2
    turned_c = c * splat(rules.cosine) + s * splat(rules.sine)
    turned_s = s * splat(rules.cosine) - c * splat(rules.sine)
    a, first, second = turned_c * splat(rules.eps) + one, turned_s * splat(rules.slope), turned_c * splat(rules.bend)
    difference = xx - yy
    across = (xy * c2) - (s2 * difference) * half
    along = ((xx + yy) - c2 * difference) * half - s2 * xy
    a2 = a * a
    return a2, square, (a2 * (xx + yy) + ((a * first) * two) * across) + (first * first + a * second) * along
