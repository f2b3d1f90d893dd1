"""The process level: a crystallizer's run as nodes over windows of time, above the facets that grew in it.

A node is one window; its features are the means and the rates of change of what was set and seen in it (temperature,
supersaturation, stirring, transmissivity, sizes). Windows follow one another, and every facet belongs to all of them,
by how long each lasts. What was concluded from the run (induction times, fitted constants) are labels and never enter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.graphs.conditions import check_no_target
from nakaya.kinetics.graphs.graph import Level, MultiscaleGraph, Relation, to_all
from nakaya.records.record import Record

__all__ = ["ProcessNodes", "process_nodes"]

LEVEL = "process"
MAX_WINDOWS = 10_000
_BOOKKEEPING = ("duration",)  # conditions that say how long was looked at, not how the process ran


@dataclass(frozen=True, eq=False)
class ProcessNodes:
    """A run cut into windows of time.

    Attributes:
        record_id: Of the record.
        windows: Start and end of every window, float64 [node, 2], s.
        feature_names: "<signal>" is the mean of a signal in the window, "<signal>_rate" its change per second.
        units: SI unit of every feature.
        features: float64 [node, feature]; NaN = not known.
    """

    record_id: str
    windows: FloatArray
    feature_names: tuple[str, ...]
    units: tuple[str, ...]
    features: FloatArray

    def column(self, name: str) -> FloatArray:
        """One feature of all windows, float64 [node].

        Raises:
            UnknownNameError: There is no such feature.
        """
        if name not in self.feature_names:
            raise UnknownNameError("feature of the process", name, self.feature_names)
        return np.asarray(self.features[:, self.feature_names.index(name)])

    def level(self) -> Level:
        """The nodes as a level of the multi-scale graph."""
        return Level(LEVEL, self.feature_names, self.features.astype(np.float32))

    def succession(self) -> Relation:
        """Edges between neighbouring windows, both ways; their feature is the step in time, signed, s."""
        count = self.windows.shape[0]
        first, later = np.arange(count - 1), np.arange(1, count)
        middles = self.windows.mean(axis=1)
        steps = np.diff(middles)
        index = np.stack([np.concatenate([first, later]), np.concatenate([later, first])])
        features = np.concatenate([steps, -steps])[:, None].astype(np.float32)
        return Relation(LEVEL, LEVEL, index, np.ones(index.shape[1], np.float32), ("time_step",), features)

    def facet_relation(self, num_facets: int) -> Relation:
        """Edges from every facet to every window; the weights of a facet are the windows' shares of the time."""
        lengths = self.windows[:, 1] - self.windows[:, 0]
        return to_all("facet", LEVEL, num_facets, lengths / lengths.sum())

    def attach(self, graph: MultiscaleGraph) -> MultiscaleGraph:
        """The graph with the process level on top, tied to its facets where it has any."""
        relations = [self.succession()]
        if "facet" in graph.levels:
            relations.append(self.facet_relation(graph.levels["facet"].num_nodes))
        return graph.with_level(self.level(), relations)


def process_nodes(record: Record, *, windows: int = 8, until: float | None = None) -> ProcessNodes:
    """Cut a reactor record into windows of equal length.

    Args:
        record: A record of a reactor; its quantities are not looked at.
        windows: How many, at least 1.
        until: Only what was seen up to this time (s) enters; None: the whole run.

    Raises:
        ParameterError: The record is of another kind, holds a target among its evidence, or has no series in time.
    """
    if record.kind != "reactor":
        raise ParameterError(
            f"record {record.id} is of kind {record.kind!r}: process nodes are made from reactor records"
        )
    if not 1 <= windows <= MAX_WINDOWS:
        raise ParameterError(f"windows={windows} is outside [1, {MAX_WINDOWS}]")
    check_no_target(record)
    entries = {**record.conditions, **record.evidence}
    series = {name: (entry, entry.times) for name, entry in entries.items() if entry.times is not None}
    single = {
        name: entry
        for name, entry in record.conditions.items()
        if entry.values.ndim == 0 and name not in _BOOKKEEPING and math.isfinite(entry.value)
    }
    if not series:
        raise ParameterError(f"record {record.id} holds no series in time: there is nothing to cut into windows")
    start = min(float(times[0]) for _, times in series.values())
    end = max(float(times[-1]) for _, times in series.values())
    end = end if until is None else min(end, until)
    if not end > start:
        raise ParameterError(f"record {record.id}: nothing was seen between {start:g} s and until={end:g} s")
    edges = np.linspace(start, end, windows + 1)
    names: list[str] = []
    units: list[str] = []
    columns: list[FloatArray] = []
    for name, (entry, times) in series.items():
        names += [name, f"{name}_rate"]
        units += [entry.unit, "1/s" if entry.unit == "1" else f"({entry.unit})/s"]
        columns += _window_means(times, entry.values, edges)
    for name, entry in single.items():
        names.append(name)
        units.append(entry.unit)
        columns.append(np.full(windows, entry.value))
    return ProcessNodes(
        record.id,
        np.column_stack([edges[:-1], edges[1:]]),
        tuple(names),
        tuple(units),
        np.column_stack(columns),
    )


def _window_means(times: FloatArray, values: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and slope of a signal in every window: NaN without a sample, and without two for the slope.

    Only samples inside a window enter it: nothing that was seen later reaches an earlier node.
    """
    means, rates = np.full(edges.size - 1, np.nan), np.full(edges.size - 1, np.nan)
    for number in range(edges.size - 1):
        last = number == edges.size - 2
        inside = (times >= edges[number]) & ((times <= edges[number + 1]) if last else (times < edges[number + 1]))
        inside &= np.isfinite(values)
        if inside.any():
            means[number] = values[inside].mean()
        if inside.sum() >= 2:
            centred = times[inside] - times[inside].mean()
            rates[number] = float(centred @ values[inside] / (centred @ centred))
    return means, rates
