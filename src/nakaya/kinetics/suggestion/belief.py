"""What is believed of growth velocities: the growth law, how far it may be off, and what runs have said.

The law v = l = f M_0 exp(-q (T_m/T - 1)) [1 - exp(-delta-mu/kT)] of `nakaya.kinetics.models.physics`, with efficiency f
and activation q of each mechanism as fitted, is corrected as the baseline `growth-law` of the table corrects it, and by
a Gaussian process over material m, face o and reduced temperature t = T/T_m:

    v = l (1 + e - a (T_m/T - 1) + b_m + b_o + b_mo) + u h_m(t) + u h_mo(t),
    u = f M_0 exp(-q (T_m/T - 1)) max(|1 - exp(-delta-mu/kT)|, 0.05).

All corrections are independent, normal and of mean zero. e and a, one of each mechanism, have the standard deviations
EFFICIENCY and ACTIVATION; b of the material, of the face and of the pair of both have KIND each; h of the material and
of the pair have the covariance s^2/2 exp(-(t - t')^2 / (2 LENGTH^2)) each. So velocities at any conditions are jointly
normal, and runs with normal noise leave them so. s is the most probable of a grid, log-normal about RESIDUAL; it is
held then, as f and q are: how sure these are, e and a say.

The widths are judgements about the law. Above its noise floor, `growth-law` misses temperatures and faces that were
held out by an eighth of the velocities' root mean square (docs/benchmark-kinetics.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.kinetics.models.physics import MIN_DRIVING_TERM, Mobility, VelocityPhysics, velocity_physics
from nakaya.kinetics.samples.sample import Sample

__all__ = ["Belief", "Places", "believe", "fitted_mobility"]

EFFICIENCY: Final = 1.0
"""Standard deviation of e: as good as free once a run of the mechanism is known."""

ACTIVATION: Final = 1.0
"""Standard deviation of a, k T_m."""

KIND: Final = 0.15
"""Standard deviation of each b."""

RESIDUAL: Final = 0.1
"""Median of s before any run; a factor of 2 up or down is one standard deviation of log s."""

LENGTH: Final = 0.15
"""Over which the residual changes, in T/T_m: six planned temperatures lie 0.09 apart."""

RESIDUALS: Final = tuple(RESIDUAL * 2 ** (step / 2) for step in range(-4, 5))
"""Values of s that are tried."""


@dataclass(frozen=True, eq=False)
class Places:
    """Conditions with what the law needs of them.

    Attributes:
        physics: Numbers of the law.
        materials: Name of each material, str [place].
        faces: Miller indices of each growth direction, str [place].
    """

    physics: VelocityPhysics
    materials: np.ndarray[tuple[int], np.dtype[np.str_]]
    faces: np.ndarray[tuple[int], np.dtype[np.str_]]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Places:
        """Conditions of samples.

        Raises:
            ParameterError: A property of a material is not known.
        """
        return cls(
            velocity_physics(samples),
            np.array([sample.material for sample in samples], dtype=np.str_),
            np.array([sample.orientation or "" for sample in samples], dtype=np.str_),
        )

    def arrival_velocity(self, mobility: Mobility) -> FloatArray:
        """F M_0 exp(-q (T_m/T - 1)): the law far from equilibrium, where no atom leaves; float64 [place], m/s."""
        efficiency, activation = (
            np.array(values)[self.physics.mechanism] for values in (mobility.efficiency, mobility.activation)
        )
        return np.asarray(efficiency * self.physics.prefactor * np.exp(-activation * self.physics.coldness()))


@dataclass(frozen=True, eq=False)
class Belief:
    """Velocities at places, jointly normal.

    Attributes:
        mean: float64 [place], m/s.
        covariance: Of the velocities themselves, without the noise of a run, float64 [place, place], m^2/s^2.
        residual: s.
    """

    mean: FloatArray
    covariance: FloatArray
    residual: float


def fitted_mobility(places: Places, known: IntArray, velocities: FloatArray) -> Mobility:
    """Efficiency and activation by least squares; arguments as of `believe`."""
    seen = np.zeros(len(places.materials), dtype=np.bool_)
    seen[known] = True
    return places.physics.part(seen).fitted(velocities[np.argsort(known)])  # `part` keeps the order of the places


def believe(places: Places, mobility: Mobility, known: IntArray, velocities: FloatArray, noise: FloatArray) -> Belief:
    """What known velocities say of all places.

    Args:
        places: Known ones and others.
        mobility: As `fitted_mobility` finds it.
        known: Numbers of the places with a velocity, each once, int64 [known].
        velocities: Mean over the runs of each, float64 [known], m/s.
        noise: Variance of each mean, float64 [known], m^2/s^2, positive.
    """
    law = places.physics.velocity(mobility)
    smooth, residual = _law_covariance(places, law), _residual_covariance(places, mobility)
    apart = velocities - law[known]
    inside = np.ix_(known, known)

    def cost(size: float) -> float:  # minus the logarithm of its probability, up to a constant
        factor = cho_factor(smooth[inside] + size**2 * residual[inside] + np.diag(noise), lower=True)
        misfit = float(apart @ cho_solve(factor, apart)) / 2 + float(np.log(np.diag(factor[0])).sum())
        return misfit + (math.log(size / RESIDUAL) / math.log(2)) ** 2 / 2

    size = min(RESIDUALS, key=cost)
    prior = smooth + size**2 * residual
    gain = cho_solve(cho_factor(prior[inside] + np.diag(noise), lower=True), prior[known]).T
    covariance = prior - gain @ prior[known]
    return Belief(law + gain @ apart, (covariance + covariance.T) / 2, size)


def _law_covariance(places: Places, law: FloatArray) -> FloatArray:
    mechanism, coldness = places.physics.mechanism, places.physics.coldness()
    alike, material, face = _equal(mechanism), _equal(places.materials), _equal(places.faces)
    relative = alike * (EFFICIENCY**2 + ACTIVATION**2 * np.outer(coldness, coldness))
    relative = relative + KIND**2 * (material * 1.0 + face + material * face)
    return np.asarray(np.outer(law, law) * relative)


def _residual_covariance(places: Places, mobility: Mobility) -> FloatArray:
    """For s = 1."""
    physics = places.physics
    driving = -np.expm1(-physics.reduced_driving_force())
    size = places.arrival_velocity(mobility) * np.maximum(np.abs(driving), MIN_DRIVING_TERM)
    reduced = physics.temperature / physics.melting_temperature
    near = np.exp(-(((reduced[:, None] - reduced) / LENGTH) ** 2) / 2)
    common = _equal(places.materials) * (1.0 + _equal(places.faces)) / 2
    return np.asarray(np.outer(size, size) * common * near)


def _equal(labels: IntArray | np.ndarray[tuple[int], np.dtype[np.str_]]) -> BoolArray:
    return np.asarray(labels[:, None] == labels)
