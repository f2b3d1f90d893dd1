"""How vendors lay the axes of orientations into the crystal, and the one frame to which they are brought.

Orientations are of axes x, y, z fixed to the cell a, b, c (a*, b*, c* reciprocal):

* HKL (.ctf): x along a*, y along b where that is perpendicular, z along c.
* TSL (.ang): x along a, z along c*; in monoclinic crystals as HKL.
* EMsoft (either file): x along a, z along c*; its .ctf files of hexagonal crystals as HKL.

In trigonal and hexagonal crystals the two differ by 30 degrees about c, and so do the two-fold axes of -3m; both come
out with x along a. In monoclinic crystals the two-fold axis is b unless the cell says otherwise: it is the axis
opposite to the one angle that is not 90 degrees. Sources: MTEX, "Crystal reference system"; DREAM.3D, "Read CTF data".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from scipy.spatial.transform import Rotation

from nakaya.core.errors import FormatError
from nakaya.crystallography.symmetry import LAUE_CLASSES, Symmetry, monoclinic

__all__ = ["contradictions", "hkl_crystal", "tsl_crystal"]

_TSL_SYMMETRY: Final = {
    "1": "-1", "2": "2/m", "20": "2/m", "21": "2/m", "22": "mmm", "222": "mmm", "3": "-3", "32": "-3m", "4": "4/m",
    "42": "4/mmm", "422": "4/mmm", "6": "6/m", "62": "6/mmm", "622": "6/mmm", "23": "m-3", "43": "m-3m", "432": "m-3m",
}  # fmt: skip
"""Symmetry numbers of .ang files: point groups of pure rotations with the dashes left out."""
_TSL_UNIQUE_AXIS: Final = {"2": "c", "20": "b", "21": "a"}

_HKL_LAUE: Final = {
    1: "-1", 2: "2/m", 3: "mmm", 4: "4/m", 5: "4/mmm", 6: "-3", 7: "-3m", 8: "6/m", 9: "6/mmm", 10: "m-3", 11: "m-3m",
}  # fmt: skip
"""Laue numbers of .ctf files."""

_LEAST_CELL = 2.0
"""Angstrom, of the longest edge: beryllium has 2.3 and 3.6."""

_TWO_FOLD_ALONG_A_STAR: Final = frozenset({149, 151, 153, 157, 159, 162, 163})
"""Trigonal space groups whose mirror planes or two-fold axes lie as in P312 and P-31m; Laue numbers do not tell."""
A_STAR_FROM_A: Final = 30.0
"""Degrees from a to a* about c, in trigonal and hexagonal crystals."""
SAME: Final = 2e-3
"""Cell constants that differ by less than this fraction are equal: files give three decimals, rarely more."""


def tsl_crystal(
    code: str, lattice: Sequence[float], *, where: str, is_emsoft: bool = False
) -> tuple[Symmetry, str, str | None]:
    """Return the symmetry of a phase of an .ang file, its frame in words, and what the cell contradicts, if anything.

    Args:
        code: The file's symmetry number.
        lattice: a, b, c, alpha, beta, gamma, or nothing.
        where: File and phase, for the message.
        is_emsoft: Whether EMsoft wrote the file.

    Raises:
        FormatError: The number is not known.
    """
    if code not in _TSL_SYMMETRY:
        raise FormatError(f"{where}: symmetry {code!r} is not known: expected one of {', '.join(_TSL_SYMMETRY)}")
    symmetry = LAUE_CLASSES[_TSL_SYMMETRY[code]]
    if symmetry.system == "monoclinic":
        stated = _TSL_UNIQUE_AXIS[code]
        axis = _unique_axis(lattice) or stated
        flag = f"symmetry {code} puts the two-fold axis along {stated}, the cell along {axis}: the cell is followed"
        return (
            monoclinic(axis),
            _monoclinic_frame(axis, is_emsoft=is_emsoft),
            flag if axis != stated and not is_emsoft else None,
        )
    return symmetry, "x along a, z along c*" if symmetry.system == "triclinic" else _frame(symmetry), None


def hkl_crystal(
    laue: int, lattice: Sequence[float], space_group: int = 0, *, where: str, is_emsoft: bool = False
) -> tuple[Symmetry, str, Rotation | None]:
    """Return the symmetry of a phase of a .ctf file, the frame it is brought to, and the turn that does it, if any.

    Args:
        laue: The file's Laue number.
        lattice: a, b, c, alpha, beta, gamma.
        space_group: Its number; 0 = not stated.
        where: File and phase, for the message.
        is_emsoft: Whether EMsoft wrote the file.

    Raises:
        FormatError: The number is not known.
    """
    if laue not in _HKL_LAUE:
        raise FormatError(f"{where}: Laue number {laue} is not one of 1 to 11")
    symmetry = LAUE_CLASSES[_HKL_LAUE[laue]]
    if symmetry.system == "monoclinic":
        axis = _unique_axis(lattice) or "b"
        return monoclinic(axis), _monoclinic_frame(axis, is_emsoft=is_emsoft), None
    if symmetry.system == "triclinic":
        return symmetry, "x along a, z along c*" if is_emsoft else "x along a*, z along c", None
    if symmetry.name == "-3m" and space_group in _TWO_FOLD_ALONG_A_STAR:
        return symmetry, "x along a*, z along c; two-fold axes along a*", None
    if symmetry.system in ("trigonal", "hexagonal"):
        turn = Rotation.from_euler("z", A_STAR_FROM_A, degrees=True)
        return symmetry, f"{_frame(symmetry)} (in the file x along a*: turned by {A_STAR_FROM_A:g} degrees)", turn
    return symmetry, _frame(symmetry), None


def _frame(symmetry: Symmetry) -> str:
    return "x along a, z along c" if symmetry.system in ("trigonal", "hexagonal") else "x along a, y along b, z along c"


def _monoclinic_frame(axis: str, *, is_emsoft: bool) -> str:
    x, z = ("a", "c*") if is_emsoft else ("a*", "c")
    y = ", y along b" if axis == "b" else ""
    return f"x along {x}{y}, z along {z}; two-fold axis along {axis}"


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=SAME)


def _is_cell(lattice: Sequence[float]) -> bool:
    return len(lattice) == 6 and all(math.isfinite(value) and value > 0 for value in lattice)


def _unique_axis(lattice: Sequence[float]) -> str | None:
    """The axis opposite to the one angle of a cell that is not 90 degrees; None where there is no such angle."""
    if not _is_cell(lattice):
        return None
    odd = [axis for axis, angle in zip("abc", lattice[3:], strict=True) if not _same(angle, 90)]
    return odd[0] if len(odd) == 1 else None


def contradictions(symmetry: Symmetry, lattice: Sequence[float]) -> list[str]:
    """Sentences where the cell constants do not have the symmetry that the file states."""
    if not _is_cell(lattice):
        return []
    a, b, c, alpha, beta, gamma = lattice
    if max(a, b, c) < _LEAST_CELL:
        return [f"the cell constants ({a:g}, {b:g}, {c:g}) are in angstrom, and no cell is so small: are they in nm?"]
    right = _same(alpha, 90) and _same(beta, 90)
    rhombohedral = _same(a, b) and _same(b, c) and _same(alpha, beta) and _same(beta, gamma)
    fits = {
        "cubic": _same(a, b) and _same(b, c) and right and _same(gamma, 90),
        "hexagonal": _same(a, b) and right and _same(gamma, 120),
        "trigonal": (_same(a, b) and right and _same(gamma, 120)) or rhombohedral,
        "tetragonal": _same(a, b) and right and _same(gamma, 90),
        "orthorhombic": right and _same(gamma, 90),
        "monoclinic": sum(not _same(angle, 90) for angle in (alpha, beta, gamma)) <= 1,
    }.get(symmetry.system, True)
    if not fits:
        cell = ", ".join(f"{value:g}" for value in lattice)
        return [
            f"symmetry {symmetry.name} is {symmetry.system}, but the cell constants ({cell}) are not: one of them is "
            "wrong, and disorientations with it"
        ]
    if symmetry.system == "trigonal" and rhombohedral:
        return [
            "the cell is rhombohedral: angles are taken to refer to hexagonal axes; where they do not, disorientations "
            "are wrong"
        ]
    return []
