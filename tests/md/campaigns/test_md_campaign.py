"""Campaigns and plans: killed, broken and contradicting ones. A stand-in for LAMMPS answers within milliseconds."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nakaya.core.errors import ConfigError, InputFileError, OutputError
from nakaya.core.locks import lock_output
from nakaya.md.campaigns.campaign import _Shared, _stages, run_campaign, run_hash
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.runs import collect
from nakaya.md.tables import tabulate
from nakaya.records.record import Record
from nakaya.records.store import RecordStore, load_records, problems, shipped_sets
from support.lammps import stand_in_for_lammps

STAND_IN = """
#!{python} -S
# Stands in for LAMMPS: same files, invented numbers that depend on the input alone.
import hashlib, re, sys, time
from pathlib import Path
script = Path("in.lammps").read_text()
seed = int(hashlib.sha256(script.encode()).hexdigest()[:6], 16)
if "ERROR" in script or Path("{control}").exists() and Path("{control}").read_text() == "fail":
    Path("log.lammps").write_text("ERROR: the stand-in was told to fail\\n")
    sys.exit(1)
time.sleep(0.02)
columns = "Step Temp PotEng KinEng Enthalpy Press Pzz Lx Ly Lz Volume"
columns += " c_path[4]" if "msd" in script else ""
rows = []
for n in range(60):
    wave = ((seed + 37 * n) % 100) / 1e4
    numbers = [n * 33, 900 + wave, -100, 10, -90 + 5 * ("msd" in script) + wave, 0, 0, 18, 18, 18, 6000 + wave]
    rows.append(" ".join(map(str, numbers + ([n * 0.4] if "msd" in script else []))))
Path("log.lammps").write_text(columns + "\\n" + "\\n".join(rows) + "\\nLoop time of 1\\n")
atoms = Path("start.data").read_text().split("Atoms # atomic")[1].split("\\n")
atoms = [line.split() for line in atoms if line.strip()]
side = re.search(r"0 (\\S+) xlo", Path("start.data").read_text())[1]
frame = "ITEM: TIMESTEP\\n0\\nITEM: NUMBER OF ATOMS\\n%d\\nITEM: BOX BOUNDS pp pp pp\\n" % len(atoms)
frame += ("0 %s\\n" % side) * 3 + "ITEM: ATOMS id type x y z\\n"
noise = 0.0 if "msd" not in script else 1.6
state = seed
for number, _, *place in atoms:
    moved = []
    for value in place:
        state = (state * 1103515245 + 12345) % 2**31
        moved.append("%.5f" % (float(value) + noise * (state / 2**30 - 1)))
    frame += "%s 1 %s\\n" % (number, " ".join(moved))
