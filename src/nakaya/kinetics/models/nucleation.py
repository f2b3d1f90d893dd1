"""Classical nucleation theory with what is not known about it: a law for a handful of measured rates.

ln J = ln J0 + a + a_m - c W*/kT, with J0 = 24 D Omega^(-5/3) and the barrier W*/kT for Turnbull's interfacial energy,
proportional to 1/(T delta-mu^2) (`nakaya.kinetics.models.physics`). Three things are learned: a prefactor a that all
materials share, the share a_m of each material, and the scale c of the barrier, which goes with the cube of the
interfacial energy. All have normal priors, the labels bring the error of their Poisson counts, and so the posterior is
a normal distribution in closed form (Bayesian linear regression). Where the barrier is another than that of the
training, the uncertainty of c moves the rate by decades, and the standard deviation says so.

The widths of the priors are judgements about the theory, made before any rate was seen here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.physics import nucleation_physics
from nakaya.kinetics.samples.sample import Sample

__all__ = ["MATERIAL_SPREAD", "MISFIT", "NucleationPosterior", "label_errors", "nucleation_posterior", "own_material"]

TARGET: Final = "nucleation_rate"

PREFACTOR_SPREAD: Final = 2.0
"""Decades. Zeldovich's factor, the size of the critical nucleus and the attachment rate are left out of J0; kinetic
prefactors of simulations lie within a factor of a hundred of it."""

BARRIER_SPREAD: Final = 0.5
"""Of c about 1. Turnbull's coefficient of metals is 0.45 give or take 0.07, and the barrier goes with its cube."""

MATERIAL_SPREAD: Final = 0.5
"""Decades. What one material's prefactor differs from another's."""

MISFIT: Final = 0.2
"""Decades. What the form itself is off from one temperature to the next, beside the noise of the label."""


@dataclass(frozen=True, eq=False)
class NucleationPosterior:
    """What labels and priors together say about the law, on the scale of log10 J.

    Attributes:
        materials: Those that have a term of their own.
        mean: a, c, then a_m of every material, float64 [2 + material].
        covariance: Of these, float64 [2 + material, 2 + material].
    """

    materials: tuple[str, ...]
    mean: FloatArray
    covariance: FloatArray

    def predict(self, samples: Sequence[Sample]) -> tuple[FloatArray, FloatArray]:
        """Return (means, standard deviations) of log10 J of samples, without the noise of a label.

        Raises:
            ParameterError: A property of a material is not known, or a melt is not undercooled.
        """
        offset, design = _design(samples, self.materials)
        variance = np.einsum("ij,jk,ik->i", design, self.covariance, design) + MISFIT**2
        strange = np.array([sample.material not in self.materials for sample in samples])
        return offset + design @ self.mean, np.sqrt(variance + strange * MATERIAL_SPREAD**2)


def label_errors(samples: Sequence[Sample]) -> FloatArray:
    """Standard errors of labels in decades, float64 [sample]; 0 where none is stated."""
    labels = [sample.labels[TARGET] for sample in samples]
    errors = np.array([label.standard_error / (label.value * math.log(10)) for label in labels], dtype=np.float64)
    return np.where(np.isfinite(errors), errors, 0.0)


def nucleation_posterior(samples: Sequence[Sample], log10_rates: FloatArray) -> NucleationPosterior:
    """Fit the law.

    Args:
        samples: With a label of the nucleation rate each; its error is read there.
        log10_rates: The labels, float64 [sample], log10 of 1/(m^3 s).

    Raises:
        ParameterError: A property of a material is not known, or a melt is not undercooled.
    """
    materials = tuple(sorted({sample.material for sample in samples}))
    offset, design = _design(samples, materials)
    prior = np.array([0.0, 1.0, *(0.0 for _ in materials)])
    precision = 1 / np.array([PREFACTOR_SPREAD, BARRIER_SPREAD, *(MATERIAL_SPREAD for _ in materials)]) ** 2
    weights = 1 / (label_errors(samples) ** 2 + MISFIT**2)
    covariance: FloatArray = np.asarray(np.linalg.inv(np.diag(precision) + (design.T * weights) @ design))
    mean = covariance @ (precision * prior + (design.T * weights) @ (log10_rates - offset))
    return NucleationPosterior(materials, mean, covariance)


def own_material(samples: Sequence[Sample], materials: Sequence[str]) -> FloatArray:
    """1 where a sample is of a material, else 0, float64 [sample, material]."""
    return np.array([[float(sample.material == name) for name in materials] for sample in samples])


def _design(samples: Sequence[Sample], materials: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """log10 J0 and what multiplies the parameters, float64 [sample] and [sample, 2 + material]."""
    physics = nucleation_physics(samples)
    own = own_material(samples, materials)
    return physics.log10_prefactor, np.column_stack([np.ones(len(samples)), -physics.barrier, own])
