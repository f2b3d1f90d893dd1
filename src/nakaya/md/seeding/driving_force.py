"""delta-mu(T) by integrating the latent heat, with an error.

Gibbs and Helmholtz: d(delta-mu/T)/dT = -L/T^2, and delta-mu(T_m) = 0, so that

    delta-mu(T) = T int_T^T_m L(T')/T'^2 dT'.

L = H(melt) - H(crystal) is a polynomial through measured temperatures; with L = sum c_k T^k the integral is closed, and
linear in c_k. A constant L says too much at large undercooling, where the melt's enthalpy has come closer to the
crystal's: 6 % for aluminium at 440 K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.statistics import Estimate
from nakaya.md.tables import AVOGADRO, BOLTZMANN_SI
from nakaya.records.record import Record, has_result

__all__ = ["LatentHeat", "fit_latent_heat", "integrated_driving_force", "latent_heat_of"]

DEGREE: Final = 2
"""Of the polynomial: enthalpies of metals curve over the range of undercooling; a third power follows the noise."""


@dataclass(frozen=True)
class LatentHeat:
    """L(T) = sum_k c_k (T/`scale`)^k, J/mol.

    Attributes:
        coefficients: c_k, float64 [degree + 1], J/mol.
        covariance: Of c_k, float64 [degree + 1, degree + 1].
        scale: K.
        lowest: Lowest temperature measured, K; below it the polynomial goes on, and that is a guess.
        highest: Highest, K.
    """

    coefficients: FloatArray
    covariance: FloatArray
    scale: float
    lowest: float
    highest: float

    def at(self, temperature: float) -> float:
        """L, J/mol."""
        return float(np.polynomial.polynomial.polyval(temperature / self.scale, self.coefficients))


def fit_latent_heat(
    temperatures: FloatArray, latent_heats: FloatArray, errors: FloatArray, *, degree: int = DEGREE
) -> LatentHeat:
    """Weighted least squares; of a lower degree where there are too few temperatures.

    The covariance is that of the errors, times chi^2 per degree of freedom where that is above 1.

    Args:
        temperatures: float64 [n], K.
        latent_heats: float64 [n], J/mol.
        errors: float64 [n], standard errors, J/mol, positive.
        degree: Of the polynomial.

    Raises:
        ParameterError: No temperatures, or errors that are not positive.
    """
    if not len(temperatures) or not (np.asarray(errors) > 0).all():
        raise ParameterError("a latent heat needs at least one temperature, and positive errors")
    order = min(degree, len(set(np.round(temperatures, 3).tolist())) - 1)
    scale = float(np.mean(temperatures))
    design = np.vander(temperatures / scale, order + 1, increasing=True) / errors[:, None]
    covariance = np.asarray(np.linalg.inv(design.T @ design), dtype=np.float64)
    coefficients = covariance @ design.T @ (latent_heats / errors)
    freedom = len(temperatures) - order - 1
    if freedom > 0:
        chi_square = float(((latent_heats / errors - design @ coefficients) ** 2).sum())
        covariance = covariance * max(1.0, chi_square / freedom)
    return LatentHeat(np.asarray(coefficients), covariance, scale, float(temperatures.min()), float(temperatures.max()))


def latent_heat_of(records: Sequence[Record], material: str) -> LatentHeat:
    """L(T) of the records of bulk properties of a material.

    Raises:
        ParameterError: There are none with an error.
    """
    rows = np.array(
        [
            (record.conditions["temperature"].value, found.value, found.standard_error)
            for record in records
            if record.material == material and has_result(record, "latent_heat")
            for found in [record.quantities["latent_heat"]]
            if found.standard_error > 0
        ]
    )
    if not len(rows):
        raise ParameterError(f"no record tells the latent heat of {material} with an error: run nakaya md properties")
    return fit_latent_heat(rows[:, 0], rows[:, 1], rows[:, 2])


def integrated_driving_force(latent_heat: LatentHeat, temperature: float, melting_point: Estimate) -> Estimate:
    """delta-mu/kT per atom, with the errors of L(T) and of the melting point.

    Args:
        latent_heat: L(T).
        temperature: K.
        melting_point: T_m, K.

    Raises:
        ParameterError: A temperature is not positive.

    >>> constant = fit_latent_heat(np.array([900.0]), np.array([10e3]), np.array([100.0]))
    >>> round(integrated_driving_force(constant, 640, Estimate(930, 4)).value, 3)
    0.586
    """
    if not (temperature > 0 and melting_point.value > 0):
        raise ParameterError(f"temperatures of {temperature:g} and {melting_point.value:g} K must be positive")
    here, melts = temperature / latent_heat.scale, melting_point.value / latent_heat.scale
    integrals = np.array(
        [
            math.log(melts / here) if power == 1 else (melts ** (power - 1) - here ** (power - 1)) / (power - 1)
            for power in range(len(latent_heat.coefficients))
        ]
    )
    weights = here * integrals  # delta-mu = weights @ c
    per_atom = 1 / (AVOGADRO * BOLTZMANN_SI * temperature)
    by_heat = math.sqrt(float(weights @ latent_heat.covariance @ weights))
    slope = temperature * latent_heat.at(melting_point.value) / melting_point.value**2
    by_melting = slope * melting_point.standard_error
    return Estimate(float(weights @ latent_heat.coefficients) * per_atom, math.hypot(by_heat, by_melting) * per_atom)
