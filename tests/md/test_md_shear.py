"""Sheared melts: what flows, how hot it is beside the flow, what rates differ; and a melt at rest is what it was."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from nakaya.core.errors import NakayaError, ParameterError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.crystallography.lattices import build_crystal
from nakaya.md import nucleation as quenches
from nakaya.md.campaigns.campaign import run_hash
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.lammps import scripts
from nakaya.md.lammps.program import Log, read_log
from nakaya.md.lammps.workspace import FinishedRun
from nakaya.md.nucleation import NucleationRun, nucleation_rate
from nakaya.md.order.neighbours import nearest_neighbours
from nakaya.md.potentials import MATERIALS, Material, potential_file
from nakaya.md.shear import flow_flags, flow_quantities, velocity_gradient
from nakaya.md.statistics import rate_ratio
from nakaya.md.summary import shear_summary
from nakaya.md.tables import MaterialTable
from nakaya.md.trajectories.dump import read_dump
from nakaya.md.trajectories.frames import BOLTZMANN, Frame
from nakaya.records.record import DRIVING_FORCE, Provenance, Record, single
from nakaya.records.store import check_record, load_records
from nakaya.records.summary import summarise_record
from support.lammps import skip_without_lammps

RATE = 5e11  # 1/s: within 10 ps the box flips five times
HOT = 900.0  # K
RUN_PS = 14.0
ROUNDING = 1e-9
DIGITS = 1e-5  # A: the dump has six digits of fractions


class Captured(Exception):
    """What a run would have been asked."""


def script_of(run: NucleationRun, monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    """The input that a run gives to LAMMPS."""

    def capture(place: Path, material: object, positions: object, box: object, text: str) -> None:
        raise Captured(text)

    monkeypatch.setattr(quenches, "simulate", capture)
    with pytest.raises(Captured) as caught:
        run.execute(folder, MaterialTable("Al", 929.0, math.nan))
    return str(caught.value)


INPUTS_AT_REST = {
    "nucleation": {
        "Al": "f3498bcc303b0cef8439b100eb355c0b81fa0007d61a2c7c3b609b31c1f83e2b",
        "Cu": "3fff3761c729872ac812e2896a80b51c27fb474e265477b665d21c2b1b9bce04",
        "Si": "4ed4b5acc7f0b7ae98d04ad3835bc9504ad604132ae4d1a2c14e608c537a7433",
    },
    "growth": {
        "Al": "ca5bb89f34921af239380949c397f26c40423df8953d7182e9981972e74d6f07",
        "Cu": "1185b53e2647bb4d5197a2a74bb76700a514ddc971c6bf1275b4e915056d4f5d",
        "Si": "d99038ce77a7809f3ef62d8cb0f43a260cdc76d7ba821e033bcbe2dd8b7efc1c",
    },
}
"""sha256 of inputs as they were before melts could be sheared."""


@pytest.mark.parametrize("name", ["Al", "Cu", "Si"])
def test_inputs_of_melts_at_rest_are_what_they_were(name: str) -> None:
    options: dict[str, Any] = {"temperature": 440.0, "duration_ps": 300.0, "frame_ps": 1.0, "seed": 3}
    potential = Path("x.eam.fs")
    texts = {
        "nucleation": scripts.nucleation(MATERIALS[name], potential, **options),
        "growth": scripts.growth(MATERIALS[name], potential, **options, num_solid=100, equilibration_ps=10.0),
    }
    for protocol, text in texts.items():
        assert sha256_of_bytes(text.encode()) == INPUTS_AT_REST[protocol][name]


@pytest.mark.parametrize("rate", [0, 0.0, -0.0])
def test_a_run_at_no_shear_rate_is_a_run_at_rest(rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_lammps()
    material = MATERIALS["Al"]
    run = NucleationRun(material, 440.0, 3, duration_ps=300.0, shear_rate=rate)
    at_rest = scripts.nucleation(
        material, potential_file(material)[0], temperature=440.0, duration_ps=300.0, frame_ps=1.0, seed=3
    )
    assert script_of(run, monkeypatch, tmp_path) == at_rest
    shipped = next(entry for entry in load_records("al-cu-si") if entry.id == "nucleation-Al-440K-s3")
    assert run.id == shipped.id
    assert run_hash(run) == shipped.provenance.settings["run_sha256"]


def test_a_shear_rate_is_part_of_the_name_the_hash_and_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_lammps()
    runs = [NucleationRun(MATERIALS["Al"], 440.0, 0, shear_rate=rate) for rate in (0.0, 1e10, 3e10)]
    assert [run.id for run in runs][1:] == ["nucleation-Al-440K-shear1e+10-s0", "nucleation-Al-440K-shear3e+10-s0"]
    assert len({run_hash(run) for run in runs}) == 3
    texts = [script_of(run, monkeypatch, tmp_path) for run in runs]
    assert "xy erate/rescale 0.01 remap v" in texts[1]
    assert "langevin" in texts[1].split("run 1000\n")[0]  # the melt takes its volume with the bath of a melt at rest,
    assert "langevin" not in texts[1].split("run 1000\n")[1]  # which would damp the flow
    assert texts[1].replace("0.01", "0.03") == texts[2]


@pytest.mark.parametrize("rate", [-1e10, 1e6, 2e12, math.nan])
def test_other_shear_rates_are_refused_in_one_line(rate: float, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"shear_rate=.* is outside \[1e\+07, 1e\+12\]") as caught:
        NucleationRun(MATERIALS["Al"], 440.0, shear_rate=rate)
    assert "\n" not in str(caught.value)
    (tmp_path / "plan.toml").write_text(
        f'version = 1\n[[nucleation]]\nmaterial = "Al"\ntemperatures = [440]\nshear_rates = [{rate}]\n'
    )
    with pytest.raises(NakayaError, match="shear_rate"):
        read_plan(tmp_path / "plan.toml")


def test_a_plan_has_a_run_for_every_shear_rate(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        'version = 1\n[[nucleation]]\nmaterial = "Al"\ntemperatures = [440, 465]\nshear_rates = [0, 1e11]\nseeds = 2\n'
    )
    runs = read_plan(tmp_path / "plan.toml")
    assert len(runs) == 8
    assert {run.shear_rate for run in runs if isinstance(run, NucleationRun)} == {0.0, 1e11}


def test_the_example_compares_four_shear_rates_with_twenty_quenches_each() -> None:
    runs = read_plan(Path(__file__).resolve().parents[2] / "examples" / "shear.toml")
    counts = Counter((run.temperature, run.shear_rate) for run in runs if isinstance(run, NucleationRun))
    assert counts == {(440.0, rate): 20 for rate in (0.0, 1e10, 3e10, 1e11)}
    shipped = {record.id: record for record in load_records("al-cu-si")}
    known = [run for run in runs if run.id in shipped]
    assert len(known) == 10


@pytest.fixture(scope="module")
def melt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A sheared melt of 256 atoms of aluminium, too hot to freeze."""
    skip_without_lammps()
    folder = tmp_path_factory.mktemp("melt")
    run = NucleationRun(MATERIALS["Al"], HOT, 1, 4, RUN_PS, RATE)
    return run.execute(folder, MaterialTable("Al", 929.0, math.nan)), folder / "quench"


