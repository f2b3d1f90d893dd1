"""Directions of the crystal axes of a cubic crystallite, from the bonds of its atoms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.optimize import minimize

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.disorientation import disorientation_angle
from nakaya.crystallography.quaternions import from_axis_angle, multiply, rotate
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
def _starts() -> FloatArray:
    # Rotations at random, the same ones always: some lie near enough to every minimum.
    quaternions = np.random.default_rng(0).normal(size=(_STARTS, 4))
    return np.asarray(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True))


def cubic_axes(tensor: FloatArray) -> tuple[FloatArray, float]:
    """Find the rotation that takes the crystal axes to the frame of the bonds, up to the symmetry of the cube.

    In fcc and diamond bonds avoid the cube axes e, so the sum over axes of the mean of (u.e)^4 is smallest there.

    Args:
        tensor: As `bond_tensor` gives it.

    Returns:
        (unit quaternion float64 [4], contrast: 3/5, the value without any order, less the minimum).
    """

    def value(quaternions: FloatArray) -> FloatArray:
        axes = rotate(quaternions[..., None, :], np.eye(3))  # [..., axis, 3]
        return np.asarray(np.einsum("...ai,...aj,...ak,...al,ijkl->...", axes, axes, axes, axes, tensor, optimize=True))

    starts = _starts()
    best: FloatArray = starts[int(np.argmin(value(starts)))]

    def turned(angles: FloatArray) -> FloatArray:
        size = float(np.linalg.norm(angles))
        if size == 0:
            return best
        return multiply(from_axis_angle(angles, size), best)

    found = minimize(lambda angles: float(value(turned(angles))), np.zeros(3), method="BFGS", options={"gtol": 1e-8})
    return turned(found.x), 0.6 - float(found.fun)


def misorientation(first: FloatArray, second: FloatArray) -> FloatArray:
    """Disorientation angle between pairs of crystallites, float64 [pair], rad, in [0, 1.096].

    Args:
        first: Rotations from crystal axes to the common frame, float64 [pair, 4].
        second: The same, float64 [pair, 4].
    """
    inverse = np.array([1.0, -1.0, -1.0, -1.0])  # orientations of the metallurgist go from sample to crystal
    return np.asarray(disorientation_angle(first * inverse, second * inverse, find_symmetry("m-3m")))
