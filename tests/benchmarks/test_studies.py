"""Studies run from a checkout: each explains itself, and `nakaya` says where a command went that became one."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import PROGRAM, STUDIES, run
from nakaya.cli.app import run as run_nakaya
from nakaya.cli.moved import MOVED


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"{PROGRAM} {name}" in text.split("Usage:")[-1]
    assert "Example" in text


@pytest.mark.parametrize(("words", "study"), MOVED.items())
def test_what_became_a_study_is_refused_with_the_words_to_type_now(
    words: str, study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study in STUDIES
    assert run_nakaya(words.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.endswith(f"runs from a checkout now: {PROGRAM} {study}\n")


def test_errors_of_studies_are_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["loops", "--folder", "x"]) == 2
    assert capsys.readouterr().err == f"nakaya: No such option: --folder; see {PROGRAM} loops --help\n"
    assert run(["lops"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