def sheared_frames(folder: Path) -> list[Frame]:
    """The frames from two picoseconds after the start of the flow on."""
    frames = list(read_dump(folder / "frames.dump", lammps_units="metal", elements=["Al"]))
    return frames[round(scripts.RELAXATION_PS) + 2 :]


def test_the_box_is_strained_at_the_rate_that_was_asked_for(melt: tuple[Record, Path]) -> None:
    log = read_log(melt[1] / "log.lammps")
    times = log.column("Step") * MATERIALS["Al"].time_step_ps
    tilts, sides = log.column("Xy"), log.column("Lx")
    jumps = np.diff(tilts) < -0.5 * sides[1:]
    assert jumps.sum() >= 4  # flips: a tilt of half a side becomes one of minus half a side
    strain = np.cumsum(np.diff(tilts) + jumps * sides[1:]) / log.column("Ly")[1:]
    # Per interval of 0.1 ps the height of the box changes by 1e-3 at most.
    assert strain[-1] / (times[-1] - times[0]) == pytest.approx(RATE * 1e-12, rel=5e-3)


def test_the_melt_flows_at_that_rate_and_is_as_hot_as_the_bath_beside_the_flow(melt: tuple[Record, Path]) -> None:
    record, folder = melt
    check_record(record)
    assert record.conditions["shear_rate"].value == RATE
    assert record.status == "censored"  # and not failed: no crystal, and the flow that was asked for
    frames = sheared_frames(folder)
    height = frames[0].cell[1, 1]
    thermal = math.sqrt(BOLTZMANN * HOT / MATERIALS["Al"].mass)
    # Frames 1 ps apart are independent: the error of a slope through 256 thermal velocities.
    error = thermal / (height * math.sqrt(256 / 12)) / math.sqrt(len(frames))
    gradients = np.array([velocity_gradient(frame, normal=1) for frame in frames])
    assert gradients.mean() == pytest.approx(RATE * 1e-12, abs=4 * error)
    kelvins = [replace(frame, velocities=peculiar(frame)).temperature() for frame in frames]
    # T fluctuates by sqrt(2/3N) = 5 % a frame, and the thermostat holds its mean.
    assert np.mean(kelvins) == pytest.approx(HOT, rel=4 * 0.05 / math.sqrt(len(frames)))
    # With the flow it would be hotter by m (rate h)^2 / 36 k; the error of that is twice the one of the gradient.
    flow_heat = MATERIALS["Al"].mass * (RATE * 1e-12 * height) ** 2 / (36 * BOLTZMANN)
    surplus = np.mean([frame.temperature() for frame in frames]) - np.mean(kelvins)
    assert surplus == pytest.approx(flow_heat, rel=8 * error / (RATE * 1e-12))
    assert record.quantities["mean_temperature"].value == pytest.approx(HOT, rel=0.02)


