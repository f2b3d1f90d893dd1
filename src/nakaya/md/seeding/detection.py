"""The nucleus in a frame: the largest cluster of solid atoms, by two detectors."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order
from scipy.spatial import cKDTree

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.md.order.bond_order import Classifier, Environment, cluster_sizes, clusters, environment, solid_atoms
from nakaya.md.trajectories.frames import Frame

__all__ = ["Nucleus", "find_nucleus"]


@dataclass(frozen=True)
class Nucleus:
    """The largest cluster of solid atoms of one frame.

    Attributes:
        sizes: Its atoms by solid-like bonds, and by averaged q6; 0 where no atom is solid.
        atoms: int64 [n], their numbers, by bonds.
        second: Atoms of the next largest cluster, by bonds.
        clearance: Least distance of an atom of the cluster, by bonds, from one of its periodic images, A.
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
        clearance=_clearance(_made_whole(around, atoms, frame), frame.cell),
    )


def _made_whole(around: Environment, atoms: IntArray, frame: Frame) -> FloatArray:
    """Positions of the atoms of a cluster, float64 [n, 3], each beside the neighbour by which it was found."""
    if not len(atoms):
        return np.empty((0, 3))
    number = np.full(len(frame.positions), -1)
    number[atoms] = np.arange(len(atoms))
    partners = number[around.neighbours[atoms]]
    rows, columns = np.nonzero(partners >= 0)
    links = coo_array((np.ones(len(rows)), (rows, partners[rows, columns])), shape=(len(atoms),) * 2).tocsr()
    order, before = breadth_first_order(links, 0, directed=False)
    places = frame.positions[atoms] @ np.linalg.inv(frame.cell)
    for atom in order[1:]:
        places[atom] -= np.round(places[atom] - places[before[atom]])
    return np.asarray(places @ frame.cell)


def _clearance(positions: FloatArray, cell: FloatArray) -> float:
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))[14:]) @ cell  # the other half mirrors these
    if not len(positions):
        return float(np.linalg.norm(shifts, axis=1).min())
    tree = cKDTree(positions)
    return float(min(tree.query(positions + shift)[0].min() for shift in shifts))
