"""Grains, loops or lattice domains of an image as the `cluster` level of the multi-scale graph, as they are."""

from __future__ import annotations

import numpy as np

from nakaya.kinetics.graphs.graph import Level, MultiscaleGraph, Relation
from nakaya.records.cluster_graph import LEVEL, ClusterGraph

__all__ = [
    "attach_clusters",
    "cluster_level",
    "cluster_relation",
]


def cluster_level(clusters: ClusterGraph) -> Level:
    """The nodes as a level of the multi-scale graph; lengths stay in metres."""
    columns = [feature.values for feature in clusters.nodes.values()]
    return Level(LEVEL, tuple(clusters.nodes), np.stack(columns, axis=1).astype(np.float32))


def cluster_relation(clusters: ClusterGraph, *, weight: str | None = None) -> Relation:
    """The edges as a relation inside the level: every edge in both directions.

    Args:
        clusters: Their edges and boundaries.
        weight: A feature of the boundaries that is not negative; each edge weighs its fraction of the greatest. By
            default all edges weigh 1.
    """
    index = np.concatenate([clusters.edges, clusters.edges[:, ::-1]]).T
    weights = np.ones(len(clusters.edges))
    if weight is not None:
        values = clusters.boundaries[weight].values
        weights = np.nan_to_num(values / max(float(np.nanmax(values, initial=0.0)), np.finfo(np.float64).tiny))
    columns = [feature.values for feature in clusters.boundaries.values()]
    features = np.stack(columns, axis=1) if columns else np.zeros((len(clusters.edges), 0))
    return Relation(
        LEVEL,
        LEVEL,
        index,
        np.tile(weights, 2).astype(np.float32),
        tuple(clusters.boundaries),
        np.tile(features, (2, 1)).astype(np.float32),
    )


def attach_clusters(graph: MultiscaleGraph, clusters: ClusterGraph) -> MultiscaleGraph:
    """The graph with these clusters as its cluster level."""
    return graph.with_level(cluster_level(clusters), [cluster_relation(clusters)] if len(clusters.edges) else [])
