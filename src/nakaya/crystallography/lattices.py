"""Oriented crystals: orthogonal periodic boxes with a chosen direction along z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError

__all__ = ["ATOMS_PER_CELL", "ORIENTATIONS", "OrientedCell", "build_crystal", "oriented_cell"]

_FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
_BASES = {
    "fcc": _FCC,
    "bcc": np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
    "diamond": np.concatenate([_FCC, _FCC + 0.25]),
}
ATOMS_PER_CELL = {name: len(basis) for name, basis in _BASES.items()}
"""Atoms in the conventional cubic cell of each structure."""

# Rows: crystal directions along x, y, z, with half-integers where a shorter period exists.
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
"""Growth directions that a box can be built for."""


@dataclass(frozen=True)
class OrientedCell:
    """One period of the crystal in an orthogonal box.

    Attributes:
        lengths: float64 [3], in lattice parameters.
        fractions: float64 [atom, 3], in [0, 1).
    """

    lengths: FloatArray
    fractions: FloatArray


def oriented_cell(structure: str, orientation: str) -> OrientedCell:
    """Return the smallest orthogonal cell of a cubic structure with `orientation` along z.

    Raises:
        UnknownNameError: Structure (fcc, bcc, diamond) or orientation (100, 110, 111).
    """
    if structure not in _BASES:
        raise UnknownNameError("structure", structure, _BASES)
    if orientation not in _AXES:
        raise UnknownNameError("orientation", orientation, _AXES)
    axes = (_AXES_BCC if structure == "bcc" else _AXES)[orientation]
    lengths = np.linalg.norm(axes, axis=1)
    shifts = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    points = (shifts[:, None, :] + _BASES[structure][None, :, :]).reshape(-1, 3)
    fractions = points @ np.linalg.inv(axes)
    tolerance = 1e-9
    inside = ((fractions > -tolerance) & (fractions < 1 - tolerance)).all(axis=1)
    found = np.abs(fractions[inside])
    expected = len(_BASES[structure]) * abs(np.linalg.det(axes))
    if abs(len(found) - expected) > 1e-6:
        raise AssertionError(f"{structure} {orientation}: {len(found)} atoms in a cell for {expected}")
    return OrientedCell(lengths, found)


def build_crystal(
    structure: str, orientation: str, lattice_parameter: float, repeats: tuple[int, int, int]
) -> tuple[FloatArray, FloatArray]:
    """Return a periodic crystal: (positions float64 [atom, 3], box float64 [3]), in the unit of `lattice_parameter`.

    Atoms are sorted by z, then y, then x, so that a slab is a range of numbers.

    Raises:
        ParameterError: A lattice parameter or repeat that is not positive.
    """
    if not lattice_parameter > 0 or min(repeats) < 1:
        raise ParameterError(f"lattice parameter {lattice_parameter} and repeats {repeats} must be positive")
    cell = oriented_cell(structure, orientation)
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in repeats], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    fractions = (shifts + cell.fractions).reshape(-1, 3)
    positions = fractions * cell.lengths * lattice_parameter
    box = np.array(repeats) * cell.lengths * lattice_parameter
    ranks = np.lexsort(np.round(positions, 6).T)
    return positions[ranks], box
