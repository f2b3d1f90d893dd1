"""Atomic numbers and weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.elements import ELEMENTS
from nakaya.core.errors import UnknownNameError

__all__ = ["ATOMIC_NUMBERS", "ATOMIC_WEIGHTS", "atomic_numbers"]

ATOMIC_NUMBERS = {symbol: number for number, symbol in enumerate(ELEMENTS, start=1)}
"""Chemical symbol -> atomic number, hydrogen to lawrencium."""

ATOMIC_WEIGHTS: Final[Mapping[str, float]] = {
    "H": 1.008, "He": 4.003, "Li": 6.94, "Be": 9.012, "B": 10.81, "C": 12.011, "N": 14.007, "O": 15.999,
    "F": 18.998, "Ne": 20.18, "Na": 22.99, "Mg": 24.305, "Al": 26.982, "Si": 28.085, "P": 30.974, "S": 32.06,
    "Cl": 35.45, "Ar": 39.95, "K": 39.098, "Ca": 40.078, "Sc": 44.956, "Ti": 47.867, "V": 50.942, "Cr": 51.996,
    "Mn": 54.938, "Fe": 55.845, "Co": 58.933, "Ni": 58.693, "Cu": 63.546, "Zn": 65.38, "Ga": 69.723, "Ge": 72.63,
    "As": 74.922, "Se": 78.971, "Br": 79.904, "Kr": 83.798, "Rb": 85.468, "Sr": 87.62, "Y": 88.906, "Zr": 91.224,
    "Nb": 92.906, "Mo": 95.95, "Tc": 97, "Ru": 101.07, "Rh": 102.906, "Pd": 106.42, "Ag": 107.868, "Cd": 112.414,
    "In": 114.818, "Sn": 118.71, "Sb": 121.76, "Te": 127.6, "I": 126.904, "Xe": 131.293, "Cs": 132.905, "Ba": 137.327,
    "La": 138.905, "Ce": 140.116, "Pr": 140.908, "Nd": 144.242, "Pm": 145, "Sm": 150.36, "Eu": 151.964, "Gd": 157.25,
    "Tb": 158.925, "Dy": 162.5, "Ho": 164.93, "Er": 167.259, "Tm": 168.934, "Yb": 173.045, "Lu": 174.967, "Hf": 178.486,
    "Ta": 180.948, "W": 183.84, "Re": 186.207, "Os": 190.23, "Ir": 192.217, "Pt": 195.084, "Au": 196.967, "Hg": 200.592,
    "Tl": 204.38, "Pb": 207.2, "Bi": 208.98, "Po": 209, "At": 210, "Rn": 222, "Fr": 223, "Ra": 226,
    "Ac": 227, "Th": 232.038, "Pa": 231.036, "U": 238.029, "Np": 237, "Pu": 244, "Am": 243, "Cm": 247,
    "Bk": 247, "Cf": 251, "Es": 252, "Fm": 257, "Md": 258, "No": 259, "Lr": 262,
}  # fmt: skip
"""Chemical symbol -> standard atomic weight, g/mol (IUPAC 2021, abridged to three decimals, conventional where it is an
interval); mass number of the longest-lived isotope where there is none."""


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
