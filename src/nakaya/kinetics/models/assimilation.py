"""A law and an early measurement of one velocity: how much of the measurement belongs into the best mean of both.

The velocity of the first picoseconds is unbiased and noisy, for fronts fluctuate; a law of growth is smooth and biased.
Their best mean is w + g (u - w) with the gain g = s_w^2 / (s_w^2 + s_u^2) of the two squared errors (Kalman 1960). How
far off the law is shows where it has seen nothing of a material's face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.physics import velocity_physics
from nakaya.kinetics.samples.pooled import EARLY_VELOCITY
from nakaya.kinetics.samples.sample import Sample

__all__ = ["early_velocities", "fitted_gain", "held_out_law"]

USUAL_GAIN = 0.5
MIN_GAIN, MAX_GAIN = 0.05, 0.95


def early_velocities(samples: Sequence[Sample]) -> FloatArray:
    """Velocity by the direct fit to the early evidence, float64 [sample], m/s; NaN where there is none."""
    return np.array([sample.pooled.get(EARLY_VELOCITY, math.nan) for sample in samples], dtype=np.float64)


def fitted_gain(samples: Sequence[Sample], labels: FloatArray) -> float:
    """Gain with the smallest squared error, the law fitted without the sample's material and orientation.

    Args:
        samples: Those with early evidence count; 0.5 is returned where fewer than two pairs of material and
            orientation have any.
        labels: Velocities from other seeds, float64 [sample], m/s: their noise is independent of the evidence.
    """
    early, law = early_velocities(samples), held_out_law(samples, labels)
    known = np.isfinite(early) & np.isfinite(law)
    if not known.any():
        return USUAL_GAIN
    apart = early[known] - law[known]
    gain = float((apart * (labels[known] - law[known])).sum() / max(float((apart**2).sum()), 1e-300))
    return min(max(gain, MIN_GAIN), MAX_GAIN)


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
        efficiencies = np.array(physics.part(kept).fitted_efficiencies(labels[kept]))
        found[held] = physics.part(held).velocity(efficiencies[physics.mechanism[held]])
    return found
