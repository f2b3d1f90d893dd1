"""Lattices: neighbours, places in space, symmetry, and which parts of them are grown. Hexagonal, square and cubic.

Site (row i, column j) of the hexagonal lattice lies at  i e_r + j e_c  with  |e_r| = |e_c| = 1  and 120 degrees between
them, so that (1, 1) is again at distance 1. This is the lattice of Gravner & Griffeath (2008) in the array layout of
the CGNE paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations, product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.growth.model.setup import Edges, Site

__all__ = [
    "CUBIC",
    "D6",
    "HEXAGONAL",
    "LATTICES",
    "NEIGHBOURS",
    "SQUARE",
    "Full",
    "Geometry",
    "Lattice",
    "Sector",
    "apply_symmetry",
    "hexagonal_distance",
    "to_plane",
    "unfold_sector",
]

Scalar = TypeVar("Scalar", bound=np.generic)

NEIGHBOURS: tuple[tuple[int, int], ...] = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1))
"""Offsets (row, column) of the six neighbours, in the order in which sums over them run."""

COLUMN_DIRECTION = np.array([1.0, 0.0])
ROW_DIRECTION = np.array([-0.5, np.sqrt(3.0) / 2.0])


def hexagonal_distance(rows: IntArray, columns: IntArray) -> IntArray:
    """Return the number of neighbour steps from (0, 0): max(|i|, |j|, |i - j|).

    Args:
        rows: Offsets i, integer of any shape.
        columns: Offsets j, broadcast against `rows`.

    >>> int(hexagonal_distance(np.array(2), np.array(-1)))
    3
    """
    rows, columns = np.asarray(rows), np.asarray(columns)
    distance = np.maximum(np.maximum(np.abs(rows), np.abs(columns)), np.abs(rows - columns))
    return np.asarray(distance)


def to_plane(rows: IntArray | FloatArray, columns: IntArray | FloatArray) -> FloatArray:
    """Return Cartesian positions, float64 [..., 2], in units of the site spacing."""
    rows, columns = np.broadcast_arrays(np.asarray(rows, np.float64), np.asarray(columns, np.float64))
    return np.asarray(rows[..., None] * ROW_DIRECTION + columns[..., None] * COLUMN_DIRECTION)


def _group() -> tuple[NDArray[np.int64], ...]:
    rotation = np.array([[0, 1], [-1, 1]])  # sixty degrees: maps each neighbour offset to the next one round
    mirror = np.array([[0, 1], [1, 0]])
    elements = []
    power = np.eye(2, dtype=np.int64)
    for _ in range(6):
        elements += [power, power @ mirror]
        power = power @ rotation
    return tuple(elements)


D6: tuple[NDArray[np.int64], ...] = _group()
"""Twelve int64 [2, 2] matrices that act on offsets (row, column) from the centre."""


def apply_symmetry(field: NDArray[Scalar], element: NDArray[np.int64], fill: float = -1) -> NDArray[Scalar]:
    """Return the field moved by a symmetry about the array's centre site (size // 2, size // 2).

    Args:
        field: [..., row, column], square.
        element: One of `D6`.
        fill: Value of sites whose origin lies outside the array.
    """
    size = field.shape[-1]
    centre = size // 2
    offsets = np.indices((size, size)) - centre
    source = np.einsum("ab,bij->aij", np.rint(np.linalg.inv(element)).astype(np.int64), offsets) + centre
    inside = ((source >= 0) & (source < size)).all(axis=0)
    moved = field[..., source[0].clip(0, size - 1), source[1].clip(0, size - 1)]
    return np.asarray(np.where(inside, moved, np.asarray(fill, dtype=field.dtype)))


def unfold_sector(arrival: ArrivalMap) -> ArrivalMap:
    """Return the six-fold crystal of which a sector is a third: [..., N, N] -> [..., 2 N - 1, 2 N - 1].

    Rotations by 120 degrees carry the sector over the plane. Where two copies meet (rows 0 and columns 0) the sector
    of the lower angle is shown; with noise the two edges of a sector differ, so a seam can show there.
    Sites outside the hexagon are -1.

    >>> arrival = np.full((3, 3), -1, np.int32)
    >>> arrival[0, :] = [0, 1, 2]
    >>> arrival[:, 0] = [0, 1, 2]
    >>> unfold_sector(arrival).shape, int((unfold_sector(arrival) == 1).sum())
    ((5, 5), 3)
    """
    size = arrival.shape[-1]
    full = 2 * size - 1
    rows, columns = np.indices((full, full)) - (size - 1)
    third = D6[4]  # 120 degrees
    source_rows, source_columns = rows.copy(), columns.copy()
    placed = (rows >= 0) & (columns >= 0)
    turn = np.eye(2, dtype=np.int64)
    for _ in range(2):
        turn = third @ turn
        turned_rows = turn[0, 0] * rows + turn[0, 1] * columns
        turned_columns = turn[1, 0] * rows + turn[1, 1] * columns
        fits = (turned_rows >= 0) & (turned_columns >= 0) & ~placed
        source_rows[fits], source_columns[fits] = turned_rows[fits], turned_columns[fits]
        placed |= fits
    inside = hexagonal_distance(rows, columns) < size
    unfolded = arrival[..., source_rows.clip(0, size - 1), source_columns.clip(0, size - 1)]
    return np.asarray(np.where(inside & placed, unfolded, -1), dtype=arrival.dtype)


@dataclass(frozen=True)
class Geometry:
    """A part of the lattice that is grown.

    Attributes:
        name: "full", or what it is called.
        meaning: What it is, for help texts.
        edges: What may lie beyond the array; the first is the default.
        is_mirrored: Whether it is a wedge of a symmetric crystal: mirrored at the first site of every axis.
        has_equal_sides: Whether all axes of the array must have the same length.
        start: Sites of the initial crystal in an array of a given shape; by default the corner of what is mirrored,
            else the centre. Of none where a model begins with melt alone.
    """

    name: str
    meaning: str = ""
    edges: tuple[Edges, ...] = ("reservoir", "periodic")
    is_mirrored: bool = False
    has_equal_sides: bool = False
    start: Callable[[tuple[int, ...]], Sequence[Site]] | None = field(default=None, compare=False)

    def default_initial(self, shape: tuple[int, ...]) -> tuple[Site, ...]:
        """The sites of the initial crystal where none are given."""
        if self.start is not None:
            return tuple(tuple(site) for site in self.start(shape))
        return (tuple(0 if self.is_mirrored else length // 2 for length in shape),)


@dataclass(frozen=True)
class Sector(Geometry):
    """The mirrored 120 degree wedge: rows and columns >= 0, mirrored at row 0 and column 0, far edge held at rho.

    A third of a six-fold crystal, and at sigma = 0 exactly a third of the full one. With noise it is a wedge with
    mirror walls: pictures unfolded from it show a seam. Noisy whole flakes want `Full`.

    >>> import nakaya
    >>> third = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6, sigma=0), geometry=nakaya.Sector(), size=16, seed=7)
    >>> third.arrival.shape
    (1, 16, 16)
    """

    name: str = "sector"
    meaning: str = "mirrored 120 degree wedge"
    edges: tuple[Edges, ...] = ("reservoir",)
    is_mirrored: bool = True
    has_equal_sides: bool = True


@dataclass(frozen=True)
class Full(Geometry):
    """The whole hexagonal lattice, with any number of initial crystals.

    Edges "reservoir": the rim of the largest centred hexagon, and what lies outside it, is held at rho, so that the
    setting keeps the lattice's symmetry; an array of size 2 N - 1 is then the unfolded sector of size N. Edges
    "periodic": opposite sides of the array are joined; nothing enters or leaves.

    >>> import nakaya
    >>> point = nakaya.GravnerGriffeath(rho=0.6)
    >>> two = nakaya.grow(point, geometry=nakaya.Full(), size=24, initial=[(8, 8), (16, 16)], edges="periodic", seed=7)
    >>> int((two.arrival == 0).sum())
    2
    """

    name: str = "full"
    meaning: str = "whole lattice"
    has_equal_sides: bool = True


@dataclass(frozen=True)
class Lattice:
    """A lattice in an array.

    Attributes:
        name: "hexagonal", "square" or "cubic".
        neighbours: Offsets of a site's neighbours, in the order in which sums over them run.
        directions: Cartesian step from site to site along each axis of the array, in site spacings.
        cell: Corners of a site's cell about its centre, in site spacings.
        geometries: The parts of it that are grown; the first is the default.
    """

    name: str
    neighbours: tuple[Site, ...]
    directions: tuple[tuple[float, ...], ...]
    cell: tuple[tuple[float, ...], ...]
    geometries: tuple[Geometry, ...]

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.directions)

    @cached_property
    def symmetry(self) -> tuple[NDArray[np.int64], ...]:
        """Its point group, as int64 matrices that act on offsets: 12, 8 or 48 of them."""
        return D6 if self.name == "hexagonal" else _signed_permutations(self.dimension)

    def positions(self, sites: IntArray | FloatArray) -> FloatArray:
        """Return Cartesian positions of sites [..., axis], float64 [..., axis], in site spacings."""
        return np.asarray(np.asarray(sites, np.float64) @ np.array(self.directions))

    def distance(self, offsets: IntArray) -> IntArray:
        """Return the number of neighbour steps that offsets [..., axis] take: int64 [...]."""
        offsets = np.asarray(offsets)
        if self.name == "hexagonal":
            return hexagonal_distance(offsets[..., 0], offsets[..., 1])
        return np.asarray(np.abs(offsets).sum(axis=-1))

    def depth(self, sites: IntArray, shape: tuple[int, ...], *, is_mirrored: bool) -> IntArray:
        """Return how many sites lie between sites [..., axis] and the far edge: int64 [...]; 0 at the edge itself.

        The far edge of a hexagonal lattice is the rim of the largest centred hexagon; sites outside it are below 0.
        """
        sites, ends = np.asarray(sites), np.array(shape) - 1
        if self.name == "hexagonal":
            radius = ends[0] if is_mirrored else ends[0] // 2
            return np.asarray(radius - self.distance(sites if is_mirrored else sites - np.array(shape) // 2))
        behind = (ends - sites).min(axis=-1)
        return np.asarray(behind if is_mirrored else np.minimum(behind, sites.min(axis=-1)))

    def is_mirrored(self, geometry: str) -> bool:
        """Whether a geometry of this name is a wedge of a symmetric crystal."""
        return any(entry.is_mirrored for entry in self.geometries if entry.name == geometry)

    def unfold(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the whole crystal of which a mirrored array [..., *lattice] is a part: 2 N - 1 sites along an axis."""
        if self.name == "hexagonal":
            return unfold_sector(values)  # type: ignore[return-value, arg-type]  # any type of numbers will do
        for axis in range(-self.dimension, 0):
            beyond = np.flip(np.take(values, range(1, values.shape[axis]), axis=axis), axis=axis)
            values = np.concatenate([beyond, values], axis=axis)
        return values


