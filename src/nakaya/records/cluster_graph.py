"""Grains, loops or lattice domains of an image as the cluster level of the multi-scale graph.

A cluster graph names its features and their units, so that it can be read without knowing what made it;
`nakaya.kinetics.graphs.clusters` turns it into the `cluster` level and its relation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.documents import plain
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.reading import read_json

__all__ = ["ClusterGraph", "Feature", "read_cluster_graph"]

LEVEL: Final = "cluster"
RESOLUTION: Final = 10.0
"""Of the nodes, in the multi-scale graph."""

SCHEMA: Final = "nakaya-cluster-graph"
VERSION: Final = 1
MAX_FILE_BYTES: Final = 1 << 30


@dataclass(frozen=True, eq=False)
class Feature:
    """One number for each node, or for each edge.

    Attributes:
        values: float64 [n]; NaN = not known.
        unit: SI unit, "1" for a pure number, or "pixel" and "pixel^2" where no pixel size is known.
    """

    values: FloatArray
    unit: str

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float64)
        if values.ndim != 1 or np.isinf(values).any():
            raise ParameterError(f"a feature needs one finite number or NaN an item, got shape {values.shape}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, eq=False)
class ClusterGraph:
    """Clusters and what lies between them.

    Attributes:
        record_id: Record that the clusters belong to.
        node_kind: What a node is: "grain", "loop" or "domain".
        nodes: Name -> feature of every node.
        edges: Numbers of two neighbours, first < second, each pair once, int64 [e, 2].
        boundaries: Name -> feature of every edge.
        positions: (x, y) of every node in the image, float64 [n, 2], in `position_unit`; no feature: a model must not
            depend on where the frame lies. None = not known.
        position_unit: "m" or "pixel".
        orientations: Quaternions, sample to crystal, float64 [n, 4], NaN = not known; no feature either: what matters
            of them is the misorientation of the boundaries. None = not known at all.

    Raises:
        ParameterError: Features of unlike length, or edges that name no node, twice the same, or themselves.
    """

    record_id: str
    node_kind: str
    nodes: Mapping[str, Feature]
    edges: IntArray
    boundaries: Mapping[str, Feature] = field(default_factory=dict)
    positions: FloatArray | None = None
    position_unit: str = "pixel"
    orientations: FloatArray | None = None

    def __post_init__(self) -> None:
        edges = np.array(self.edges, np.int64).reshape(-1, 2)
        edges.setflags(write=False)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "nodes", dict(self.nodes))
        object.__setattr__(self, "boundaries", dict(self.boundaries))
        if not self.nodes:
            raise ParameterError("a cluster graph needs at least one feature of its nodes")
        for what, features, number in (
            ("nodes", self.nodes, self.num_nodes),
            ("boundaries", self.boundaries, len(edges)),
        ):
            for name, feature in features.items():
                if len(feature.values) != number:
                    raise ParameterError(f"{what}: {name} has {len(feature.values)} values, expected {number}")
        for what, array, width in (("positions", self.positions, 2), ("orientations", self.orientations, 4)):
            if array is not None and np.shape(array) != (self.num_nodes, width):
                raise ParameterError(f"{what} have shape {np.shape(array)}, expected ({self.num_nodes}, {width})")
        if edges.size and not (edges.min() >= 0 and edges.max() < self.num_nodes):
            raise ParameterError(f"edges name node {edges.max()} of {self.num_nodes}")
        if (edges[:, 0] >= edges[:, 1]).any() or len(np.unique(edges, axis=0)) != len(edges):
            raise ParameterError("edges must be pairs first < second, each once")

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(next(iter(self.nodes.values())).values)

    def to_json(self) -> str:
        """The graph as one JSON document; NaN becomes null."""
        document = {
            "schema": SCHEMA,
            "version": VERSION,
            "record": self.record_id,
            "level": LEVEL,
            "resolution": RESOLUTION,
            "node_kind": self.node_kind,
            "num_nodes": self.num_nodes,
            "nodes": _table(self.nodes),
            "positions": self.positions,
            "position_unit": self.position_unit,
            "orientations": self.orientations,
            "edges": self.edges,
            "boundaries": _table(self.boundaries),
        }
        return json.dumps(plain(document), allow_nan=False, ensure_ascii=False) + "\n"


def read_cluster_graph(path: Path) -> ClusterGraph:
    """Read what `ClusterGraph.to_json` wrote.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is not a cluster graph of version 1.
    """
    document = read_json(path, MAX_FILE_BYTES)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or document.get("version") != VERSION:
        raise FormatError(f"{path} is not a cluster graph of version {VERSION}")
    try:
        return ClusterGraph(
            str(document["record"]),
            str(document["node_kind"]),
            _features(document["nodes"]),
            np.array(document["edges"], np.int64).reshape(-1, 2),
            _features(document["boundaries"]),
            _positions(document.get("positions")),  # files written before positions were kept have none
            str(document.get("position_unit", "pixel")),
            _numbers(document.get("orientations")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"{path} is not a cluster graph: {type(error).__name__}: {error}") from None


def _table(features: Mapping[str, Feature]) -> dict[str, Any]:
    return {name: {"unit": feature.unit, "values": feature.values} for name, feature in features.items()}


def _features(table: Any) -> dict[str, Feature]:  # any JSON value
    return {
        str(name): Feature(np.array(entry["values"], np.float64), str(entry["unit"])) for name, entry in table.items()
    }


def _positions(rows: Any) -> FloatArray | None:  # any JSON value
    found = _numbers(rows)
    return found if found is None or found.size else found.reshape(0, 2)  # an empty list has lost its columns


def _numbers(rows: Any) -> FloatArray | None:  # any JSON value; null becomes NaN
    return None if rows is None else np.array(rows, np.float64)
