"""Models with a formula for the nucleation rate: classical theory with its uncertainty, and Arrhenius' law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.baselines.closed_forms import standard_inverse_temperature
from nakaya.kinetics.models.baselines.fitting import Baseline, Estimate
from nakaya.kinetics.models.nucleation import MISFIT, label_errors, nucleation_posterior, own_material
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.samples.sample import Sample

__all__ = ["make_arrhenius_rate", "make_nucleation_law"]

_RATE = ("nucleation_rate",)
_FREE = 10.0
"""Decades: as good as no prior."""

_SHARED = 1.0
"""Decades: how far the prefactor of one material lies from the common one, before any was seen."""


def make_nucleation_law() -> Baseline:
    """Classical nucleation theory, prefactor and barrier learned within what is known of them beforehand."""

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        found = nucleation_posterior(samples, labels)
        noise = float(np.sqrt((label_errors(samples) ** 2).mean()))  # a new label is as noisy as those of the training

        def estimate(asked: Sequence[Sample]) -> tuple[FloatArray, FloatArray]:
            means, deviations = found.predict(asked)
            return means, np.hypot(deviations, noise)

        return estimate

    return Baseline("nucleation-law", make, targets=_RATE, own_spread=True)


def make_arrhenius_rate() -> Baseline:
    """Ln J = a + a_m - b/T with the a_m of materials shrunk: a straight line that knows no melting point."""

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        materials = sorted({sample.material for sample in samples})
        inverse_temperature = standard_inverse_temperature(samples)
        middle = float(labels.mean())

        def design(asked: Sequence[Sample]) -> FloatArray:
            own = own_material(asked, materials)
            return np.column_stack([np.ones(len(asked)), inverse_temperature(asked), own])

        table = design(samples)
        penalty = (MISFIT / np.array([_FREE, _FREE, *(_SHARED for _ in materials)])) ** 2
        weights = np.linalg.solve(table.T @ table + np.diag(penalty), table.T @ (labels - middle))
        return lambda asked: (middle + design(asked) @ weights, None)

    return Baseline("arrhenius-rate", make, targets=_RATE)
