"""Disorientation: the least rotation between two crystals when their symmetry is counted.

With orientations g (sample to crystal) and the symmetry operators s of the crystals, all s_b g_b g_a^-1 s_a describe
the same boundary; the disorientation is the one with the least angle.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.crystallography.symmetry import LAUE_CLASSES, Symmetry

__all__ = [
    "SIGMA3",
    "brandon_tolerance",
    "deviation_angle",
    "disorientation_angle",
    "is_sigma3",
    "mean_orientations",
    "misorientation",
]

SIGMA3 = Rotation.from_rotvec(np.radians(60.0) / np.sqrt(3.0) * np.ones(3))
"""The twin of the cubic lattices: 60 degrees about <111>."""

MAX_PASSES = 10
"""Over the pixels for their mean: one is enough but for crystals whose first pixel lies far from the others."""

CHUNK = 65_536
"""Rotations worked on at once, so that products with a whole group stay below 100 MB."""


def _product(first: Rotation, second: Rotation) -> Rotation:
    """What `first * second` gives, [n], a tenth of the time: SciPy 1.17 takes a microsecond a product."""
    a, b = np.atleast_2d(first.as_quat()), np.atleast_2d(second.as_quat())
    u, v, p, q = a[:, :3], b[:, :3], a[:, 3:], b[:, 3:]
    vector, scalar = p * v + q * u + np.cross(u, v), p * q - (u * v).sum(axis=1, keepdims=True)
    return Rotation.from_quat(np.concatenate([vector, scalar], axis=1))


def _nearest(rotations: Rotation, others: Rotation) -> IntArray:
    """Which of the others is the least rotation away from every rotation: int64 [n]."""
    quaternions, columns = rotations.as_quat(), others.as_quat().T
    nearest = np.zeros(len(quaternions), np.int64)
    for start in range(0, len(quaternions), CHUNK):
        block = slice(start, start + CHUNK)
        nearest[block] = np.abs(quaternions[block] @ columns).argmax(axis=1)
    return nearest


def _cubic_cosine(misorientation: Rotation) -> FloatArray:
    """cos(angle / 2) of the m-3m disorientation, closed form (Grimmer, Acta Cryst. A30 (1974) 685).

    With the components' sizes sorted a >= b >= c >= d the greatest scalar part over the 24 operators is the greatest of
    a, (a + b) / sqrt 2 and (a + b + c + d) / 2.
    """
    d, c, b, a = np.sort(np.abs(misorientation.as_quat()), axis=-1).T
    return np.asarray(np.maximum(np.maximum(a, (a + b) / np.sqrt(2)), (a + b + c + d) / 2), np.float64)


def misorientation(first: Rotation, second: Rotation) -> Rotation:
    """Return the rotations g_b g_a^-1 between two sets of crystals, [n]; symmetry does not count."""
    return _product(second, first.inv())


def deviation_angle(
    misorientation: Rotation, reference: Rotation, first: Symmetry, second: Symmetry | None = None
) -> FloatArray:
    """Return the least rotation between misorientations and a reference misorientation, over all equivalents.

    Args:
        misorientation: g_b g_a^-1, [n].
        reference: One rotation; `SIGMA3`, or the identity for the plain disorientation.
        first: Symmetry of crystal a.
        second: Symmetry of crystal b; that of a by default.

    Returns:
        Angles in radians, float64 [n].
    """
    left = (second or first).operators
    variants = Rotation.concatenate([operator * reference * first.operators for operator in left])
    distinct = Rotation.from_quat(np.unique(np.round(variants.as_quat(canonical=True), 12), axis=0))
    nearest = distinct[_nearest(misorientation, distinct)]
    return np.asarray(_product(nearest.inv(), misorientation).magnitude(), np.float64)


def disorientation_angle(
    first: Rotation, second: Rotation, symmetry: Symmetry, symmetry_second: Symmetry | None = None
) -> FloatArray:
    """Return the angle of the disorientation between two sets of crystals.

    Args:
        first: Orientations, [n].
        second: Orientations, [n].
        symmetry: Laue class of the first crystals.
        symmetry_second: Laue class of the second ones; the same by default.

    Returns:
        Angles in radians, float64 [n]; at most 62.8 degrees for m-3m with itself.

    >>> from nakaya.crystallography.symmetry import find_symmetry
    >>> turned = Rotation.from_euler("z", [[100.0]], degrees=True)
    >>> angle = disorientation_angle(Rotation.identity(1), turned, find_symmetry("m-3m"))
    >>> np.rad2deg(angle).round(6).tolist()  # 100 degrees are 10 beyond a four-fold rotation
    [10.0]
    """
    between = misorientation(first, second)
    if symmetry.is_cubic_with_mirrors and (symmetry_second is None or symmetry_second.is_cubic_with_mirrors):
        return np.asarray(2 * np.arccos(np.minimum(_cubic_cosine(between), 1.0)), np.float64)
    return deviation_angle(between, Rotation.identity(), symmetry, symmetry_second)


def brandon_tolerance(sigma: int) -> float:
    """Return the tolerance 15 degrees / sqrt(sigma) of a coincidence boundary in rad (Brandon 1966)."""
    return float(np.radians(15.0) / np.sqrt(sigma))


def is_sigma3(first: Rotation, second: Rotation, symmetry: Symmetry) -> BoolArray:
    """Whether crystals are twins, Sigma 3: 60 degrees about <111> within Brandon's tolerance of 8.66 degrees.

    The whole rotation that is left between the boundary and the ideal twin is compared with the tolerance, so that the
    deviations of axis and angle count together. False for every class that is not cubic.

    Args:
        first: Orientations, [n].
        second: Orientations, [n].
        symmetry: Laue class of both.

    Returns:
        bool [n].

    >>> from nakaya.crystallography.symmetry import find_symmetry
    >>> base = Rotation.from_euler("zxz", [[10.0, 20.0, 30.0]], degrees=True)
    >>> is_sigma3(base, SIGMA3 * base, find_symmetry("m-3m")).tolist()
    [True]
    """
    if symmetry.system != "cubic":
        return np.zeros(len(first), np.bool_)
    deviation = deviation_angle(misorientation(first, second), SIGMA3, LAUE_CLASSES["m-3m"])
    return np.asarray(deviation <= brandon_tolerance(3), np.bool_)


def mean_orientations(orientations: Rotation, crystal: IntArray, symmetry: Symmetry) -> tuple[Rotation, FloatArray]:
    """Return the mean orientation of every crystal, and how far each of its pixels is from it.

    Symmetry is removed first, relative to a crystal's first pixel and then to the mean found, until no pixel has
    another equivalent nearer to it, so that an outlying first pixel does no harm. The mean is the eigenvector of
    sum q q^T with the greatest eigenvalue (Markley et al. 2007, eq. 13), as in `Rotation.mean`, but of all crystals at
    once.

    Args:
        orientations: Of pixels, [n].
        crystal: To which crystal each pixel belongs, int [n]; all of 0 .. m - 1 occur.
        symmetry: Laue class of all.

    Returns:
        Mean orientations [m], and deviations of pixels in rad, float64 [n].
    """
    order = np.argsort(crystal, kind="stable")
    starts = np.searchsorted(crystal[order], np.arange(crystal.max() + 1))
    means = orientations[order[starts]]
    relative = _product(orientations, means[crystal].inv())
    nearest = _nearest(relative, symmetry.operators)
    for _ in range(MAX_PASSES):
        near = _product(symmetry.operators[nearest].inv(), orientations)
        quaternions = near.as_quat()[order]
        sums = np.add.reduceat(quaternions[:, :, None] * quaternions[:, None], starts)
        means = Rotation.from_quat(np.linalg.eigh(sums)[1][:, :, -1])
        relative = _product(orientations, means[crystal].inv())
        before, nearest = nearest, _nearest(relative, symmetry.operators)
        if (nearest == before).all():
            break
    return means, _product(symmetry.operators[nearest].inv(), relative).magnitude()