def peculiar(frame: Frame) -> NDArray[np.float64]:
    """Velocities beside a flow of the rate that was asked for."""
    assert frame.velocities is not None
    found = frame.velocities.copy()
    found[:, 0] -= RATE * 1e-12 * ((frame.positions @ np.linalg.inv(frame.cell))[:, 1] % 1.0) * frame.cell[1, 1]
    return found


def test_the_viscosity_is_positive_and_that_of_a_metal(melt: tuple[Record, Path]) -> None:
    viscosity = melt[0].quantities["viscosity"]
    assert 3e-4 < viscosity.value < 3e-3  # Pa s; aluminium at rest has 1.3e-3 at 933 K, and thins
    assert viscosity.standard_error < 0.2 * viscosity.value


def test_no_two_atoms_of_a_tilted_frame_come_too_near(melt: tuple[Record, Path]) -> None:
    frames = sheared_frames(melt[1])
    assert {bool(abs(frame.cell[1, 0]) > 1.0) for frame in frames} >= {True}
    for frame in frames:
        _, vectors = nearest_neighbours(frame.positions, frame.cell, 1)
        # Atoms of a wrongly tilted box overlap at its side: the melt has its nearest neighbours at 2.7 A.
        assert np.linalg.norm(vectors, axis=-1).min() > 1.9


@pytest.mark.parametrize("turns", [-1, 0, 1, 2])
def test_a_crystal_in_a_tilted_box_has_the_distances_of_the_crystal(turns: int, tmp_path: Path) -> None:
    edge = 4.05
    positions, box = build_crystal("fcc", "100", edge, (4, 4, 4))
    cell = np.diag(box)
    cell[1, 0] = turns * edge  # the same crystal: the vector differs by one of the lattice
    scaled = positions @ np.linalg.inv(cell) % 1.0
    low, high = min(0.0, cell[1, 0]), box[0] + max(0.0, cell[1, 0])
    rows = "".join(f"{n} 1 {x:.9f} {y:.9f} {z:.9f}\n" for n, (x, y, z) in enumerate(scaled, 1))
    bounds = f"{low:.9f} {high:.9f} {cell[1, 0]:.9f}\n0 {box[1]:.9f} 0\n0 {box[2]:.9f} 0\n"
    (tmp_path / "a.dump").write_text(
        f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{len(scaled)}\nITEM: BOX BOUNDS xy xz yz pp pp pp\n{bounds}"
        f"ITEM: ATOMS id type xs ys zs\n{rows}"
    )
    (frame,) = read_dump(tmp_path / "a.dump", lammps_units="metal", elements=["Al"])
    assert frame.cell == pytest.approx(cell, abs=DIGITS)
    _, vectors = nearest_neighbours(frame.positions, frame.cell, 12)
    assert np.linalg.norm(vectors, axis=-1) == pytest.approx(edge / math.sqrt(2), abs=DIGITS)


