"""Commands where LAMMPS is not installed: those that need it say how to get it, those that do not work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.md import potentials
from nakaya.md.lammps import program as lammps
from nakaya.md.lammps.program import find_lammps

PLAN = 'version = 1\n[[growth]]\nmaterial = "Cu"\norientation = "100"\ntemperatures = [1200]\ndurations_ps = [25]\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, on a machine whose PATH and environment hold no `lmp`."""
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setattr(lammps.sysconfig, "get_path", lambda name: str(empty))
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.delenv("NAKAYA_LMP", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    find_lammps.cache_clear()
    yield work
    find_lammps.cache_clear()


@pytest.mark.parametrize("potentials_too", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        "md grow --material Cu --orientation 100 --temperature 1200 --seeds 1 --out new",
        "md melting-point --material Cu --out new",
        "md properties --material Cu --temperature 1200 --out new",
        "md nucleate --material Cu --temperature 650 --seeds 1 --out new",
        "md seed --material Cu --temperature 900 --size 100 --out new",
        "md campaign run plan.toml --out new",
        "md run in.mine --dump mine.dump --elements Cu --lammps-units metal --time-step 0.002 --out new",
    ],
)
def test_one_line_says_how_to_install_it_and_nothing_is_left(
    words: str, potentials_too: bool, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if potentials_too:  # its package is not there at all
        monkeypatch.setattr(potentials, "find_spec", lambda name: None)
    (place / "plan.toml").write_text(PLAN)
    (place / "in.mine").write_text("run 0\n")
    assert run(words.split()) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert 'pip install "nakaya[md]"' in line
    assert {path.name for path in place.iterdir()} == {"plan.toml", "in.mine"}


def test_predictions_need_none(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn", reason='models of kinetics need the extra "ml"')
    monkeypatch.setattr(potentials, "find_spec", lambda name: None)
    words = ["predict", "--material", "Cu", "--orientation", "100", "--temperature", "1200", "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["growth_velocity"]["value"] > 0
