"""What a frame looks like in a few numbers: pooled descriptors, the evidence that every model may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.md.order.bond_order import (
    Classifier,
    Environment,
    averaged_order,
    centrosymmetry,
    order,
    solid_like_bonds,
)

__all__ = ["DESCRIPTORS", "pool"]

ELECTRON_VOLT = 1.602176634e-19

DESCRIPTORS: Final[Mapping[str, str]] = {
    "solid_fraction": "1",
    "solid_fraction_averaged_rule": "1",
    "interface_fraction": "1",
    "q4_mean": "1",
    "q6_mean": "1",
    "q4_std": "1",
    "q6_std": "1",
    "averaged_q4_mean": "1",
    "averaged_q6_mean": "1",
    "averaged_q6_solid": "1",
    "averaged_q6_liquid": "1",
    "coherent_bonds_mean": "1",
    "coherent_bonds_liquid": "1",
    "centrosymmetry_mean": "1",
    "coordination_mean": "1",
    "potential_energy_mean": "J",
    "potential_energy_solid": "J",
    "potential_energy_liquid": "J",
    "volume_per_atom": "m^3",
}
"""Names and SI units of the pooled descriptors of one frame; means over all atoms unless the name says otherwise."""


def _mean(values: FloatArray, chosen: BoolArray) -> float:
    return float(values[chosen].mean()) if chosen.any() else float("nan")


def pool(
    local_environment: Environment,
    classifier: Classifier,
    *,
    wide: Environment,
    volume_per_atom: float,
    energy: FloatArray | None,
) -> dict[str, float]:
    """Return the descriptors of one frame, SI.

    Args:
        local_environment: Of all atoms, with the classifier's number of neighbours.
        classifier: Tells solid from liquid.
        wide: The same atoms with more neighbours, for the coordination.
        volume_per_atom: A^3.
        energy: Potential energy of every atom, float64 [atom], eV; None where it is not known (NaN comes out).
    """
    bonds = solid_like_bonds(local_environment, threshold=classifier.coherence)
    solid = bonds >= classifier.min_solid_like
    few = bonds <= classifier.neighbours // 3
    q4, q6 = order(local_environment, 4), order(local_environment, 6)
    averaged = averaged_order(local_environment, 6)
    cutoff = classifier.bond_reach * (np.sqrt(2.0) * volume_per_atom) ** (1 / 3)
    coordination = (np.linalg.norm(wide.vectors, axis=-1) < cutoff).sum(axis=1)
    joules = np.full(len(bonds), np.nan) if energy is None else energy * ELECTRON_VOLT
    return {
        "solid_fraction": float(solid.mean()),
        "solid_fraction_averaged_rule": float((averaged > classifier.averaged_q6).mean()),
        "interface_fraction": float((~solid & ~few).mean()),
        "q4_mean": float(q4.mean()),
        "q6_mean": float(q6.mean()),
        "q4_std": float(q4.std()),
        "q6_std": float(q6.std()),
        "averaged_q4_mean": float(averaged_order(local_environment, 4).mean()),
        "averaged_q6_mean": float(averaged.mean()),
        "averaged_q6_solid": _mean(averaged, solid),
        "averaged_q6_liquid": _mean(averaged, ~solid),
        "coherent_bonds_mean": float(bonds.mean()),
        "coherent_bonds_liquid": _mean(bonds.astype(np.float64), ~solid),
        "centrosymmetry_mean": float(centrosymmetry(local_environment, count=min(12, classifier.neighbours)).mean()),
        "coordination_mean": float(coordination.mean()),
        "potential_energy_mean": float(joules.mean()),
        "potential_energy_solid": _mean(joules, solid),
        "potential_energy_liquid": _mean(joules, ~solid),
        "volume_per_atom": volume_per_atom * 1e-30,
    }
