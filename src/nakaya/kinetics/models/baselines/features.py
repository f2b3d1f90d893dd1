"""Samples as rows of a table: conditions, the laws of physics, and for evidence B the pooled early numbers.

Every tabular model gets the same columns, and among them what the literature would compute by hand: the driving force,
both laws of growth with an efficiency of 1, the published anisotropy of faces, velocities of neighbouring faces, and
the direct fit to the early evidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.fields import field_value
from nakaya.kinetics.models.physics import is_covalent, law_hints, velocity_ratios
from nakaya.kinetics.samples.pooled import EARLY_VELOCITY
from nakaya.kinetics.samples.sample import Sample
from nakaya.records.record import FIELDS
from nakaya.theory import collision_limited_velocity, fcc_anisotropy, wilson_frenkel_velocity

__all__ = ["Encoder", "bond_order_numbers", "growth_laws", "numbers"]

_LAWS = (
    "inverse_temperature",
    "undercooling",
    "growth_factor",
    "collision_limited",
    "wilson_frenkel",
    "law_of_structure",
    "law_of_face",
)
ROOM = 0.5
"""Fraction of a column's range by which a value may lie outside it. Two materials fix no slope against the atomic
number: without this, a line through them says hundreds of m/s for the third."""

_BOND_ORDER = ("q4", "q6", "averaged_q4", "averaged_q6", "coherent_bonds", "solid_fraction", "centrosymmetry")


def growth_laws(sample: Sample) -> tuple[float, float]:
    """Velocities by collision-limited and by activated (Wilson-Frenkel) growth with an efficiency of 1, m/s.

    NaN where the material's table lacks a property.
    """
    reduced_driving_force = sample.table.driving_force(sample.temperature)
    mass = sample.conditions.get("mean_atomic_mass", math.nan)
    spacing, diffusivity = (sample.table.at(name, sample.temperature) for name in ("lattice_parameter", "diffusivity"))
    collision = activated = math.nan
    if mass > 0:
        law = collision_limited_velocity(
            sample.temperature, reduced_driving_force, mass=mass, spacing=1e-10, efficiency=1.0
        )
        collision = float(law)
    if spacing > 0:
        activated = float(wilson_frenkel_velocity(diffusivity, reduced_driving_force, spacing=spacing, efficiency=1.0))
    return collision, activated


def numbers(sample: Sample) -> dict[str, float]:
    """All columns of a sample."""
    collision, activated = growth_laws(sample)
    melting = sample.table.melting_temperature
    of_structure = activated if is_covalent(sample) else collision
    laws = (
        1000.0 / sample.temperature,
        (melting - sample.temperature) / melting,
        -math.expm1(-sample.table.driving_force(sample.temperature)),
        collision,
        activated,
        of_structure,
        of_structure * (1.0 if is_covalent(sample) else fcc_anisotropy(sample.orientation)),
    )
    hints = {**law_hints(sample), **velocity_ratios(sample, sample.pooled)}
    fields = {name: field_value(sample, name) for name in FIELDS}
    return {**sample.conditions, **fields, **dict(zip(_LAWS, laws, strict=True)), **sample.pooled, **hints}


def bond_order_numbers(sample: Sample) -> dict[str, float]:
    """Conditions and laws, but of the early evidence only the bond order (and the direct fit)."""
    dropped = {name for name in sample.pooled if name != EARLY_VELOCITY and not name.startswith(_BOND_ORDER)}
    return {name: value for name, value in numbers(sample).items() if name not in dropped}


@dataclass(frozen=True, eq=False)
class Encoder:
    """Columns of a table, standardised by the training samples.

    Attributes:
        names: Columns that vary among the training samples.
        middle: Their medians: what is not known is set to them.
        scale: Their standard deviations.
        low: Their smallest values, less half of their range.
        high: Their largest values, and half of their range more.
    """

    names: tuple[str, ...]
    middle: FloatArray
    scale: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def fit(cls, rows: Sequence[dict[str, float]]) -> Encoder:
        """Choose the columns and their scales.

        Args:
            rows: Column -> value of every training sample; NaN = not known.
        """
        names = sorted({name for row in rows for name in row})
        table = np.array([[row.get(name, math.nan) for name in names] for row in rows])
        known = {name: column[np.isfinite(column)] for name, column in zip(names, table.T, strict=True)}
        kept = [
            name
            for name, values in known.items()
            if values.size > 1 and values.std() > 1e-9 * float(np.abs(values).max())
        ]

        def of_each(measure: Callable[[FloatArray], float]) -> FloatArray:
            return np.array([measure(known[name]) for name in kept], dtype=np.float64)

        low, high = of_each(np.min), of_each(np.max)
        beyond = (high - low) * ROOM
        return cls(tuple(kept), of_each(np.median), of_each(np.std), low - beyond, high + beyond)

    def transform(self, rows: Sequence[dict[str, float]]) -> FloatArray:
        """Return float64 [sample, column], 0 where a value is not known."""
        table = np.array([[row.get(name, math.nan) for name in self.names] for row in rows])
        held = np.clip(table.reshape(len(rows), len(self.names)), self.low, self.high)
        scaled = (held - self.middle) / self.scale
        return np.where(np.isfinite(scaled), scaled, 0.0)
