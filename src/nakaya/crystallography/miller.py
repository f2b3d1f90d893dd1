"""Miller indices as text: directions, and one name for all equivalent planes of a cubic crystal."""

from __future__ import annotations

from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["cubic_face", "cubic_plane_family", "miller_vector", "orientation_invariants"]

MAX_INDEX: Final = 1000
"""Miller indices lie below this."""


def miller_vector(miller: str) -> FloatArray:
    """Unit vector of Miller indices: three digits, or numbers between blanks or commas, with signs.

    Raises:
        ParameterError: Something else.
    """
    vector = _indices(miller)
    return np.asarray(vector / np.linalg.norm(vector))


def cubic_plane_family(miller: str) -> str:
    """One name for the family {hkl} of a cubic crystal: "010", "0 -1 0" and "200" are "100"; "1 1 -1" is "111".

    Raises:
        ParameterError: As in `miller_vector`.
    """
    indices = _indices(miller)
    if (indices % 1).any():
        return miller.strip()
    whole = np.abs(indices).astype(np.int64)
    reduced = sorted((whole // np.gcd.reduce(whole)).tolist(), reverse=True)
    return ("" if reduced[0] < 10 else " ").join(str(index) for index in reduced)


cubic_face = cubic_plane_family
"""Its name before."""


def _indices(miller: str) -> FloatArray:
    text = miller.strip().strip("()[]{}<>")
    words = text.replace(",", " ").split() if " " in text or "," in text else list(text)
    try:
        vector = np.array([float(word) for word in words])
    except ValueError:
        vector = np.zeros(0)
    if vector.shape != (3,) or not vector.any() or not (np.abs(vector) < MAX_INDEX).all():
        raise ParameterError(
            f'orientation {miller!r} is no Miller indices: expected three digits, such as 111, or "1 -1 0"'
        )
    return vector


def orientation_invariants(miller: str) -> tuple[float, float]:
    """Direction in a cubic crystal, freed of its symmetry: x^4 + y^4 + z^4 and 27 x^2 y^2 z^2 of the unit vector.

    All 48 equivalent directions give the same pair, and different directions different ones.

    >>> orientation_invariants("100"), orientation_invariants("110")
    ((1.0, 0.0), (0.5, 0.0))
    """
    squares = miller_vector(miller) ** 2
    return round(float((squares**2).sum()), 12), round(float(27 * squares.prod()), 12)
