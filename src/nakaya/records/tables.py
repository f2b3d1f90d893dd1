"""Records as tables: one row for each value, each moment, each size class, each grain or loop, each boundary.

Every table begins with the column `record`, so tables of many records are made like those of one. `docs/exchange.md`
says what stands in their columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.files import output_errors, write_whole
from nakaya.core.folders import new_folder
from nakaya.core.tables import Cell, Column, Table, encode_csv
from nakaya.records.cluster_graph import ClusterGraph
from nakaya.records.clusters_of_record import read_clusters
from nakaya.records.record import Axis, Quantity, Record

__all__ = [
    "TABLES",
    "boundary_tables",
    "cluster_tables",
    "quantity_table",
    "series_tables",
    "size_class_table",
    "table_files",
    "tables_of",
    "write_tables",
]

TABLES: Final = "tables"
"""Folder of the tables beside the records that they are of."""

QUANTITIES: Final = "quantities"
SIZE_CLASSES: Final = "size-classes"

GROUPS: Final[Mapping[str, str]] = {"conditions": "condition", "quantities": "result", "evidence": "evidence"}
"""Groups of a record, and what the tables call one of their entries."""

QUANTITY_COLUMNS: Final = (
    *("record", "kind", "material", "orientation", "group", "name", "value", "unit", "uncertainty"),
    *("interval_low", "interval_high", "interval_level", "status", "flags"),
)

EDGES: Final = "size_class_edges"
IN_CLASSES: Final = ("size_class_counts", "size_class_fractions")

OTHER: Final = "cluster"
"""What grains of a kind without a name of letters are called."""

_KIND = re.compile(r"[a-z]{1,40}")


def table_files(records: Sequence[Record], clusters: Iterable[ClusterGraph] = ()) -> dict[str, bytes]:
    """Return all tables of some records as CSV, by the name of the file.

    Args:
        records: Of different ids.
        clusters: Their grains, loops or lattice domains.

    Returns:
        `quantities.csv` always; `by-time.csv`, `by-AXIS.csv`, `size-classes.csv`, `grains.csv`, `grain-boundaries.csv`
        and the like where there is something to stand in them.

    >>> from nakaya.records.store import load_records
    >>> tables = table_files(load_records("al-cu-si")[:3])
    >>> "quantities.csv" in tables, tables["quantities.csv"].decode("utf-8-sig").split(",")[:3]
    (True, ['record', 'kind', 'material'])
    """
    clusters = list(clusters)
    tables: dict[str, Table] = {QUANTITIES: quantity_table(records)}
    if (classes := size_class_table(records)) is not None:
        tables[SIZE_CLASSES] = classes
    tables |= series_tables(records) | cluster_tables(clusters) | boundary_tables(clusters)
    return {f"{name}.csv": encode_csv(table) for name, table in tables.items()}


def tables_of(records: Sequence[Record], folder: Path) -> dict[str, bytes]:
    """Return all tables of records whose snapshots lie under `folder`, as `table_files` does.

    Raises:
        FormatError: A cluster graph is missing, damaged, of another record, or has other bytes than stated.
    """
    return table_files(records, [graph for record in records if (graph := read_clusters(record, folder)) is not None])


def write_tables(tables: Mapping[str, bytes], folder: Path, *, overwrite: bool = True) -> None:
    """Write tables, by the names of their files, into a folder that is made: all of them, or none.

    Raises:
        OutputExistsError: It is there, and may not be replaced.
        OutputError: It cannot be written.
    """
    with output_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(folder, overwrite=overwrite) as fresh:
        for name, content in tables.items():
            write_whole(fresh / name, content)


def quantity_table(records: Sequence[Record]) -> Table:
    """Return the single values of records, one a row: what was held, what came out, what was seen before.

    The end of an interval that is unbounded is empty; its level is not.

    >>> from nakaya.core.tables import encode_csv
    >>> from nakaya.records.record import Provenance, single
    >>> found = {"mean_intercept": single(8.9e-6, "m", interval=(8.2e-6, 9.73e-6))}
    >>> record = Record("a", "micrograph", "steel", {"driving_force": single(0, "1")}, found, Provenance("image"))
    >>> encode_csv(quantity_table([record])).decode().splitlines()[2]
    '"a","micrograph","steel",,"result","mean_intercept",8.9e-06,"m",,8.2e-06,9.73e-06,0.95,"ok",'
    """
    rows: list[tuple[Cell, ...]] = []
    for record in records:
        about = (record.id, record.kind, record.material, _indices(record.orientation))
        rest = (record.status, "; ".join(record.flags))
        for group, name, entry in _entries(record):
            if entry.values.ndim == 0:
                rows.append((*about, group, name, *_value(entry), *rest))
    return Table(tuple(Column(name, [row[place] for row in rows]) for place, name in enumerate(QUANTITY_COLUMNS)))


def _entries(record: Record) -> Iterator[tuple[str, str, Quantity]]:
    for group, word in GROUPS.items():
        yield from ((word, name, entry) for name, entry in getattr(record, group).items())


def _indices(orientation: str | None) -> str | None:
    """Miller indices in braces: without them "001" is the number 1 to a spreadsheet, and in round ones -1."""
    return None if orientation is None else f"{{{orientation}}}"


def _value(entry: Quantity) -> tuple[Cell, ...]:
    interval = entry.interval
    ends = (None, None, None) if interval is None else (interval.low, interval.high, interval.level)
    return (entry.value, entry.unit, None if entry.uncertainty is None else entry.standard_error, *ends)


# Series ---------------------------------------------------------------------------------------------------------------


def series_tables(records: Sequence[Record]) -> dict[str, Table]:
    """Return the series of records, one table for each name of an axis: "by-time", say.

    One row is one record at one place of the axis; the columns of series that have no value there are empty. Columns
    are called after group and name, `condition.temperature [K]`, and those of uncertainties
    `result.solid_fraction.uncertainty [1]`. Of values with more axes each has a column, numbered from 1.
    """
    axes = dict.fromkeys((axis.name, axis.unit) for record in records for _, _, axis in _series(record))
    tables: dict[str, Table] = {}
    for name, unit in axes:
        stem = f"by-{name.replace('_', '-')}"
        number = sum(known == stem or known.startswith(f"{stem}-in-") for known in tables)
        tables[stem if not number else f"{stem}-in-{number + 1}"] = _series_table(records, name, unit)
    return tables


def _series(record: Record) -> Iterator[tuple[str, Quantity, Axis]]:
    """Series of a record by the name of their column; numbers in size classes have a table of their own."""
    classes = _size_classes(record) is not None
    for group, name, entry in _entries(record):
        if entry.axis is not None and not (classes and group == "evidence" and name in (EDGES, *IN_CLASSES)):
            yield f"{group}.{name}", entry, entry.axis


def _series_table(records: Sequence[Record], axis_name: str, axis_unit: str) -> Table:
    ids: list[str] = []
    places: list[FloatArray] = []
    columns: dict[tuple[str, str], list[tuple[int, FloatArray]]] = {}  # name and unit -> (first row, values)
    num_rows = 0
    for record in records:
        found = [entry for entry in _series(record) if (entry[2].name, entry[2].unit) == (axis_name, axis_unit)]
        if not found:
            continue
        along = np.unique(np.concatenate([axis.values for _, _, axis in found]))
        for name, entry, axis in found:
            rows = np.searchsorted(along, axis.values)
            for column, values in _series_columns(name, entry):
                whole = np.full(along.size, np.nan)
                whole[rows] = values
                columns.setdefault((column, entry.unit), []).append((num_rows, whole))
        ids += [record.id] * along.size
        places.append(along)
        num_rows += along.size
    made = []
    for (name, unit), parts in columns.items():
        cells = np.full(num_rows, np.nan)
        for first, values in parts:
            cells[first : first + values.size] = values
        made.append(Column(name, cells, unit))
    return Table((Column("record", ids), Column(axis_name, np.concatenate(places), axis_unit), *made))


def _series_columns(name: str, entry: Quantity) -> Iterator[tuple[str, FloatArray]]:
    for suffix, values in (("", entry.values), (".uncertainty", entry.uncertainty)):
        if values is None:
            continue
        if values.ndim == 1:
            yield name + suffix, values
            continue
        flat = values.reshape(len(values), -1)
        for place in range(flat.shape[1]):
            yield f"{name}.{place + 1}{suffix}", flat[:, place]


def size_class_table(records: Sequence[Record]) -> Table | None:
    """Return what lies in classes of size, one class at one moment a row; None where no record has any."""
    found = [(record, *classes) for record in records if (classes := _size_classes(record)) is not None]
    if not found:
        return None
    ids: list[str] = []
    numbers: list[int] = []
    times: list[FloatArray] = []
    low: list[FloatArray] = []
    high: list[FloatArray] = []
    held: dict[str, list[FloatArray]] = {name: [] for _, _, entries in found for name in entries}
    for record, edges, entries in found:
        axis = next(iter(entries.values())).axis
        assert axis is not None  # a series has one
        moments, count = axis.values.size, edges.size - 1
        ids += [record.id] * (moments * count)
        times.append(np.repeat(axis.values, count))
        numbers += list(range(1, count + 1)) * moments
        low.append(np.tile(edges[:-1], moments))
        high.append(np.tile(edges[1:], moments))
        for name, parts in held.items():
            parts.append(entries[name].values.ravel() if name in entries else np.full(moments * count, np.nan))
    return Table(
        (
            Column("record", ids),
            Column("time", np.concatenate(times), "s"),
            Column("size_class", numbers),
            Column("low", np.concatenate(low), "m"),
            Column("high", np.concatenate(high), "m"),
            *(Column(f"evidence.{name}", np.concatenate(parts), "1") for name, parts in held.items()),
        )
    )


def _size_classes(record: Record) -> tuple[FloatArray, dict[str, Quantity]] | None:
    """Edges of the size classes of a record, and what lies in them in time."""
    edges = record.evidence.get(EDGES)
    if edges is None or edges.values.ndim != 1 or edges.unit != "m":
        return None
    held = {}
    for name in IN_CLASSES:
        entry = record.evidence.get(name)
        if entry is not None and entry.values.ndim == 2 and entry.values.shape[1] == edges.values.size - 1:
            held[name] = entry
    axes = {(entry.axis.name, entry.axis.unit) for entry in held.values() if entry.axis is not None}
    same = len({entry.values.shape for entry in held.values()}) == 1
    return (edges.values, held) if axes == {("time", "s")} and same else None


# Grains, loops, domains -----------------------------------------------------------------------------------------------


def cluster_tables(clusters: Sequence[ClusterGraph]) -> dict[str, Table]:
    """Return grains, loops or domains, one a row, one table for each kind: "grains", say.

    Columns: record, the number of the grain in it (from 0), its place in the image, its features, and where it is
    known its orientation as a quaternion (scalar first, sample to crystal).
    """
    return {
        f"{kind}s": _joined(graphs, kind, _cluster_columns)
        for kind, graphs in _by_kind(clusters).items()
        if any(graph.num_nodes for graph in graphs)
    }


def boundary_tables(clusters: Sequence[ClusterGraph]) -> dict[str, Table]:
    """Return what lies between grains, loops or domains, one pair of neighbours a row: "grain-boundaries", say."""
    return {
        f"{kind}-{'neighbours' if kind == 'loop' else 'boundaries'}": _joined(graphs, kind, _boundary_columns)
        for kind, graphs in _by_kind(clusters).items()
        if any(len(graph.edges) for graph in graphs)
    }


def _by_kind(clusters: Sequence[ClusterGraph]) -> dict[str, list[ClusterGraph]]:
    kinds: dict[str, list[ClusterGraph]] = {}
    for graph in clusters:  # the kind becomes the name of a file, and comes out of one
        kinds.setdefault(graph.node_kind if _KIND.fullmatch(graph.node_kind) else OTHER, []).append(graph)
    return kinds


def _cluster_columns(graph: ClusterGraph, kind: str) -> Iterator[Column]:
    yield Column(kind, np.arange(graph.num_nodes))
    if graph.positions is not None:
        for place, name in enumerate("xy"):
            yield Column(name, np.asarray(graph.positions)[:, place], graph.position_unit)
    for name, feature in graph.nodes.items():
        yield Column(name, feature.values, feature.unit)
    if graph.orientations is not None:
        for place, name in enumerate("wxyz"):
            yield Column(f"orientation_{name}", np.asarray(graph.orientations)[:, place], "1")


def _boundary_columns(graph: ClusterGraph, kind: str) -> Iterator[Column]:
    for place in (0, 1):
        yield Column(f"{kind}_{place + 1}", graph.edges[:, place])
    for name, feature in graph.boundaries.items():
        yield Column(name, feature.values, feature.unit)


def _joined(
    graphs: Sequence[ClusterGraph], kind: str, columns_of: Callable[[ClusterGraph, str], Iterable[Column]]
) -> Table:
    """Rows of several graphs below one another; columns that one lacks are empty for it."""
    parts = [list(columns_of(graph, kind)) for graph in graphs]
    lengths = [len(part[0].cells) for part in parts]
    names = dict.fromkeys((column.name, column.unit) for part in parts for column in part)
    ids = list(chain.from_iterable([graph.record_id] * length for graph, length in zip(graphs, lengths, strict=True)))
    columns = [Column("record", ids)]
    for name, unit in names:
        cells: list[Cell] = []
        for part, length in zip(parts, lengths, strict=True):
            own = next((column for column in part if (column.name, column.unit) == (name, unit)), None)
            cells += [math.nan] * length if own is None else np.asarray(own.cells).tolist()
        columns.append(Column(name, cells, unit))
    return Table(tuple(columns))
