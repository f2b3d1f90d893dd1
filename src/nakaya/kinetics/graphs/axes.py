"""Directions of the crystal axes of a cubic crystallite, from the bonds of its atoms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.disorientation import disorientation_angle
from nakaya.crystallography.symmetry import find_symmetry

__all__ = ["bond_tensor", "cubic_axes", "misorientation"]

MIN_CONTRAST = 0.03
"""Below this the bonds prefer no cubic axes: fcc has .10, diamond's two shells .12, a liquid less than .01."""

_STARTS = 300


def bond_tensor(directions: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean of u u u u over bonds, float64 [3, 3, 3, 3]: enough to find cubic axes, whatever the number of bonds.

    Args:
        directions: Unit vectors u, float64 [bond, 3].
        weights: float64 [bond], not negative.
    """
    squares = np.einsum("bi,bj->bij", directions, directions).reshape(-1, 9)
    return np.asarray(((squares * weights[:, None]).T @ squares / weights.sum()).reshape(3, 3, 3, 3))


@lru_cache(maxsize=1)
def _starts() -> Rotation:
    # Rotations at random, the same ones always: some lie near enough to every minimum.
    return Rotation.from_quat(np.roll(np.random.default_rng(0).normal(size=(_STARTS, 4)), -1, axis=1))


def cubic_axes(tensor: FloatArray) -> tuple[Rotation, float]:
    """Find the rotation that takes the crystal axes to the frame of the bonds, up to the symmetry of the cube.

    In fcc and diamond bonds avoid the cube axes e, so the sum over axes of the mean of (u.e)^4 is smallest there.

    Args:
        tensor: As `bond_tensor` gives it.

    Returns:
        The rotation, and the contrast: 3/5, the value without any order, less the minimum.
    """

    def value(rotations: Rotation) -> FloatArray:
        axes = rotations.as_matrix()  # [..., 3, axis]
        return np.asarray(np.einsum("...ia,...ja,...ka,...la,ijkl->...", axes, axes, axes, axes, tensor, optimize=True))

    starts = _starts()
    best = starts[int(np.argmin(value(starts)))]

    def tilted(vector: FloatArray) -> Rotation:
        return Rotation.from_rotvec(vector) * best

    found = minimize(lambda vector: float(value(tilted(vector))), np.zeros(3), method="BFGS", options={"gtol": 1e-8})
    return tilted(found.x), 0.6 - float(found.fun)


def misorientation(first: Rotation, second: Rotation) -> FloatArray:
    """Disorientation angle between pairs of crystallites, float64 [pair], rad, in [0, 1.096].

    Args:
        first: Rotations from crystal axes to the common frame (orientations go the other way), [pair].
        second: The same.
    """
    return disorientation_angle(first.inv(), second.inv(), find_symmetry("m-3m"))