@given(st.floats(-1, 1), st.floats(-5, 5), st.integers(-2, 2), st.integers(0, 99))
def test_the_gradient_is_that_of_the_flow_however_the_box_is_tilted(
    rate: float, drift: float, flips: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    cell = np.array([[20.0, 0, 0], [7.0 + 20.0 * flips, 25.0, 0], [0, 0, 30.0]])
    positions = rng.uniform(size=(50, 3)) @ cell
    velocities = np.zeros((50, 3))
    velocities[:, 0] = drift + rate * positions[:, 1]
    frame = Frame(0, 0.0, positions, cell, np.full(50, "Al"), velocities)
    assert velocity_gradient(frame, normal=1) == pytest.approx(rate, abs=ROUNDING)
    assert velocity_gradient(frame, normal=1, low=0.3, high=0.8) == pytest.approx(rate, abs=ROUNDING)
    assert math.isnan(velocity_gradient(replace(frame, velocities=None), normal=1))


def flow(rate: float, kelvin: float, *, asked: float = 1e11) -> list[str]:
    """What is odd about a flow of 12 frames whose gradients differ by 1 %."""
    gradients = rate * 1e-12 * (1 + 0.01 * np.cos(np.arange(12)))
    found = flow_quantities(np.full(50, -2000.0), np.full(50, kelvin), gradients, asked)
    assert found["viscosity"].value == pytest.approx(2000e5 / asked)
    return flow_flags(found, asked, 700.0)


def test_another_flow_and_another_temperature_are_said() -> None:
    assert flow(1e11, 705.0) == []
    assert flow(0.5e11, 700.0) == ["the melt flows at 5e+10 1/s instead of 1e+11 1/s"]
    assert flow(1e11, 800.0) == ["the melt was at 800 K beside the flow instead of 700 K"]


@pytest.mark.parametrize(
    ("gradient", "kelvin", "status"),
    [(RATE, HOT, "censored"), (0.0, HOT, "failed"), (RATE, 1.1 * HOT, "failed")],
    ids=["as asked", "no flow", "too hot"],
)
def test_a_quench_in_another_flow_is_a_failed_run(
    gradient: float, kelvin: float, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_lammps()  # its potential

    def stage(folder: Path, material: Material, positions: Any, box: Any, text: str) -> FinishedRun:
        folder.mkdir()
        rng = np.random.default_rng(0)
        lines = []
        for number in range(round(RUN_PS) + 1):
            lines += [f"ITEM: TIMESTEP\n{number}\nITEM: NUMBER OF ATOMS\n{len(positions)}\nITEM: BOX BOUNDS pp pp pp"]
            lines += [f"0 {side}" for side in box] + ["ITEM: ATOMS id type x y z vx vy vz"]
            moved, speeds = positions + rng.normal(0, 1.5, positions.shape), rng.normal(0, 0.1, positions.shape)
            speeds[:, 0] += gradient * 1e-12 * (moved[:, 1] % box[1])
            rows = enumerate(np.hstack([moved, speeds]).tolist(), 1)
            lines += [f"{n} 1 {' '.join(f'{value:.6f}' for value in row)}" for n, row in rows]
        (folder / "frames.dump").write_text("\n".join(lines) + "\n")
        steps = np.arange(0, RUN_PS, 0.1) / material.time_step_ps
        table = {"Step": steps, "Temp": np.full(len(steps), kelvin), "Pxy": np.full(len(steps), -5000.0)}
        return FinishedRun(folder, Log((table,)), material)

    monkeypatch.setattr(quenches, "simulate", stage)
    run = NucleationRun(MATERIALS["Al"], HOT, 1, 4, RUN_PS, RATE)
    record = run.execute(tmp_path, MaterialTable("Al", 929.0, math.nan))
    assert record.status == status
    assert any("the melt" in flag for flag in record.flags) == (status == "failed")
    assert record.quantities["viscosity"].value == pytest.approx(5000e5 / RATE)


def quench(seed: int, waited_ps: float, shear_rate: float, *, status: str = "ok") -> Record:
    sheared = {"shear_rate": single(shear_rate, "1/s")} if shear_rate else {}
    return Record(
        id=f"quench-{shear_rate:g}-{seed}",
        kind="md",
        material="Al",
        conditions={
            "temperature": single(440.0, "K"),
            "volume": single(2e-25, "m^3"),
            "num_atoms": single(4000.0, "1"),
            DRIVING_FORCE: single(1.4, "1"),
            **sheared,
        },
        quantities={"waiting_time": single(waited_ps * 1e-12, "s")},
        provenance=Provenance("made from numbers", seeds=(seed,)),
        status=status,  # type: ignore[arg-type]  # one of them
        flags=() if status == "ok" else ("a reason",),
    )


def waits(shear_rate: float, mean_ps: float, count: int = 20) -> list[Record]:
    """Quenches whose waiting times after 10 ps are the quantiles of an exponential law."""
    places = (np.arange(count) + 0.5) / count
    return [quench(seed, 10 - mean_ps * math.log(1 - place), shear_rate) for seed, place in enumerate(places)]


def test_quenches_of_several_shear_rates_give_no_single_rate() -> None:
    mixed = [quench(0, 20.0, 0.0), quench(1, 30.0, 1e10)]
    with pytest.raises(ParameterError, match="2 conditions"):
        nucleation_rate(mixed)
    total, _ = nucleation_rate(waits(1e10, 20.0))
    assert total.id == "nucleation-rate-Al-440K-shear1e+10"
    assert total.conditions["shear_rate"].value == 1e10
    assert "shear_rate 1e+10 1/s" in summarise_record(total)
    assert "shear_rate" not in nucleation_rate(waits(0.0, 20.0))[0].conditions


def test_ratios_of_rates_have_intervals_and_those_that_hold_one_are_not_resolved() -> None:
    records = [*waits(1e11, 200.0), *waits(0.0, 20.0), *waits(1e10, 21.0)]
    totals, summary = shear_summary([*records, quench(99, 20.0, 1e10, status="failed")])
    rest, slow, fast = summary["shear_rates"]
    assert [row["shear_rate_per_s"] for row in (rest, slow, fast)] == [0.0, 1e10, 1e11]
    assert "ratio" not in rest
    assert slow["ratio"] == pytest.approx(20 / 21)  # the waiting times of one are those of the other, stretched
    assert not slow["is_resolved"]
    assert fast["ratio"] == pytest.approx(0.1)
    assert fast["is_resolved"]
    low, high = fast["ratio_interval90"]
    assert low < 0.1 < high < 1
    assert len(totals) == 3
    assert any("1e+10 1/s: 1 of 21 quenches failed" in flag for flag in summary["flags"])
    with pytest.raises(ParameterError, match="2 materials and temperatures"):
        shear_summary([*records, replace(records[0], id="other", material="Cu")])


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.1, 10))
def test_the_interval_of_a_ratio_is_that_of_clopper_and_pearson_and_turns_over(
    first: int, second: int, exposure: float
) -> None:
    ratio, (low, high) = rate_ratio((first, second), (exposure, 1.0))
    back, (floor, ceiling) = rate_ratio((second, first), (1.0, exposure))
    for found, other in ((ratio, back), (low, ceiling), (high, floor)):
        assert math.isnan(found) == math.isnan(other)
        if 0 < found < math.inf:
            assert found * other == pytest.approx(1)
    if first + second:
        ends = stats.binomtest(first, first + second).proportion_ci(0.9, "exact")
        odds = [math.inf if end == 1 else end / (1 - end) / exposure for end in ends]
        assert [low, high] == pytest.approx(odds)
        assert low <= ratio <= high


def test_ratios_of_nothing_are_refused() -> None:
    arguments: Any
    for arguments in (((1, -1), (1.0, 1.0)), ((1, 1), (0.0, 1.0)), ((1, 1), (1.0, math.inf))):
        with pytest.raises(ParameterError, match="not negative, exposures positive"):
            rate_ratio(*arguments)
