"""An electric field moves ions of molten sodium chloride; it is refused where nothing carries a charge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.md import ingest
from nakaya.md.electric_field import check_charges
from nakaya.md.trajectories.dump import read_dump
from nakaya.records.store import check_record, load_records
from support.lammps import needs_lammps

# Fumi & Tosi (1964), J. Phys. Chem. Solids 25, 31: A, rho, sigma, C and D of Born, Mayer and Huggins in eV and A. The
# model melts where sodium chloride does, near 1070 K (Aragones and others 2012, J. Chem. Phys. 137, 104507).
SALT = """\
pair_style born/coul/long 6.0
pair_coeff 1 1 0.2637 0.317 2.340 1.0486 -0.4993
pair_coeff 1 2 0.2110 0.317 2.755 6.9906 -8.6758
pair_coeff 2 2 0.1582 0.317 3.170 72.402 -145.43
kspace_style ewald 1e-4"""
GAS = "pair_style zero 6.0\npair_coeff * *"
DRIVE = "fix drive all efield ${electric_field} 0 0"

INPUT = """\
units metal
atom_style charge
lattice custom 6.4 a1 1 0 0 a2 0 1 0 a3 0 0 1 &
  basis 0 0 0 basis 0.5 0.5 0 basis 0.5 0 0.5 basis 0 0.5 0.5 &
  basis 0.5 0 0 basis 0 0.5 0 basis 0 0 0.5 basis 0.5 0.5 0.5
region box block 0 2 0 2 0 2
create_box 2 box
create_atoms 1 box basis 5 2 basis 6 2 basis 7 2 basis 8 2
mass 1 22.98977
mass 2 35.453
set type 1 charge {charge}
set type 2 charge -{charge}
{pair}
timestep 0.001
velocity all create 4000 1 mom yes
fix move all nve
fix bath all langevin 2500 1500 0.1 2 zero yes
run {steps}
unfix bath
fix bath all langevin 1500 1500 0.1 3 zero yes
{drive}
reset_timestep 0
dump melt all custom 20 melt.dump id type {columns} x y z vx vy vz
run {steps}
"""
FIELD = 5e9
"""V/m: half a volt per angstrom, so that the drift of 64 ions exceeds the thermal noise of their mean."""


def words(folder: Path, field: float, **parts: str) -> list[str]:
    """The command on an input of its own."""
    given = {"charge": "1", "pair": GAS, "drive": DRIVE, "columns": "q", "steps": "60", **parts}
    (folder / "in.salt").write_text(INPUT.format(**given))
    options = "--dump melt.dump --elements Na,Cl --lammps-units metal --time-step 0.001 --structure fcc"
    return [
        "md", "run", str(folder / "in.salt"), *options.split(), "--electric-field", f"{field:g}",
        "--out", str(folder / "salt"),
    ]  # fmt: skip


def keep_dump(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy the dump before the folder of the run is removed."""

    def copying(dump: Path, *rest: Any) -> None:
        place.write_bytes(dump.read_bytes())
        check_charges(dump, *rest)

    monkeypatch.setattr(ingest, "check_charges", copying)


@needs_lammps
def test_ions_of_a_salt_drift_along_the_field_and_against_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_dump(tmp_path / "copy.dump", monkeypatch)
    assert run(words(tmp_path, FIELD, pair=SALT, steps="600")) == 0
    (record,) = load_records(tmp_path / "salt")
    check_record(record)
    assert record.conditions["electric_field"].value == FIELD
    assert record.composition == {"Cl": 0.5, "Na": 0.5}
    frames = list(read_dump(tmp_path / "copy.dump", lammps_units="metal", elements=["Na", "Cl"]))[5:]
    currents = np.array([(frame.extra["q"] * frame.velocities[:, 0]).mean() for frame in frames])  # type: ignore[index]
    # Thermal velocities of 7 A/ps, 64 ions, and five or more independent moments in 0.5 ps.
    assert currents.mean() > 4 * 7 / np.sqrt(64) / np.sqrt(5)


@needs_lammps
@pytest.mark.parametrize(
    ("parts", "said"), [({"charge": "0"}, "neutral atoms"), ({"columns": ""}, "no column q")], ids=["neutral", "untold"]
)
def test_a_field_on_neutral_atoms_is_refused_in_one_line(
    parts: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words(tmp_path, FIELD, **parts)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "salt").exists()


@pytest.mark.parametrize(
    ("field", "parts", "said"),
    [
        (FIELD, {"drive": ""}, "would not act"),
        (FIELD, {"drive": f"# {DRIVE}"}, "would not act"),
        (FIELD, {"drive": "fix drive all efield 0.5 0 0"}, "would not act"),
        (1e13, {}, "is outside [100000, 1e+10]: it is the electric field, in V/m"),
        (-1e9, {}, "is outside [100000, 1e+10]: it is the electric field, in V/m"),
    ],
)
def test_a_field_that_would_not_act_or_cannot_be_is_refused_in_one_line(
    field: float, parts: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words(tmp_path, field, **parts)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_inputs_in_other_units_get_no_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([word if word != "metal" else "si" for word in words(tmp_path, FIELD)]) == 2
    assert "metal or real, not si" in capsys.readouterr().err