def _signed_permutations(dimension: int) -> tuple[NDArray[np.int64], ...]:
    identity = np.eye(dimension, dtype=np.int64)
    return tuple(
        identity[list(order)] * np.array(signs)[:, None]
        for order in permutations(range(dimension))
        for signs in product((1, -1), repeat=dimension)
    )


def _steps_along_axes(dimension: int) -> tuple[Site, ...]:
    unit = np.eye(dimension, dtype=int)
    return tuple(tuple(int(entry) for entry in sign * row) for row in unit for sign in (-1, 1))


_HEXAGON = tuple(
    (float(np.sin(turn)) / np.sqrt(3.0), float(np.cos(turn)) / np.sqrt(3.0)) for turn in np.arange(6) * np.pi / 3
)

HEXAGONAL = Lattice(
    "hexagonal",
    NEIGHBOURS,
    (tuple(ROW_DIRECTION.tolist()), tuple(COLUMN_DIRECTION.tolist())),
    _HEXAGON,
    (Sector(), Full()),
)
"""Six neighbours in the plane, on a square array whose columns lean by 30 degrees."""

SQUARE = Lattice(
    "square",
    _steps_along_axes(2),
    ((0.0, 1.0), (1.0, 0.0)),
    tuple(product((-0.5, 0.5), repeat=2)),
    (Geometry("full", "whole lattice"), Geometry("quarter", "mirrored quarter", ("reservoir",), is_mirrored=True)),
)
"""Four neighbours in the plane; rows run upwards in pictures, columns to the right."""

CUBIC = Lattice(
    "cubic",
    _steps_along_axes(3),
    ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    tuple(product((-0.5, 0.5), repeat=3)),
    (Geometry("full", "whole lattice"), Geometry("octant", "mirrored octant", ("reservoir",), is_mirrored=True)),
)
"""Six neighbours in space; axes are layer, row, column."""

LATTICES = {lattice.name: lattice for lattice in (HEXAGONAL, SQUARE, CUBIC)}
"""Lattices by name."""
