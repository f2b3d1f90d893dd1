"""Unit quaternions for crystal orientations, in plain NumPy.

Convention (Rowenhorst et al., Modelling Simul. Mater. Sci. Eng. 23 (2015) 083501): an orientation is the passive
rotation that takes the sample frame to the crystal frame, so that a direction with sample components v has the
crystal components g v. A quaternion is float64 [..., 4] = (w, x, y, z), w the scalar part; q and -q are one rotation.
"""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray

__all__ = ["angle_between", "conjugate", "from_axis_angle", "from_euler", "mean_rotation", "multiply", "rotate"]


def multiply(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the Hamilton product `first * second`: float64 [..., 4], broadcast."""
    a, b, c, d = np.moveaxis(np.asarray(first, np.float64), -1, 0)
    e, f, g, h = np.moveaxis(np.asarray(second, np.float64), -1, 0)
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def conjugate(quaternion: FloatArray) -> FloatArray:
    """Return the inverse of unit quaternions: float64 [..., 4]."""
    return np.asarray(np.asarray(quaternion, np.float64) * np.array([1.0, -1.0, -1.0, -1.0]))


def from_axis_angle(axis: FloatArray, angle: FloatArray | float) -> FloatArray:
    """Return the rotation by `angle` [...] (rad) about `axis` [..., 3] (any length but zero): float64 [..., 4]."""
    axis = np.asarray(axis, np.float64)
    axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    half = np.asarray(angle, np.float64)[..., None] / 2
    return np.concatenate([np.cos(half) * np.ones_like(axis[..., :1]), np.sin(half) * axis], axis=-1)


def from_euler(angles: FloatArray) -> FloatArray:
    """Return the orientation with Bunge's Euler angles (phi1, Phi, phi2) in radians.

    The passive rotation sample to crystal, g = Z(phi2) X(Phi) Z(phi1): written as the quaternion that rotates vector
    components, it is the conjugate of the active rotation Z(phi1) X(Phi) Z(phi2).

    Args:
        angles: float64 [..., 3], rad.

    Returns:
        float64 [..., 4], unit length.
    """
    phi1, capital_phi, phi2 = np.moveaxis(np.asarray(angles, np.float64), -1, 0)
    half_sum, half_difference, half = (phi1 + phi2) / 2, (phi1 - phi2) / 2, capital_phi / 2
    return np.stack(
        [
            np.cos(half) * np.cos(half_sum),
            -np.sin(half) * np.cos(half_difference),
            -np.sin(half) * np.sin(half_difference),
            -np.cos(half) * np.sin(half_sum),
        ],
        axis=-1,
    )


def rotate(quaternion: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return `vectors` [..., 3] rotated by unit quaternions [..., 4], broadcast: q v q*."""
    vectors = np.asarray(vectors, np.float64)
    padded = np.concatenate([np.zeros((*vectors.shape[:-1], 1)), vectors], axis=-1)
    return multiply(multiply(quaternion, padded), conjugate(quaternion))[..., 1:]


def angle_between(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the rotation angle between two rotations, in radians, [0, pi]: no crystal symmetry is applied.

    Through the arc tangent of the relative rotation, which keeps its accuracy for small angles where the arc cosine of
    the scalar part has none left.
    """
    relative = multiply(np.asarray(second, np.float64), conjugate(first))
    return np.asarray(2 * np.arctan2(np.linalg.norm(relative[..., 1:], axis=-1), np.abs(relative[..., 0])), np.float64)


def mean_rotation(quaternions: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return the mean of nearby rotations: float64 [4], scalar part not negative.

    The eigenvector of sum w q q^T with the greatest eigenvalue (Markley et al. 2007, eq. 13): it does not depend on the
    signs of the quaternions. Symmetry must have been removed before: all rotations near one of them.

    Args:
        quaternions: float64 [n, 4], n >= 1.
        weights: float64 [n], not negative; equal by default.
    """
    quaternions = np.asarray(quaternions, np.float64)
    weights = np.ones(len(quaternions)) if weights is None else weights
    _, vectors = np.linalg.eigh(np.einsum("n,ni,nj->ij", weights, quaternions, quaternions))
    mean = vectors[:, -1]
    return np.asarray(-mean if mean[0] < 0 else mean, np.float64)
