"""Atomic numbers."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.elements import ELEMENTS
from nakaya.core.errors import UnknownNameError

__all__ = ["ATOMIC_NUMBERS", "atomic_numbers"]

ATOMIC_NUMBERS = {symbol: number for number, symbol in enumerate(ELEMENTS, start=1)}
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
