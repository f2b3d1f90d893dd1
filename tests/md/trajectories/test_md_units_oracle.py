"""LAMMPS itself says which temperature, volume, energy and time its dumps have, in every style of units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nakaya.md.lammps.program import run_lammps
from nakaya.md.trajectories.dump import LAMMPS_UNITS, read_dump
from support.lammps import skip_without_lammps

MASS = {  # of copper, in the unit of each style: g/mol, kg, g, pg, ag
    "metal": 63.546, "real": 63.546, "electron": 63.546, "si": 1.0552e-25, "cgs": 1.0552e-22, "micro": 1.0552e-10,
    "nano": 1.0552e-4,
}  # fmt: skip

SCRIPT = """
units {units}
boundary p p p
lattice fcc {edge}
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 box
mass 1 {mass}
pair_style zero {cut}
pair_coeff * *
velocity all create 600 4711 mom yes
timestep {step}
compute kinetic all ke/atom
thermo_style custom step temp vol time
thermo_modify format float %.10g
fix still all nve
dump d all custom 1 run.dump id type x y z vx vy vz c_kinetic
dump_modify d units yes time yes format float %.10g
run 1
"""


@pytest.mark.parametrize("units", list(LAMMPS_UNITS))
def test_dumps_have_the_temperature_volume_energy_and_time_of_the_program(tmp_path: Path, units: str) -> None:
    skip_without_lammps()
    style = LAMMPS_UNITS[units]
    edge, step = 3.7 / style.length, 0.001 / style.time
    text = SCRIPT.format(units=units, edge=edge, cut=0.1 * edge, mass=MASS[units], step=step)
    if units not in ("metal", "real", "electron"):
        text = text.replace("pair_style", "neighbor 0 bin\npair_style")
    (tmp_path / "in.lammps").write_text(text)
    run_lammps(tmp_path)
    first, second = read_dump(tmp_path / "run.dump", elements=["Cu"])
    assert first.temperature() == pytest.approx(600, rel=2e-4)  # the constants of LAMMPS are those of CODATA 2006
    assert abs(np.linalg.det(first.cell)) == pytest.approx((4 * 3.7) ** 3, rel=1e-6)
    assert first.time_ps is not None
    assert second.time_ps == pytest.approx(first.time_ps + 0.001, rel=1e-6)
    # Energies of atoms are in one unit of the style, whatever computes them: 3/2 kT, less the drift, on average.
    mean = float(first.extra["c_kinetic"].mean()) * style.energy
    assert mean == pytest.approx(1.5 * 8.617333262e-5 * 600 * 255 / 256, rel=2e-4)
    # What an atom moved in one step is its velocity times that step.
    moved = second.positions - first.positions
    moved -= np.round(moved @ np.linalg.inv(first.cell)) @ first.cell
    assert first.velocities is not None
    assert moved == pytest.approx(first.velocities * 0.001, abs=2e-5)
