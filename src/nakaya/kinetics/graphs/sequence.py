"""Frames in time: which node of a frame goes on from which node of the frame before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import coo_array, csr_array

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.graphs.graph import MultiscaleGraph, Relation
from nakaya.kinetics.graphs.pairs import find_pairs, smooth_step
from nakaya.md.trajectories.frames import Frame

__all__ = ["node_correspondence", "unchanged"]

CORRESPONDENCE_START, CORRESPONDENCE_END = 0.3, 0.7
"""A node goes on from what was closer than this to its place, in units of d: a thermal amplitude, and half a bond."""


def node_correspondence(
    before: MultiscaleGraph, earlier: Frame, after: MultiscaleGraph, later: Frame, scale: float
) -> dict[str, Relation]:
    """Join the nodes of two frames of one box.

    Patches of two frames do not hold the same atoms, so atoms are joined by place: in the crystal that is the same
    atom, in the melt what was there before. Clusters are joined by the atoms that they share.

    Args:
        before: Graph of the earlier frame.
        earlier: Its atoms.
        after: Graph of the later frame.
        later: Its atoms.
        scale: The length d, A.

    Returns:
        Level -> edges from the earlier to the later nodes, for levels that both have.
    """
    found: dict[str, Relation] = {}
    if "atom" not in before.levels or "atom" not in after.levels:
        return found
    atoms = _by_place(earlier, later, scale)
    found["atom"] = _relation("atom", atoms)
    if "cluster" in before.levels and "cluster" in after.levels:
        old, new = (_members(graph) for graph in (before, after))
        sizes = np.asarray(new.sum(axis=0)).ravel()
        shared = old.T @ atoms @ new
        found["cluster"] = _relation("cluster", csr_array(shared / np.maximum(sizes, 1e-9)))
    return found


def unchanged(before: MultiscaleGraph, after: MultiscaleGraph) -> Mapping[str, Relation]:
    """Edges from every facet or part of the process to itself: they belong to the whole sequence."""
    found = {}
    for name in ("facet", "process"):
        counts = {graph.levels[name].num_nodes if name in graph.levels else None for graph in (before, after)}
        if len(counts) == 1 and (count := counts.pop()) is not None:
            same = np.arange(count)
            found[name] = Relation(name, name, np.stack([same, same]), np.ones(count, np.float32))
    return found


def _by_place(earlier: Frame, later: Frame, scale: float) -> csr_array:
    # Fractional coordinates join: the box may have breathed. Pairs of both frames together, then those between them.
    fractions = [frame.positions @ np.linalg.inv(frame.cell) for frame in (earlier, later)]
    count = len(fractions[0])
    pairs = find_pairs(np.concatenate(fractions) @ later.cell, later.cell, CORRESPONDENCE_END * scale)
    chosen = (pairs.first < count) & (pairs.second >= count)
    weight = smooth_step(pairs.distance[chosen] / scale, CORRESPONDENCE_START, CORRESPONDENCE_END)
    matrix = csr_array(
        coo_array((weight, (pairs.first[chosen], pairs.second[chosen] - count)), shape=(count, len(fractions[1])))
    )
    # What reaches a node sums to at most one.
    total = np.asarray(matrix.sum(axis=0)).ravel()
    return csr_array(matrix.multiply(1 / np.maximum(total, 1.0)[None, :]))


def _members(graph: MultiscaleGraph) -> csr_array:
    relation = graph.relations["atom", "cluster"]
    own: FloatArray = (relation.weight >= 0.5).astype(np.float64)
    shape = (graph.levels["atom"].num_nodes, graph.levels["cluster"].num_nodes)
    return csr_array(coo_array((own, tuple(relation.index)), shape=shape))


def _relation(level: str, matrix: csr_array) -> Relation:
    entries = matrix.tocoo()
    kept = entries.data > 0
    return Relation(level, level, np.stack(entries.coords)[:, kept], entries.data[kept].astype(np.float32))
