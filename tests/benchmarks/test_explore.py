"""Two properties of which one fails rarely: more examples than its decorator asks for find it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import run
from benchmarks.explore import find_properties

TESTS = """\
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=1)
@given(st.integers())
def test_holds(number):
    assert number == number


@settings(max_examples=1, derandomize=True)
@given(st.integers(0, 300))
def test_fails(number):
    assert number != 289


@given(st.booleans())
def test_small(value):
    pass


def test_plain():
    pass
"""


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    folder = tmp_path / "tests"
    (folder / "room").mkdir(parents=True)
    (folder / "room" / "test_toy.py").write_text(TESTS)
    return folder


def test_property_tests_are_found(tests: Path) -> None:
    names = ["test_holds", "test_fails", "test_small"]
    assert find_properties(tests) == [f"room/test_toy.py::{name}" for name in names]


def test_each_is_tried_until_it_fails_or_there_were_enough(
    tests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["explore", "--tests", str(tests), "--out", str(out), "--examples", "1500", "--minutes", "60", "--json"]
    assert run(words) == 1
    found = {entry["test"].rpartition("::")[2]: entry for entry in json.loads(capsys.readouterr().out)["properties"]}
    assert {name: entry["outcome"] for name, entry in found.items()} == {
        "test_holds": "holds", "test_fails": "fails", "test_small": "exhausted",
    }  # fmt: skip
    assert found["test_holds"]["examples"] >= 1500
    assert len(found["test_holds"]["seeds"]) > 1
    finding = Path(found["test_fails"]["finding"]).read_text()
    assert f"seed {found['test_fails']['seeds'][-1]}" in finding
    assert "number=289" in finding
    assert "reproduce_failure" in finding
    assert run([*words, "holds"]) == 0  # nothing is tried again
    assert json.loads(capsys.readouterr().out)["properties"] == [found["test_holds"]]


def test_a_name_that_is_none_is_refused(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "nothing", "--tests", str(tests)]) == 2
    assert "unknown property 'nothing'" in capsys.readouterr().err
    assert run(["explore", "--tests", str(tests / "nowhere")]) == 2
