"""The sum over atoms of a forecast of each: is it part of the nucleus in the end?

Atom i of nucleus or melt is solid in the end with probability p_i = 1 / (1 + exp(-(w0 + w.x_i))), x_i what is known of
it and of its nucleus. The expected size is the sum of p_i over the atoms, and its change over n^(2/3) the forecast. w
is fitted to the fraction of branches in which each atom was solid, by maximum likelihood with a penalty (ridge) on w;
a straight line through the training nuclei takes the sum to the change, because atoms beyond the layer of melt freeze
as well, and because a size at one moment flickers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.nuclei.features import CURVATURE
from nakaya.kinetics.nuclei.forecast import Forecast
from nakaya.kinetics.nuclei.samples import NucleusSample
from nakaya.records.record import DRIVING_FORCE

__all__ = ["SumOfLogistic", "fit_logistic", "logistic"]

STEPS: Final = 25
TOLERANCE: Final = 1e-6
"""Of the largest change of a weight: inputs are standardised."""

CONSTANT: Final = 1e-9
"""Standard deviation below which a column says nothing."""

OF_NUCLEUS: Final = (CURVATURE, DRIVING_FORCE, "homologous_temperature")
"""Columns of the nucleus that all of its atoms get."""


def fit_logistic(inputs: FloatArray, fractions: FloatArray, penalty: float) -> FloatArray:
    """Return the weights of a logistic regression, the constant last, float64 [column + 1].

    Newton's method on sum_i [p_i-weighted log-likelihood] - penalty |w|^2 / 2, the constant free.

    Args:
        inputs: float64 [row, column], standardised.
        fractions: How often each row came true, float64 [row], in [0, 1].
        penalty: Not negative.
    """
    table = np.column_stack([inputs, np.ones(len(inputs))])
    ridge = np.diag(np.append(np.full(inputs.shape[1], penalty), 1e-9))
    weights: FloatArray = np.zeros(table.shape[1])
    mean = np.clip(fractions.mean(), 1e-6, 1 - 1e-6)
    weights[-1] = np.log(mean / (1 - mean))
    for _ in range(STEPS):
        p = logistic(table @ weights)
        curvature = np.maximum(p * (1 - p), 1e-9)
        hessian = (table * curvature[:, None]).T @ table + ridge
        step: FloatArray = np.linalg.solve(hessian, table.T @ (fractions - p) - ridge @ weights)
        weights = weights + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < TOLERANCE:
            break
    return weights


def logistic(values: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))


@dataclass(frozen=True)
class SumOfLogistic:
    """Model of the fate of nuclei; see the module.

    Attributes:
        name: As in the table.
        grid: Settings that are tried: "penalty", over the number of atoms.
    """

    name: str = "sum-of-logistic"
    grid: Sequence[Settings] = ({"penalty": 1e-4}, {"penalty": 1e-3}, {"penalty": 1e-2}, {"penalty": 1e-1})

    def fit(self, nuclei: Sequence[NucleusSample], settings: Settings, *, seed: int) -> Forecast:
        """Fit to nuclei whose records tell what became of their atoms.

        Raises:
            ParameterError: Some do not.
        """
        del seed  # nothing is random
        if missing := [nucleus.name for nucleus in nuclei if nucleus.solid_fraction is None]:
            raise ParameterError(
                f"{len(missing)} of {len(nuclei)} records, such as {missing[0]}, do not tell which atoms are solid in "
                "the end"
            )
        tables = [_atoms(nucleus) for nucleus in nuclei]
        rows = np.concatenate(tables)
        known = np.isfinite(rows)
        middle = _mean(rows, known)
        scale = np.sqrt(_mean((rows - middle) ** 2, known))
        kept = scale > CONSTANT

        def standard(table: FloatArray) -> FloatArray:
            scaled: FloatArray = (table[:, kept] - middle[kept]) / scale[kept]
            return np.where(np.isfinite(scaled), scaled, 0.0)

        fractions = np.concatenate([nucleus.solid_fraction for nucleus in nuclei if nucleus.solid_fraction is not None])
        weights = fit_logistic(standard(rows), fractions, settings["penalty"] * len(rows))

        def summed(nucleus: NucleusSample, table: FloatArray) -> float:
            expected = logistic(standard(table) @ weights[:-1] + weights[-1]).sum()
            return float((expected - nucleus.change.size) / nucleus.change.size ** (2 / 3))

        sums = np.array([summed(nucleus, table) for nucleus, table in zip(nuclei, tables, strict=True)])
        changes = np.array([nucleus.change.mean for nucleus in nuclei])
        slope, constant = np.polyfit(sums, changes, 1) if sums.std() > 0 else (0.0, changes.mean())

        def forecast(asked: Sequence[NucleusSample]) -> FloatArray:
            return np.array([slope * summed(nucleus, _atoms(nucleus)) + constant for nucleus in asked])

        return forecast


def _mean(rows: FloatArray, known: BoolArray) -> FloatArray:
    """Mean of what is known of every column, float64 [column]; 0 where nothing is."""
    return np.asarray(np.where(known, rows, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _atoms(nucleus: NucleusSample) -> FloatArray:
    """Columns of the atoms of a nucleus and of its melt, float64 [atom, column]; NaN = not known."""
    level = nucleus.sample.sequence.frames[0].levels["atom"]
    shared = [nucleus.columns[name] for name in OF_NUCLEUS]
    return np.column_stack([level.features, np.tile(shared, (level.num_nodes, 1))]).astype(np.float64)
