"""A law and measurements of one velocity: how much of each measurement belongs into the best mean of all.

A law of growth is smooth and biased. The velocity of the first picoseconds is unbiased and noisy, for interfaces
fluctuate; velocities that training records know of the same face at other temperatures, and of other faces, are precise
and of something else. Their best mean is w + sum_i g_i (x_i - w) with the gains g_i of a Kalman filter (Kalman 1960).
How far off the law is shows where it has seen nothing of a material's face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.physics import velocity_physics
from nakaya.kinetics.samples.pooled import EARLY_VELOCITY
from nakaya.kinetics.samples.sample import Sample

__all__ = ["MEASUREMENTS", "assimilated", "fitted_gains", "held_out_law", "measurements"]

MEASUREMENTS = ("early", "own_face", "other_faces")
"""The direct fit to the early evidence; from training records, the velocity of the same face between the temperatures
on either side, and the mean velocity of the material's other faces."""

USUAL_GAINS = (0.5, 0.0, 0.0)
MAX_GAIN = 0.95
"""Of all measurements together: the law always has a say."""

SHRINKAGE = 0.02
"""Ridge of the gains, as a fraction of the law's squared misfits: two equal measurements share their gain."""


def measurements(samples: Sequence[Sample]) -> FloatArray:
    """What was measured of each sample's velocity, float64 [sample, measurement], m/s; NaN = not known."""
    faces = [f"velocity_{name}" for name in MEASUREMENTS[1:]]
    rows = [
        [sample.pooled.get(EARLY_VELOCITY, math.nan), *(sample.conditions.get(name, math.nan) for name in faces)]
        for sample in samples
    ]
    return np.array(rows, dtype=np.float64).reshape(len(samples), len(MEASUREMENTS))


def assimilated(law: FloatArray, measured: FloatArray, gains: FloatArray) -> FloatArray:
    """The mean of a law and of what was measured: float64 [sample], m/s.

    Args:
        law: float64 [sample], m/s.
        measured: float64 [sample, measurement], m/s; what is not known moves nothing.
        gains: float64 [measurement].
    """
    return np.asarray(law + np.nan_to_num(measured - law[:, None]) @ gains)


def fitted_gains(samples: Sequence[Sample], labels: FloatArray, *, allowed: Sequence[str] = MEASUREMENTS) -> FloatArray:
    """Gains with the smallest squared error, the law fitted without the sample's material and orientation.

    Args:
        samples: What none of them has measured gets no gain; with fewer than two pairs of material and orientation,
            `USUAL_GAINS` are returned.
        labels: Velocities from other seeds, float64 [sample], m/s: their noise is independent of the evidence.
        allowed: Measurements that may be looked at.

    Returns:
        float64 [measurement], none negative, 0.95 together at most.
    """
    law = held_out_law(samples, labels)
    if not np.isfinite(law).all():
        return np.array(USUAL_GAINS) * [name in allowed for name in MEASUREMENTS]
    apart = np.nan_to_num(measurements(samples) - law[:, None]) * [name in allowed for name in MEASUREMENTS]
    misfit, count = labels - law, len(MEASUREMENTS)
    ridge = math.sqrt(SHRINKAGE * max(float((misfit**2).sum()), 1e-300))
    gains, _ = nnls(np.vstack([apart, ridge * np.eye(count)]), np.concatenate([misfit, np.zeros(count)]))
    return np.asarray(gains * min(1.0, MAX_GAIN / max(float(gains.sum()), 1e-300)))


def held_out_law(samples: Sequence[Sample], labels: FloatArray) -> FloatArray:
    """The law of each sample, fitted without its material and orientation, float64 [sample], m/s; NaN with one pair."""
    pairs = np.array([f"{sample.material} {sample.orientation}" for sample in samples])
    names = sorted(set(pairs.tolist()))
    found = np.full(len(samples), math.nan)
    if len(names) < 2:
        return found
    physics = velocity_physics(samples)
    for name in names:
        held, kept = pairs == name, pairs != name
        found[held] = physics.part(held).velocity(physics.part(kept).fitted(labels[kept]))
    return found
