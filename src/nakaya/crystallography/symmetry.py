"""The proper rotation groups of the eleven Laue classes, and the triangles in which directions are coloured.

Axes: z is the main symmetry axis; in the trigonal and hexagonal classes x is along a (TSL's convention), so the
two-fold axes of -3m lie along x; in 2/m the two-fold axis is z, unless `monoclinic` puts it elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import UnknownNameError

__all__ = ["LAUE_CLASSES", "Symmetry", "find_symmetry", "monoclinic", "to_sector"]


@dataclass(frozen=True)
class Symmetry:
    """One Laue class.

    Attributes:
        name: Hermann-Mauguin symbol ("m-3m").
        system: Crystal system, for the check of lattice constants.
        operators: Proper rotations, [n].
        corners: Corners of the standard triangle, unit vectors, float64 [3, 3]. Classes without mirror planes are
            coloured in the triangle of the class with mirrors of their system.
        unique_axis: Of 2/m, where it is not z: "a" (two-fold axis along x) or "b" (along y).
    """

    name: str
    system: str
    operators: Rotation = field(repr=False, compare=False)
    corners: FloatArray = field(repr=False, compare=False)
    _colour_operators: Rotation = field(repr=False, compare=False)
    unique_axis: str = ""

    @property
    def order(self) -> int:
        """Number of proper rotations."""
        return len(self.operators)

    @property
    def is_cubic_with_mirrors(self) -> bool:
        """Whether the closed form for the disorientation of m-3m applies."""
        return self.name == "m-3m"


def _azimuths(low: float, high: float) -> FloatArray:
    """Corners of a triangle from the pole to the equator between two azimuths in degrees."""
    low, high = np.radians([low, high])
    return np.array([[0.0, 0.0, 1.0], [np.cos(low), np.sin(low), 0.0], [np.cos(high), np.sin(high), 0.0]])


_CORNERS: dict[str, FloatArray] = {
    "mmm": _azimuths(0, 90),
    "-3m": _azimuths(-30, 30),
    "4/mmm": _azimuths(0, 45),
    "6/mmm": _azimuths(0, 30),
    "m-3m": np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1]]) / np.sqrt([[1], [2], [3]]),
}

_CLASSES = {
    "-1": ("triclinic", "C1", "mmm"),
    "2/m": ("monoclinic", "C2", "mmm"),
    "mmm": ("orthorhombic", "D2", "mmm"),
    "-3": ("trigonal", "C3", "-3m"),
    "-3m": ("trigonal", "D3", "-3m"),
    "4/m": ("tetragonal", "C4", "4/mmm"),
    "4/mmm": ("tetragonal", "D4", "4/mmm"),
    "6/m": ("hexagonal", "C6", "6/mmm"),
    "6/mmm": ("hexagonal", "D6", "6/mmm"),
    "m-3": ("cubic", "T", "m-3m"),
    "m-3m": ("cubic", "O", "m-3m"),
}
"""Laue class -> crystal system, Schoenflies symbol of the proper rotations, class whose triangle colours it."""

LAUE_CLASSES: dict[str, Symmetry] = {
    name: Symmetry(
        name, system, Rotation.create_group(group), _CORNERS[coloured], Rotation.create_group(_CLASSES[coloured][1])
    )
    for name, (system, group, coloured) in _CLASSES.items()
}
"""The eleven Laue classes by Hermann-Mauguin symbol."""


_MONOCLINIC = {"c": LAUE_CLASSES["2/m"]} | {
    axis: replace(
        LAUE_CLASSES["2/m"],
        operators=Rotation.from_rotvec(np.outer([0.0, np.pi], np.eye(3)[place])),
        unique_axis=axis,
    )
    for place, axis in enumerate("ab")
}


def find_symmetry(name: str) -> Symmetry:
    """Return the Laue class of this symbol.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in LAUE_CLASSES:
        raise UnknownNameError("Laue class", name, LAUE_CLASSES)
    return LAUE_CLASSES[name]


def monoclinic(axis: str) -> Symmetry:
    """Return 2/m with its two-fold axis along x ("a"), y ("b", the usual setting of cells) or z ("c").

    Raises:
        UnknownNameError: There is no such axis.
    """
    if axis not in _MONOCLINIC:
        raise UnknownNameError("crystal axis", axis, _MONOCLINIC)
    return _MONOCLINIC[axis]


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
    along = directions @ symmetry._colour_operators.apply(centre, inverse=True).T
    nearest = np.abs(along).argmax(axis=1)
    sign = np.where(np.take_along_axis(along, nearest[:, None], axis=1) < 0, -1.0, 1.0)
    return np.asarray(sign * symmetry._colour_operators[nearest].apply(directions), np.float64)
