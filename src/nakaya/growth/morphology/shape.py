"""Measures of size and shape about an origin: radii, branches, symmetry, dimension.

All but the sixfold order rest on whole numbers: the squared distance of site (i, j) from (0, 0) is i^2 + j^2 - i j, and
its distance in neighbour steps max(|i|, |j|, |i - j|). They are therefore equal, to the last bit, for a crystal turned
or mirrored about the origin. They take a whole crystal in one piece: unfold a sector first, and roll a periodic array
so that the crystal does not cross its edges.
"""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray, Mask
from nakaya.growth.lattice.lattice import D6, hexagonal_distance, to_plane

__all__ = [
    "arcs_on_rings",
    "branch_count",
    "centre",
    "fractal_dimension",
    "gyration_radius",
    "mass_within",
    "reach",
    "sixfold_order",
    "squared_distance",
    "tip_radius",
]

Origin = tuple[int, int]
"""Site (row, column) that distances and angles are measured from."""

MASS_RADIUS_WINDOW = (1 / 8, 1 / 2)
"""Radii, as shares of the crystal's reach, over which the fractal dimension is fitted.

Above the grain of the lattice, below the fringe where only the longest tips have mass.
"""


def centre(attached: Mask) -> Origin:
    """Return the centre site of the array, (rows // 2, columns // 2): the origin where none is given."""
    return attached.shape[-2] // 2, attached.shape[-1] // 2


def _offsets(attached: Mask, origin: Origin | None) -> tuple[IntArray, IntArray]:
    row, column = centre(attached) if origin is None else origin
    offsets = np.indices(attached.shape[-2:], dtype=np.int64)
    return np.asarray(offsets[0] - row), np.asarray(offsets[1] - column)


def _form(rows: IntArray, columns: IntArray) -> IntArray:
    """The lattice's quadratic form i^2 + j^2 - i j: the squared distance of (i, j) from (0, 0)."""
    return np.asarray(rows * rows + columns * columns - rows * columns)


def squared_distance(attached: Mask, origin: Origin | None = None) -> IntArray:
    """Return every site's squared distance from the origin, int64 [row, column]: whole squared site spacings."""
    return _form(*_offsets(attached, origin))


def gyration_radius(attached: Mask) -> FloatArray:
    """Return the root mean square distance of the attached sites from their centre of mass, in site spacings.

    Args:
        attached: bool [*batch, row, column].

    Returns:
        float64 [*batch]; NaN where nothing is attached.
    """
    rows, columns = _offsets(attached, None)
    flat = attached.reshape(*attached.shape[:-2], -1)
    weights = np.stack([np.ones_like(rows), rows, columns, _form(rows, columns)], axis=-1).reshape(-1, 4)
    # Whole numbers (Python's, which do not overflow) up to the root: no rounding depends on where the crystal lies.
    count, row_sum, column_sum, square_sum = np.moveaxis(flat @ weights, -1, 0).astype(object)
    scaled = count * square_sum - _form(row_sum, column_sum)
    total = np.asarray(count, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(np.asarray(scaled, np.float64)) / total, np.float64)


def tip_radius(attached: Mask, *, origin: Origin | None = None) -> FloatArray:
    """Return the greatest distance of an attached site from the origin, in site spacings.

    Args:
        attached: bool [*batch, row, column].
        origin: Site of the seed; by default the centre of the array.

    Returns:
        float64 [*batch]; NaN where nothing is attached.
    """
    farthest = np.where(attached, squared_distance(attached, origin), -1).max(axis=(-2, -1))
    return np.sqrt(np.where(farthest >= 0, farthest, np.nan))


def reach(attached: Mask, *, origin: Origin | None = None) -> IntArray:
    """Return the greatest distance of an attached site from the origin in neighbour steps: int64 [*batch], -1 = empty.

    Args:
        attached: bool [*batch, row, column].
        origin: Site that is measured from; by default the centre of the array.
    """
    steps = hexagonal_distance(*_offsets(attached, origin))
    return np.asarray(np.where(attached, steps, -1).max(axis=(-2, -1)), np.int64)


