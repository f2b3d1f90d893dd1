"""Records in, multi-scale graphs out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from nakaya.core.errors import InputFileError
from nakaya.core.files import check_output
from nakaya.core.folders import new_folder
from nakaya.kinetics.graphs.build import build_sequence, read_snapshots
from nakaya.kinetics.graphs.facets import training_velocities
from nakaya.kinetics.graphs.files import write_sequence
from nakaya.kinetics.graphs.graph import GraphSequence
from nakaya.md.tables import MaterialTable, tabulate
from nakaya.records.clusters_of_record import read_clusters
from nakaya.records.record import Record
from nakaya.records.store import chosen_records, load_records, record_folder

__all__ = ["graph_records", "sequences", "summarise_sequence"]


def sequences(
    records: Iterable[Record],
    folder: Path,
    *,
    known: Iterable[Record] = (),
    training: Iterable[Record] = (),
) -> Iterator[GraphSequence]:
    """Build the graphs of records, one sequence each, one by one.

    Args:
        records: Which ones.
        folder: Where the paths of their snapshots start.
        known: Records that hold properties of the materials (T_m, L, D).
        training: Records whose growth velocities shape the facets; those of the record itself, and of its replicates
            in `records`, must not be among them. Empty = no facets.
    """
    known, training = list(known), list(training)
    tables: dict[str, MaterialTable] = {}
    for record in records:
        if record.material not in tables:
            tables[record.material] = tabulate(record.material, known)
        facets = None
        if training and (temperature := record.constant("temperature")) is not None:
            facets = training_velocities(training, record.material, temperature)
        frames = read_snapshots(record, folder)
        clusters = read_clusters(record, folder)
        yield build_sequence(record, frames, table=tables[record.material], facets=facets, clusters=clusters)


def graph_records(
    source: str | Path,
    *,
    ids: Iterable[str] = (),
    facets_from: str | Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Build the graphs of a store, and write them where `out` is given: one file ID.npz per record.

    Args:
        source: Shipped set, store, or file of records.
        ids: Which records; all of them where empty.
        facets_from: Records whose growth velocities shape the facets; none of them may be graphed.
        out: New folder, which appears whole or not at all.
        overwrite: Whether to replace `out`.
        progress: Told the id of every record that is done.

    Returns:
        A summary of every sequence, as `summarise_sequence` makes it.

    Raises:
        UnknownNameError: An id that is not there.
        OutputError: `out` exists.
        NakayaError: As in `build_sequence` and `read_snapshots`.
    """
    if out is not None:
        check_output(out, overwrite=overwrite, sign="*.npz")
    every = load_records(source)
    wanted = chosen_records(every, ids)
    if not wanted:
        raise InputFileError("there are no records to make graphs of")
    training = [] if facets_from is None else load_records(facets_from)
    found = []
    with nullcontext() if out is None else new_folder(out, overwrite=overwrite) as folder:
        built = sequences(wanted, record_folder(source), known=every, training=training)
        for sequence in built:
            if folder is not None:
                write_sequence(sequence, folder / f"{sequence.record_id}.npz")
            found.append(summarise_sequence(sequence))
            if progress is not None:
                progress(sequence.record_id)
    return found


def summarise_sequence(sequence: GraphSequence) -> dict[str, Any]:
    """What a sequence holds, as JSON values: times, levels with their numbers of nodes, relations, globals."""
    first = sequence.frames[0]
    levels = {name: level for graph in sequence.frames for name, level in graph.levels.items()}
    pairs = {name for graph in sequence.frames for name in graph.relations}
    return {
        "record": sequence.record_id,
        "times_s": sequence.times.tolist(),
        "levels": {
            name: {
                "resolution": level.resolution,
                "nodes": [graph.levels[name].num_nodes if name in graph.levels else 0 for graph in sequence.frames],
                "features": level.feature_names,
            }
            for name, level in levels.items()
        },
        "relations": {
            f"{source}-{target}": [
                g.relations[source, target].num_edges if (source, target) in g.relations else 0 for g in sequence.frames
            ]
            for source, target in sorted(pairs)
        },
        "globals": dict(zip(first.global_names, first.global_values.tolist(), strict=True)),
        "evidence": {"times": len(sequence.evidence.times), "series": sequence.evidence.names},
    }
