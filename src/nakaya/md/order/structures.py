"""Which structure has a crystal? What is seen is held against the structure that was stated."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.md.order.bond_order import Environment, harmonics, harmonics_weights, mean_harmonics

__all__ = ["MIN_ATOMS", "seen_structure", "skewness", "structure_mismatch"]

NEIGHBOURS: Final = 12
MIN_ATOMS: Final = 50
"""Fewer atoms of one orientation tell of no structure: thermal noise does not average out over them."""

MIN_SKEWNESS: Final = 0.03, 0.3
"""Least size of the skewness of degree 6 and 4 that tells: half of what every perfect crystal here has (0.05 to 0.06,
and 0.48 to 0.58), also with thermal displacements of 0.18 neighbour distances, above any melting point."""


def seen_structure(local_environment: Environment, chosen: BoolArray) -> str:
    """Structure of one crystal: "fcc", "hcp", "bcc", "diamond" or "rocksalt"; "" = none of these can be told.

    The q_lm of Steinhardt, Nelson & Ronchetti (1983), averaged over all its atoms, lose their noise but not their
    shape. Over 12 neighbours q4/q6 is 0.33 in fcc, 0.20 in hcp, 0.16 in bcc, and with open structures, where second
    neighbours are among the 12, 1.7 in diamond and 2.6 in rock salt. The signs of the skewness tell the rest: that of
    degree 6 is negative in bcc only, that of degree 4 is positive in hcp and rock salt.

    Args:
        local_environment: With 12 or more neighbours.
        chosen: Atoms of one orientation, bool [atom].
    """
    if chosen.sum() < MIN_ATOMS:
        return ""
    twelve = local_environment.first(NEIGHBOURS)
    four, six = (mean_harmonics(twelve, degree)[chosen].mean(axis=0) for degree in (4, 6))
    skew4, skew6 = skewness(four), skewness(six)
    if abs(skew6) < MIN_SKEWNESS[0] or (abs(skew4) < MIN_SKEWNESS[1] and skew6 > 0):
        return ""
    if _length(four) > _length(six):
        return "rocksalt" if skew4 > 0 else "diamond"
    if skew6 < 0:
        return "bcc"
    return "hcp" if skew4 > 0 else "fcc"


def structure_mismatch(seen: str, stated: str) -> str:
    """Say that a crystal was seen with another structure than the one stated; "" = it was not, or it cannot be told."""
    if seen in ("", stated):
        return ""
    return f"the crystal looks {seen}, but was counted as {stated}: check the structure and the elements"


def skewness(q: NDArray[np.complex128]) -> float:
    """Third moment of f = sum_m q_lm Y_lm over the sphere, over the second one to the power 3/2: w_l but for a factor.

    Invariant to rotation; q complex128 [l + 1], m = 0 .. l.
    """
    degree = len(q) - 1
    values, weights = _on_sphere(degree)
    field = (values.conj() * q).real @ harmonics_weights(degree)
    second = float(weights @ field**2)
    return float(weights @ field**3) / second**1.5 if second > 0 else 0.0


@cache
def _on_sphere(degree: int) -> tuple[NDArray[np.complex128], FloatArray]:
    """Y_lm at points of the sphere, complex128 [point, l + 1], and weights that integrate degree 3 l exactly."""
    heights, weights = np.polynomial.legendre.leggauss(2 * degree)
    angles = 2 * np.pi * np.arange(4 * degree) / (4 * degree)
    rings = np.sqrt(1 - heights**2)[:, None]
    points = np.stack(
        [rings * np.cos(angles), rings * np.sin(angles), heights[:, None] + 0 * angles], axis=-1
    ).reshape(-1, 3)  # fmt: skip
    return harmonics(points, degree), np.repeat(weights / 2 / len(angles), len(angles))


def _length(q: NDArray[np.complex128]) -> float:
    """q_l, the length that does not depend on rotation."""
    degree = len(q) - 1
    return float(np.sqrt(4 * np.pi / (2 * degree + 1) * (np.abs(q) ** 2 @ harmonics_weights(degree))))
