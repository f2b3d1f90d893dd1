"""Reactor records enter the graph as process nodes: windows of time, nothing from later, nothing that is a label."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.graphs.graph import RESOLUTIONS, Level, MultiscaleGraph
from nakaya.kinetics.graphs.process_nodes import process_nodes
from nakaya.records.record import Axis, Provenance, Quantity, Record


def record(**evidence: Quantity) -> Record:
    axis = Axis("time", "s", np.linspace(0.0, 8000.0, 801))
    cooling = Quantity(320.0 - 0.001 * axis.values, "K", axis=axis)
    return Record(
        id="run",
        kind="reactor",
        material="salt",
        conditions={
            "driving_force": Quantity(np.array(math.nan), "1"),
            "temperature": cooling,
            "stirring_rate": Quantity(np.array(5.0), "1/s"),
            "duration": Quantity(np.array(8000.0), "s"),
        },
        quantities={"induction_time": Quantity(np.array(600.0), "s")},
        evidence=evidence,
        provenance=Provenance("test"),
    )


def signal(values: np.ndarray, unit: str = "1") -> Quantity:
    return Quantity(values, unit, axis=Axis("time", "s", np.linspace(0.0, 8000.0, values.size)))


def test_windows_hold_means_and_rates_with_units():
    nodes = process_nodes(record(), windows=4)
    np.testing.assert_allclose(nodes.windows, [[0, 2000], [2000, 4000], [4000, 6000], [6000, 8000]])
    np.testing.assert_allclose(nodes.column("temperature"), [319.0, 317.0, 315.0, 313.0], atol=0.006)
    np.testing.assert_allclose(nodes.column("temperature_rate"), -0.001)
    np.testing.assert_allclose(nodes.column("stirring_rate"), 5.0)
    assert dict(zip(nodes.feature_names, nodes.units, strict=True))["temperature_rate"] == "(K)/s"
    with pytest.raises(UnknownNameError):
        nodes.column("duration")


def test_labels_never_enter():
    nodes = process_nodes(record())
    assert not any("induction" in name for name in nodes.feature_names)
    leaking = replace(record(), evidence={"induction_time": Quantity(np.array(600.0), "s")})
    with pytest.raises(ParameterError, match="induction_time"):
        process_nodes(leaking)
    other = replace(record(), quantities={"induction_time": Quantity(np.array(9e9), "s")})
    np.testing.assert_array_equal(process_nodes(other).features, nodes.features)


def test_nothing_that_is_seen_later_reaches_an_earlier_window():
    rng = np.random.default_rng(0)
    values = rng.random(400)
    changed = values.copy()
    changed[200:] = 7.0
    before = process_nodes(record(light=signal(values)), windows=4).features
    after = process_nodes(record(light=signal(changed)), windows=4).features
    np.testing.assert_array_equal(before[:2], after[:2])
    assert not np.array_equal(before[2:], after[2:])
    early = process_nodes(record(light=signal(values)), windows=2, until=4000.0)
    cut = process_nodes(record(light=signal(changed)), windows=2, until=3990.0)
    assert early.windows[-1, 1] == 4000.0
    np.testing.assert_allclose(cut.column("light"), early.column("light"), atol=0.02)


def test_a_window_without_samples_is_unknown_not_zero():
    sparse = Quantity(np.array([1.0, 2.0]), "1", axis=Axis("time", "s", np.array([100.0, 7900.0])))
    nodes = process_nodes(record(seen=sparse), windows=4)
    np.testing.assert_array_equal(nodes.column("seen"), [1.0, np.nan, np.nan, 2.0])
    assert np.isnan(nodes.column("seen_rate")).all()


def test_the_process_level_sits_on_top_and_ties_every_facet_to_every_window():
    facets = Level("facet", ("area",), np.array([[0.5], [0.3], [0.2]], np.float32))
    graph = process_nodes(record(), windows=5).attach(MultiscaleGraph({"facet": facets}, {}, (), np.zeros(0)))
    assert list(graph.levels) == ["facet", "process"]
    assert RESOLUTIONS["process"] > RESOLUTIONS["facet"]
    tie = graph.relations["facet", "process"]
    shares = np.zeros(3)
    np.add.at(shares, tie.index[0], tie.weight)
    np.testing.assert_allclose(shares, 1.0, rtol=1e-6)  # a facet belongs to the whole run
    assert tie.num_edges == 15
    following = graph.relations["process", "process"]
    assert following.num_edges == 8
    np.testing.assert_allclose(following.column("time_step"), [1600.0] * 4 + [-1600.0] * 4)
    alone = process_nodes(record(), windows=1).attach(MultiscaleGraph({}, {}, (), np.zeros(0)))
    assert alone.relations["process", "process"].num_edges == 0


def test_other_records_and_windows_are_refused():
    with pytest.raises(ParameterError, match="reactor records"):
        process_nodes(replace(record(), kind="md"))
    with pytest.raises(ParameterError, match="windows=0"):
        process_nodes(record(), windows=0)
    with pytest.raises(ParameterError, match="nothing was seen"):
        process_nodes(record(), until=-5.0)
    still = replace(record(), conditions={"driving_force": Quantity(np.array(0.1), "1")})
    with pytest.raises(ParameterError, match="no series in time"):
        process_nodes(still)
