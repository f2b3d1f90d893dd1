"""The proper rotation groups of the eleven Laue classes, and the triangles in which directions are coloured.

Axes: z is the main symmetry axis; in the trigonal and hexagonal classes x is along a (TSL's convention), so the
two-fold axes of -3m lie along x; in 2/m the two-fold axis is z.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import UnknownNameError
from nakaya.crystallography.quaternions import from_axis_angle, multiply, rotate

__all__ = ["LAUE_CLASSES", "Symmetry", "find_symmetry", "to_sector"]

SAME_ROTATION = 1e-9
"""|q1 . q2| within this of 1 is one rotation; distinct operators of any group here differ by at least 0.03."""


@dataclass(frozen=True)
class Symmetry:
    """One Laue class.

    Attributes:
        name: Hermann-Mauguin symbol ("m-3m").
        system: Crystal system, for the check of lattice constants.
        operators: Proper rotations, float64 [n, 4], the identity first.
        corners: Corners of the standard triangle, unit vectors, float64 [3, 3]. Classes without mirror planes are
            coloured in the triangle of the class with mirrors of their system.
    """

    name: str
    system: str
    operators: FloatArray = field(repr=False, compare=False)
    corners: FloatArray = field(repr=False, compare=False)
    _colour_operators: FloatArray = field(repr=False, compare=False)

    @property
    def order(self) -> int:
        """Number of proper rotations."""
        return len(self.operators)

    @property
    def is_cubic_with_mirrors(self) -> bool:
        """Whether the closed form for the disorientation of m-3m applies."""
        return self.name == "m-3m"


def _generate(*generators: FloatArray) -> FloatArray:
    """Close a set of rotations under multiplication: float64 [n, 4]."""
    elements = [np.array([1.0, 0.0, 0.0, 0.0])]
    fresh = list(elements)
    while fresh:
        candidates = [multiply(generator, element) for element in fresh for generator in generators]
        fresh = []
        for candidate in candidates:
            if np.abs(np.stack(elements) @ candidate).max() < 1 - SAME_ROTATION:
                elements.append(candidate)
                fresh.append(candidate)
    operators = np.stack(elements)
    operators.setflags(write=False)
    return operators


def _turn(axis: tuple[float, float, float], folds: int) -> FloatArray:
    return from_axis_angle(np.array(axis), 2 * np.pi / folds)


def _azimuths(low: float, high: float) -> FloatArray:
    """Corners of a triangle from the pole to the equator between two azimuths in degrees."""
    low, high = np.radians([low, high])
    return np.array([[0.0, 0.0, 1.0], [np.cos(low), np.sin(low), 0.0], [np.cos(high), np.sin(high), 0.0]])


X, Z, DIAGONAL = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0)

_GENERATORS: dict[str, tuple[str, tuple[FloatArray, ...]]] = {
    "-1": ("triclinic", ()),
    "2/m": ("monoclinic", (_turn(Z, 2),)),
    "mmm": ("orthorhombic", (_turn(Z, 2), _turn(X, 2))),
    "-3": ("trigonal", (_turn(Z, 3),)),
    "-3m": ("trigonal", (_turn(Z, 3), _turn(X, 2))),
    "4/m": ("tetragonal", (_turn(Z, 4),)),
    "4/mmm": ("tetragonal", (_turn(Z, 4), _turn(X, 2))),
    "6/m": ("hexagonal", (_turn(Z, 6),)),
    "6/mmm": ("hexagonal", (_turn(Z, 6), _turn(X, 2))),
    "m-3": ("cubic", (_turn(Z, 2), _turn(DIAGONAL, 3))),
    "m-3m": ("cubic", (_turn(Z, 4), _turn(DIAGONAL, 3))),
}

_COLOURED_AS = {"-1": "mmm", "2/m": "mmm", "-3": "-3m", "4/m": "4/mmm", "6/m": "6/mmm", "m-3": "m-3m"}

_CORNERS: dict[str, FloatArray] = {
    "mmm": _azimuths(0, 90),
    "-3m": _azimuths(-30, 30),
    "4/mmm": _azimuths(0, 45),
    "6/mmm": _azimuths(0, 30),
    "m-3m": np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1]]) / np.sqrt([[1], [2], [3]]),
}

_OPERATORS = {name: _generate(*generators) for name, (_, generators) in _GENERATORS.items()}

LAUE_CLASSES: dict[str, Symmetry] = {
    name: Symmetry(
        name,
        system,
        _OPERATORS[name],
        _CORNERS[_COLOURED_AS.get(name, name)],
        _OPERATORS[_COLOURED_AS.get(name, name)],
    )
    for name, (system, _) in _GENERATORS.items()
}
"""The eleven Laue classes by Hermann-Mauguin symbol."""


def find_symmetry(name: str) -> Symmetry:
    """Return the Laue class of this symbol.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in LAUE_CLASSES:
        raise UnknownNameError("Laue class", name, LAUE_CLASSES)
    return LAUE_CLASSES[name]


def to_sector(directions: FloatArray, symmetry: Symmetry) -> FloatArray:
    """Return the equivalents of crystal directions inside the standard triangle.

    The equivalent nearest to the triangle's centre: exact, because the cell of all points nearest to one image of a
    point is the triangle itself in a group made by mirrors. The opposite direction counts as equivalent (Laue class).

    Args:
        directions: Unit vectors in the crystal frame, float64 [n, 3].
        symmetry: The Laue class.

    Returns:
        float64 [n, 3].
    """
    directions = np.asarray(directions, np.float64)
    centre = symmetry.corners.sum(axis=0)
    best = np.full(len(directions), -np.inf)
    chosen = np.empty_like(directions)
    for operator in symmetry._colour_operators:
        turned = rotate(operator, directions)
        along = turned @ centre
        signed = np.where((along < 0)[:, None], -turned, turned)
        better = np.abs(along) > best
        chosen[better], best = signed[better], np.maximum(best, np.abs(along))
    return chosen
