"""Crystallites of an exact number of atoms, cut in a stated shape from a crystal of random orientation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.crystallography.lattices import ATOMS_PER_CELL, atomic_volume, build_crystal

__all__ = ["SHAPES", "check_shape", "cut_crystallite", "largest_radius"]

ASPECT: Final = 2.0
"""Of spheroids: the axis of revolution over the other two, or the other way round."""

ROUGHNESS: Final = 0.2
"""Standard deviation over directions of the radius of a rough crystallite, in radii."""

VACANT: Final = 0.1
"""Fraction of the sites of a crystallite with vacancies that are empty; all of them lie inside."""

INSIDE: Final = 0.7
"""Fraction of the sites, from the centre on, that count as inside."""


def _sphere(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray(np.linalg.norm(points, axis=1))


def _spheroid(points: FloatArray, aspect: float) -> FloatArray:
    return np.asarray(np.linalg.norm(points / [1, 1, aspect], axis=1))


def _rough(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    # The radius is a random function of degree 4 on the sphere: a sum of Legendre polynomials about random directions.
    directions = rng.normal(size=(16, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    radii = np.linalg.norm(points, axis=1)
    x = points @ directions.T / np.where(radii > 0, radii, 1)[:, None]
    legendre = (35 * x**4 - 30 * x**2 + 3) / 8
    bumps = legendre @ rng.choice([-1.0, 1.0], size=len(directions)) * math.sqrt(9 / len(directions))
    return np.asarray(radii / np.maximum(1 + ROUGHNESS * bumps, 0.3))


@dataclass(frozen=True)
class _Shape:
    """How a crystallite is cut.

    Attributes:
        distance: (points, rng) -> float64 [point]; the nearest points are taken.
        stacking: Number of a close-packed layer -> its place A, B, C as 0, 1, 2 (modulo 3); None = any crystal.
        reach: Largest distance of an atom from the centre, in radii of the sphere of the same volume.
        is_turned: Whether the crystal is turned against the shape, which has an axis, along z; then both are turned.
        vacant: Fraction of the sites that are empty.
    """

    distance: Callable[[FloatArray, np.random.Generator], FloatArray] = _sphere
    stacking: Callable[[int], int] | None = None
    reach: float = 1.0
    is_turned: bool = False
    vacant: float = 0.0


SHAPES: Final[Mapping[str, _Shape]] = {
    "sphere": _Shape(),
    "twin": _Shape(stacking=abs),
    "fault": _Shape(stacking=lambda layer: layer + (layer > 0)),
    "hcp": _Shape(stacking=lambda layer: layer % 2),
    "prolate": _Shape(lambda points, _: _spheroid(points, ASPECT), reach=ASPECT ** (2 / 3), is_turned=True),
    "oblate": _Shape(lambda points, _: _spheroid(points, 1 / ASPECT), reach=ASPECT ** (1 / 3), is_turned=True),
    "rough": _Shape(_rough, reach=1 + 2 * ROUGHNESS),
    "vacancies": _Shape(vacant=VACANT),
}
"""sphere; sphere with a (111) twin or an intrinsic stacking fault through its middle, or of hcp stacking; spheroids of
aspect 2 and 1/2; sphere with a bumpy surface; sphere with one empty site in ten."""


def check_shape(structure: str, shape: str) -> None:
    """Check that a crystallite of this shape can be cut from a crystal of this structure.

    Raises:
        UnknownNameError: Another shape, or a structure that is not cubic.
        ParameterError: A shape of close-packed layers, and the structure is not fcc.
    """
    if structure not in ATOMS_PER_CELL:
        raise UnknownNameError("structure of crystallites", structure, ATOMS_PER_CELL)
    if shape not in SHAPES:
        raise UnknownNameError("shape", shape, SHAPES)
    if SHAPES[shape].stacking is not None and structure != "fcc":
        raise ParameterError(f"shape {shape!r} is a stacking of close-packed layers: expected fcc, not {structure}")


def largest_radius(shape: str, num_atoms: int, volume: float) -> float:
    """Largest distance of an atom from the centre of a crystallite, in the unit of length of the volume of an atom."""
    sites = num_atoms / (1 - SHAPES[shape].vacant)
    return float(SHAPES[shape].reach * (3 * sites * volume / (4 * math.pi)) ** (1 / 3))


def cut_crystallite(
    structure: str, shape: str, num_atoms: int, lattice_parameter: float, rng: np.random.Generator
) -> FloatArray:
    """Return the atoms of a crystallite about the origin, float64 [num_atoms, 3], in the unit of `lattice_parameter`.

    The number of atoms is exact: a shape is a distance from its centre, and so many of the nearest sites are taken. The
    orientation of the crystal and the place of the centre in its cell are random.

        >>> cut_crystallite("fcc", "sphere", 100, 4.05, np.random.default_rng(0)).shape
        (100, 3)

    Raises:
        UnknownNameError, ParameterError: As in `check_shape`, or there are no atoms.
    """
    check_shape(structure, shape)
    if num_atoms < 1:
        raise ParameterError(f"a crystallite of {num_atoms} atoms: expected at least 1")
    how = SHAPES[shape]
    vacant = round(num_atoms * how.vacant / (1 - how.vacant))
    volume = atomic_volume(structure, lattice_parameter)
    reach = 1.2 * largest_radius(shape, num_atoms, volume) + 2 * lattice_parameter
    if how.stacking is None:
        sites = _sites(structure, lattice_parameter, reach, rng)
    else:
        sites = _layers(how.stacking, lattice_parameter, reach, rng)
    if how.is_turned:
        sites = sites @ _random_rotation(rng)
    nearest = np.argsort(how.distance(sites, rng), kind="stable")[: num_atoms + vacant]
    empty = rng.permutation(int(INSIDE * len(nearest)))[:vacant]
    return np.asarray(sites[np.delete(nearest, empty)] @ _random_rotation(rng))


def _sites(structure: str, lattice_parameter: float, reach: float, rng: np.random.Generator) -> FloatArray:
    """Sites of a crystal within `reach` of a random point of its cell, which becomes the origin."""
    cells = 2 * math.ceil(reach / lattice_parameter) + 1
    positions, box = build_crystal(structure, "100", lattice_parameter, (cells, cells, cells))
    return positions - box / 2 - rng.uniform(0, lattice_parameter, 3) + lattice_parameter / 2


def _layers(
    stacking: Callable[[int], int], lattice_parameter: float, reach: float, rng: np.random.Generator
) -> FloatArray:
    """Sites of close-packed layers along z; the origin is a random point between layers 0 and 1."""
    bond, spacing = lattice_parameter / math.sqrt(2), lattice_parameter / math.sqrt(3)
    along, across = np.array([bond, 0, 0]), np.array([bond / 2, bond * math.sqrt(3) / 2, 0])
    count, layers = math.ceil(1.3 * reach / bond), math.ceil(reach / spacing) + 1
    steps = np.arange(-count, count + 1)
    plane = (steps[:, None, None] * along + steps[None, :, None] * across).reshape(-1, 3)
    shift = (along + across) / 3
    sites = [plane + stacking(layer) % 3 * shift + [0, 0, layer * spacing] for layer in range(-layers, layers + 1)]
    centre = rng.uniform() * along + rng.uniform() * across + [0, 0, rng.uniform() * spacing]
    return np.asarray(np.concatenate(sites) - centre)


def _random_rotation(rng: np.random.Generator) -> FloatArray:
    """A rotation matrix float64 [3, 3], uniform over all rotations: QR of normal numbers, signs made unique."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return np.asarray(q * np.linalg.det(q))
