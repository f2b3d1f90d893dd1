"""Crystals beside a sheared melt: the melt flows, the crystal moves as one, and a flow that melts it is a failure."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nakaya.core.errors import ParameterError
from nakaya.md import growth as growing
from nakaya.md.campaigns.campaign import run_hash
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.growth import GrowthRun
from nakaya.md.lammps import scripts
from nakaya.md.lammps.program import Log
from nakaya.md.lammps.workspace import FinishedRun
from nakaya.md.potentials import MATERIALS, Material
from nakaya.md.shear import velocity_gradient, without_flow
from nakaya.md.summary import growth_from_records
from nakaya.md.tables import MaterialTable
from nakaya.md.trajectories.dump import read_dump
from nakaya.md.trajectories.frames import BOLTZMANN, Frame
from nakaya.records.record import Record, has_result
from nakaya.records.store import RecordStore, check_record
from support.lammps import skip_without_lammps

AL = MATERIALS["Al"]
RATE = 2e11  # 1/s
TEMPERATURE = 830.0
EDGE = 4.127e-10  # m, aluminium at 830 K
TABLE = MaterialTable("Al", 929.0, math.nan, lattice_parameter=lambda _: EDGE)
RUN = GrowthRun(
    AL, "100", TEMPERATURE, seed=1, width=11.0, length=100.0, equilibration_ps=3.0, duration_ps=8.0, shear_rate=RATE
)


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A small growth run of 900 atoms beside a melt that is sheared fast."""
    skip_without_lammps()
    folder = tmp_path_factory.mktemp("growth")
    return RUN.execute(folder, TABLE), folder / "growth"


def test_the_melt_flows_at_the_rate_and_the_crystal_does_not(growth: tuple[Record, Path]) -> None:
    record, folder = growth
    check_record(record)
    assert record.id == "growth-Al-100-830K-shear2e+11-s1"
    assert record.conditions["shear_rate"].value == RATE
    frames = list(read_dump(folder / "frames.dump", lammps_units="metal", elements=["Al"]))
    assert len(frames) == 9
    # 300 atoms and more, 25 A and more high: errors of a gradient of one frame are 5 / (sqrt(300 / 12) 25), 1/ps.
    error = 5 / (math.sqrt(300 / 12) * 25) / math.sqrt(len(frames))
    melt = np.mean([velocity_gradient(frame, normal=2, low=0.5, high=0.8) for frame in frames])
    assert melt == pytest.approx(RATE * 1e-12, abs=4 * error)
    crystal = np.mean([velocity_gradient(frame, normal=2, low=0.0, high=0.3) for frame in frames])
    assert crystal == pytest.approx(0.0, abs=4 * error)
    assert record.quantities["melt_shear_rate"].value == pytest.approx(RATE, abs=4 * error * 1e12)
    assert max(abs(frame.cell[2, 0]) for frame in frames) <= 0.51 * frames[0].cell[0, 0]  # it flips


def test_the_temperature_beside_the_flow_is_that_of_the_bath(growth: tuple[Record, Path]) -> None:
    record, folder = growth
    # Viscous heat, eta rate^2 = 6e19 W/m^3, against a bath of 1 ps: 20 K, and as much from the growth.
    assert record.quantities["mean_temperature"].value == pytest.approx(TEMPERATURE, rel=0.06)
    frames = read_dump(folder / "frames.dump", lammps_units="metal", elements=["Al"])
    kelvins = [without_flow(frame, normal=2).temperature() for frame in frames]
    assert np.mean(kelvins) == pytest.approx(TEMPERATURE, rel=0.08)
    assert record.quantities["viscosity"].value > 0


def flowing(flow: NDArray[np.float64], rng: np.random.Generator, atoms: int = 400) -> Frame:
    """Thermal velocities at 830 K, and a flow that is the same all over a slice: as many slices as it has numbers."""
    cell = np.diag([12.0, 12.0, 5.0 * len(flow)])
    fractions = rng.uniform(size=(atoms, 3))
    velocities = rng.normal(0, math.sqrt(BOLTZMANN * TEMPERATURE / AL.mass), (atoms, 3))
    velocities[:, 0] += flow[(fractions[:, 2] * len(flow)).astype(int)]
    return Frame(0, 0.0, fractions @ cell, cell, np.full(atoms, "Al"), velocities)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12), st.integers(0, 99))
def test_what_slices_have_in_common_is_no_heat(flow: list[float], seed: int) -> None:
    at_rest, moved = (
        without_flow(flowing(scale * np.array(flow), np.random.default_rng(seed)), normal=2).velocities
        for scale in (0.0, 1.0)
    )
    assert moved == pytest.approx(at_rest, abs=1e-9)


def test_temperatures_without_the_flow_are_not_biased() -> None:
    rng = np.random.default_rng(5)
    kelvins = [without_flow(flowing(np.linspace(0, 9, 20), rng), normal=2).temperature() for _ in range(200)]
    # Two hundred frames of 400 atoms: sqrt(2 / (3 400 200)) = 0.3 %; without the stretching it would be 1.7 % too cold.
    assert np.mean(kelvins) == pytest.approx(TEMPERATURE, rel=4 * 0.003)


