"""Disorientation: the least rotation between two crystals when their symmetry is counted.

With orientations g (sample to crystal) and the symmetry operators s of the crystals, all s_b g_b g_a^-1 s_a describe
the same boundary; the disorientation is the one with the least angle.
"""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.crystallography.quaternions import (
    angle_between,
    conjugate,
    from_axis_angle,
    mean_rotation,
    multiply,
)
from nakaya.crystallography.symmetry import LAUE_CLASSES, Symmetry

__all__ = [
    "SIGMA3",
    "brandon_tolerance",
    "deviation_angle",
    "disorientation_angle",
    "is_sigma3",
    "mean_orientation",
    "near_reference",
]

SIGMA3: FloatArray = from_axis_angle(np.array([1.0, 1.0, 1.0]), np.radians(60.0))
"""The twin of the cubic lattices: 60 degrees about <111>."""

CHUNK = 65_536
"""Rotations worked on at once, so that products with a whole group stay below 100 MB."""


def _misorientation(first: FloatArray, second: FloatArray) -> FloatArray:
    return multiply(np.asarray(second, np.float64), conjugate(first))


def _cubic_cosine(misorientation: FloatArray) -> FloatArray:
    """cos(angle / 2) of the m-3m disorientation, closed form (Grimmer, Acta Cryst. A30 (1974) 685).

    With the components' sizes sorted a >= b >= c >= d the greatest scalar part over the 24 operators is the greatest of
    a, (a + b) / sqrt 2 and (a + b + c + d) / 2.
    """
    size = -np.sort(-np.abs(misorientation), axis=-1)
    return np.asarray(
        np.maximum(np.maximum(size[..., 0], (size[..., 0] + size[..., 1]) / np.sqrt(2)), size.sum(axis=-1) / 2),
        np.float64,
    )


def _variants(reference: FloatArray, left: Symmetry, right: Symmetry) -> FloatArray:
    """All distinct s_left r s_right: float64 [n, 4]."""
    everything = multiply(left.operators[:, None], multiply(reference, right.operators[None])).reshape(-1, 4)
    signs = np.where(everything[np.arange(len(everything)), np.argmax(np.abs(everything) > 1e-9, axis=1)] < 0, -1, 1)
    return np.unique(np.round(everything * signs[:, None], 12), axis=0)


IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def deviation_angle(
    misorientation: FloatArray, reference: FloatArray, first: Symmetry, second: Symmetry | None = None
) -> FloatArray:
    """Return the least rotation between misorientations and a reference misorientation, over all equivalents.

    Args:
        misorientation: g_b g_a^-1, float64 [n, 4].
        reference: One rotation, float64 [4]; `SIGMA3`, or the identity for the plain disorientation.
        first: Symmetry of crystal a.
        second: Symmetry of crystal b; that of a by default.

    Returns:
        Angles in radians, float64 [n].
    """
    variants = _variants(reference, second or first, first)
    misorientation = np.asarray(misorientation, np.float64)
    angles = np.empty(len(misorientation))
    for start in range(0, len(misorientation), CHUNK):
        block = misorientation[start : start + CHUNK]
        nearest = variants[np.abs(block @ variants.T).argmax(axis=1)]
        angles[start : start + CHUNK] = angle_between(nearest, block)
    return angles


def disorientation_angle(
    first: FloatArray, second: FloatArray, symmetry: Symmetry, symmetry_second: Symmetry | None = None
) -> FloatArray:
    """Return the angle of the disorientation between two sets of crystals.

    Args:
        first: Orientations, float64 [n, 4].
        second: Orientations, float64 [n, 4].
        symmetry: Laue class of the first crystals.
        symmetry_second: Laue class of the second ones; the same by default.

    Returns:
        Angles in radians, float64 [n]; at most 62.8 degrees for m-3m with itself.
    """
    misorientation = _misorientation(first, second)
    if symmetry.is_cubic_with_mirrors and (symmetry_second is None or symmetry_second.is_cubic_with_mirrors):
        return np.asarray(2 * np.arccos(np.minimum(_cubic_cosine(misorientation), 1.0)), np.float64)
    return deviation_angle(misorientation, IDENTITY, symmetry, symmetry_second)


def brandon_tolerance(sigma: int) -> float:
    """Return the tolerance 15 degrees / sqrt(sigma) of a coincidence boundary in rad (Brandon 1966)."""
    return float(np.radians(15.0) / np.sqrt(sigma))


def is_sigma3(first: FloatArray, second: FloatArray, symmetry: Symmetry) -> BoolArray:
    """Whether crystals are twins, Sigma 3: 60 degrees about <111> within Brandon's tolerance of 8.66 degrees.

    The whole rotation that is left between the boundary and the ideal twin is compared with the tolerance, so that the
    deviations of axis and angle count together. False for every class that is not cubic.

    Args:
        first: Orientations, float64 [n, 4].
        second: Orientations, float64 [n, 4].
        symmetry: Laue class of both.

    Returns:
        bool [n].
    """
    if symmetry.system != "cubic":
        return np.zeros(len(first), np.bool_)
    deviation = deviation_angle(_misorientation(first, second), SIGMA3, LAUE_CLASSES["m-3m"])
    return np.asarray(deviation <= brandon_tolerance(3), np.bool_)


def near_reference(orientations: FloatArray, reference: FloatArray, symmetry: Symmetry) -> FloatArray:
    """Return the equivalent s g of every orientation [n, 4] that is nearest to `reference` [4]: float64 [n, 4]."""
    orientations = np.asarray(orientations, np.float64)
    relative = multiply(orientations, conjugate(reference))
    nearest = symmetry.operators[np.abs(relative @ symmetry.operators.T).argmax(axis=1)]
    return multiply(conjugate(nearest), orientations)


def mean_orientation(orientations: FloatArray, symmetry: Symmetry) -> FloatArray:
    """Return the mean orientation of one crystal's pixels [n, 4]: float64 [4].

    Symmetry is removed first, relative to the first pixel and then once more relative to the mean found, so that an
    outlying first pixel does no harm.
    """
    orientations = np.asarray(orientations, np.float64)
    mean = mean_rotation(near_reference(orientations, orientations[0], symmetry))
    return mean_rotation(near_reference(orientations, mean, symmetry))
