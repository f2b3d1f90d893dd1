"""How far orientations of cubic crystals are from random: the texture index, to the lowest degree that they have.

The index of Bunge (Texture Analysis in Materials Science, 1982, sec. 4.2.2.2) is the mean square of the orientation
density f over all orientations, in multiples of random: J = 1 + sum over degrees l of the squared coefficients of f
over 2 l + 1. For a finite number of crystals the whole sum has no end, so it is taken to the first degree in which
cubic crystals differ at all. That is degree 4, of 9 coefficients; whatever depends on a tensor of rank four, elasticity
above all, sees no other. In the plane it is exp(4 i theta), of 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["Texture", "cubic_texture", "planar_texture"]

COEFFICIENTS_SPACE: Final = 9
"""Of degree 4: one cubic harmonic, 2 l + 1 in the sample."""

COEFFICIENTS_PLANE: Final = 2
"""Cosine and sine."""

FOURTH_POWERS: Final = 9 / 5
"""Squared sum over the components of the mean of a x a x a x a over the axes a of random orientations."""

TRACELESS: Final = 6 / 5
"""That of one orientation, less `FOURTH_POWERS`."""


@dataclass(frozen=True)
class Texture:
    """The texture index of some crystals, beside those of random and of equal orientations.

    Attributes:
        index: J of the crystals as they are, weighted by size.
        random: Its mean where crystals of the same sizes have random orientations; 1 for infinitely many.
        standard_deviation: Of `index` about `random` then: both are exact for any number of crystals.
        single: J of one orientation.
    """

    index: float
    random: float
    standard_deviation: float
    single: float

    @property
    def excess(self) -> float:
        """(index - random) over the standard deviation; infinite where one crystal leaves nothing to chance."""
        difference = self.index - self.random
        return difference / self.standard_deviation if self.standard_deviation > 0 else math.inf


def cubic_texture(orientations: Rotation, sizes: ArrayLike) -> Texture:
    """Return the texture index of cubic crystals (m-3m) in space, J = 1 + (15/2) (S:S - 9/5), with S = <sum a a a a>.

    S is the mean, weighted by size, over crystals of the sum over their three <100> axes a, in the sample; S:S the sum
    of the squares of its 81 components. One orientation has 10, a perfect <100> fibre 25/4, a <111> fibre 10/3, all
    together 1. Of N equal crystals at random it is 1 + 9/N on average.

    Args:
        orientations: Sample to crystal, [crystal].
        sizes: Volumes, or areas on a section [crystal], in any unit; not negative.

    Raises:
        ParameterError: There is no crystal, one has no size, or lengths differ.

    >>> one = Rotation.from_euler("ZXZ", [[10, 20, 30]], degrees=True)
    >>> round(cubic_texture(one, [1.0]).index, 9)
    10.0
    >>> fibre = Rotation.from_euler("Z", np.arange(0, 90, 10)[:, None], degrees=True)
    >>> round(cubic_texture(fibre, np.ones(9)).index, 9)
    6.25
    """
    weights = _weights(sizes, len(orientations))
    axes = orientations.as_matrix()  # sample to crystal: rows are the crystal's axes in the sample
    pairs = np.einsum("nai,naj->naij", axes, axes).reshape(-1, 9)
    mean = (np.repeat(weights, 3)[:, None] * pairs).T @ pairs
    index = 1 + COEFFICIENTS_SPACE * (float((mean**2).sum()) - FOURTH_POWERS) / TRACELESS
    return _beside_random(index, weights, COEFFICIENTS_SPACE)


def planar_texture(angles: ArrayLike, sizes: ArrayLike) -> Texture:
    """Return the texture index of squares in the plane, J = 1 + 2 |<exp(4 i theta)>|^2.

    One orientation has 3, all together 1; N equal crystals at random have 1 + 2/N on average.

    Args:
        angles: Of an axis of each crystal [crystal], degrees.
        sizes: Areas [crystal], in any unit; not negative.

    Raises:
        ParameterError: As `cubic_texture`.

    >>> planar_texture([20.0, 110.0], [1.0, 5.0]).index
    3.0
    >>> round(planar_texture([0.0, 45.0], [1.0, 1.0]).index, 12)
    1.0
    """
    turns = np.exp(4j * np.radians(np.asarray(angles, np.float64)))
    weights = _weights(sizes, len(turns))
    index = 1 + COEFFICIENTS_PLANE * float(abs((weights * turns).sum()) ** 2)
    return _beside_random(index, weights, COEFFICIENTS_PLANE)


def _weights(sizes: ArrayLike, num_crystals: int) -> FloatArray:
    values = np.asarray(sizes, np.float64)
    if values.shape != (num_crystals,):
        raise ParameterError(f"{num_crystals} orientations came with sizes of shape {values.shape}: give one for each")
    if not num_crystals or not (values >= 0).all() or not 0 < values.sum() < math.inf:
        raise ParameterError("a texture needs crystals whose sizes are not negative, and not all zero")
    return np.asarray(values / values.sum(), np.float64)


def _beside_random(index: float, weights: FloatArray, coefficients: int) -> Texture:
    """Add the moments under random orientations.

    J - 1 is a sum of w w' k over pairs. k is `coefficients` for a crystal with itself; for two it has mean 0 and mean
    square `coefficients`, and any two pairs are uncorrelated.
    """
    squares, fourths = float((weights**2).sum()), float((weights**4).sum())
    variance = 2 * coefficients * max(squares**2 - fourths, 0.0)
    return Texture(index, 1 + coefficients * squares, math.sqrt(variance), 1.0 + coefficients)
