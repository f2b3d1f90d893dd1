"""Samples to arrays that a network takes: columns by name, standardised, float32."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from nakaya.core.arrays import Float32Array, FloatArray, IntArray
from nakaya.core.documents import plain
from nakaya.kinetics.graphs.graph import RESOLUTIONS, Evidence, MultiscaleGraph, Relation, RelationName
from nakaya.kinetics.models.msgnn.columns import Columns, fit_columns
from nakaya.kinetics.models.physics import law_hints, velocity_ratios
from nakaya.kinetics.samples.sample import Sample

__all__ = ["FORECAST", "PICOSECOND", "Edges", "EncodedFrame", "EncodedSample", "Encoding", "fit_encoding"]

PICOSECOND = 1e-12

SERIES_MOMENTS = 5
"""Moments at which series without snapshots are looked at."""

FORECAST = "solid_fraction"
"""The series that the network forecasts."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges between two levels.

    Attributes:
        index: int64 [2, edge], source and target.
        weight: float32 [edge].
        features: float32 [edge, column].
    """

    index: IntArray
    weight: Float32Array
    features: Float32Array


@dataclass(frozen=True, eq=False)
class EncodedFrame:
    """One moment.

    Attributes:
        time_ps: Since the start of the evidence.
        globals: float32 [column].
        series: What the series have said so far: last values and slopes, float32 [column].
        solid_fraction: At that moment; NaN = not known.
        line: Straight line through the solid fraction so far: its value less that fraction, and its slope per ps;
            (0, 0) where fewer than three moments are known.
        nodes: Level -> float32 [node, column].
        node_weight: Level -> how much a node counts when its level is read out, float32 [node]; below 1 where a patch
            cut off its neighbours.
        edges: Relation -> edges.
    """

    time_ps: float
    globals: Float32Array
    series: Float32Array
    solid_fraction: float
    line: tuple[float, float]
    nodes: Mapping[str, Float32Array]
    node_weight: Mapping[str, Float32Array]
    edges: Mapping[RelationName, Edges]


@dataclass(frozen=True, eq=False)
class EncodedSample:
    """One sample.

    Attributes:
        frames: In order of time.
        pooled: float32 [column].
        has_pooled: Whether there is pooled evidence.
        times_ps: Moments of the forecast series, float64 [moment].
        solid_fractions: The series, float64 [moment].
    """

    frames: tuple[EncodedFrame, ...]
    pooled: Float32Array
    has_pooled: bool
    times_ps: FloatArray
    solid_fractions: FloatArray
    _correspondences: tuple[Mapping[str, csr_array], ...]
    _composed: dict[tuple[int, int], Mapping[str, csr_array]] = field(default_factory=dict)

    def correspondences(self, earlier: int, later: int) -> Mapping[str, csr_array]:
        """Level -> how far the nodes of a later frame go on from those of an earlier one, [node before, node after]."""
        found = self._composed.get((earlier, later))
        if found is None:
            found = self._correspondences[later - 1]
            if later - earlier > 1:
                before = self.correspondences(earlier, later - 1)
                found = {name: csr_array(before[name] @ step) for name, step in found.items() if name in before}
            self._composed[earlier, later] = found
        return found


@dataclass(frozen=True, eq=False)
class Encoding:
    """Which columns a network takes, and on which scale.

    Attributes:
        levels: Level -> its columns; levels that no training sample had are left out.
        relations: Relation -> columns of its edges.
        globals: Conditions.
        series: Series of the evidence: values and slopes.
        pooled: Pooled evidence.
        slope: Standard deviation of the slopes of the solid fraction in training, 1/ps; 0 = it was never seen.
    """

    levels: Mapping[str, Columns]
    relations: Mapping[RelationName, Columns]
    globals: Columns
    series: Columns
    pooled: Columns
    slope: float

    def encode(self, sample: Sample) -> EncodedSample:
        """Return the arrays of one sample."""
        sequence = sample.sequence
        evidence = _evidence(sample)
        frames = [self._frame(sample, graph, moment, evidence) for graph, moment in _moments(sample)]
        correspondences = [
            {name: _matrix(step, before, after) for name, step in entry.items() if name in self.levels}
            for entry, before, after in zip(
                sequence.correspondences, sequence.frames, sequence.frames[1:], strict=False
            )
        ] or [{}] * (len(frames) - 1)
        names, values = _pooled(sample)
        fractions = evidence.column(FORECAST)
        known = np.isfinite(fractions)
        return EncodedSample(
            tuple(frames),
            self.pooled.encode(names, values)[0],
            bool(names),
            evidence.times[known] / PICOSECOND,
            fractions[known],
            tuple(correspondences),
        )

    def _frame(self, sample: Sample, graph: MultiscaleGraph, moment: float, evidence: Evidence) -> EncodedFrame:
        seen = _until(evidence, moment)
        fractions = seen.column(FORECAST)
        nodes = {
            name: columns.encode(graph.levels[name].feature_names, graph.levels[name].features)
            for name, columns in self.levels.items()
            if name in graph.levels
        }
        edges = {
            name: Edges(
                relation.index, relation.weight, self.relations[name].encode(relation.feature_names, relation.features)
            )
            for name, relation in graph.relations.items()
            if name in self.relations
        }
        return EncodedFrame(
            moment / PICOSECOND,
            self.globals.encode(*_globals(sample, graph))[0],
            self.series.encode(*_series(seen))[0],
            float(fractions[-1]) if len(fractions) else math.nan,
            _line(seen.times, fractions),
            nodes,
            {name: np.ones(len(table), np.float32) for name, table in nodes.items()},
            edges,
        )

    def as_plain(self) -> dict[str, Any]:
        """JSON values."""
        relations = {"-".join(name): columns for name, columns in self.relations.items()}
        return plain({**vars(self), "relations": relations})  # type: ignore[no-any-return]  # a mapping stays one

    @staticmethod
    def from_plain(document: dict[str, Any]) -> Encoding:
        """Back from JSON values.

        Raises:
            KeyError, TypeError, ValueError: They are not ours.
        """
        relations = {}
        for name, columns in document["relations"].items():
            source, target = name.split("-")
            relations[source, target] = Columns.from_plain(columns)
        levels = {name: Columns.from_plain(columns) for name, columns in document["levels"].items()}
        if not set(levels) <= set(RESOLUTIONS) or not all(set(pair) <= set(levels) for pair in relations):
            raise ValueError("levels or relations that there are none of")
        conditions, series, pooled = (Columns.from_plain(document[name]) for name in ("globals", "series", "pooled"))
        return Encoding(levels, relations, conditions, series, pooled, float(document["slope"]))


def fit_encoding(samples: Sequence[Sample], *, levels: Sequence[str] = tuple(RESOLUTIONS)) -> Encoding:
    """Learn columns and scales from training samples.

    Args:
        samples: The training's.
        levels: Which levels a network may see.
    """
    graphs = [graph for sample in samples for graph in sample.sequence.frames]
    present = [name for name in RESOLUTIONS if name in levels and any(name in graph.levels for graph in graphs)]
    pairs = sorted({pair for graph in graphs for pair in graph.relations if set(pair) <= set(present)})

    def nodes(name: str) -> Iterator[tuple[tuple[str, ...], Float32Array]]:
        return ((graph.levels[name].feature_names, graph.levels[name].features) for graph in graphs
                if name in graph.levels)  # fmt: skip

    def edges(pair: RelationName) -> Iterator[tuple[tuple[str, ...], Float32Array]]:
        found = (graph.relations[pair] for graph in graphs if pair in graph.relations)
        return ((relation.feature_names, relation.features) for relation in found)

    series = [_series(_until(_evidence(sample), moment)) for sample in samples for _, moment in _moments(sample)]
    slopes = [values[0, names.index(f"{FORECAST}_slope")] for names, values in series if f"{FORECAST}_slope" in names]
    known = np.array([slope for slope in slopes if math.isfinite(slope)])
    return Encoding(
        {name: fit_columns(nodes(name)) for name in present},
        {pair: fit_columns(edges(pair)) for pair in pairs},
        fit_columns(_globals(sample, graph) for sample in samples for graph in sample.sequence.frames),
        fit_columns(series),
        fit_columns(_pooled(sample) for sample in samples),
        float(known.std()) if known.size > 1 else 0.0,
    )


def _globals(sample: Sample, graph: MultiscaleGraph) -> tuple[tuple[str, ...], FloatArray]:
    values = {
        **sample.conditions,
        **dict(zip(graph.global_names, graph.global_values.tolist(), strict=True)),
        **law_hints(sample),
    }
    return tuple(values), np.array([list(values.values())], dtype=np.float64)


def _pooled(sample: Sample) -> tuple[tuple[str, ...], FloatArray]:
    pooled = {**sample.pooled, **velocity_ratios(sample, sample.pooled)} if sample.evidence == "B" else {}
    return tuple(pooled), np.array([list(pooled.values())], dtype=np.float64)


def _evidence(sample: Sample) -> Evidence:
    return sample.sequence.evidence if sample.evidence == "B" else Evidence(np.zeros(0), (), np.zeros((0, 0)))


def _moments(sample: Sample) -> list[tuple[MultiscaleGraph, float]]:
    """Graphs and the times that they stand for.

    A lone graph without atoms and clusters stands for some moments of the series, where there are any.
    """
    sequence = sample.sequence
    times = _evidence(sample).times
    graph = sequence.frames[0]
    lone = len(sequence.frames) == 1 and not {"atom", "cluster"} & set(graph.levels)
    if lone and len(times):
        chosen = np.unique(np.rint(np.linspace(0, len(times) - 1, SERIES_MOMENTS)).astype(int))
        return [(graph, float(times[number])) for number in chosen]
    return list(zip(sequence.frames, sequence.times.tolist(), strict=True))


def _until(evidence: Evidence, moment: float) -> Evidence:
    seen = int(np.searchsorted(evidence.times, moment + 1e-3 * PICOSECOND, side="right"))
    return Evidence(evidence.times[:seen], evidence.names, evidence.values[:seen])


def _series(seen: Evidence) -> tuple[tuple[str, ...], FloatArray]:
    """Last values of the series, and their slopes per ps by least squares."""
    names = tuple(name for column in seen.names for name in (column, f"{column}_slope"))
    row = np.full((1, len(names)), np.nan)
    if len(seen.times):
        row[0, ::2] = seen.values[-1]
    if len(seen.times) >= 3:
        times = (seen.times - seen.times.mean()) / PICOSECOND
        row[0, 1::2] = times @ seen.values / (times**2).sum()
    return names, row


def _line(times: FloatArray, fractions: FloatArray) -> tuple[float, float]:
    known = np.isfinite(fractions)
    if known.sum() < 3 or not known[-1]:
        return 0.0, 0.0
    slope, value = np.polyfit((times - times[-1])[known] / PICOSECOND, fractions[known], 1).tolist()
    return value - float(fractions[-1]), slope


def _matrix(step: Relation, before: MultiscaleGraph, after: MultiscaleGraph) -> csr_array:
    shape = (before.levels[step.source].num_nodes, after.levels[step.target].num_nodes)
    return csr_array(coo_array((step.weight, tuple(step.index)), shape=shape))