Path("frames.dump").write_text(frame)
"""

PLAN = """
version = 1
[[properties]]
material = "Cu"
potential = "{potential}"
temperatures = [900, 950, 1000, 1050, 1100]
cells = 3
duration_ps = 5
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a stand-in for LAMMPS and a plan of five runs."""
    with stand_in_for_lammps(tmp_path, STAND_IN, PLAN, monkeypatch) as folder:
        yield folder


def contents(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.glob("*.json"))}


def test_a_campaign_runs_once_and_then_has_nothing_to_do(place: Path) -> None:
    runs = read_plan(place / "plan.toml")
    first = run_campaign(runs, place / "out")
    assert len(first.finished) == len(runs) == 5
    assert problems(place / "out" / "records") == []
    assert not list((place / "out" / "runs").glob("*/*"))  # nothing is left of finished runs
    before = contents(place / "out" / "records")
    second = run_campaign(runs, place / "out")
    assert (len(second.finished), len(second.skipped)) == (0, 5)
    assert contents(place / "out" / "records") == before


def test_workers_do_not_change_the_records(place: Path) -> None:
    runs = read_plan(place / "plan.toml")[:4]
    run_campaign(runs, place / "one")
    run_campaign(runs, place / "two", workers=2)
    assert contents(place / "one" / "records") == contents(place / "two" / "records")


@dataclass(frozen=True)
class Cluster:
    """In the place of workers on other machines: what goes to them and comes back is pickled."""

    batches: list[list[str]]
    is_elsewhere: bool = True

    def at_most(self, tasks: int) -> Cluster:
        return self

    def results(
        self, work: Callable[[Any], Any], tasks: Iterable[Any], *, name: Callable[[Any], str]
    ) -> Generator[Any, None, None]:
        jobs = list(tasks)
        self.batches.append([name(job) for job in jobs])
        for job in reversed(jobs):  # they are finished in any order
            yield pickle.loads(pickle.dumps(work(pickle.loads(pickle.dumps(job)))))


def test_a_cluster_does_not_change_the_records(place: Path) -> None:
    runs = read_plan(place / "plan.toml")[:4]
    run_campaign(runs, place / "one")
    cluster = Cluster([])
    run_campaign(runs, place / "cluster", executor=cluster)
    assert contents(place / "one" / "records") == contents(place / "cluster" / "records")
    assert cluster.batches == [[f"run {run.id}" for run in runs]]


def test_on_a_cluster_runs_wait_for_those_whose_records_they_look_at(place: Path) -> None:
    copper, silicon = SimpleNamespace(name="Cu"), SimpleNamespace(name="Si")
    planned = [("growth", copper), ("melting", copper), ("growth", silicon), ("properties", copper)]
    runs: list[Any] = [SimpleNamespace(id=f"{kind}-{of.name}", kind=kind, material=of) for kind, of in planned]

    class Told(Cluster):
        def results(self, work: object, tasks: Iterable[Any], *, name: Callable[[Any], str]) -> Iterator[Any]:
            batch = [name(job) for job in tasks]
            self.batches.append(batch)
            yield from batch

    told = Told([])
    found = list(_stages(runs, _Shared(place, [], runs, False, ""), {}, told))
    assert told.batches == [["run growth-Si", "run properties-Cu"], ["run melting-Cu"], ["run growth-Cu"]]
    assert found == [name for batch in told.batches for name in batch]


def test_a_campaign_that_is_killed_ends_like_one_that_is_not(place: Path) -> None:
    runs = read_plan(place / "plan.toml")
    run_campaign(runs, place / "calm")
    script = textwrap.dedent(f"""
        from pathlib import Path
        from nakaya.md.campaigns.campaign import run_campaign
        from nakaya.md.campaigns.plan import read_plan
        if __name__ == "__main__":
            run_campaign(read_plan(Path({str(place / "plan.toml")!r})), Path({str(place / "killed")!r}))
    """)
    rng = random.Random(1)
    kills = 0
    store = place / "killed" / "records"
    for _ in range(30):
        process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
        known = len(contents(store))
        while process.poll() is None and len(contents(store)) < min(5, known + 2):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        if process.poll() is None:
            kills += 1
            os.kill(process.pid, signal.SIGKILL)  # the campaign alone: its LAMMPS lives on for a moment
        process.wait()
        assert problems(store) == []
        if len(contents(store)) == 5:
            break
    assert kills >= 2
    report = run_campaign(runs, place / "killed")
    assert set(report.finished) | set(report.skipped) == {run.id for run in runs}
    assert contents(store) == contents(place / "calm" / "records")
    assert not list((place / "killed" / "runs").glob("*/attempt-*"))


def _children(pid: int) -> set[int]:
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if words[0] != "Z" and int(words[1]) == pid:
            found.add(int(status.parent.name))
    return found


def test_no_worker_outlives_a_campaign_that_was_killed(place: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc")
    script = textwrap.dedent(f"""
        from pathlib import Path
        from nakaya.md.campaigns.campaign import run_campaign
        from nakaya.md.campaigns.plan import read_plan
        if __name__ == "__main__":
            run_campaign(read_plan(Path({str(place / "plan.toml")!r})), Path({str(place / "out")!r}), workers=2)
    """)
    main = place / "main.py"
    main.write_text(script)
    process = subprocess.Popen([sys.executable, str(main)])
    deadline = time.monotonic() + 120
    while not list((place / "out" / "runs").glob("*/attempt-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = _children(process.pid)
    assert len(workers) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_a_killed_lammps_is_tried_again_and_then_recorded_as_failed(place: Path) -> None:
    runs = read_plan(place / "plan.toml")[:1]
    (place / "control").write_text("fail")
    report = run_campaign(runs, place / "out")
    record = RecordStore(place / "out" / "records").get(runs[0].id)
    assert record.provenance.settings["structure"] == "fcc"  # models need it where no catalogue knows the material
    assert report.failed == (runs[0].id,)
    assert record.status == "failed"
    assert "told to fail" in record.flags[0]
    assert str(place) not in record.flags[0]  # no machine's paths in records


def test_other_settings_under_the_same_name_are_refused(place: Path) -> None:
    runs = read_plan(place / "plan.toml")[:2]
    run_campaign(runs, place / "out")
    changed = [replace(runs[0], duration_ps=9.0), runs[1]]  # type: ignore[type-var]
    with pytest.raises(OutputError, match="other settings"):
        run_campaign(changed, place / "out")
    (place / "potential.txt").write_text("another potential")
    with pytest.raises(OutputError, match="other settings"):
        run_campaign(runs, place / "out")


def test_runs_known_elsewhere_are_skipped(place: Path) -> None:
    runs = read_plan(place / "plan.toml")[:3]
    run_campaign(runs[:2], place / "first")
    known: list[Record] = list(RecordStore(place / "first" / "records"))
    report = run_campaign(runs, place / "second", known=known)
    assert report.finished == (runs[2].id,)


def test_two_campaigns_do_not_share_a_folder(place: Path) -> None:
    (place / "out").mkdir()
    with lock_output(place / "out" / "records"), pytest.raises(OutputError, match="is being written by process"):
        run_campaign(read_plan(place / "plan.toml"), place / "out")


def test_the_hash_of_a_run_names_everything_that_matters(place: Path) -> None:
    run = read_plan(place / "plan.toml")[0]
    assert run_hash(run) == run_hash(replace(run))  # type: ignore[type-var]
    for change in ({"seed": 1}, {"temperature": 901.0}, {"duration_ps": 6.0}, {"cells": 4}):
        assert run_hash(replace(run, **change)) != run_hash(run)  # type: ignore[type-var]


def test_the_command_line_runs_a_plan(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nakaya.cli.app import run

    words = ["md", "campaign", "run", str(place / "plan.toml"), "--out", str(place / "out"), "--json"]
    assert run([*words, "--max-runs", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["finished"], document["remaining"]) == (2, 3)
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["finished"], document["skipped"], document["remaining"]) == (3, 2, 0)


def test_records_name_no_folders_of_the_machine(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nakaya.cli.app import run

    words = ["md", "campaign", "run", str(place / "plan.toml"), "--out", str(place / "out"), "--max-runs", "1"]
    monkeypatch.setattr("sys.argv", ["nakaya", *words])
    assert run(words) == 0
    (record,) = RecordStore(place / "out" / "records")
    assert record.provenance.commands == ("nakaya md campaign run plan.toml --out out --max-runs 1",)


def test_no_shipped_record_names_a_folder_of_a_machine() -> None:
    for name in shipped_sets():
        for record in load_records(name):
            words = " ".join(record.provenance.commands).split()
            assert not [word for word in words if Path(word).is_absolute()], record.id


def test_properties_from_the_command_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nakaya.cli.app import run

    words = [
        "md",
        "properties",
        "--material",
        "Cu",
        "--temperature",
        "1000",
        "--potential",
        str(place / "potential.txt"),
    ]
    assert run([*words, "--out", str(place / "out"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["rows"][0]
    # Stand-in: 500 atoms, 5 eV of melting, <r^2> = 0.4 A^2 per 33 steps of 3 fs.
    assert row["latent_heat_J_per_mol"] == pytest.approx(5 / 500 * 96485.3, rel=1e-3)
    assert row["diffusivity_m2_per_s"] == pytest.approx(0.4 / (6 * 33 * 0.003) * 1e-8, rel=1e-6)
    assert row["lattice_parameter_m"] == pytest.approx((6000 / 500 * 4) ** (1 / 3) * 1e-10, rel=1e-6)
    assert run([*words, "--out", str(place / "out")]) == 2
    assert "exists" in capsys.readouterr().err
    assert run(words) == 2
    assert "--out is missing" in capsys.readouterr().err


def test_the_shipped_plan_is_the_data_set_that_it_says() -> None:
    from nakaya.records.shipped import shipped_folder

    runs = read_plan(shipped_folder("al-cu-si") / "plan.toml")
    growth = [run for run in runs if run.kind == "growth"]
    pairs = {(run.material.name, run.orientation) for run in growth}  # type: ignore[union-attr]
    assert len(pairs) >= 8
    melting = {"Al": 929, "Cu": 1327, "Si": 1661}
    for material, orientation in pairs:
        chosen = [r for r in growth if (r.material.name, r.orientation) == (material, orientation)]  # type: ignore[union-attr]
        shares = {run.temperature / melting[material] for run in chosen}  # type: ignore[union-attr]
        assert sum(0.595 <= share <= 0.925 for share in shares) >= 5
        assert sum(1 < share < 1.06 for share in shares) == 1
        for share in shares:
            seeds = {run.seed for run in chosen if run.temperature / melting[material] == share}  # type: ignore[union-attr]
            assert len(seeds) >= 3
    quenches = {(run.material.name, run.temperature) for run in runs if run.kind == "nucleation"}  # type: ignore[union-attr]
    measured = {(run.material.name, run.temperature) for run in growth}  # type: ignore[union-attr]
    assert quenches <= measured  # v and J meet
    kinds = [run.kind for run in runs]
    assert kinds.index("melting") < kinds.index("growth")
    assert [run.seed for run in growth] == sorted(run.seed for run in growth)  # one seed of everything first


def test_reserves_begin_with_their_own_seed(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    section = '[[growth]]\nmaterial = "Cu"\norientation = "100"\ntemperatures = [1009]\ndurations_ps = [30]\n'
    path.write_text(f"version = 1\n{section}seeds = 2\n{section}seeds = 2\nfirst_seed = 4\n")
    assert [run.id.rpartition("-")[2] for run in read_plan(path)] == ["s0", "s1", "s4", "s5"]
    path.write_text(f"version = 1\n{section}seeds = 2\n{section}first_seed = 1\n")
    with pytest.raises(ConfigError, match="plans the same run twice: growth-Cu-100-1009K-s1"):
        read_plan(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 1", "plans no runs"),
        ("version = 2", "version"),
        ("not toml", "not TOML"),
        ('[[melting]]\nmaterial = "Cu"', "'version' is missing: a plan begins with version = 1"),
        ('version = 1\n[[growth]]\nmaterial = "Cu"', "'growth.0.orientation' is missing"),
        ('model = "x"\n[points]\nkappa = [1, 2]', r"plan\.toml is a sweep: nakaya campaign run plan\.toml"),
        ('[study]\nmodel = "svm"', r"plan\.toml is a study: nakaya tune plan\.toml"),
        ('version = 1\n[[growht]]\nmaterial = "Cu"', "did you mean 'growth'"),
        ('version = 1\n[[properties]]\nmaterial = "Cu"\ntemperatures = [900]\nduration = 3', "mean 'duration_ps'"),
        ('version = 1\n[[properties]]\nmaterial = "Cu"\ntemperatures = [-1]', r"outside \[1, 20000\]"),
        ('version = 1\n[[properties]]\nmaterial = "Cu"\ntemperatures = [900, 900]', "same run twice"),
        ('version = 1\n[[growth]]\nmaterial = "Cu"\norientation = "100"\ntemperatures = [900, 1000]\n'
         "durations_ps = [20, 20, 20]", "give 1, or 2"),
    ],
)  # fmt: skip
def test_plans_that_make_no_sense_are_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_plan(path)
    with pytest.raises(InputFileError):
        read_plan(tmp_path / "nothing.toml")


def test_a_melt_that_froze_tells_nothing_about_the_melt(place: Path) -> None:
    program = place / "lmp"
    program.write_text(program.read_text().replace('noise = 0.0 if "msd" not in script else 1.6', "noise = 0.0"))
    runs = read_plan(place / "plan.toml")[:1]
    run_campaign(runs, place / "out")
    record = RecordStore(place / "out" / "records").get(runs[0].id)
    assert record.status == "flagged"
    assert "100% solid atoms" in record.flags[0]
    for name in ("latent_heat", "diffusivity", "liquid_volume_per_atom"):
        assert math.isnan(record.quantities[name].value)
    assert record.quantities["lattice_parameter"].value > 0
    assert tabulate("Cu", [record]).latent_heat is None


def test_what_another_potential_says_is_not_believed(place: Path) -> None:
    runs = read_plan(place / "plan.toml")[:2]
    run_campaign(runs, place / "out")
    records = list(RecordStore(place / "out" / "records"))
    digest = records[0].provenance.files["potential.txt"]
    assert tabulate("Cu", records, potential=digest).latent_heat is not None
    assert tabulate("Cu", records, potential="0" * 64).latent_heat is None


def test_a_set_has_one_driving_force_for_one_condition(place: Path) -> None:
    runs = read_plan(place / "plan.toml")[:3]
    run_campaign(runs[:1], place / "first")
    run_campaign(runs[1:], place / "second")
    assert all(math.isnan(record.driving_force.value) for record in RecordStore(place / "second" / "records"))
    document = collect([place / "first", place / "second"], place / "set")
    table = tabulate("Cu", RecordStore(place / "set"))
    assert document["records"] == 3
    for record in RecordStore(place / "set"):
        expected = table.driving_force(record.conditions["temperature"].value)
        assert record.driving_force.value == pytest.approx(expected, rel=1e-5)
    alone = collect([place / "second"], place / "alone", known=place / "first")
    assert alone["records"] == 2  # what is only known is not joined
    for record in RecordStore(place / "alone"):
        assert record.driving_force.value == RecordStore(place / "set").get(record.id).driving_force.value
    assert problems(place / "set") == []
    assert run_campaign(runs, place / "third", known=RecordStore(place / "set")).finished == ()
