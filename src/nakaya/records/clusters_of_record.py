"""The cluster graph that a record of an image refers to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nakaya.core.errors import FormatError
from nakaya.records.cluster_graph import ClusterGraph, read_cluster_graph
from nakaya.records.record import Record
from nakaya.records.store import snapshot_file

__all__ = ["CLUSTER_GRAPH", "read_clusters"]

CLUSTER_GRAPH: Final = "cluster-graph"
"""Form of the snapshot."""


def read_clusters(record: Record, folder: Path) -> ClusterGraph | None:
    """Read the cluster graph of a record; None where it refers to none.

    Args:
        record: With at most one snapshot of the form "cluster-graph".
        folder: Of the record: the snapshots' paths start there.

    Raises:
        FormatError: The file is missing, damaged, of another record, or has other bytes than stated.
    """
    shots = [shot for shot in record.snapshots if shot.form == CLUSTER_GRAPH]
    if not shots:
        return None
    if len(shots) > 1:
        raise FormatError(f"record {record.id} refers to {len(shots)} cluster graphs: expected one")
    path = snapshot_file(record, shots[0], folder)
    graph = read_cluster_graph(path)
    if graph.record_id != record.id:
        raise FormatError(f"{path} belongs to record {graph.record_id}, not to {record.id}")
    return graph
