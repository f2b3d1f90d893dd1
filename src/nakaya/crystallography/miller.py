"""Miller indices as text: directions, and one name for all equivalent planes of a cubic or hexagonal crystal."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = [
    "cubic_face",
    "cubic_plane_family",
    "hexagonal_plane_family",
    "is_four_index",
    "miller_vector",
    "orientation_invariants",
    "plane_family",
    "split_planes",
]

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


def is_four_index(miller: str) -> bool:
    """Whether a text has four indices, as planes of hexagonal crystals have: "10-10", "(1 1 -2 0)"."""
    return len(_words(miller)) == 4


def hexagonal_plane_family(miller: str) -> str:
    """One name for the family {hkil} of a hexagonal crystal (6/mmm): "-1010" and "0 1 -1 0" are "10-10".

    The basal indices are sorted as h >= k >= 0 > i, the last one is not negative.

    >>> hexagonal_plane_family("2 -1 -1 0"), hexagonal_plane_family("(000-1)")
    ('11-20', '0001')

    Raises:
        ParameterError: No four whole numbers with h + k + i = 0.
    """
    words = _words(miller)
    valid = len(words) == 4 and all(re.fullmatch(r"[+-]?\d{1,3}", word) for word in words)
    basal, last = ([int(word) for word in words[:3]], abs(int(words[3]))) if valid else ([0, 0, 0], 0)
    divisor = int(np.gcd.reduce([*basal, last]))
    if sum(basal) != 0 or divisor == 0:
        raise ParameterError(
            f"orientation {miller!r} is no Miller-Bravais indices: expected four whole numbers with h + k + i = 0, "
            'such as 0001, 10-10 or "1 1 -2 0"'
        )
    sign = -1 if sum(index > 0 for index in basal) < 2 and min(basal) != -max(basal) else 1
    basal = sorted((sign * index // divisor for index in basal), reverse=True)
    return ("" if max(*basal, last // divisor) < 10 else " ").join(str(index) for index in [*basal, last // divisor])


def plane_family(miller: str) -> str:
    """One name for the family of a plane: `hexagonal_plane_family` of four indices, else `cubic_plane_family`."""
    return hexagonal_plane_family(miller) if is_four_index(miller) else cubic_plane_family(miller)


def split_planes(text: str) -> list[str]:
    """Return the Miller indices that commas part; commas between single indices, as in "1,-1,0", part nothing.

    >>> split_planes("100, 110,111"), split_planes("(1,-1,0)"), split_planes("10-10,0001")
    (['100', '110', '111'], ['(1,-1,0)'], ['10-10', '0001'])
    """
    parts = [part.strip() for part in text.split(",")]
    bare = [part.strip("()[]{}<> ") for part in parts]
    return [text.strip()] if all(re.fullmatch(r"[+-]?\d", part) for part in bare) else parts


def _words(miller: str) -> list[str]:
    # Signs belong to the digit behind them where nothing parts the indices.
    text = miller.strip().strip("()[]{}<>")
    return text.replace(",", " ").split() if " " in text or "," in text else re.findall(r"(?s)[+-]?.", text)


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
