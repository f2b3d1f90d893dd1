"""A nucleus in numbers: its size by several rules, its shape, its order inside and around it.

All are dimensionless, and none changes when the frame is rotated, moved or renumbered. What cannot be told is NaN.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.kinetics.nuclei.environment import NucleusEnvironment
from nakaya.md.order.bond_order import (
    alignment,
    averaged_harmonics,
    averaged_order,
    cluster_sizes,
    mean_harmonics,
    order,
    solid_like_bonds,
)
from nakaya.md.order.structures import skewness

__all__ = ["CURVATURE", "SIZE_RATIOS", "cluster_features"]

CURVATURE: Final = "inverse_cube_root_of_size"
"""n^(-1/3): what the drift of classical theory is linear in."""

BOND_STEPS: Final = (-2, -1, 1, 2)
"""Added to the number of solid-like bonds that make an atom solid."""

ORDER_FACTORS: Final = (0.9, 1.0, 1.1)
"""Times the threshold of averaged q6."""

SIZE_RATIOS: Final = (
    *(f"ln_size_by_bonds_{step:+d}" for step in BOND_STEPS),
    *(f"ln_size_by_order_{factor:g}" for factor in ORDER_FACTORS),
)
"""Logarithms of sizes by other rules over the size: other numbers of bonds, averaged q6 with other thresholds."""

SHELLS: Final = {"first": (0.0, 1.3), "second": (1.3, 2.1), "third": (2.1, 2.9)}
"""Layers of melt by the distance to the nearest atom of the nucleus, in d."""

ALIGNED: Final = 0.5
"""Atoms of the melt whose q6 has at least this cosine with that of the nucleus stand as its atoms do."""


def cluster_features(seen: NucleusEnvironment) -> dict[str, float]:
    """Return the features of a nucleus by name."""
    local, n = seen.local, seen.size
    core = seen.nucleus & ~seen.surface
    melt = ~seen.nucleus
    shells = {name: melt & (seen.depth > low) & (seen.depth <= high) for name, (low, high) in SHELLS.items()}
    q6 = mean_harmonics(local, 6)
    columns = {
        "q6": order(local, 6),
        "averaged_q4": averaged_order(local, 4),
        "averaged_q6": averaged_order(local, 6),
        "solid_like_bonds": solid_like_bonds(local, threshold=seen.classifier.coherence) / local.neighbours.shape[1],
        "alignment": alignment(q6, q6[seen.nucleus].mean(axis=0)),
        "neighbour_distance": np.linalg.norm(local.vectors, axis=2).mean(axis=1) / seen.spacing,
    }
    if "c_energy" in seen.frame.extra:
        energy = seen.frame.extra["c_energy"]
        columns["energy_eV"] = energy - energy.mean()
    layers = {"core": core, "surface": seen.surface, **shells}
    found = {
        f"{name}_of_{layer}": _mean(values, chosen)
        for name, values in columns.items()
        for layer, chosen in layers.items()
    }
    area = n ** (2 / 3)
    aligned = columns["alignment"] > ALIGNED
    outside = columns["solid_like_bonds"] * local.neighbours.shape[1] >= seen.classifier.min_solid_like
    return {
        CURVATURE: n ** (-1 / 3),
        **_sizes(seen),
        **_shape(seen.offset[seen.nucleus]),
        "surface_atoms": seen.surface.sum() / area,
        "cut_bonds": (~seen.nucleus[local.neighbours[seen.nucleus]]).sum() / area,
        "hcp_fraction": _hcp_fraction(seen),
        "aligned_melt": (aligned & shells["first"]).sum() / area,
        "solid_melt": (outside & melt & (seen.depth <= SHELLS["third"][1])).sum() / area,
        **found,
    }


def _mean(values: FloatArray, chosen: BoolArray) -> float:
    return float(values[chosen].mean()) if chosen.any() else math.nan


def _sizes(seen: NucleusEnvironment) -> dict[str, float]:
    rules = seen.classifier
    bonds = solid_like_bonds(seen.local, threshold=rules.coherence)
    averaged = averaged_order(seen.local, 6)
    solid = [
        *(bonds >= rules.min_solid_like + step for step in BOND_STEPS),
        *(averaged > rules.averaged_q6 * factor for factor in ORDER_FACTORS),
    ]
    largest = [max(cluster_sizes(seen.local, atoms), default=0) for atoms in solid]
    return {
        # One atom more on both sides: by a strict rule there may be none.
        name: math.log((size + 1) / (seen.size + 1))
        for name, size in zip(SIZE_RATIOS, largest, strict=True)
    }


def _shape(offset: FloatArray) -> dict[str, float]:
    """Of the gyration tensor with moments l1 >= l2 >= l3 (Theodorou & Suter 1985).

    Radius of gyration over that of a sphere of so many atoms, which is sqrt(3/5) (3 n / (4 pi sqrt 2))^(1/3) d;
    asphericity (l1 - (l2 + l3)/2) / (l1 + l2 + l3); relative anisotropy, 0 of a ball and 1 of a rod.
    """
    centred = offset - offset.mean(axis=0)
    moments = np.linalg.eigvalsh(centred.T @ centred / len(centred))[::-1]
    square = float(moments.sum())
    ball = math.sqrt(3 / 5) * (3 * len(offset) / (4 * math.pi * math.sqrt(2))) ** (1 / 3)
    return {
        "radius_of_gyration": math.sqrt(square) / ball,
        "asphericity": float(moments[0] - (moments[1] + moments[2]) / 2) / square,
        "anisotropy": 1 - 3 * float(moments[0] * moments[1] + moments[1] * moments[2] + moments[2] * moments[0])
        / square**2,
    }  # fmt: skip


def _hcp_fraction(seen: NucleusEnvironment) -> float:
    """Fraction of the atoms stacked as in hcp: the third moment of averaged q4 is positive there, negative in fcc."""
    q4 = averaged_harmonics(seen.local, 4)[seen.nucleus]
    return float(np.mean([skewness(row) > 0 for row in q4]))
