"""How noisy one run is, before it is made: by counting atoms, and by what the runs of the records state.

Atoms join an interface of area A at the rate w A/Omega and leave it at exp(-delta-mu/kT) of that, with the arrival
velocity w = f M_0 exp(-q (T_m/T - 1)). If they did so one by one, two interfaces in the time tau would give the
velocity with the variance

    n_0 = w [1 + exp(-delta-mu/kT)] Omega / (2 A tau)

(`nakaya.md.growth.planned_duration` plans by it). Runs state kappa times that, for interfaces advance in patches, and
meet early in cold melts: kappa is the mean of their stated over their counted variances, near T/T_m weighing more.
Where runs are known, kappa n_0 and the variances that they state are averaged: a run knows its own error from a few
displacements only.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray

__all__ = ["counting_variance", "noise_factors", "run_variances"]

NEAR: Final = 0.05
"""Standard deviation of the weights of kappa, T/T_m."""


def counting_variance(
    arrival_velocity: FloatArray,
    reduced_driving_force: FloatArray,
    atomic_volume: FloatArray,
    area: FloatArray,
    duration: FloatArray,
) -> FloatArray:
    """n_0, float64 [place], m^2/s^2.

    Args:
        arrival_velocity: w, float64 [place], m/s.
        reduced_driving_force: delta-mu/kT, float64 [place].
        atomic_volume: Omega, in the crystal, float64 [place], m^3.
        area: Of one interface, float64 [place], m^2.
        duration: tau, float64 [place], s.
    """
    return np.asarray(arrival_velocity * (1 + np.exp(-reduced_driving_force)) * atomic_volume / (2 * area * duration))


def noise_factors(reduced: FloatArray, known: FloatArray, ratios: FloatArray) -> FloatArray:
    """Kappa at reduced temperatures, float64 [place]; 1 where no run states an error.

    Args:
        reduced: T/T_m, float64 [place].
        known: T/T_m of the runs that state an error, float64 [run].
        ratios: Their stated over their counted variances, float64 [run].
    """
    if not len(known):
        return np.ones(len(reduced))
    exponents = -(((reduced[:, None] - known) / NEAR) ** 2) / 2
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return np.asarray((weights @ ratios) / weights.sum(axis=1))


def run_variances(counted: FloatArray, reduced: FloatArray, places: IntArray, stated: FloatArray) -> FloatArray:
    """Variance of the noise of one run at every place, float64 [place], m^2/s^2.

    Args:
        counted: n_0, float64 [place].
        reduced: T/T_m, float64 [place].
        places: Place of every known run, int64 [run].
        stated: Variances that these runs state, float64 [run]; NaN or 0 = none.
    """
    telling = np.isfinite(stated) & (stated > 0)
    where, found = places[telling], stated[telling]
    usual = counted * noise_factors(reduced, reduced[where], found / counted[where])
    sums, counts = (np.bincount(where, weights, minlength=len(counted)) for weights in (found, None))
    return np.asarray((usual + sums) / (1 + counts))
