"""The facet level: the kinetic Wulff shape of the crystal, from growth velocities of its faces.

The shape (`crystallography.wulff`) says by how much neighbouring orientations differ, and with them it can give away
what is to be predicted: the velocities are an explicit argument, carry the ids of the records that they come from, and
are refused where the record itself is among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.crystallography.miller import miller_vector, orientation_invariants
from nakaya.crystallography.wulff import WulffShape, wulff_shape
from nakaya.kinetics.graphs.graph import Level, MultiscaleGraph, Relation, both_ways, to_all
from nakaya.records.record import Record, fields_of, has_result

__all__ = [
    "EDGE_FEATURES",
    "FACET_FEATURES",
    "FacetVelocities",
    "attach_facets",
    "facet_level",
    "facet_relations",
    "training_velocities",
]

FACET_FEATURES: Final = (
    "area_share",
    "area",
    "distance",
    "orientation_quartic",
    "orientation_sextic",
    "velocity",
    "surface_energy",
)
"""Columns of the facet level; areas and distances are those of a shape of volume 1, velocities m/s, energies J/m^2."""

EDGE_FEATURES: Final = ("dihedral", "shared_length")
"""Columns of the edges between facets: inner angle in rad, and the length of the common edge at volume 1."""

_SHARPNESS = 0.05  # a facet 18 degrees away from the interface counts 1/e


@dataclass(frozen=True)
class FacetVelocities:
    """Growth velocities of faces of one material under one set of conditions, and where they come from.

    Attributes:
        velocities: Miller indices -> m/s.
        record_ids: Of all the records that went in: those of training folds.
        surface_energies: Miller indices -> J/m^2, where known.
    """

    velocities: Mapping[str, float]
    record_ids: frozenset[str]
    surface_energies: Mapping[str, float] = field(default_factory=dict)

    def check_apart_from(self, record: Record) -> None:
        """Refuse a record that the velocities were taken from.

        Raises:
            ParameterError: It is among them.
        """
        if record.id in self.record_ids:
            raise ParameterError(
                f"record {record.id} is among those that the facets' velocities come from: take them from training "
                "folds only"
            )


def training_velocities(training: Iterable[Record], material: str, temperature: float) -> FacetVelocities:
    """Growth velocities at one temperature from the records of training folds.

    For every orientation the means over seeds are interpolated linearly between the temperatures that were measured;
    orientations whose range does not hold the temperature are left out, and so are records of melts that do not rest.

    Args:
        training: Records whose results may be looked at.
        material: Of which material.
        temperature: K.
    """
    columns: dict[str, list[tuple[float, float]]] = {}
    used = set()
    for record in training:
        kelvin = record.constant("temperature")
        if record.material != material or record.orientation is None or not has_result(record, "growth_velocity"):
            continue
        if fields_of(record):
            continue
        if kelvin is not None and math.isfinite(kelvin):
            velocity = record.quantities["growth_velocity"].value
            columns.setdefault(record.orientation, []).append((kelvin, velocity))
            used.add(record.id)
    velocities = {}
    for orientation, points in sorted(columns.items()):
        kelvins = sorted({kelvin for kelvin, _ in points})
        if kelvins[0] - 1e-6 <= temperature <= kelvins[-1] + 1e-6:
            means = [float(np.mean([value for at, value in points if at == kelvin])) for kelvin in kelvins]
            velocities[orientation] = float(np.interp(temperature, kelvins, means))
    return FacetVelocities(velocities, frozenset(used))


def facet_level(shape: WulffShape, velocities: FacetVelocities) -> tuple[Level, Relation]:
    """Nodes and edges of the facet level."""
    invariants = np.array([orientation_invariants(family) for family in shape.families])
    columns = [
        shape.areas / shape.areas.sum(),
        shape.areas,
        shape.distances,
        invariants[:, 0],
        invariants[:, 1],
        np.array([velocities.velocities[family] for family in shape.families]),
        np.array([velocities.surface_energies.get(family, math.nan) for family in shape.families]),
    ]
    features = np.column_stack([shape.dihedrals, shape.lengths])
    relation = both_ways("facet", shape.edges, np.ones(len(shape.edges)), EDGE_FEATURES, features)
    return Level("facet", FACET_FEATURES, np.column_stack(columns).astype(np.float32)), relation


def facet_relations(graph: MultiscaleGraph, shape: WulffShape, orientation: str | None) -> list[Relation]:
    """Edges from the coarsest finer level that the graph has (clusters, else none) up to the facets.

    A cluster belongs to the facets by their area, and where the direction of its interface is known, by how near they
    are to it; the weights of a cluster sum to 1.
    """
    clusters = graph.levels.get("cluster")
    if clusters is None or not len(shape.areas):
        return []
    weight = shape.areas.copy()
    if orientation is not None:
        # Which of the equivalent facets the interface is does not matter: compare with the nearest equivalent.
        reduced = np.sort(np.abs(shape.normals), axis=1) @ np.sort(np.abs(miller_vector(orientation)))
        weight *= np.exp((np.minimum(reduced, 1.0) - 1) / _SHARPNESS)
    return [to_all("cluster", "facet", clusters.num_nodes, weight / weight.sum())]


def attach_facets(graph: MultiscaleGraph, facets: FacetVelocities, orientation: str | None) -> MultiscaleGraph:
    """The graph with the facets of the kinetic Wulff shape as its facet level; as it is where there is no shape."""
    shape = _shape(tuple(sorted(facets.velocities.items())))
    if shape is None:
        return graph
    level, edges = facet_level(shape, facets)
    return graph.with_level(level, [edges, *facet_relations(graph, shape, orientation)])


@lru_cache(maxsize=256)
def _shape(velocities: tuple[tuple[str, float], ...]) -> WulffShape | None:
    return wulff_shape(dict(velocities))  # all frames of a sequence share it, and all replicates
