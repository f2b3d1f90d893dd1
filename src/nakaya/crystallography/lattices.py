"""Oriented crystals: orthogonal periodic boxes with a chosen direction along z."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.crystallography.miller import plane_family

__all__ = [
    "ATOMS_PER_CELL",
    "HCP_FACES",
    "IDEAL_AXIAL_RATIO",
    "ORIENTATIONS",
    "STRUCTURES",
    "OrientedCell",
    "atomic_volume",
    "build_crystal",
    "face_name",
    "oriented_cell",
    "simplest_face",
]

_FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
_BASES = {
    "fcc": _FCC,
    "bcc": np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
    "diamond": np.concatenate([_FCC, _FCC + 0.25]),
}
ATOMS_PER_CELL = {name: len(basis) for name, basis in _BASES.items()}
"""Atoms in the conventional cubic cell of each structure."""

STRUCTURES: Final = (*_BASES, "hcp")
"""Structures that a box can be built of."""

IDEAL_AXIAL_RATIO: Final = math.sqrt(8 / 3)
"""c/a of close-packed spheres."""

# Four atoms in the orthohexagonal cell: a along [11-20], sqrt(3) a along [10-10], c along [0001].
_HCP = np.array([[0, 0, 0], [1 / 2, 1 / 2, 0], [1 / 2, 5 / 6, 1 / 2], [0, 1 / 3, 1 / 2]])
HCP_FACES: Final = {"0001": (0, 1, 2), "10-10": (2, 0, 1), "11-20": (1, 2, 0)}
"""Faces of hcp whose normal is a lattice vector whatever c/a -> axes of the orthohexagonal cell along x, y, z."""

# Rows: crystal directions along x, y, z, with half-integers where a shorter period exists. Records were made with these
# cells; a smaller one of (100) in fcc is turned by 45 degrees.
_AXES = {
    "100": np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float),
    "110": np.array([[0, 0, 1], [0.5, -0.5, 0], [0.5, 0.5, 0]]),
    "111": np.array([[0.5, -0.5, 0], [0.5, 0.5, -1], [1, 1, 1]]),
}
_AXES_BCC = {
    "100": _AXES["100"],
    "110": np.array([[0, 0, 1], [1, -1, 0], [1, 1, 0]], dtype=float),
    "111": np.array([[1, -1, 0], [1, 1, -2], [0.5, 0.5, 0.5]]),
}
ORIENTATIONS = tuple(_AXES)
"""Faces of cubic crystals with the smallest cells."""

MAX_CELL_ATOMS: Final = 200
"""Atoms of the largest cell that is built: enough for all indices up to 3, and up to 5 in metals. One period of others
is no small interface any more."""


@dataclass(frozen=True)
class OrientedCell:
    """One period of the crystal in an orthogonal box.

    Attributes:
        lengths: float64 [3], in lattice parameters.
        fractions: float64 [atom, 3], in [0, 1).
    """

    lengths: FloatArray
    fractions: FloatArray


def face_name(structure: str, orientation: str) -> str:
    """One name for all equivalent faces of a structure: "111", "211"; of hcp "0001", "10-10", "11-20".

    >>> face_name("fcc", "0 -1 0"), face_name("hcp", "(0 1 -1 0)")
    ('100', '10-10')

    Raises:
        UnknownNameError: No such structure.
        ParameterError: No Miller indices, or none of this structure.
    """
    if structure not in STRUCTURES:
        raise UnknownNameError("structure", structure, STRUCTURES)
    name = plane_family(orientation)
    if structure == "hcp" and name not in HCP_FACES:
        raise ParameterError(
            f"orientation {orientation!r} of hcp cannot be built: has {', '.join(HCP_FACES)}, whose normals are "
            "periods of the lattice whatever c/a"
        )
    if structure != "hcp" and not (name.isdecimal() and len(name) == 3):
        raise ParameterError(f"orientation {orientation!r} of {structure}: expected three indices of at most 9")
    return name


def simplest_face(structure: str) -> str:
    """The face that stands for a structure where none is asked for: "100", or "0001" of hcp."""
    return "0001" if structure == "hcp" else "100"


def oriented_cell(structure: str, orientation: str, *, axial_ratio: float | None = None) -> OrientedCell:
    """Return an orthogonal cell with `orientation` along z: of the smallest volume but for (100) in fcc and diamond.

    Args:
        structure: One of `STRUCTURES`.
        orientation: Miller indices of the face; its equivalents give the same cell.
        axial_ratio: c/a of hcp; None = ideal.

    Raises:
        UnknownNameError: No such structure.
        ParameterError: No such face, one whose cell has more than `MAX_CELL_ATOMS` atoms, or c/a of a cubic crystal.
    """
    face = face_name(structure, orientation)
    ratio = _checked_ratio(structure, axial_ratio)
    if structure == "hcp":
        order = list(HCP_FACES[face])
        return OrientedCell(np.array([1, math.sqrt(3), ratio])[order], _HCP[:, order])
    axes = _cubic_axes(structure, face)
    lengths = np.linalg.norm(axes, axis=1)
    expected = len(_BASES[structure]) * abs(np.linalg.det(axes))
    if expected > MAX_CELL_ATOMS:
        size = " x ".join(f"{length:.3g}" for length in lengths)
        raise ParameterError(
            f"({face}) of {structure} repeats after {size} lattice parameters: {expected:.0f} atoms, more than "
            f"{MAX_CELL_ATOMS}; take a face of smaller indices"
        )
    corners = np.array(list(product((0, 1), repeat=3))) @ axes
    ranges = [np.arange(math.floor(low) - 1, math.ceil(high) + 1) for low, high in zip(*_ends(corners), strict=True)]
    shifts = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    points = (shifts[:, None, :] + _BASES[structure][None, :, :]).reshape(-1, 3)
    fractions = points @ np.linalg.inv(axes)
    tolerance = 1e-9
    inside = ((fractions > -tolerance) & (fractions < 1 - tolerance)).all(axis=1)
    found = np.abs(fractions[inside])
    if abs(len(found) - expected) > 1e-6:
        raise AssertionError(f"{structure} {orientation}: {len(found)} atoms in a cell for {expected}")
    return OrientedCell(lengths, found)


def _ends(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    return points.min(axis=0), points.max(axis=0)


def _checked_ratio(structure: str, axial_ratio: float | None) -> float:
    if axial_ratio is None:
        return IDEAL_AXIAL_RATIO
    if structure != "hcp":
        raise ParameterError(f"axial_ratio={axial_ratio} of {structure}: only hcp has a c/a of its own")
    if not 0 < axial_ratio < math.inf:
        raise ParameterError(f"axial_ratio={axial_ratio} must be positive and finite")
    return axial_ratio


@cache
def _cubic_axes(structure: str, face: str) -> FloatArray:
    known = _AXES_BCC if structure == "bcc" else _AXES
    return known[face] if face in known else _smallest_triad(structure, np.array([int(index) for index in face]))


def _smallest_triad(structure: str, normal: IntArray) -> FloatArray:
    """Orthogonal lattice vectors of the smallest volume, rows along x, y, z, the last along `normal`, int64 [3].

    Every orthogonal pair across the normal n is an in-plane vector u and n x u: short u are tried one by one.
    """
    reach = range(-int(normal.max()) - 1, int(normal.max()) + 2)
    pairs = [
        (_shortest(structure, np.array(u)), _shortest(structure, np.cross(normal, u)))
        for u in product(reach, repeat=3)
        if any(u) and int(normal @ np.array(u)) == 0
    ]
    # Of equal areas the one nearest to a square; the order of the search decides between equivalent ones.
    first, second = min(pairs, key=lambda pair: (round(_area(pair), 9), round(np.linalg.norm(pair[0] + pair[1]), 9)))
    return np.stack([first, second, _shortest(structure, normal)])


def _area(pair: tuple[FloatArray, FloatArray]) -> float:
    return float(np.linalg.norm(pair[0]) * np.linalg.norm(pair[1]))


def _shortest(structure: str, direction: IntArray) -> FloatArray:
    """The shortest lattice vector of a cubic structure along whole numbers, in lattice parameters."""
    primitive = direction // np.gcd.reduce(direction)
    halves = bool((primitive % 2 == 1).all()) if structure == "bcc" else int(primitive.sum()) % 2 == 0
    return np.asarray(primitive / 2 if halves else primitive / 1)


def atomic_volume(structure: str, lattice_parameter: float, *, axial_ratio: float | None = None) -> float:
    """Volume of an atom in the crystal, in the cube of the unit of `lattice_parameter`; c/a is that of hcp.

    >>> atomic_volume("fcc", 4.0), round(atomic_volume("hcp", 4.0 / 2**0.5), 9)
    (16.0, 16.0)
    """
    ratio = _checked_ratio(structure, axial_ratio)
    if structure == "hcp":
        return math.sqrt(3) * ratio * lattice_parameter**3 / len(_HCP)
    return lattice_parameter**3 / ATOMS_PER_CELL[structure]


def build_crystal(
    structure: str,
    orientation: str,
    lattice_parameter: float,
    repeats: tuple[int, int, int],
    *,
    axial_ratio: float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return a periodic crystal: (positions float64 [atom, 3], box float64 [3]), in the unit of `lattice_parameter`.

    Atoms are sorted by z, then y, then x, so that a slab is a range of numbers.

    Raises:
        ParameterError: A lattice parameter or repeat that is not positive; further as `oriented_cell`.

    >>> positions, box = build_crystal("fcc", "100", 4.05, (2, 2, 3))
    >>> len(positions), box.round(2).tolist()
    (48, [8.1, 8.1, 12.15])
    """
    if not lattice_parameter > 0 or min(repeats) < 1:
        raise ParameterError(f"lattice parameter {lattice_parameter} and repeats {repeats} must be positive")
    cell = oriented_cell(structure, orientation, axial_ratio=axial_ratio)
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in repeats], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    fractions = (shifts + cell.fractions).reshape(-1, 3)
    positions = fractions * cell.lengths * lattice_parameter
    box = np.array(repeats) * cell.lengths * lattice_parameter
    ranks = np.lexsort(np.round(positions, 6).T)
    return positions[ranks], box
