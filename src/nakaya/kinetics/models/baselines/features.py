"""Samples as rows of a table: conditions, the laws of physics, and for evidence B the pooled early numbers.

Every tabular model gets the same columns, and among them what the literature would compute by hand: the driving force,
both laws of growth with an efficiency of 1, the published anisotropy of faces, velocities of neighbouring faces, and
the direct fit to the early evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.hints import law_hints, velocity_ratios
from nakaya.kinetics.samples.pooled import EARLY_VELOCITY
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.tables import MaterialTable
from nakaya.theory import collision_limited_velocity, fcc_anisotropy, wilson_frenkel_velocity

__all__ = ["Encoder", "bond_order_numbers", "growth_laws", "is_covalent", "numbers"]

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

TETRAHEDRAL = 4.5

_BOND_ORDER = ("q4", "q6", "averaged_q4", "averaged_q6", "coherent_bonds", "solid_fraction", "centrosymmetry")


def growth_laws(sample: Sample) -> tuple[float, float]:
    """Velocities by collision-limited and by activated (Wilson-Frenkel) growth with an efficiency of 1, m/s.

    NaN where the material's table lacks a property.
    """
    reduced_driving_force = sample.table.driving_force(sample.temperature)
    mass = sample.conditions.get("mean_atomic_mass", math.nan)
    spacing = _at(sample.table, "lattice_parameter", sample.temperature)
    diffusivity = _at(sample.table, "diffusivity", sample.temperature)
    collision = activated = math.nan
    if mass > 0:
        law = collision_limited_velocity(
            sample.temperature, reduced_driving_force, mass=mass, spacing=1e-10, efficiency=1.0
        )
        collision = float(law)
    if spacing > 0:
        activated = float(wilson_frenkel_velocity(diffusivity, reduced_driving_force, spacing=spacing, efficiency=1.0))
    return collision, activated


def is_covalent(sample: Sample) -> bool:
    """Whether atoms of the crystal have so few neighbours that growth is activated, as in diamond."""
    return sample.conditions.get("coordination_number", math.nan) < TETRAHEDRAL


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
    return {**sample.conditions, **dict(zip(_LAWS, laws, strict=True)), **sample.pooled, **hints}


def bond_order_numbers(sample: Sample) -> dict[str, float]:
    """Conditions and laws, but of the early evidence only the bond order (and the direct fit)."""
    dropped = {name for name in sample.pooled if name != EARLY_VELOCITY and not name.startswith(_BOND_ORDER)}
    return {name: value for name, value in numbers(sample).items() if name not in dropped}


def _at(table: MaterialTable, name: str, temperature: float) -> float:
    curve = getattr(table, name)
    return math.nan if curve is None else float(curve(temperature))


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
        known = np.isfinite(table)
        kept, middles, scales, ends = [], [], [], []
        for column, name in enumerate(names):
            values = table[known[:, column], column]
            spread = float(values.std()) if values.size > 1 else 0.0
            if spread > 1e-9 * float(np.abs(values).max(initial=0.0)):
                kept.append(name)
                middles.append(float(np.median(values)))
                scales.append(spread)
                ends.append((float(values.min()), float(values.max())))
        bounds = np.array(ends).reshape(-1, 2)
        beyond = (bounds[:, 1] - bounds[:, 0]) * ROOM
        return cls(tuple(kept), np.array(middles), np.array(scales), bounds[:, 0] - beyond, bounds[:, 1] + beyond)

    def transform(self, rows: Sequence[dict[str, float]]) -> FloatArray:
        """Return float64 [sample, column], 0 where a value is not known."""
        table = np.array([[row.get(name, math.nan) for name in self.names] for row in rows])
        held = np.clip(table.reshape(len(rows), len(self.names)), self.low, self.high)
        scaled = (held - self.middle) / self.scale
        return np.where(np.isfinite(scaled), scaled, 0.0)
