"""Atomic numbers."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import UnknownNameError

__all__ = ["ATOMIC_NUMBERS", "atomic_numbers"]

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb "
    "Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
    "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr"
)
ATOMIC_NUMBERS = {symbol: number for number, symbol in enumerate(_SYMBOLS.split(), start=1)}
"""Chemical symbol -> atomic number, hydrogen to lawrencium."""


def atomic_numbers(species: np.ndarray[tuple[int], np.dtype[np.str_]]) -> FloatArray:
    """Atomic number of every atom, float64 [atom].

    Raises:
        UnknownNameError: A symbol that is no element.
    """
    symbols, which = np.unique(species, return_inverse=True)
    for symbol in symbols.tolist():
        if symbol not in ATOMIC_NUMBERS:
            raise UnknownNameError("element", symbol, ATOMIC_NUMBERS)
    return np.array([ATOMIC_NUMBERS[symbol] for symbol in symbols.tolist()], dtype=np.float64)[which]