def _ring(radius: int) -> IntArray:
    """The 6 k sites at k neighbour steps from (0, 0), in cyclic order: int64 [site, 2] offsets (row, column)."""
    corners = [element @ np.array([1, 0]) for element in D6[::2]]
    along = np.arange(radius)[:, None]
    # The side from corner m to corner m + 1 runs along the direction to corner m + 2.
    return np.concatenate([radius * corners[m] + along * corners[(m + 2) % 6] for m in range(6)])


def _arcs(attached: Mask, radius: int, origin: Origin) -> IntArray:
    """How many runs of crystal one ring meets: int64 [*batch]."""
    rows, columns = attached.shape[-2:]
    offsets = _ring(radius) if radius else np.zeros((1, 2), np.int64)
    row, column = offsets[:, 0] + origin[0], offsets[:, 1] + origin[1]
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    chain = attached[..., row.clip(0, rows - 1), column.clip(0, columns - 1)] & inside
    starts = np.count_nonzero(chain & ~np.roll(chain, 1, axis=-1), axis=-1)
    return np.asarray(np.where(chain.all(axis=-1), 1, starts), np.int64)


def arcs_on_rings(attached: Mask, *, origin: Origin | None = None) -> IntArray:
    """Return how many separate runs of crystal each hexagonal ring around the origin meets.

    Ring k is the closed chain of the 6 k sites at k neighbour steps from the origin. A full ring counts as one run, as
    does an attached origin (ring 0). Sites beyond the array are vapour.

    Args:
        attached: bool [*batch, row, column].
        origin: Centre of the rings; by default the centre of the array.

    Returns:
        int64 [*batch, ring], for the rings 0 to the farthest that meets the array.
    """
    middle = centre(attached) if origin is None else origin
    last = int(hexagonal_distance(*_offsets(attached, middle)).max())
    return np.stack([_arcs(attached, radius, middle) for radius in range(last + 1)], axis=-1)


def branch_count(attached: Mask, *, origin: Origin | None = None, at: float = 0.5) -> IntArray:
    """Return the number of branches: runs of crystal on the ring at a given share of the crystal's reach.

    Counted as `arcs_on_rings` counts, on ring round(at * reach), halves upwards. A compact crystal has one, a star with
    six arms six; side branches that cross the ring count, so the number depends on `at`, and where branches begin or
    end at the ring it can change by one or more with a single site.

    Args:
        attached: bool [*batch, row, column].
        origin: Centre of the ring; by default the centre of the array.
        at: Share of the reach, 0 to 1.

    Returns:
        int64 [*batch]; 0 where nothing is attached.

    >>> star = np.zeros((21, 21), bool)
    >>> star[10, :] = star[:, 10] = True
    >>> np.fill_diagonal(star, True)
    >>> int(branch_count(star))
    6
    """
    middle = centre(attached) if origin is None else origin
    rings = np.floor(at * np.maximum(reach(attached, origin=middle), 0) + 0.5).astype(np.int64)
    count = np.zeros(rings.shape, np.int64)
    for radius in np.unique(rings):
        chosen = rings == radius
        count[chosen] = _arcs(attached[chosen], int(radius), middle)
    return count


