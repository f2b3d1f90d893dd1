"""The atoms of a nucleus and of the melt about it, as a graph: what a network sees, and what is summed over atoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.kinetics.graphs.atoms import describe_atoms
from nakaya.kinetics.graphs.graph import Level, MultiscaleGraph, Relation
from nakaya.kinetics.nuclei.environment import NucleusEnvironment
from nakaya.md.order.bond_order import alignment, mean_harmonics, solid_like_bonds

__all__ = ["IN_NUCLEUS", "MELT_DEPTH", "OWN_FEATURES", "NucleusAtoms", "nucleus_atoms", "without_melt"]

MELT_DEPTH: Final = 1.9
"""Atoms of the melt nearer than this to one of the nucleus are part of the graph, in d: about two layers."""

IN_NUCLEUS: Final = "in_nucleus"

OWN_FEATURES: Final = (IN_NUCLEUS, "depth", "solid_like_bonds", "alignment", "neighbour_distance")
"""Columns beside those of every graph of atoms (`nakaya.kinetics.graphs.atoms`): whether an atom belongs to the
nucleus, the distance to its surface (d, negative inside), the fraction of solid-like bonds, the cosine of q6 with the
mean of the nucleus, and the mean distance of the neighbours (d)."""


@dataclass(frozen=True, eq=False)
class NucleusAtoms:
    """The atomic level of a nucleus.

    Attributes:
        graph: With the level "atom" and its bonds.
        numbers: Of its atoms in the frame, int64 [atom], increasing.
    """

    graph: MultiscaleGraph
    numbers: IntArray


def nucleus_atoms(seen: NucleusEnvironment, *, structure: str, temperature: float) -> NucleusAtoms:
    """Describe the atoms of a nucleus and of the melt near it; every feature is that of the atom in the whole frame.

    Args:
        seen: The frame.
        structure: Of the crystal, as in `describe_atoms`.
        temperature: K.
    """
    described = describe_atoms(seen.frame, structure=structure, temperature=temperature)
    local = seen.local
    q6 = mean_harmonics(local, 6)
    own = (
        seen.nucleus,
        seen.depth,
        solid_like_bonds(local, threshold=seen.classifier.coherence) / local.neighbours.shape[1],
        alignment(q6, q6[seen.nucleus].mean(axis=0)),
        np.linalg.norm(local.vectors, axis=2).mean(axis=1) / seen.spacing,
    )
    features = np.concatenate([described.level.features, np.stack(own, axis=1)], axis=1)
    level = Level("atom", (*described.level.feature_names, *OWN_FEATURES), features.astype(np.float32))
    whole = MultiscaleGraph({"atom": level}, {("atom", "atom"): described.bonds}, (), np.zeros(0))
    numbers = np.flatnonzero(seen.depth < MELT_DEPTH)
    return NucleusAtoms(_part(whole, numbers), numbers)


def without_melt(graph: MultiscaleGraph) -> MultiscaleGraph:
    """The same graph without the atoms of the melt, and without what names the surface."""
    return _part(graph, np.flatnonzero(graph.levels["atom"].column(IN_NUCLEUS) > 0))


def _part(graph: MultiscaleGraph, numbers: IntArray) -> MultiscaleGraph:
    level, bonds = graph.levels["atom"], graph.relations["atom", "atom"]
    place = np.full(level.num_nodes, -1)
    place[numbers] = np.arange(len(numbers))
    index = place[bonds.index]
    kept = (index >= 0).all(axis=0)
    relation = Relation("atom", "atom", index[:, kept], bonds.weight[kept], bonds.feature_names, bonds.features[kept])
    return graph.with_level(Level("atom", level.feature_names, level.features[numbers]), [relation])
