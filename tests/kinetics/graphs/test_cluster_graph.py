"""Cluster graphs of images: files, laws, and the way into the multi-scale graph."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import FormatError, NakayaError, ParameterError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.kinetics.graphs.build import build_sequence
from nakaya.kinetics.graphs.clusters import attach_clusters, cluster_level, cluster_relation
from nakaya.kinetics.graphs.files import read_sequence, write_sequence
from nakaya.kinetics.graphs.graph import MultiscaleGraph
from nakaya.records.cluster_graph import ClusterGraph, Feature, read_cluster_graph
from nakaya.records.clusters_of_record import read_clusters
from nakaya.records.record import Provenance, Quantity, Record, Snapshot


def triangle(record_id: str = "steel-grains") -> ClusterGraph:
    return ClusterGraph(
        record_id,
        "grain",
        {"area": Feature(np.array([1e-12, 2e-12, np.nan]), "m^2"), "neighbours": Feature(np.array([2.0, 2, 2]), "1")},
        np.array([[0, 1], [0, 2], [1, 2]]),
        {"length": Feature(np.array([1e-6, 3e-6, 0.0]), "m")},
        positions=np.array([[0.0, 0], [1e-6, 0], [0, 1e-6]]),
        position_unit="m",
        orientations=np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [np.nan] * 4]),
    )


def micrograph_record(graph: ClusterGraph, folder) -> Record:
    path = folder / "clusters" / f"{graph.record_id}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(graph.to_json().encode())
    return Record(
        id=graph.record_id,
        kind="micrograph",
        material="steel",
        conditions={"driving_force": Quantity(np.array(np.nan), "1")},
        quantities={"mean_intercept": Quantity(np.array(9e-6), "m")},
        provenance=Provenance("a drawing"),
        snapshots=(Snapshot(f"clusters/{path.name}", sha256_of_bytes(path.read_bytes()), "cluster-graph"),),
    )


def assert_same(first: ClusterGraph, second: ClusterGraph) -> None:
    assert (first.record_id, first.node_kind, first.position_unit) == (
        second.record_id,
        second.node_kind,
        second.position_unit,
    )
    for one, other in ((first.nodes, second.nodes), (first.boundaries, second.boundaries)):
        assert list(one) == list(other)
        for name, feature in one.items():
            assert feature.unit == other[name].unit
            np.testing.assert_array_equal(feature.values, other[name].values)
    np.testing.assert_array_equal(first.edges, second.edges)
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.orientations, second.orientations)


def test_a_graph_comes_back_from_its_file_to_the_last_bit(tmp_path):
    graph = triangle()
    (tmp_path / "graph.json").write_text(graph.to_json())
    assert_same(read_cluster_graph(tmp_path / "graph.json"), graph)


def test_files_from_before_positions_were_kept_are_still_read(tmp_path):
    document = json.loads(triangle().to_json())
    for name in ("positions", "position_unit", "orientations"):
        del document[name]
    (tmp_path / "old.json").write_text(json.dumps(document))
    old = read_cluster_graph(tmp_path / "old.json")
    assert old.positions is None
    assert old.orientations is None
    assert old.num_nodes == 3


def test_the_level_and_its_relation_are_what_the_multiscale_graph_takes(tmp_path):
    graph = triangle()
    record = micrograph_record(graph, tmp_path)
    clusters = read_clusters(record, tmp_path)
    sequence = build_sequence(record, clusters=clusters)
    (frame,) = sequence.frames
    level = frame.levels["cluster"]
    assert level.resolution == 10.0
    np.testing.assert_allclose(level.column("area"), [1e-12, 2e-12, np.nan])
    filled, known = level.filled()
    assert not known[2, 0]
    assert np.isfinite(filled).all()
    relation = frame.relations["cluster", "cluster"]
    there = {tuple(pair) for pair in relation.index.T.tolist()}
    assert there == {(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)}
    np.testing.assert_allclose(relation.column("length"), np.tile([1e-6, 3e-6, 0.0], 2).astype(np.float32))
    # No feature says where in the frame, or how the sample was turned.
    assert not {"x", "y", "position"} & set(level.feature_names)
    write_sequence(sequence, tmp_path / "graphs.npz")
    again = read_sequence(tmp_path / "graphs.npz").frames[0]
    np.testing.assert_array_equal(again.levels["cluster"].features, level.features)


def test_results_of_the_record_are_no_features(tmp_path):
    graph = triangle()
    record = micrograph_record(graph, tmp_path)
    other = Record(**{**vars(record), "quantities": {"mean_intercept": Quantity(np.array(1.0), "m")}})
    first, second = (build_sequence(entry, clusters=graph).frames[0] for entry in (record, other))
    np.testing.assert_array_equal(first.levels["cluster"].features, second.levels["cluster"].features)
    np.testing.assert_array_equal(first.global_values, second.global_values)


def test_all_boundaries_weigh_the_same():
    np.testing.assert_array_equal(cluster_relation(triangle()).weight, 1.0)


def test_a_graph_without_nodes_or_edges_is_one():
    none = ClusterGraph("tem", "loop", {"depth": Feature(np.zeros(0), "1")}, np.zeros((0, 2), np.int64))
    assert cluster_level(none).num_nodes == 0
    lonely = ClusterGraph("tem", "loop", {"depth": Feature(np.ones(2), "1")}, np.zeros((0, 2), np.int64))
    empty = MultiscaleGraph({}, {}, (), np.zeros(0))
    assert ("cluster", "cluster") not in attach_clusters(empty, lonely).relations


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges": np.array([[1, 0]])}, "first < second"),
        ({"edges": np.array([[0, 1], [0, 1]])}, "each once"),
        ({"edges": np.array([[0, 3]])}, "name node 3 of 3"),
        ({"nodes": {}}, "at least one feature"),
        ({"nodes": {"a": Feature(np.ones(3), "1"), "b": Feature(np.ones(2), "1")}}, "b has 2 values"),
        ({"positions": np.zeros((2, 2))}, "positions have shape"),
        ({"orientations": np.zeros((3, 3))}, "orientations have shape"),
    ],
)
def test_contradictions_are_refused(change, message):
    whole = {**vars(triangle()), "boundaries": {}}
    with pytest.raises(ParameterError, match=message):
        ClusterGraph(**{**whole, **change})
    with pytest.raises(ParameterError, match="finite number or NaN"):
        Feature(np.array([np.inf]), "1")


def test_clusters_go_with_their_own_record_and_unchanged_bytes(tmp_path, growth_record, half_melted):
    graph = triangle()
    record = micrograph_record(graph, tmp_path)
    path = tmp_path / "clusters" / "steel-grains.json"
    path.write_text(path.read_text().replace("2e-12", "3e-12"))
    with pytest.raises(FormatError, match="other bytes"):
        read_clusters(record, tmp_path)
    path.unlink()
    with pytest.raises(FormatError, match="is not in"):
        read_clusters(record, tmp_path)
    assert read_clusters(growth_record(), tmp_path) is None
    with pytest.raises(ParameterError, match="go with their own record"):
        build_sequence(record, clusters=triangle("another"))
    with pytest.raises(ParameterError, match="which has no atoms"):
        build_sequence(growth_record(name="steel-grains"), [half_melted()], clusters=graph)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused_but_never_break(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "graph.json"
    document = json.loads(triangle().to_json())
    strange = st.sampled_from([None, -1, 1e308, "x", [], {}, [[0, 1, 2]], [[None]], True, [1, "a"]])
    name = data.draw(st.sampled_from(sorted(document)))
    if data.draw(st.booleans()):
        document[name] = data.draw(strange)
    elif isinstance(document[name], dict):
        inner = data.draw(st.sampled_from(sorted(document[name])))
        document[name][inner] = data.draw(strange)
    else:
        del document[name]
    text = json.dumps(document)
    path.write_text(text[: data.draw(st.integers(0, len(text)))] if data.draw(st.booleans()) else text)
    with suppress(NakayaError):
        read_cluster_graph(path)
