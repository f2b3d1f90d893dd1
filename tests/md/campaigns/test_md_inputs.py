"""What a user may get wrong about molecular dynamics is one line and exit status 2, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.provenance import sha256_of_file
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.lammps.program import find_lammps
from nakaya.md.potentials import Material, find_material
from nakaya.md.summary import melting_summary
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a potential, and a LAMMPS that fails whatever it is asked."""
    program = tmp_path / "lmp"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    (tmp_path / "potential.txt").write_text("a potential")
    monkeypatch.setenv("NAKAYA_LMP", str(program))
    find_lammps.cache_clear()
    yield tmp_path
    find_lammps.cache_clear()


GROW = ["md", "grow", "--orientation", "100", "--temperature", "800"]
MELT = ["md", "melting-point"]
PROPERTIES = ["md", "properties", "--temperature", "800"]
NUCLEATE = ["md", "nucleate", "--temperature", "500"]


def nickel(place: Path) -> list[str]:
    words = ["--material", "Ni", "--pair-style", "eam/fs", "--potential", str(place / "potential.txt")]
    return [*words, "--structure", "fcc", "--lattice-parameter", "3.6", "--out", str(place / "out")]


@pytest.mark.parametrize(
    "words",
    [
        [*GROW, "--temperature", "nan"],
        [*GROW, "--temperature", "inf"],
        [*GROW, "--temperature", "-5"],
        [*GROW, "--duration", "nan"],
        [*GROW, "--duration", "0"],
        [*GROW, "--width", "nan"],
        [*GROW, "--length", "nan"],
        [*GROW, "--length", "1e9"],
        [*GROW, "--orientation", "1 0 10"],
        [*GROW, "--orientation", "991"],
        [*GROW, "--orientation", "10-10"],
        [*GROW, "--axial-ratio", "1.6"],
        [*GROW, "--structure", "rocksalt"],
        [*GROW, "--structure", "hcp"],
        [*GROW, "--structure", "hcp", "--orientation", "10-11"],
        [*GROW, "--structure", "hcp", "--orientation", "0001", "--axial-ratio", "nan"],
        [*MELT, "--length", "nan"],
        [*MELT, "--length", "20"],
        [*MELT, "--duration", "nan"],
        [*MELT, "--orientation", "991"],
        [*MELT, "--structure", "hcp", "--axial-ratio", "-1"],
        [*PROPERTIES, "--temperature", "nan"],
        [*PROPERTIES, "--temperature", "800"],
        [*PROPERTIES, "--duration", "-1"],
        [*NUCLEATE, "--temperature", "nan"],
        [*NUCLEATE, "--duration", "nan"],
    ],
    ids=" ".join,
)
def test_numbers_that_make_no_sense(place: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    guess = "--guess" if "melting-point" in words else "--melting-point"
    of = nickel(place)
    if "--structure" in words:
        del of[of.index("--structure") : of.index("--structure") + 2]
    assert run([*words, *of, guess, "1700"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(place.glob("*out*"))


@pytest.mark.parametrize("words", [GROW, MELT, PROPERTIES, NUCLEATE], ids=lambda words: words[1])
def test_a_potential_with_another_hash_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    guess = "--guess" if "melting-point" in words else "--melting-point"
    known = [*words, *nickel(place), guess, "1700", "--potential-sha256"]
    assert run([*known, "0" * 64]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert sha256_of_file(place / "potential.txt") in error
    assert run([*known, "abc"]) == 2
    assert "64 hexadecimal digits" in capsys.readouterr().err
    assert not list(place.glob("*out*"))


def test_the_right_hash_lets_a_run_begin(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*GROW, "--seeds", "1", "--duration", "5", *nickel(place), "--melting-point", "1700"]
    digest = sha256_of_file(place / "potential.txt").upper()
    assert run([*words, "--potential-sha256", digest]) == 1  # it began, and this LAMMPS fails
    found = capsys.readouterr()
    assert "no velocity" in found.out
    assert "exit status 1" in found.out
    assert "GB of memory a run" in found.out


def test_the_hash_of_a_potential_does_not_change_what_a_run_is(place: Path) -> None:
    potential = place / "potential.txt"
    given: dict[str, object] = {
        "pair_style": "eam/fs", "potential": str(potential), "structure": "fcc", "lattice_parameter": 3.6,
        "melting_point": 1700.0,
    }  # fmt: skip
    checked = find_material("Ni", **given, potential_sha256=sha256_of_file(potential))  # type: ignore[arg-type]
    assert checked == find_material("Ni", **given)  # type: ignore[arg-type]
    assert isinstance(checked, Material)


def test_plans_check_the_hash(place: Path) -> None:
    plan = place / "plan.toml"
    text = (
        'version = 1\n[[properties]]\nmaterial = "Ni"\npair_style = "eam/fs"\nstructure = "fcc"\n'
        f'lattice_parameter = 3.6\nmelting_point = 1700.0\ntemperatures = [800]\npotential = "{place}/potential.txt"\n'
    )
    plan.write_text(f'{text}potential_sha256 = "{sha256_of_file(place / "potential.txt")}"\n')
    assert len(read_plan(plan)) == 1
    plan.write_text(f'{text}potential_sha256 = "{"1" * 64}"\n')
    with pytest.raises(FormatError, match="another version"):
        read_plan(plan)
    plan.write_text(f'{text}potential_sha256 = "short"\n')
    with pytest.raises(ParameterError):
        read_plan(plan)


@pytest.mark.parametrize(("error", "status"), [(5.0, "ok"), (180.0, "flagged")])
def test_a_melting_point_from_fronts_that_still_moved_is_flagged(error: float, status: str) -> None:
    record = Record(
        id="melting",
        kind="md",
        material="Si",
        orientation="100",
        conditions={
            DRIVING_FORCE: Quantity(np.array(0.0), "1"),
            "box_length": Quantity(np.array(1e-8), "m"),
        },
        quantities={
            "melting_temperature": Quantity(np.array(1670.0), "K", uncertainty=np.array(error)),
            "drift_term": Quantity(np.array(error), "K"),
            "drift_term_averaged_rule": Quantity(np.array(error), "K"),
        },
        provenance=Provenance(source="made up", seeds=(0,)),
    )
    summary = melting_summary([record])
    assert summary["status"] == status
    assert bool(summary["flags"]) == (status == "flagged")
