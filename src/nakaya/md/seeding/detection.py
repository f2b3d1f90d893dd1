"""The nucleus in a frame: the largest cluster of solid atoms, by two detectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.md.order.bond_order import Classifier, cluster_sizes, clusters, environment, solid_atoms
from nakaya.md.trajectories.frames import Frame

__all__ = ["Nucleus", "find_nucleus"]


@dataclass(frozen=True)
class Nucleus:
    """The largest cluster of solid atoms of one frame.

    Attributes:
        sizes: Its atoms by solid-like bonds, and by averaged q6; 0 where no atom is solid.
        atoms: int64 [n], their numbers, by bonds.
        second: Atoms of the next largest cluster, by bonds.
        clearance: Layer of melt between the cluster, by bonds, and its nearest periodic image, A: the widest gap in the
            coordinate along each side of the box, and the least of the three.
    """

    sizes: tuple[int, int]
    atoms: IntArray
    second: int
    clearance: float


def find_nucleus(frame: Frame, classifier: Classifier) -> Nucleus:
    """Find the nucleus in a frame; the classifier has the thresholds of the temperature."""
    around = environment(frame.positions, frame.cell, neighbours=classifier.neighbours)
    found = clusters(around, solid_atoms(around, classifier))
    by_order = cluster_sizes(around, solid_atoms(around, classifier, rule="averaged"))
    atoms = found[0] if found else np.empty(0, dtype=np.int64)
    return Nucleus(
        sizes=(len(atoms), by_order[0] if by_order else 0),
        atoms=atoms,
        second=len(found[1]) if len(found) > 1 else 0,
        clearance=_clearance(frame.positions[atoms], frame.cell),
    )


def _clearance(positions: FloatArray, cell: FloatArray) -> float:
    inverse = np.linalg.inv(cell)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    if not len(positions):
        return float(heights.min())
    places = np.sort(positions @ inverse % 1, axis=0)
    gaps = np.diff(places, axis=0, append=places[:1] + 1)
    return float((gaps.max(axis=0) * heights).min())
