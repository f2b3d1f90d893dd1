"""The cluster graph that a record of an image refers to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.provenance import sha256_of_file
from nakaya.records.cluster_graph import ClusterGraph, read_cluster_graph
from nakaya.records.record import Record

__all__ = ["CLUSTER_GRAPH", "read_clusters"]

CLUSTER_GRAPH: Final = "cluster-graph"
"""Form of the snapshot."""


def read_clusters(record: Record, folder: Path) -> ClusterGraph | None:
    """Read the cluster graph of a record; None where it refers to none.

    Args:
        record: With at most one snapshot of the form "cluster-graph".
        folder: Of the record: the snapshots' paths start there.

    Raises:
        InputFileError, FormatError: The file is missing, damaged, of another record, or has other bytes than stated.
    """
    shots = [shot for shot in record.snapshots if shot.form == CLUSTER_GRAPH]
    if not shots:
        return None
    if len(shots) > 1:
        raise FormatError(f"record {record.id} refers to {len(shots)} cluster graphs: expected one")
    path = folder / shots[0].path
    if not path.is_file():
        raise InputFileError(f"record {record.id}: there is no file {path}")
    if sha256_of_file(path) != shots[0].sha256:
        raise FormatError(f"record {record.id}: snapshot {shots[0].path} has other bytes than the record says")
    graph = read_cluster_graph(path)
    if graph.record_id != record.id:
        raise FormatError(f"{path} belongs to record {graph.record_id}, not to {record.id}")
    return graph
