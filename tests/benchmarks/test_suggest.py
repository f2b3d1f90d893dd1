"""Laws of the replay: all orders end alike, rules see no run before it is added, and the same seed gives the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import run
from benchmarks.suggest import NEAR, RULES, draw_start, replay
from nakaya.core.arrays import BoolArray, IntArray
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.suggestion.planning import condition_of
from nakaya.kinetics.suggestion.survey import Observations, Survey, observations, survey_conditions
from nakaya.records.record import Record
from nakaya.records.store import RecordStore
from support.planned_growth import with_setups
from support.synthetic_growth import SyntheticGrowth

ROUND_OFF = 1e-9
"""Relative: sums over the same runs in the same order differ by nothing; this is room for other linear algebra."""


def records() -> list[Record]:
    growth = SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "100")), seeds=(0, 1))
    return with_setups(growth.records())


@pytest.fixture(scope="module")
def field() -> tuple[Survey, Observations]:
    corpus = read_corpus(records(), graphs=False)
    survey = survey_conditions(corpus, sorted({condition_of(record) for record in corpus.records}))
    return survey, observations(survey, corpus.records)


def test_with_all_runs_every_rule_has_the_same_error(field: tuple[Survey, Observations]) -> None:
    survey, runs = field
    start = draw_start(survey, runs, np.random.default_rng(3))
    assert len(start.first) == 4
    assert not set(runs.places[np.append(start.first, start.left)]) & set(start.held_out)
    assert len(start.first) + len(start.left) == len(runs.places) - np.isin(runs.places, start.held_out).sum()
    found = {name: replay(survey, runs, start, rule, np.random.default_rng(1)) for name, rule in RULES.items()}
    errors = np.array([entry.errors for entry in found.values()])
    costs = np.array([entry.costs for entry in found.values()])
    assert all(sorted(entry.order.tolist()) == start.left.tolist() for entry in found.values())
    assert errors.shape == (len(RULES), len(start.left) + 1)
    assert errors[:, 0] == pytest.approx(errors[0, 0], rel=ROUND_OFF)
    assert errors[:, -1] == pytest.approx(errors[0, -1], rel=ROUND_OFF)
    assert costs[:, -1] == pytest.approx(costs[0, -1])
    assert len({tuple(row.round(6)) for row in errors}) > 3  # between both ends rules differ
    again = replay(survey, runs, start, RULES["random order"], np.random.default_rng(1))
    assert (again.order == found["random order"].order).all()
    assert (found["order of the plan"].order == start.left).all()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_does_not_see_what_was_not_added(name: str, field: tuple[Survey, Observations]) -> None:
    survey, runs = field
    start = draw_start(survey, runs, np.random.default_rng(5))
    order = replay(survey, runs, start, RULES[name], np.random.default_rng(2)).order

    def changed(where: BoolArray) -> IntArray:
        other = replace(
            runs,
            velocities=np.where(where, 1e3 - runs.velocities, runs.velocities),
            variances=np.where(where, 1e4, runs.variances),
        )
        return replay(survey, other, start, RULES[name], np.random.default_rng(2)).order

    assert (changed(np.isin(runs.places, start.held_out)) == order).all()  # the whole order
    assert changed(np.isin(np.arange(len(runs.places)), start.left))[0] == order[0]  # the first choice


def test_the_command_prints_every_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RecordStore(tmp_path / "records", create=True).merge(records())
    words = ["suggest", "--records", str(tmp_path / "records"), "--starts", "2", "--draws", "2"]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert run(words) == 0
    text = capsys.readouterr().out
    assert all(text.count(f"\n{name} ") == (2 if name == "suggested" else 3) for name in RULES)
    for rule in document["rules"].values():
        assert [len(values) for values in rule.values()] == [2] * len(rule)
        for first, good, errors, end in zip(
            rule["first_near"], rule["last_far"], rule["errors"], document["error_of_all"], strict=True
        ):
            assert document["first"] <= first <= good <= document["first"] + document["added"]
            assert errors[-1] <= NEAR * end * (1 + ROUND_OFF)  # more are shown than there are


def test_too_few_conditions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = SyntheticGrowth(pairs=(("Cu", "100"),), reduced_temperatures=(0.6, 0.8), seeds=(0,))
    RecordStore(tmp_path / "records", create=True).merge(with_setups(few.records()))
    assert run(["suggest", "--records", str(tmp_path / "records")]) == 2
    assert "growth runs of Cu have 2 conditions, expected 4 or more" in capsys.readouterr().err
