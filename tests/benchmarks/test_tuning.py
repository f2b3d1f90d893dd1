"""Tables of trainings, resumed and refused, and samplers compared on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna", reason='studies need the extra "ml"')

from benchmarks.__main__ import run
from benchmarks.tabulate import tabulate_problem
from benchmarks.tuning import CAUSES, comparison_page
from nakaya.core.errors import ConfigError, OutputError, ParameterError, UnknownNameError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.table import Axis, TableLookup, read_table
from nakaya.workflows.tuning.comparison import compare

AXES = (Axis("x", (0.0, 1.0, 2.0, 3.0)), Axis("y", (0.0, 1.0, 2.0)))
SPACE = (Parameter("x", 0, 3, "integer"), Parameter("y", 0, 2, "integer"))
SCORES = np.random.default_rng(2).random((4, 3))


class Counting:
    """Looks scores up and counts how often; stops after a number of them."""

    def __init__(self, last: int = 10**9) -> None:
        self.calls = 0
        self.last = last

    def __call__(self, settings: Mapping[str, float]) -> float:
        if self.calls == self.last:
            raise KeyboardInterrupt
        self.calls += 1
        return TableLookup(("x", "y"), SCORES)(settings)


def _tabulate(objective: object, out: Path, **options: object) -> np.ndarray:
    problem = Problem(SPACE, objective, (), 1.0)  # type: ignore[arg-type]
    arguments = {"configuration": {"seed": 0}, "about": {"description": "a draw"}, **options}
    return tabulate_problem(problem, AXES, out, **arguments).scores  # type: ignore[arg-type]


def test_a_table_goes_on_where_it_was_stopped_and_trains_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "table"
    with pytest.raises(KeyboardInterrupt):
        _tabulate(Counting(last=5), out)
    assert not (out / "table.json").exists()
    journal = out / "cells.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content + b"[5, 0.12")  # a kill cut a line short
    rest = Counting()
    assert _tabulate(rest, out) == pytest.approx(SCORES)
    assert rest.calls == SCORES.size - 5
    assert read_table(out / "table.json").scores == pytest.approx(SCORES, rel=1e-5)
    again = Counting()
    assert _tabulate(again, out) == pytest.approx(SCORES)
    assert again.calls == 0


def test_workers_make_the_same_table(tmp_path: Path) -> None:
    assert _tabulate(TableLookup(("x", "y"), SCORES), tmp_path / "table", workers=2) == pytest.approx(SCORES)


def test_a_table_of_another_configuration_is_refused(tmp_path: Path) -> None:
    _tabulate(Counting(), tmp_path / "table")
    with pytest.raises(ConfigError, match="seed differ"):
        _tabulate(Counting(), tmp_path / "table", configuration={"seed": 1})
    (tmp_path / "diary").mkdir()
    with pytest.raises(OutputError, match="holds no table"):
        _tabulate(Counting(), tmp_path / "diary")


def test_a_comparison_reads_a_table_by_its_folder_and_reports_regret(tmp_path: Path) -> None:
    _tabulate(Counting(), tmp_path / "table")
    found = compare(str(tmp_path / "table"), trials=12, repeats=2, samplers=("tpe", "random"))
    assert found.cells == 12
    assert found.best == pytest.approx(SCORES.min(), rel=1e-5)
    for courses in found.regret.values():
        for course in courses:
            assert len(course) == 12
            assert course == sorted(course, reverse=True)
    assert found.columns[:3] == ("sampler", "after 10", "after 12")
    for sampler, milestones in found.mean_regret.items():
        trial, mean, low, high = milestones[-1]
        assert trial == 12
        assert mean == pytest.approx(np.mean([course[-1] for course in found.regret[sampler]]))
        assert low <= mean <= high
    json.dumps(found.as_json())
    page = comparison_page(found)
    assert "a draw" in page
    assert page.count("<figure") == 1
    with pytest.raises(UnknownNameError, match="did you mean 'random'"):
        compare(str(tmp_path / "table"), trials=2, repeats=1, samplers=("randon",))
    with pytest.raises(ParameterError, match="'random' is missing"):
        compare(str(tmp_path / "table"), trials=2, repeats=1, samplers=("tpe",))
    with pytest.raises(UnknownNameError, match="table of trainings"):
        compare("nothing-of-that-name", trials=2, repeats=1)


def test_the_command_searches_with_one_thing_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _tabulate(Counting(), tmp_path / "table")
    page = tmp_path / "page.html"
    words = ["tuning", str(tmp_path / "table"), "--trials", "2", "--repeats", "1", "--out", str(page)]
    assert run([*words, "--ablation", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["regret"]) == {"gp", *CAUSES, "tpe", "random"}
    assert "<figure" in page.read_text()
    assert run(words) == 2
    assert "exists" in capsys.readouterr().err


def test_a_table_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tabulate", "examples/study-svm.toml"]) == 2
    assert "Missing option '--out'" in capsys.readouterr().err
