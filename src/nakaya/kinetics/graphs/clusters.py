"""The cluster level: connected groups of solid-like atoms, or what an image shows; physics, not learned pooling.

Two solid atoms belong together where they are neighbours and their bond is solid-like (ten Wolde, Ruiz-Montero &
Frenkel 1996), so that crystallites that touch at a boundary stay apart. Features are shares and means: a crystal that
reaches through the periodic box has the same ones in a larger box of its copies.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.kinetics.graphs.atoms import EDGE_END, EDGE_START, Atoms
from nakaya.kinetics.graphs.axes import MIN_CONTRAST, bond_tensor, cubic_axes, misorientation
from nakaya.kinetics.graphs.graph import Level, MultiscaleGraph, Relation, both_ways
from nakaya.kinetics.graphs.pairs import Pairs, find_pairs, smooth_step
from nakaya.md.trajectories.frames import Frame
from nakaya.records.cluster_graph import LEVEL, ClusterGraph

__all__ = [
    "BOUNDARY_FEATURES",
    "CLUSTER_FEATURES",
    "MIN_ATOMS",
    "attach_clusters",
    "cluster_level",
    "cluster_relation",
    "find_clusters",
    "label_clusters",
]

CLUSTER_FEATURES: Final = (
    "log_size",
    "share",
    "spans",
    "surface_share",
    "anisotropy",
    "mean_atomic_number",
    "potential_energy_eV",
    "energy_deviation_kT",
    "coordination",
    "averaged_q4",
    "averaged_q6",
    "coherence",
    "centrosymmetry",
    "defect_fraction",
    "completeness",
)
"""Columns of the cluster level; docs/graphs.md says what each one is."""

BOUNDARY_FEATURES: Final = ("boundary", "misorientation", "distance")
"""Columns of the edges between clusters: bonds across per atom of the smaller one, rad, and the gap in units of d."""

MIN_ATOMS = 8
"""Fewer solid atoms than this together are a fluctuation of the liquid."""

_GAP_END = 2.5  # clusters further apart than so many d are no neighbours
_AXES_ATOMS = 20  # fewer atoms have too few bonds to tell the directions of their axes
_MISSING_NEIGHBOUR = 0.75  # a vacancy takes one neighbour; thermal motion close to melting blurs the count by 0.5


def label_clusters(atoms: Atoms) -> IntArray:
    """Number of the cluster of every atom, int64 [atom]; -1 = none. The largest cluster has number 0."""
    near, solid = atoms.near, atoms.solid
    joined = (atoms.coherence > atoms.classifier.coherence) & (atoms.weight > 0.5)
    joined &= solid[near.first] & solid[near.second]
    links = coo_array(
        (np.ones(int(joined.sum()), np.int8), (near.first[joined], near.second[joined])),
        shape=(near.num_atoms, near.num_atoms),
    )
    _, component = connected_components(links, directed=False)
    sizes = np.bincount(component[solid], minlength=int(component.max(initial=-1)) + 1)
    ranks = np.argsort(-sizes, kind="stable")
    number = np.full(len(sizes), -1, np.int64)
    kept = ranks[sizes[ranks] >= MIN_ATOMS]
    number[kept] = np.arange(len(kept))
    return np.where(solid, number[component], -1)


def find_clusters(frame: Frame, atoms: Atoms) -> tuple[Level, list[Relation]] | None:
    """Make the cluster level of a frame.

    Args:
        frame: The frame.
        atoms: As `describe_atoms` gives them.

    Returns:
        The nodes, and the relations (cluster, cluster), where there are several, and (atom, cluster); None where no
        cluster is large enough.
    """
    labels = label_clusters(atoms)
    count = int(labels.max(initial=-1)) + 1
    if count == 0:
        return None
    relations = [_membership(atoms, labels)]
    if count > 1:
        relations.append(_boundaries(frame, atoms, labels, count))
    return Level("cluster", CLUSTER_FEATURES, _features(frame, atoms, labels, count).astype(np.float32)), relations


def _features(frame: Frame, atoms: Atoms, labels: IntArray, count: int) -> FloatArray:
    members = np.flatnonzero(labels >= 0)
    of = labels[members]
    sizes = np.bincount(of, minlength=count)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(of, weights=values[members], minlength=count) / sizes)

    near = atoms.near
    coordination = atoms.level.column("coordination").astype(np.float64)
    inside = np.bincount(
        near.first, weights=atoms.weight * (labels[near.first] == labels[near.second]), minlength=near.num_atoms
    )
    outside = 1 - inside / np.maximum(coordination, 1e-9)
    spans, anisotropy = _spans_and_shape(frame, near, labels, count)
    usual = np.array([np.median(coordination[labels == cluster]) for cluster in range(count)])
    whole = atoms.level.column("completeness") >= 1
    defective = (outside < 0.02) & whole
    defective[members] &= np.abs(coordination[members] - usual[of]) > _MISSING_NEIGHBOUR
    columns = {
        "log_size": np.log(sizes),
        "share": sizes / near.num_atoms,
        "spans": spans,
        "surface_share": mean(outside),
        "anisotropy": anisotropy,
        "mean_atomic_number": mean(atoms.level.column("atomic_number").astype(np.float64)),
        "defect_fraction": mean(defective.astype(np.float64)),
    }
    for name in CLUSTER_FEATURES:
        if name not in columns:
            columns[name] = mean(atoms.level.column(name).astype(np.float64))
    return np.stack([columns[name] for name in CLUSTER_FEATURES], axis=1)


def _spans_and_shape(frame: Frame, near: Pairs, labels: IntArray, count: int) -> tuple[FloatArray, FloatArray]:
    """In how many directions a cluster meets its own image, and the relative anisotropy of its gyration tensor.

    The anisotropy is 0 for a ball and 1 for a line (Theodorou & Suter 1985); NaN for a cluster without end.
    """
    spans, anisotropy = np.zeros(count), np.full(count, np.nan)
    joined = (labels[near.first] == labels[near.second]) & (labels[near.first] >= 0)
    first, second, vector = near.first[joined], near.second[joined], near.vector[joined]
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(near.num_atoms, near.num_atoms)).tocsr()
    step = {pair: number for number, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True))}
    unwrapped = np.zeros((near.num_atoms, 3))
    inverse = np.linalg.inv(frame.cell)
    for cluster in range(count):
        root = int(np.flatnonzero(labels == cluster)[0])
        order, before = breadth_first_order(links, root, directed=False, return_predecessors=True)
        order = order.tolist()
        for atom in order[1:]:
            parent = int(before[atom])
            unwrapped[atom] = unwrapped[parent] + vector[step[parent, atom]]
        own = labels[first] == cluster
        loops = np.rint((unwrapped[first[own]] + vector[own] - unwrapped[second[own]]) @ inverse)
        spans[cluster] = np.linalg.matrix_rank(loops) if loops.any() else 0
        if spans[cluster] == 0:
            eigen = np.linalg.eigvalsh(np.cov(unwrapped[order].T))
            total = float(eigen.sum())
            anisotropy[cluster] = 1 - 3 * (eigen[0] * eigen[1] + eigen[1] * eigen[2] + eigen[2] * eigen[0]) / total**2
    return spans, anisotropy


def _membership(atoms: Atoms, labels: IntArray) -> Relation:
    """Atoms belong to their cluster, and by half of the fraction of their neighbours in it to any other one.

    So a liquid atom at the interface speaks to the crystal that it may join, and a deep one to none.
    """
    near = atoms.near
    inside = labels[near.second] >= 0
    coordination = atoms.level.column("coordination").astype(np.float64)
    fraction = atoms.weight / np.maximum(coordination, 1.0)[near.first] / 2
    own = np.flatnonzero(labels >= 0)
    rows = np.concatenate([near.first[inside], own])
    columns = np.concatenate([labels[near.second[inside]], labels[own]])
    values = np.concatenate([fraction[inside], np.full(len(own), 0.5)])
    summed = coo_array((values, (rows, columns)), shape=(near.num_atoms, int(labels.max()) + 1)).tocsr().tocoo()
    found = summed.data > 0
    return Relation("atom", "cluster", np.stack(summed.coords)[:, found], summed.data[found].astype(np.float32))


def _boundaries(frame: Frame, atoms: Atoms, labels: IntArray, count: int) -> Relation:
    d = atoms.scale
    solid = np.flatnonzero(labels >= 0)
    wide = find_pairs(frame.positions[solid], frame.cell, _GAP_END * d)
    one, other = labels[solid][wide.first], labels[solid][wide.second]
    across = one != other
    code = one[across] * count + other[across]
    keys, which = np.unique(code, return_inverse=True)
    distance = wide.distance[across] / d
    gap = np.full(len(keys), np.inf)
    np.minimum.at(gap, which, distance)
    contact = np.bincount(which, weights=smooth_step(distance, EDGE_START, EDGE_END), minlength=len(keys))
    index = np.stack([keys // count, keys % count])
    sizes = np.bincount(labels[solid], minlength=count)
    wanted = np.zeros(count, np.bool_)
    wanted[index.ravel()] = True
    axes, clear = _axes(atoms, labels, wanted & (sizes >= _AXES_ATOMS))
    angle = misorientation(axes[index[0]], axes[index[1]]) if len(keys) else np.zeros(0)
    angle[~(clear[index[0]] & clear[index[1]])] = np.nan
    boundary = contact / np.minimum(sizes[index[0]], sizes[index[1]])
    weight = smooth_step(gap, EDGE_START, _GAP_END).astype(np.float32)
    features = np.stack([boundary, angle, gap], axis=1).astype(np.float32)
    return Relation("cluster", "cluster", index, weight, BOUNDARY_FEATURES, features)


def _axes(atoms: Atoms, labels: IntArray, wanted: BoolArray) -> tuple[Rotation, BoolArray]:
    # The nearest shell counts most: in bcc it alone avoids the cube axes.
    near = atoms.near
    directions = near.vector / near.distance[:, None]
    weights = atoms.weight * (near.distance / atoms.scale) ** -8
    axes, clear = Rotation.identity(len(wanted)), np.zeros(len(wanted), np.bool_)
    for cluster in np.flatnonzero(wanted):
        own = labels[near.first] == cluster
        axes[cluster], contrast = cubic_axes(bond_tensor(directions[own], weights[own]))
        clear[cluster] = contrast > MIN_CONTRAST
    return axes, clear


def cluster_level(clusters: ClusterGraph) -> Level:
    """The nodes as a level of the multi-scale graph; lengths stay in metres."""
    columns = [feature.values for feature in clusters.nodes.values()]
    return Level(LEVEL, tuple(clusters.nodes), np.stack(columns, axis=1).astype(np.float32))


def cluster_relation(clusters: ClusterGraph) -> Relation:
    """The edges as a relation inside the level: every edge in both directions, of weight 1."""
    columns = [feature.values for feature in clusters.boundaries.values()]
    features = np.stack(columns, axis=1) if columns else np.zeros((len(clusters.edges), 0))
    return both_ways(LEVEL, clusters.edges, np.ones(len(clusters.edges)), tuple(clusters.boundaries), features)


def attach_clusters(graph: MultiscaleGraph, clusters: ClusterGraph) -> MultiscaleGraph:
    """The graph with these clusters as its cluster level."""
    return graph.with_level(cluster_level(clusters), [cluster_relation(clusters)] if len(clusters.edges) else [])