def sixfold_order(attached: Mask, *, origin: Origin | None = None) -> FloatArray:
    """Return |psi_6|, the sixfold order of the crystal's angular mass distribution.

    psi_6 = mean of exp(6 i phi) over the attached sites, phi their angle about the origin; the origin itself has no
    angle and is left out. 1 for arms along the six lattice directions (or the six between them), 0 for a disc in the
    limit of large radius, 0.0586 for a large filled hexagon.

    Args:
        attached: bool [*batch, row, column].
        origin: Site of the seed; by default the centre of the array.

    Returns:
        float64 [*batch], 0 to 1; NaN where no site but the origin is attached.

    >>> star = np.zeros((21, 21), bool)
    >>> star[10, :] = star[:, 10] = True
    >>> np.fill_diagonal(star, True)
    >>> round(float(sixfold_order(star)), 6)
    1.0
    """
    rows, columns = _offsets(attached, origin)
    position = to_plane(rows, columns)
    z = position[..., 0] + 1j * position[..., 1]
    distance = np.abs(z)
    has_angle = distance > 0
    wave = np.where(has_angle, (z / np.where(has_angle, distance, 1.0)) ** 6, 0.0)
    weights = np.stack([wave.real, wave.imag, has_angle], axis=-1).reshape(-1, 3)
    sums = attached.reshape(*attached.shape[:-2], -1) @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.hypot(sums[..., 0], sums[..., 1]) / sums[..., 2], np.float64)


def mass_within(attached: Mask, *, origin: Origin | None = None) -> IntArray:
    """Return the number of attached sites within k neighbour steps of the origin, for k = 0, 1, 2, ...

    Args:
        attached: bool [*batch, row, column].
        origin: Centre of the hexagons; by default the centre of the array.

    Returns:
        int64 [*batch, ring].
    """
    rings = hexagonal_distance(*_offsets(attached, origin)).ravel()
    num_rings = int(rings.max()) + 1
    flat = attached.reshape(-1, rings.size)
    masses = [np.bincount(rings[crystal], minlength=num_rings) for crystal in flat]
    return np.cumsum(np.reshape(masses, (*attached.shape[:-2], num_rings)), axis=-1, dtype=np.int64)


def fractal_dimension(attached: Mask, *, origin: Origin | None = None) -> FloatArray:
    """Return the mass-radius dimension: the slope of log M(k) against log(k + 1/2).

    M(k) is the number of attached sites within k neighbour steps of the origin. A hexagon of k steps has
    3 (k + 1/2)^2 + 1/4 sites and a line through the origin 2 (k + 1/2), so k + 1/2 is the radius for which both laws
    hold from the start. Least squares over the rings between 1/8 and 1/2 of the reach, each octave with equal weight.

    Error: a line 0; a filled hexagon 0.011 at reach 16, falling as 1 / reach^2; six thin arms 1.4 / reach, too high;
    self-similar sets up to 0.08 (hexaflake), for they oscillate about their law. Over two octaves of one crystal it
    compares shapes; it does not prove scaling.

    Args:
        attached: bool [*batch, row, column].
        origin: The seed; by default the centre of the array. Meaningless about a point outside the crystal.

    Returns:
        float64 [*batch]; NaN where the reach is below 8.

    >>> rows, columns = np.indices((65, 65)) - 32
    >>> hexagon = np.maximum(np.maximum(abs(rows), abs(columns)), abs(rows - columns)) <= 32
    >>> round(float(fractal_dimension(hexagon)), 2), round(float(fractal_dimension(hexagon & (rows == 0))), 2)
    (2.0, 1.0)
    """
    masses = mass_within(attached, origin=origin)
    reaches = reach(attached, origin=origin)
    slopes = [
        _mass_radius_slope(crystal, int(extent))
        for crystal, extent in zip(masses.reshape(-1, masses.shape[-1]), reaches.ravel(), strict=True)
    ]
    return np.reshape(np.asarray(slopes, np.float64), reaches.shape)


def _mass_radius_slope(masses: IntArray, extent: int) -> float:
    """Slope for one crystal: masses int64 [ring]."""
    if extent < 8:
        return float("nan")
    low, high = (round(share * extent) for share in MASS_RADIUS_WINDOW)
    rings = np.arange(low, high + 1)
    rings = rings[masses[rings] > 0]
    if len(rings) < 3:
        return float("nan")
    radius = np.log(rings + 0.5)
    mass = np.log(masses[rings])
    weight = 1.0 / (rings + 0.5)
    radius = radius - np.average(radius, weights=weight)
    return float((weight * radius * mass).sum() / (weight * radius * radius).sum())
