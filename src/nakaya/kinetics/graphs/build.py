"""Record -> graphs: the one way from what was measured to what a model sees.

Only conditions, evidence, composition, orientation and snapshots of a record are read. Its quantities are results:
nothing here looks at them, and frames later than the evidence are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.provenance import sha256_of_file
from nakaya.kinetics.graphs.atoms import describe_atoms
from nakaya.kinetics.graphs.clusters import attach_clusters, find_clusters
from nakaya.kinetics.graphs.conditions import GLOBALS, check_no_target, crystal_structure, global_values
from nakaya.kinetics.graphs.facets import FacetVelocities, attach_facets
from nakaya.kinetics.graphs.graph import Evidence, GraphSequence, MultiscaleGraph, Relation
from nakaya.kinetics.graphs.process_nodes import process_nodes
from nakaya.kinetics.graphs.sequence import node_correspondence, unchanged
from nakaya.md.interfaces import EVIDENCE_PS, TIME_TOLERANCE_PS
from nakaya.md.patches import read_patches
from nakaya.md.tables import MaterialTable
from nakaya.md.trajectories.frames import Frame
from nakaya.records.cluster_graph import ClusterGraph
from nakaya.records.record import Record

__all__ = ["build_sequence", "read_snapshots"]

PATCHES = "interface-patches"
PICOSECOND = 1e-12


def read_snapshots(record: Record, folder: Path) -> list[Frame]:
    """Read the frames that a record refers to, in order of time; none where it refers to none.

    Args:
        record: With snapshots of the form "interface-patches"; others are left alone.
        folder: Of the record: the snapshots' paths start there.

    Raises:
        InputFileError, FormatError: A file is missing, damaged, or has other bytes than the record says.
    """
    frames: list[Frame] = []
    for shot in record.snapshots:
        if shot.form != PATCHES:
            continue
        path = folder / shot.path
        read = read_patches(path, record.material)
        if sha256_of_file(path) != shot.sha256:
            raise FormatError(f"record {record.id}: snapshot {shot.path} has other bytes than the record says")
        frames += read
    return sorted(frames, key=lambda frame: math.inf if frame.time_ps is None else frame.time_ps)


def _build(frame: Frame, record: Record, table: MaterialTable | None) -> tuple[MultiscaleGraph, float]:
    structure = crystal_structure(record)
    if structure is None:
        raise ParameterError(
            f"record {record.id}: graphs need a crystal structure of {record.material} that they know: name it in the "
            "settings of the provenance (structure = fcc, bcc or diamond)"
        )
    time = 0.0 if frame.time_ps is None else frame.time_ps * PICOSECOND
    graph = MultiscaleGraph({}, {}, GLOBALS, global_values(record, time=time, table=table))
    atoms = describe_atoms(frame, structure=structure, temperature=graph.condition("temperature"))
    graph = graph.with_level(atoms.level, [atoms.bonds])
    if (found := find_clusters(frame, atoms)) is not None:
        graph = graph.with_level(*found)
    return graph, atoms.scale


def build_sequence(
    record: Record,
    frames: Sequence[Frame] = (),
    *,
    table: MaterialTable | None = None,
    facets: FacetVelocities | None = None,
    clusters: ClusterGraph | None = None,
) -> GraphSequence:
    """Build what was seen early of one record: frames with their real times, globals and series.

    Args:
        record: Its quantities are not looked at.
        frames: Of `read_snapshots`, or any frames of its box in order of time; without any, the sequence has one graph
            that holds nothing but the globals.
        table: Properties of the material, as `nakaya.md.tables.tabulate` collects them.
        facets: Velocities of faces from training folds, for the facet level of a cubic crystal; without them, or
            where a face melts, there is none.
        clusters: What an image shows, as the cluster level; for records without frames, whose atoms say nothing else.

    Raises:
        ParameterError: The crystal structure is not known; the facets' velocities come from this very record; several
            frames of which some carry no time; clusters of another record, or beside frames.
    """
    check_no_target(record)
    seen = _early(record, frames)
    evidence = _evidence(record)
    built = [_build(frame, record, table) for frame in seen]
    graphs = [graph for graph, _ in built]
    if not graphs:
        graphs = [MultiscaleGraph({}, {}, GLOBALS, global_values(record, time=0.0, table=table))]
    if clusters is not None:
        if seen or clusters.record_id != record.id:
            raise ParameterError(
                f"record {record.id}: clusters of {clusters.record_id} with {len(seen)} frames: an image's clusters go "
                "with their own record, which has no atoms"
            )
        graphs = [attach_clusters(graph, clusters) for graph in graphs]
    if facets is not None:
        facets.check_apart_from(record)
        graphs = [attach_facets(graph, facets, record.orientation) for graph in graphs]
    entries = [*record.conditions.values(), *record.evidence.values()]
    if record.kind == "reactor" and any(entry.times is not None and entry.times.size > 1 for entry in entries):
        process = process_nodes(record)
        graphs = [process.attach(graph) for graph in graphs]
    correspondences: list[dict[str, Relation]] = []
    for number in range(1, len(seen)):
        (before, _), (after, scale) = built[number - 1], built[number]
        moved = node_correspondence(before, seen[number - 1], after, seen[number], scale)
        correspondences.append({**moved, **unchanged(graphs[number - 1], graphs[number])})
    times = np.array([0.0 if frame.time_ps is None else frame.time_ps * PICOSECOND for frame in seen] or [0.0])
    return GraphSequence(record.id, times, tuple(graphs), tuple(correspondences), evidence)


def _early(record: Record, frames: Sequence[Frame]) -> list[Frame]:
    if len(frames) <= 1:
        return list(frames)
    times = [frame.time_ps for frame in frames if frame.time_ps is not None]
    if len(times) < len(frames):
        raise ParameterError(f"record {record.id}: some of its {len(frames)} frames carry no time: give one frame only")
    last = min(times) + EVIDENCE_PS + TIME_TOLERANCE_PS
    return [frame for frame, time in zip(frames, times, strict=True) if time <= last]


def _evidence(record: Record) -> Evidence:
    # One axis for all: that of the series with most points. Single values hold at all times.
    entries = record.evidence.items()
    series = {name: (entry.times, entry.values) for name, entry in entries if entry.times is not None}
    # The picoseconds of a run do not limit the log of a reactor.
    length = EVIDENCE_PS * PICOSECOND if record.kind == "md" else math.inf
    times = max((moments for moments, _ in series.values()), key=len, default=np.zeros(1))
    times = times[times - times[0] <= length * (1 + 1e-9)]
    columns = {name: np.full(len(times), entry.value) for name, entry in entries if entry.values.ndim == 0}
    for name, (moments, values) in series.items():
        # A gap must not be filled from what came after the evidence ended.
        known = np.isfinite(values) & (moments <= times[-1])
        columns[name] = np.interp(times, moments[known], values[known]) if known.any() else np.full(len(times), np.nan)
    names = tuple(sorted(columns))
    values = np.stack([columns[name] for name in names], axis=1) if names else np.zeros((len(times), 0))
    return Evidence(times, names, values)
