"""Shear rates on the command line: comparisons of rates that are there, and refusals in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.records.record import single
from nakaya.records.store import RecordStore
from support.synthetic_nucleation import synthetic_quenches

RATE = 3e35
"""1/(m^3 s) at rest."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quenches of copper at rest, in a flow that changes nothing, and in one that leaves a tenth of the rate."""
    found = RecordStore(tmp_path_factory.mktemp("records") / "store", create=True)
    for shear_rate, rate in ((0.0, RATE), (1e10, RATE), (1e11, RATE / 10)):
        for record in synthetic_quenches("Cu", 630.0, rate, seeds=range(20)):
            sheared = {"shear_rate": single(shear_rate, "1/s")} if shear_rate else {}
            atoms = {"num_atoms": single(4000.0, "1")}
            conditions = {**record.conditions, **atoms, **sheared}
            found.add(replace(record, id=f"{record.id}-{shear_rate:g}", conditions=conditions))
    return found.path


def test_rates_at_several_shear_rates_are_compared(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["md", "nucleate", "--material", "Cu", "--temperature", "630", "--from-records", str(store)]
    assert run(words) == 0
    rest, same, slow = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Cu at 630 K"))
    assert "times the first" not in rest
    assert "1e+10 1/s: J = " in same
    assert same.endswith("not resolved")
    assert "times the first" in slow
    assert not slow.endswith("not resolved")
    assert run([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["shear_rates"]
    assert [row["shear_rate_per_s"] for row in rows] == [0.0, 1e10, 1e11]
    assert [row.get("is_resolved") for row in rows] == [None, False, True]
    low, high = rows[2]["ratio_interval90"]
    assert low < 0.1 < high


def test_temperatures_without_quenches_are_named(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["md", "nucleate", "--material", "Cu", "--temperature", "700", "--from-records", str(store)]
    assert run(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no quenches of Cu at 700 K" in line
    assert "has 630 K" in line


@pytest.mark.parametrize(
    "words",
    [
        "nucleate --material Al --temperature 440 --shear-rate 1e13",
        "nucleate --material Al --temperature 440 --shear-rate 0 --shear-rate 1000",
        "grow --material Al --orientation 100 --temperature 830 --shear-rate -1e10",
    ],
)
def test_shear_rates_that_cannot_be_are_refused_in_one_line(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["md", *words.split(), "--out", str(tmp_path / "new")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is outside [1e+07, 1e+12]: it is the shear rate, in 1/s" in line
    assert not (tmp_path / "new").exists()


def test_a_shear_rate_comes_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "md nucleate --material Al --temperature 440 --shear-rate 1e10 --shear-rate 1e10 --out"
    assert run([*words.split(), str(tmp_path / "new")]) == 2
    assert "each once" in capsys.readouterr().err
