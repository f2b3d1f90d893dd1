"""The multi-scale graph: levels of nodes, relations between them, and what holds for the whole.

A level is a table of nodes of one resolution; a relation joins nodes of two levels, or of one. Relations inside a level
hold every edge in both directions. Relations between levels point upwards, from the finer to the coarser one, and their
weights say how much of the finer node belongs to the coarser one. A number that is not known is NaN, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np

from nakaya.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.records.cluster_graph import RESOLUTION as CLUSTER_RESOLUTION

__all__ = [
    "RESOLUTIONS",
    "Evidence",
    "GraphSequence",
    "Level",
    "MultiscaleGraph",
    "Relation",
    "RelationName",
    "both_ways",
    "to_all",
]

RESOLUTIONS: Final[Mapping[str, float]] = {
    "atom": 1.0,
    "cluster": CLUSTER_RESOLUTION,
    "facet": 100.0,
    "process": 1000.0,
}
"""Level -> resolution rho of its nodes, from fine to coarse."""

RelationName: TypeAlias = tuple[str, str]
"""(finer level, coarser level), or twice the same."""


def _table(values: object, dtype: type[np.generic], shape: tuple[int | None, ...], what: str) -> np.ndarray:
    array = np.array(values, dtype=dtype)
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ParameterError(f"{what} has shape {array.shape}, expected {shape} (None = any)")
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise ParameterError(f"{what} holds an infinite number: use NaN for what is not known")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Level:
    """The nodes of one resolution.

    Attributes:
        name: "atom", "cluster", "facet" or "process".
        feature_names: Names of the columns.
        features: float32 [node, feature]; NaN = not known.
    """

    name: str
    feature_names: tuple[str, ...]
    features: Float32Array

    def __post_init__(self) -> None:
        if self.name not in RESOLUTIONS:
            raise ParameterError(f"level {self.name!r} is none of {', '.join(RESOLUTIONS)}")
        if len(set(self.feature_names)) != len(self.feature_names):
            raise ParameterError(f"level {self.name}: a feature comes twice among {', '.join(self.feature_names)}")
        object.__setattr__(self, "feature_names", tuple(self.feature_names))
        shape = (None, len(self.feature_names))
        object.__setattr__(self, "features", _table(self.features, np.float32, shape, f"level {self.name}"))

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.features)

    @property
    def resolution(self) -> float:
        """Resolution rho of the nodes."""
        return RESOLUTIONS[self.name]

    def column(self, name: str) -> Float32Array:
        """One feature of all nodes, float32 [node]."""
        return np.asarray(self.features[:, _position(name, self.feature_names, f"feature of level {self.name}")])

    def filled(self) -> tuple[Float32Array, BoolArray]:
        """Features with 0 for what is not known, and which ones are known: ([node, feature], bool [node, feature])."""
        known = np.isfinite(self.features)
        return np.where(known, self.features, np.float32(0)), known


@dataclass(frozen=True, eq=False)
class Relation:
    """Weighted edges between the nodes of two levels, or of one.

    Attributes:
        source: Level of the first ends.
        target: Level of the second ends.
        index: int64 [2, edge], numbers of source and target nodes.
        weight: float32 [edge], not negative; a message along an edge of weight 0 must be worth nothing.
        feature_names: Names of the columns.
        features: float32 [edge, feature]; NaN = not known.
    """

    source: str
    target: str
    index: IntArray
    weight: Float32Array
    feature_names: tuple[str, ...] = ()
    features: Float32Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def __post_init__(self) -> None:
        what = f"relation {self.source} to {self.target}"
        index = _table(self.index, np.int64, (2, None), f"index of {what}")
        count = index.shape[1]
        features = self.features if self.feature_names else np.zeros((count, 0), np.float32)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "weight", _table(self.weight, np.float32, (count,), f"weight of {what}"))
        object.__setattr__(self, "feature_names", tuple(self.feature_names))
        shape = (count, len(self.feature_names))
        object.__setattr__(self, "features", _table(features, np.float32, shape, f"features of {what}"))
        if not (self.weight >= 0).all():
            raise ParameterError(f"{what}: a weight is negative or not a number")

    @property
    def name(self) -> RelationName:
        """(source, target)."""
        return self.source, self.target

    @property
    def num_edges(self) -> int:
        """Number of edges; inside a level each pair counts twice."""
        return int(self.index.shape[1])

    def column(self, name: str) -> Float32Array:
        """One feature of all edges, float32 [edge]."""
        return np.asarray(self.features[:, _position(name, self.feature_names, "feature of the relation")])


def both_ways(
    level: str, edges: IntArray, weight: FloatArray, feature_names: tuple[str, ...], features: FloatArray
) -> Relation:
    """A relation inside a level from edges listed once: int64 [edge, 2], float64 [edge] and [edge, feature]."""
    return Relation(
        level,
        level,
        np.concatenate([edges, edges[:, ::-1]]).T,
        np.tile(weight, 2).astype(np.float32),
        feature_names,
        np.tile(features, (2, 1)).astype(np.float32),
    )


def to_all(source: str, target: str, num_sources: int, weight: FloatArray) -> Relation:
    """A relation from every source node to every target node; `weight` is that of the targets, float64 [target]."""
    count = len(weight)
    index = np.stack([np.repeat(np.arange(num_sources), count), np.tile(np.arange(count), num_sources)])
    return Relation(source, target, index, np.tile(weight, num_sources).astype(np.float32))


@dataclass(frozen=True, eq=False)
class MultiscaleGraph:
    """One moment of a crystallization, at all the resolutions at which it was seen.

    Attributes:
        levels: Name -> nodes. Any level may be missing.
        relations: (source, target) -> edges; both levels are there.
        global_names: Names of what holds for the whole: conditions and properties of the material.
        global_values: float64 [global]; NaN = not known.
    """

    levels: Mapping[str, Level]
    relations: Mapping[RelationName, Relation]
    global_names: tuple[str, ...]
    global_values: FloatArray

    def __post_init__(self) -> None:
        shape = (len(self.global_names),)
        object.__setattr__(self, "global_values", _table(self.global_values, np.float64, shape, "globals"))
        object.__setattr__(self, "levels", {name: self.levels[name] for name in RESOLUTIONS if name in self.levels})
        object.__setattr__(self, "relations", dict(self.relations))
        for name, relation in self.relations.items():
            _check_relation(name, relation, self.levels)

    def condition(self, name: str) -> float:
        """One of the globals."""
        return float(self.global_values[_position(name, self.global_names, "global")])

    def with_level(self, level: Level, relations: Iterable[Relation] = ()) -> MultiscaleGraph:
        """The same graph with one level more, or another one of that name, and its relations."""
        kept = {name: entry for name, entry in self.relations.items() if level.name not in name}
        return replace(
            self,
            levels={**self.levels, level.name: level},
            relations={**kept, **{entry.name: entry for entry in relations}},
        )

    def without_level(self, name: str) -> MultiscaleGraph:
        """The same graph without one level and its relations."""
        return replace(
            self,
            levels={key: level for key, level in self.levels.items() if key != name},
            relations={key: relation for key, relation in self.relations.items() if name not in key},
        )


@dataclass(frozen=True, eq=False)
class Evidence:
    """Series that were seen early, on one axis of time: pooled descriptors, signals of a reactor.

    Attributes:
        times: float64 [moment], s.
        names: Names of the columns.
        values: float64 [moment, column], SI; NaN = not known.
    """

    times: FloatArray
    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", _table(self.times, np.float64, (None,), "times of the evidence"))
        shape = (len(self.times), len(self.names))
        object.__setattr__(self, "values", _table(self.values, np.float64, shape, "evidence"))

    def column(self, name: str) -> FloatArray:
        """One of the series, float64 [moment]; all of it NaN where it was not seen."""
        if name not in self.names:
            return np.full(len(self.times), np.nan)
        return np.asarray(self.values[:, self.names.index(name)])


@dataclass(frozen=True, eq=False)
class GraphSequence:
    """What was observed of one record, frame by frame.

    Attributes:
        record_id: Of the record.
        times: float64 [frame], s, increasing; their differences are the real time steps.
        frames: One graph per moment; at least one, if only with its globals.
        correspondences: Of nodes, for every frame after the first: level -> edges from those of the frame before it
            to its own. A weight says how far the later node goes on from the earlier one; the weights that reach a node
            sum to at most 1, and a node that nothing reaches starts anew.
        evidence: Series seen early.
    """

    record_id: str
    times: FloatArray
    frames: tuple[MultiscaleGraph, ...]
    correspondences: tuple[Mapping[str, Relation], ...]
    evidence: Evidence

    def __post_init__(self) -> None:
        count = len(self.frames)
        object.__setattr__(self, "times", _table(self.times, np.float64, (count,), "times of the frames"))
        if count < 1 or len(self.correspondences) != count - 1:
            raise ParameterError(
                f"{count} frames with {len(self.correspondences)} steps between them: expected n and n - 1"
            )
        if not (np.diff(self.times) > 0).all():
            raise ParameterError(f"record {self.record_id}: the times of the frames do not increase")

    @property
    def time_steps(self) -> FloatArray:
        """Time between neighbouring frames, float64 [frame - 1], s."""
        return np.diff(self.times)

    def without_level(self, name: str) -> GraphSequence:
        """The same without one level in any frame."""
        frames = tuple(graph.without_level(name) for graph in self.frames)
        links = tuple({key: link for key, link in step.items() if key != name} for step in self.correspondences)
        return replace(self, frames=frames, correspondences=links)


def _position(name: str, names: tuple[str, ...], what: str) -> int:
    if name not in names:
        raise ParameterError(f"there is no {what} {name!r}: known are {', '.join(names)}")
    return names.index(name)


def _check_relation(name: RelationName, relation: Relation, levels: Mapping[str, Level]) -> None:
    if name != relation.name:
        raise ParameterError(f"a relation {relation.source} to {relation.target} is filed under {name}")
    for end, row in zip(name, relation.index, strict=True):
        if end not in levels:
            raise ParameterError(f"relation {name[0]} to {name[1]}: there is no level {end}")
        if row.size and not (row.min() >= 0 and row.max() < levels[end].num_nodes):
            raise ParameterError(
                f"relation {name[0]} to {name[1]} names node {row.max()} of {levels[end].num_nodes} at level {end}"
            )