class Stage:
    """Stands in for LAMMPS: frames with a crystal that keeps its size, or melts."""

    def __init__(self, *, melts: bool) -> None:
        self.melts = melts
        self.text = ""

    def __call__(
        self, folder: Path, material: Material, positions: NDArray[np.float64], box: NDArray[np.float64], text: str
    ) -> FinishedRun:
        self.text = text
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        lines = []
        for number in range(9):
            part = 0.0 if self.melts and number > 4 else 0.4
            melt = positions[:, 2] > part * box[2]
            moved = np.where(melt[:, None], positions + rng.normal(0, 1.5, positions.shape), positions)
            lines += [f"ITEM: TIMESTEP\n{number}\nITEM: NUMBER OF ATOMS\n{len(moved)}\nITEM: BOX BOUNDS pp pp pp"]
            lines += [f"0 {side}" for side in box] + ["ITEM: ATOMS id type x y z vx vy vz"]
            velocities = rng.normal(0, 5.0, moved.shape)
            lines += [
                f"{n} 1 {x} {y} {z} {u + RATE * 1e-12 * z} {v} {w}"
                for n, ((x, y, z), (u, v, w)) in enumerate(zip(moved, velocities, strict=True), 1)
            ]
        (folder / "frames.dump").write_text("\n".join(lines) + "\n")
        columns = {"Temp": TEMPERATURE, "c_across": TEMPERATURE, "Pxz": -3000.0}
        table = {name: np.full(5, value) for name, value in columns.items()}
        return FinishedRun(folder, Log((table,) * 8), material)


@pytest.mark.parametrize("melts", [False, True])
def test_a_flow_that_melts_the_crystal_is_a_failed_run_with_the_reason(
    melts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_lammps()  # its potential
    stage = Stage(melts=melts)
    monkeypatch.setattr(growing, "simulate", stage)
    record = RUN.execute(tmp_path, TABLE)
    assert (record.status == "failed") == melts
    reasons = [flag for flag in record.flags if flag.startswith("a shear rate of 2e+11 1/s melted the crystal")]
    assert len(reasons) == int(melts)
    assert has_result(record, "growth_velocity") != melts
    assert record.quantities["viscosity"].value == pytest.approx(3000e5 / RATE)
    # Above the melting point, or in a melt at rest, a crystal that vanishes is no fault of a flow.
    for number, run in enumerate((replace(RUN, temperature=940.0), replace(RUN, shear_rate=0.0))):
        again = run.execute(tmp_path / str(number), TABLE)
        assert again.status != "failed"


@pytest.mark.parametrize("rate", [0, 0.0])
def test_a_run_at_no_shear_rate_is_a_run_at_rest(rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_lammps()
    stage = Stage(melts=False)
    monkeypatch.setattr(growing, "simulate", stage)
    at_rest = replace(RUN, shear_rate=rate)
    record = at_rest.execute(tmp_path, TABLE)
    assert "deform" not in stage.text
    assert "shear_rate" not in record.conditions
    assert "viscosity" not in record.quantities
    assert at_rest.id == "growth-Al-100-830K-s1"
    assert run_hash(at_rest) != run_hash(RUN)


def test_the_bath_of_a_sheared_run_acts_across_the_flow_alone() -> None:
    options: dict[str, Any] = {
        "temperature": TEMPERATURE, "num_solid": 100, "equilibration_ps": 5.0, "duration_ps": 8.0, "frame_ps": 1.0,
        "seed": 1,
    }  # fmt: skip
    text = scripts.sheared_growth(AL, Path("p"), **options, shear_rate=RATE, solid_length=0.3)
    before, after = text.split("change_box all triclinic\n")
    assert before.startswith(scripts.growth(AL, Path("p"), **options).split("# Each")[0][:500])
    assert "fix_modify bath temp across" in after
    assert "temp/partial 0 1 1" in after
    assert "sllod" not in after


def test_a_plan_has_sheared_growth_runs_and_other_rates_are_refused(tmp_path: Path) -> None:
    plan = (
        'version = 1\n[[growth]]\nmaterial = "Al"\norientation = "100"\ntemperatures = [830]\ndurations_ps = [30]\n'
        "shear_rates = [0, 1e10]\n"
    )
    (tmp_path / "plan.toml").write_text(plan)
    assert [run.id for run in read_plan(tmp_path / "plan.toml")] == [
        "growth-Al-100-830K-s0",
        "growth-Al-100-830K-shear1e+10-s0",
    ]
    with pytest.raises(ParameterError, match="shear_rate"):
        replace(RUN, shear_rate=1e6)


def test_summaries_of_records_do_not_mix_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_lammps()
    monkeypatch.setattr(growing, "simulate", Stage(melts=False))
    store = RecordStore(tmp_path / "store", create=True)
    store.add(RUN.execute(tmp_path / "one", TABLE))
    store.add(replace(RUN, shear_rate=0.0, seed=7).execute(tmp_path / "other", TABLE))
    assert growth_from_records(tmp_path / "store", "Al", "100", TEMPERATURE)["seeds"] == [7]
    assert growth_from_records(tmp_path / "store", "Al", "100", TEMPERATURE, shear_rate=RATE)["seeds"] == [1]
    with pytest.raises(ParameterError, match=r"at 830 K and 1e\+10 1/s"):
        growth_from_records(tmp_path / "store", "Al", "100", TEMPERATURE, shear_rate=1e10)
