"""Tables of records: every number of a record stands in exactly one cell, with its unit."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.provenance import sha256_of_bytes
from nakaya.md.ingest import ingest_md
from nakaya.md.trajectory_records import TrajectoryOptions
from nakaya.records.cluster_graph import ClusterGraph, Feature
from nakaya.records.clusters_of_record import CLUSTER_GRAPH
from nakaya.records.collection import write_store
from nakaya.records.reader import Reader, ingest
from nakaya.records.record import Axis, Interval, Provenance, Quantity, Record, Snapshot, single
from nakaya.records.store import RecordStore, load_records, shipped_sets
from nakaya.records.tables import TABLES, table_files, tables_of

TIMES = Axis("time", "s", np.array([0.0, 1.0, 2.0]))
LATER = Axis("time", "s", np.array([1.0, 3.0]))


def record(name: str = "a", **changes: object) -> Record:
    entries: dict[str, object] = {
        "conditions": {
            "driving_force": single(math.nan, "1"),
            "temperature": Quantity([300, 301, 302], "K", axis=TIMES),
        },
        "quantities": {
            "growth_velocity": single(-3.2, "m/s", uncertainty=0.1, interval=(-4, -2), level=0.9),
            "width": Quantity(np.array(2.0), "K", interval=Interval(-math.inf, 3, 0.9)),
        },
        "provenance": Provenance("test"),
        "orientation": "001",
    }
    return Record(name, "reactor", "=Cu", **{**entries, **changes})  # type: ignore[arg-type]


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_values_have_units_intervals_and_flags_in_columns_of_their_own() -> None:
    flagged = record(status="flagged", flags=("first", "=second"))
    found = {row["name"]: row for row in read(table_files([flagged])["quantities.csv"])}
    assert list(found) == ["driving_force", "growth_velocity", "width"]  # the series has a table of its own
    velocity = found["growth_velocity"]
    numbers = ("value", "uncertainty", "interval_low", "interval_high", "interval_level")
    assert [float(velocity[name]) for name in numbers] == [-3.2, 0.1, -4, -2, 0.9]
    assert (velocity["group"], velocity["unit"], velocity["status"]) == ("result", "m/s", "flagged")
    assert (velocity["flags"], velocity["material"], velocity["orientation"]) == ("first; =second", "'=Cu", "{001}")
    assert found["driving_force"]["value"] == ""
    assert (found["width"]["interval_low"], found["width"]["interval_high"]) == ("", "3")


def test_series_of_one_axis_share_a_table_and_keep_their_moments() -> None:
    seen = {
        "light": Quantity([0.5, 0.7], "1", uncertainty=[0.01, np.nan], axis=LATER),
        "profile": Quantity(np.arange(6.0).reshape(3, 2), "m", axis=TIMES),
        "spectrum": Quantity([9.0], "1", axis=Axis("wave_length", "m", [5e-7])),
    }
    files = table_files([record(evidence=seen), record("b")])
    rows = read(files["by-time.csv"])
    assert [(row["record"], row["time [s]"]) for row in rows] == [
        *(("a", time) for time in ("0.0", "1.0", "2.0", "3.0")), *(("b", time) for time in ("0.0", "1.0", "2.0")),
    ]  # fmt: skip
    heated = ["300.0", "301.0", "302.0"]
    assert [row["condition.temperature [K]"] for row in rows] == [*heated, "", *heated]
    assert [row["evidence.light [1]"] for row in rows] == ["", "0.5", "", "0.7", "", "", ""]
    assert [row["evidence.light.uncertainty [1]"] for row in rows][:4] == ["", "0.01", "", ""]
    assert [row["evidence.profile.2 [m]"] for row in rows][:4] == ["1.0", "3.0", "5.0", ""]
    assert read(files["by-wave-length.csv"]) == [
        {"record": "a", "wave_length [m]": "5e-07", "evidence.spectrum [1]": "9.0"}
    ]


def test_size_classes_have_one_row_for_each_class_and_moment() -> None:
    edges = np.array([0.0, 1e-6, 4e-6])
    counts = np.arange(6.0).reshape(3, 2)
    seen = {
        "size_class_edges": Quantity(edges, "m", axis=Axis("edge", "1", np.arange(3.0))),
        "size_class_counts": Quantity(counts, "1", axis=TIMES),
    }
    files = table_files([record(evidence=seen)])
    rows = read(files["size-classes.csv"])
    assert "by-edge.csv" not in files
    assert [float(row["evidence.size_class_counts [1]"]) for row in rows] == counts.ravel().tolist()
    assert [row["time [s]"] for row in rows] == ["0.0", "0.0", "1.0", "1.0", "2.0", "2.0"]
    assert [(row["size_class"], row["low [m]"], row["high [m]"]) for row in rows][:2] == [
        ("1", "0.0", "1e-06"), ("2", "1e-06", "4e-06"),
    ]  # fmt: skip


def graph_of(name: str, unit: str = "m", kind: str = "grain") -> ClusterGraph:
    return ClusterGraph(
        name,
        kind,
        {"diameter": Feature(np.array([1e-6, np.nan, 3e-6]), unit), "=neighbours": Feature(np.ones(3), "1")},
        np.array([[0, 1], [1, 2]]),
        {"length": Feature(np.array([5e-7, 6e-7]), unit)},
        positions=np.arange(6.0).reshape(3, 2),
        position_unit=unit,
        orientations=np.tile([1.0, 0.0, 0.0, 0.0], (3, 1)),
    )


def test_every_grain_and_every_boundary_has_a_row() -> None:
    files = table_files([], [graph_of("a"), graph_of("b", "pixel"), graph_of("c", kind="../../etc")])
    grains = read(files["grains.csv"])
    assert [(row["record"], row["grain"]) for row in grains] == [(name, str(n)) for name in "ab" for n in range(3)]
    assert [row["diameter [m]"] for row in grains] == ["1e-06", "", "3e-06", "", "", ""]
    assert [row["diameter [pixel]"] for row in grains] == ["", "", "", "1e-06", "", "3e-06"]
    assert [row["y [m]"] for row in grains][:3] == ["1.0", "3.0", "5.0"]
    assert {row["orientation_w [1]"] for row in grains} == {"1.0"}
    assert "'=neighbours [1]" in grains[0]
    edges = read(files["grain-boundaries.csv"])
    assert [(row["grain_1"], row["grain_2"], row["length [m]"]) for row in edges][:2] == [
        ("0", "1", "5e-07"), ("1", "2", "6e-07"),
    ]  # fmt: skip
    assert set(files) == {
        "quantities.csv", "grains.csv", "grain-boundaries.csv", "clusters.csv", "cluster-boundaries.csv",
    }  # fmt: skip
    assert "loop-neighbours.csv" in table_files([], [graph_of("a", kind="loop")])


def test_tables_of_a_store_need_the_graphs_that_its_records_name(tmp_path: Path) -> None:
    graph = graph_of("a")
    shot = Snapshot("clusters/a.json", sha256_of_bytes(graph.to_json().encode()), CLUSTER_GRAPH)
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "a.json").write_text(graph.to_json(), newline="\n")
    assert len(read(tables_of([record(snapshots=(shot,))], tmp_path)["grains.csv"])) == 3


def test_every_number_of_the_shipped_records_is_in_their_tables() -> None:
    shipped = RecordStore(shipped_sets()["al-cu-si"])
    records = [shipped.get(name) for name in shipped.ids()[::30]]
    files = table_files(records)
    rows = read(files["quantities.csv"])
    singles = [
        (one.id, entry.value) for one in records
        for group in (one.conditions, one.quantities, one.evidence)
        for entry in group.values() if entry.values.ndim == 0
    ]  # fmt: skip
    told = [(row["record"], float(row["value"] or "nan")) for row in rows]
    assert str(told) == str(singles)  # NaN is equal to NaN as text
    moments = [row for name, content in files.items() if name.startswith("by-time") for row in read(content)]
    numbers = sum(cell != "" for row in moments for name, cell in row.items() if name.partition(".")[1])
    series = [
        entry for one in records for group in (one.conditions, one.quantities, one.evidence)
        for entry in group.values() if entry.axis is not None and entry.axis.name == "time"
    ]  # fmt: skip
    known = sum(np.isfinite(entry.values).sum() for entry in series)
    known += sum(np.isfinite(entry.uncertainty).sum() for entry in series if entry.uncertainty is not None)
    assert numbers == known


def test_a_store_is_written_with_tables_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_store([record("a"), record("b")], tmp_path / "store", tables=True)
    assert sorted(path.name for path in (tmp_path / "store" / TABLES / "b").iterdir()) == [
        "by-time.csv",
        "quantities.csv",
    ]
    assert len(RecordStore(tmp_path / "store")) == 2

    def fail(*_: object) -> dict[str, bytes]:
        raise KeyboardInterrupt

    monkeypatch.setattr("nakaya.records.collection.tables_of", fail)
    with pytest.raises(KeyboardInterrupt):
        write_store([record("a")], tmp_path / "other", tables=True)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_record_that_a_reader_adds_is_never_there_without_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader("furnace", "logs", lambda _: [record("a"), record("b")])
    added: list[str] = []
    add = RecordStore.add

    def watched(store: RecordStore, one: Record, *, overwrite: bool = False) -> bool:
        assert (store.path / TABLES / one.id / "quantities.csv").is_file()
        added.append(one.id)
        return add(store, one, overwrite=overwrite)

    monkeypatch.setattr(RecordStore, "add", watched)
    assert ingest(reader, tmp_path / "log", tmp_path / "store") == ["a", "b"] == added
    changed = Reader("furnace", "logs", lambda _: [record("a", quantities={"width": single(5, "K")})])
    ingest(changed, tmp_path / "log", tmp_path / "store", overwrite=True)
    assert b"growth_velocity" not in (tmp_path / "store" / TABLES / "a" / "quantities.csv").read_bytes()


def test_trajectories_of_atoms_get_tables_where_they_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nakaya.md.ingest.ingest_trajectory", lambda path, *_, **__: record(path.name))
    monkeypatch.setattr("nakaya.md.ingest.known_records", list)
    ingest_md([Path("first"), Path("second")], TrajectoryOptions(), out=tmp_path / "md")
    for name in ("first", "second"):
        files = (tmp_path / "md" / TABLES / name).iterdir()
        assert sorted(file.name for file in files) == ["by-time.csv", "quantities.csv"]
    assert len(load_records(tmp_path / "md")) == 2  # tables are no records
