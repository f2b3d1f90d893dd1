"""Lattices: neighbours, places in space, symmetry, and which parts of them are grown. Hexagonal, square and cubic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations, product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.growth.lattice.hexagonal import (
    COLUMN_DIRECTION,
    D6,
    NEIGHBOURS,
    ROW_DIRECTION,
    hexagonal_distance,
    unfold_sector,
)
from nakaya.growth.model.setup import Edges, Site

__all__ = ["CUBIC", "HEXAGONAL", "LATTICES", "SQUARE", "Full", "Geometry", "Lattice", "Sector"]

Scalar = TypeVar("Scalar", bound=np.generic)


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
            else the centre.
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
