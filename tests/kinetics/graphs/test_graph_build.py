"""From records to sequences: nothing that is to be predicted gets in, and nothing that was seen gets lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from nakaya.cli.app import app
from nakaya.core.archives import pack_arrays
from nakaya.core.errors import FormatError, InputFileError, ParameterError
from nakaya.kinetics.graphs.build import build_sequence, read_snapshots
from nakaya.kinetics.graphs.conditions import GLOBALS, TARGETS
from nakaya.kinetics.graphs.facets import FacetVelocities
from nakaya.kinetics.graphs.files import read_sequence, write_sequence
from nakaya.kinetics.graphs.graph import Evidence, GraphSequence, Level, MultiscaleGraph, Relation
from nakaya.kinetics.graphs.labels import label_from_other_seeds
from nakaya.md.tables import MaterialTable
from nakaya.records.record import Axis, Provenance, Quantity, Record
from nakaya.records.store import RecordStore

MakeRecord = Callable[..., Record]

FACETS = FacetVelocities({"100": 50.0, "110": 55.0, "111": 48.0}, frozenset({"another"}), {"100": 0.1})
TABLE = MaterialTable(
    "Cu", 1327.0, 5.0, lambda t: 3.7e-10, None, lambda t: 13000.0, lambda t: 7e-8 * np.exp(-40000 / (8.314 * t))
)


def build(record: Record, folder: Path, **options: object) -> GraphSequence:
    return build_sequence(record, read_snapshots(record, folder), table=TABLE, facets=FACETS, **options)  # type: ignore[arg-type]


def as_bytes(sequence: GraphSequence, folder: Path) -> bytes:
    write_sequence(sequence, folder / "graph.npz")
    return (folder / "graph.npz").read_bytes()


def test_a_growth_record_becomes_all_levels_in_time(growth_record: MakeRecord, tmp_path: Path) -> None:
    sequence = build(growth_record(), tmp_path)
    np.testing.assert_allclose(sequence.time_steps, [2e-12, 8e-12], rtol=1e-6)
    for graph in sequence.frames:
        assert [level.resolution for level in graph.levels.values()] == [1, 10, 100]
        assert graph.levels["atom"].num_nodes == 500
        assert {("atom", "atom"), ("atom", "cluster"), ("cluster", "facet"), ("facet", "facet")} <= set(graph.relations)
        upward = graph.relations["cluster", "facet"]
        sums = np.bincount(upward.index[0], weights=upward.weight)
        np.testing.assert_allclose(sums, 1, atol=1e-5)
        assert graph.condition("temperature") == 1100
        assert graph.condition("homologous_temperature") == pytest.approx(1100 / 1327)
        assert graph.condition("log10_diffusivity") == pytest.approx(np.log10(graph.condition("diffusivity")))
        assert np.isnan(graph.condition("shear_rate"))
    assert sequence.evidence.names == ("solid_fraction",)
    assert len(sequence.evidence.times) == 11


def test_a_front_belongs_to_the_facets_that_it_is_parallel_to(growth_record: MakeRecord, tmp_path: Path) -> None:
    graph = build(growth_record(), tmp_path).frames[0]
    upward = graph.relations["cluster", "facet"]
    quartic = graph.levels["facet"].column("orientation_quartic")[upward.index[1]]
    assert upward.weight[quartic > 0.99].sum() > 0.8


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(results=st.dictionaries(st.sampled_from(sorted(TARGETS)), st.floats(-1e6, 1e6), max_size=4))
def test_results_never_become_features(growth_record: MakeRecord, tmp_path: Path, results: Mapping[str, float]) -> None:
    record = growth_record(times=(0.0,))
    other = replace(record, quantities={name: Quantity(np.array(value), "1") for name, value in results.items()})
    assert as_bytes(build(record, tmp_path), tmp_path) == as_bytes(build(other, tmp_path), tmp_path)


def test_what_came_after_the_evidence_never_becomes_a_feature(growth_record: MakeRecord, tmp_path: Path) -> None:
    record = growth_record(times=(0.0, 5.0, 12.0, 40.0))
    frames = read_snapshots(record, tmp_path)
    rng = np.random.default_rng(0)
    late = [replace(frame, positions=rng.uniform(0, 1, frame.positions.shape) @ frame.cell) for frame in frames[2:]]
    axis = Axis("time", "s", np.arange(31) * 1e-12)
    series = np.linspace(0.3, 0.6, 31)
    series[9:11] = np.nan  # a gap at the end of the evidence must not be filled from later points
    changed = series.copy()
    changed[11:] = rng.uniform(size=20)
    one = replace(record, evidence={"solid_fraction": Quantity(series, "1", axis=axis)})
    two = replace(record, evidence={"solid_fraction": Quantity(changed, "1", axis=axis)})
    first = build_sequence(one, frames, facets=FACETS)
    second = build_sequence(two, [*frames[:2], *late], facets=FACETS)
    assert len(first.frames) == 2
    assert len(first.evidence.times) == 11
    assert as_bytes(first, tmp_path) == as_bytes(second, tmp_path)
    # and early frames do count
    altered = replace(frames[1], positions=late[0].positions)
    early = build_sequence(one, [frames[0], altered, *frames[2:]], facets=FACETS)
    assert as_bytes(first, tmp_path) != as_bytes(early, tmp_path)


@pytest.mark.parametrize("place", ["conditions", "evidence"])
@pytest.mark.parametrize("target", ["growth_velocity", "nucleation_rate", "characteristic_length"])
def test_a_target_among_conditions_or_evidence_is_refused(growth_record: MakeRecord, place: str, target: str) -> None:
    record = growth_record(times=(0.0,))
    leaking = replace(record, **{place: {**getattr(record, place), target: Quantity(np.array(1.0), "1")}})
    with pytest.raises(
        ParameterError, match=f"{target} among its {place}: what is to be predicted must not be a feature"
    ):
        build_sequence(leaking)


def test_facets_measured_with_the_record_itself_are_refused(growth_record: MakeRecord) -> None:
    record = growth_record(times=(0.0,))
    with pytest.raises(ParameterError, match="training folds only"):
        build_sequence(record, facets=FacetVelocities({"100": 40.0}, frozenset({record.id})))


def test_labels_come_from_other_seeds_than_the_evidence(growth_record: MakeRecord) -> None:
    runs = [growth_record(seed=seed, velocity=10.0 * (seed + 1), times=(0.0,)) for seed in range(3)]
    twin = growth_record(seed=0, name="the-same-seed-again", velocity=1e6, times=(0.0,))
    hotter = growth_record(seed=5, temperature=1150.0, velocity=1e6, times=(0.0,))
    for run in runs:
        label = label_from_other_seeds(run, [*runs, *([twin] if run is runs[0] else []), hotter], "growth_velocity")
        assert label is not None
        others = [other for other in runs if other is not run]
        assert label.record_ids == tuple(other.id for other in others)
        assert label.value == pytest.approx(np.mean([other.quantities["growth_velocity"].value for other in others]))
        blind = replace(run, quantities={})
        assert label_from_other_seeds(blind, [*runs, hotter], "growth_velocity") == label  # its own result: unread
    assert label_from_other_seeds(hotter, [*runs, hotter], "growth_velocity") is None
    nameless = replace(runs[1], provenance=replace(runs[1].provenance, seeds=()))
    assert label_from_other_seeds(runs[0], [nameless], "growth_velocity") is None


def test_any_level_may_be_missing(growth_record: MakeRecord, tmp_path: Path) -> None:
    record = growth_record()
    frames = read_snapshots(record, tmp_path)
    for atoms in (True, False):
        for clusters in (True, False):
            for facets in (FACETS, None):
                sequence = build_sequence(record, frames, facets=facets)
                for name in [*(["atom"] * (not atoms)), *(["cluster"] * (not clusters))]:
                    sequence = sequence.without_level(name)
                wanted = {"atom"} if atoms else set()
                wanted |= ({"cluster"} if clusters else set()) | ({"facet"} if facets else set())
                for graph in sequence.frames:
                    assert set(graph.levels) == wanted
                    assert all(set(name) <= wanted for name in graph.relations)
                assert all(set(step) == wanted for step in sequence.correspondences)
    bare = build_sequence(replace(record, snapshots=()))
    assert bare.frames[0].levels == {}
    assert bare.frames[0].global_names == GLOBALS


def test_the_course_of_a_reactor_becomes_the_process_level() -> None:
    axis = Axis("time", "s", np.linspace(0, 3600, 61))
    record = Record(
        id="batch-1",
        kind="reactor",
        material="paracetamol",
        conditions={
            "driving_force": Quantity(np.array(np.nan), "1"),
            "temperature": Quantity(np.linspace(320, 290, 61), "K", axis=axis),
        },
        evidence={"transmissivity": Quantity(np.linspace(1, 0.2, 61), "1", axis=axis)},
        quantities={"nucleation_rate": Quantity(np.array(1e6), "1/(m^3 s)")},
        provenance=Provenance("log"),
    )
    graph = build_sequence(record).frames[0]
    assert list(graph.levels) == ["process"]
    assert graph.levels["process"].resolution > 100
    cooling = graph.levels["process"].column("temperature_rate")
    np.testing.assert_allclose(cooling, -30 / 3600, rtol=1e-4)
    assert ("process", "process") in graph.relations
    still = replace(record, conditions={"driving_force": record.conditions["driving_force"]}, evidence={})
    assert build_sequence(still).frames[0].levels == {}


def test_the_same_frame_twice_carries_every_node_to_itself(growth_record: MakeRecord, tmp_path: Path) -> None:
    record = growth_record(times=(0.0,))
    (frame,) = read_snapshots(record, tmp_path)
    sequence = build_sequence(record, [frame, replace(frame, time_ps=1.0)], facets=FACETS)
    for name, relation in sequence.correspondences[0].items():
        strongest = relation.weight > 0.6
        np.testing.assert_array_equal(relation.index[0, strongest], relation.index[1, strongest])
        received = np.bincount(relation.index[1], weights=relation.weight)
        assert (received <= 1 + 1e-5).all(), name
        assert (received > 0.5).all(), name


def test_a_node_that_appears_elsewhere_starts_anew(growth_record: MakeRecord, tmp_path: Path) -> None:
    record = growth_record(times=(0.0,))
    (frame,) = read_snapshots(record, tmp_path)
    moved = frame.positions.copy()
    moved[7] += 0.5 * frame.cell[2]  # into the empty part of the box
    after = replace(frame, positions=moved, time_ps=1.0)
    carried = build_sequence(record, [frame, after]).correspondences[0]["atom"]
    assert 7 not in carried.index[1]
    assert 8 in carried.index[1]


def test_sequences_survive_the_disk(growth_record: MakeRecord, tmp_path: Path) -> None:
    sequence = build(growth_record(), tmp_path)
    first = as_bytes(sequence, tmp_path)
    again = read_sequence(tmp_path / "graph.npz")
    assert as_bytes(again, tmp_path) == first
    assert again.record_id == sequence.record_id
    for old, new in zip(sequence.frames, again.frames, strict=True):
        assert list(old.levels) == list(new.levels)
        for name, level in old.levels.items():
            np.testing.assert_array_equal(new.levels[name].features, level.features)
        for key, relation in old.relations.items():
            np.testing.assert_array_equal(new.relations[key].index, relation.index)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 0.999), flip=st.integers(0, 10**9))
def test_damaged_files_are_errors_that_say_so(tmp_path: Path, cut: float, flip: int) -> None:
    graph = MultiscaleGraph(
        {"atom": Level("atom", ("q6",), np.ones((3, 1), np.float32))},
        {("atom", "atom"): Relation("atom", "atom", np.array([[0, 1], [1, 0]]), np.ones(2, np.float32))},
        (), np.zeros(0),
    )  # fmt: skip
    sequence = build_sequence_of(graph)
    content = as_bytes(sequence, tmp_path)
    (tmp_path / "cut.npz").write_bytes(content[: int(cut * len(content))])
    with pytest.raises(FormatError, match="not a file of graphs"):
        read_sequence(tmp_path / "cut.npz")
    broken = bytearray(content)
    broken[flip % len(broken)] ^= 0x55
    (tmp_path / "flip.npz").write_bytes(bytes(broken))
    with suppress(FormatError):
        read_sequence(tmp_path / "flip.npz")
    with pytest.raises(InputFileError, match="there is no file of graphs"):
        read_sequence(tmp_path / "missing.npz")


@pytest.mark.parametrize("change", [{"schema": "nakaya-record"}, {"version": 2}, {"version": None}, None])
def test_files_of_other_kinds_and_versions_are_refused(tmp_path: Path, change: dict[str, Any] | None) -> None:
    write_sequence(build_sequence_of(MultiscaleGraph({}, {}, (), np.zeros(0))), tmp_path / "graph.npz")
    arrays = dict(np.load(tmp_path / "graph.npz"))
    meta = json.loads(arrays["meta"].tobytes())
    for document, is_read in ((meta, True), ([meta] if change is None else meta | change, False)):
        arrays["meta"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
        (tmp_path / "other.npz").write_bytes(pack_arrays(arrays, level=4))
        with nullcontext() if is_read else pytest.raises(FormatError, match="is not a file of graphs of version 1"):
            assert read_sequence(tmp_path / "other.npz").record_id == "made-by-hand"


def build_sequence_of(graph: MultiscaleGraph) -> GraphSequence:
    return GraphSequence("made-by-hand", np.zeros(1), (graph,), (), Evidence(np.zeros(1), (), np.zeros((1, 0))))


def test_patches_with_other_bytes_are_refused(growth_record: MakeRecord, tmp_path: Path) -> None:
    record, other = growth_record(seed=0, times=(0.0,)), growth_record(seed=1, times=(0.0,))
    (tmp_path / other.snapshots[0].path).replace(tmp_path / record.snapshots[0].path)
    with pytest.raises(FormatError, match="has other bytes than the record says"):
        read_snapshots(record, tmp_path)


def test_graphs_that_contradict_themselves_are_refused() -> None:
    atom = Level("atom", ("q6",), np.ones((3, 1), np.float32))
    with pytest.raises(ParameterError, match="names node 3 of 3 at level atom"):
        MultiscaleGraph(
            {"atom": atom},
            {("atom", "atom"): Relation("atom", "atom", np.array([[0], [3]]), np.ones(1, np.float32))},
            (), np.zeros(0),
        )  # fmt: skip
    with pytest.raises(ParameterError, match="there is no level cluster"):
        MultiscaleGraph(
            {"atom": atom},
            {("atom", "cluster"): Relation("atom", "cluster", np.array([[0], [0]]), np.ones(1, np.float32))},
            (), np.zeros(0),
        )  # fmt: skip
    with pytest.raises(ParameterError, match="infinite"):
        Level("atom", ("q6",), np.full((3, 1), np.inf, np.float32))
    with pytest.raises(ParameterError, match="'grain' is none of atom, cluster, facet, process"):
        Level("grain", (), np.ones((3, 0), np.float32))


def test_the_command_line_makes_graphs_of_a_store(growth_record: MakeRecord, tmp_path: Path) -> None:
    record = growth_record()
    RecordStore(tmp_path).add(record)
    out = tmp_path / "graphs"
    command = ["records", "graph", str(tmp_path), "--record", record.id, "--out", str(out), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    (entry,) = json.loads(result.stdout)["graphs"]
    assert entry["levels"]["atom"]["nodes"] == [500] * 3
    assert read_sequence(out / f"{record.id}.npz").record_id == record.id
    again = CliRunner().invoke(app, command)
    assert again.exit_code != 0
    leaking = CliRunner().invoke(app, ["records", "graph", str(tmp_path), "--facets-from", str(tmp_path)])
    assert isinstance(leaking.exception, ParameterError)
