"""Campaigns with crystallites: planned, killed, refused. A stand-in for LAMMPS answers within milliseconds."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import ConfigError, NakayaError
from nakaya.md.campaigns.campaign import run_campaign
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.patches import read_patches
from nakaya.md.seeding.nuclei import seeded_nuclei
from nakaya.records.store import RecordStore, check_snapshots, problems
from support.lammps import stand_in_for_lammps

STAND_IN = """
#!{python} -S
# Stands in for LAMMPS: a crystal stays where it is, a melt is any places, a released crystallite does not move.
import hashlib, random, re, sys, time
from pathlib import Path
script = Path("in.lammps").read_text()
told = Path("{control}").read_text() if Path("{control}").exists() else ""
if told == "fail" or (told == "no bulk" and "msd" in script):
    Path("log.lammps").write_text("ERROR: the stand-in was told to fail\\n")
    sys.exit(1)
time.sleep(0.02)
rng = random.Random(hashlib.sha256(script.encode()).hexdigest())
is_melt = "msd" in script or told == "melt" and "tether" in script
columns = "Step Temp PotEng KinEng Enthalpy Press Pzz Lx Ly Lz Volume" + (" c_path[4]" if "msd" in script else "")
atoms = Path("start.data").read_text().split("Atoms # atomic")[1].split("Velocities")[0].split("\\n")
atoms = [line.split() for line in atoms if line.strip()]
side = float(re.search(r"0 (\\S+) xlo", Path("start.data").read_text())[1])
rows = [f"{{n}} {{900 + rng.random()}} -100 10 -90 0 0 18 18 18 {{side ** 3 + rng.random()}}" for n in range(9)]
rows = [row + (" 1" if "msd" in script else "") for row in rows]
Path("log.lammps").write_text(columns + "\\n" + "\\n".join(rows) + "\\nLoop time of 1\\n")
if "dump frames" not in script:
    sys.exit(0)
every = int(re.search(r"dump frames all custom (\\d+)", script)[1])
last = int(re.findall(r"^run (\\d+)", script, re.M)[-1])
if len(atoms) > 1500:
    last = min(last, 2 * every)  # three frames of bulk will do
text = ""
for step in range(0, last + 1, every):
    text += "ITEM: TIMESTEP\\n%d\\nITEM: NUMBER OF ATOMS\\n%d\\nITEM: BOX BOUNDS pp pp pp\\n" % (step, len(atoms))
    text += ("0 %s\\n" % side) * 3 + "ITEM: ATOMS id type x y z vx vy vz\\n"
    for number, _, *place in atoms:
        moved = [rng.random() * side if is_melt else float(value) for value in place]
        text += "%s 1 %.5f %.5f %.5f 0 0 0\\n" % (number, *moved)
Path("frames.dump").write_text(text)
"""

PLAN = """
version = 1
[[seeding]]
material = "Cu"
potential = "{potential}"
temperatures = [900, 950]
sizes = [80]
branches = 2
cells = 6
duration_ps = 1
longest_ps = 2
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a stand-in for LAMMPS and a plan of two crystallites."""
    with stand_in_for_lammps(tmp_path, STAND_IN, PLAN, monkeypatch) as folder:
        yield folder


def contents(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*.*")) if path.is_file()}


def test_thresholds_come_first_and_once_for_each_temperature(place: Path) -> None:
    text = (place / "plan.toml").read_text()
    (place / "plan.toml").write_text(text + text.split("version = 1")[1].replace("[80]", "[40, 60]\nshapes = ['hcp']"))
    ids = [run.id for run in read_plan(place / "plan.toml")]
    assert ids == [
        "thresholds-Cu-900K-s0", "thresholds-Cu-950K-s0",
        "seeding-Cu-900K-sphere-n80-s0", "seeding-Cu-950K-sphere-n80-s0",
        "seeding-Cu-900K-hcp-n40-s0", "seeding-Cu-900K-hcp-n60-s0",
        "seeding-Cu-950K-hcp-n40-s0", "seeding-Cu-950K-hcp-n60-s0",
    ]  # fmt: skip


def test_a_campaign_that_is_killed_ends_like_one_that_is_not(place: Path) -> None:
    runs = read_plan(place / "plan.toml")
    run_campaign(runs, place / "calm")
    script = textwrap.dedent(f"""
        from pathlib import Path
        from nakaya.md.campaigns.campaign import run_campaign
        from nakaya.md.campaigns.plan import read_plan
        if __name__ == "__main__":
            run_campaign(read_plan(Path({str(place / "plan.toml")!r})), Path({str(place / "killed")!r}), workers=2)
    """)
    rng = random.Random(1)
    kills = 0
    store = place / "killed" / "records"
    while len(list(store.glob("*.json"))) < len(runs):
        known = len(list(store.glob("*.json")))
        process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
        while process.poll() is None and len(list(store.glob("*.json"))) == known:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.2))
        if process.poll() is None:
            kills += 1
            os.kill(process.pid, signal.SIGKILL)  # the campaign alone: its LAMMPS lives on for a moment
        process.wait()
        assert problems(store) == []
    assert kills >= 1
    report = run_campaign(runs, place / "killed")
    assert set(report.skipped) == {run.id for run in runs}
    assert contents(store) == contents(place / "calm" / "records")  # patches too


def test_a_crystallite_that_does_nothing_is_undecided_to_the_end(place: Path) -> None:
    run_campaign(read_plan(place / "plan.toml"), place / "out")
    store = RecordStore(place / "out" / "records")
    record = store.get("seeding-Cu-900K-sphere-n80-s0")
    check_snapshots(record, store.path)
    for detector, name in (("bonds", "nucleus_size"), ("order", "nucleus_size_averaged_rule")):
        (nucleus,) = seeded_nuclei([record], detector=detector)  # type: ignore[arg-type]
        size = record.evidence[f"{name}_at_release"].value
        assert 0 < size <= 80
        np.testing.assert_array_equal(nucleus.sizes, np.full(nucleus.sizes.shape, size))
        np.testing.assert_allclose(
            nucleus.times, np.arange(5) * 0.498e-12
        )  # of two parts, no frame of which comes twice
    assert record.quantities["branches_undecided"].value == 2
    (frame,) = read_patches(store.path / record.snapshots[0].path, "Cu")
    assert len(frame.positions) == record.conditions["num_atoms"].value
    assert frame.extra["solid"].sum() == record.evidence["nucleus_size_at_release"].value
    assert (store.path / record.snapshots[0].path).stat().st_size < 60_000


def test_a_crystallite_that_melts_before_its_release_is_a_failure_with_its_reason(place: Path) -> None:
    (place / "control").write_text("melt")
    run_campaign(read_plan(place / "plan.toml"), place / "out")
    record = RecordStore(place / "out" / "records").get("seeding-Cu-900K-sphere-n80-s0")
    assert record.status == "failed"
    assert "melted before its release" in record.flags[0]
    assert seeded_nuclei([record]) == []


def test_without_thresholds_no_size_is_told(place: Path) -> None:
    (place / "control").write_text("no bulk")
    run_campaign(read_plan(place / "plan.toml"), place / "out")
    store = RecordStore(place / "out" / "records")
    assert store.get("thresholds-Cu-900K-s0").status == "failed"
    record = store.get("seeding-Cu-900K-sphere-n80-s0")
    assert record.status == "failed"
    assert "what counts as solid" in record.flags[0]


def test_the_command_line_says_what_became_of_every_crystallite(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from nakaya.cli.app import run

    words = ["md", "seed", "--material", "Cu", "--potential", str(place / "potential.txt"), "--temperature", "900"]
    words += ["--size", "80", "--cells", "6", "--branches", "2", "--out", str(place / "out")]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (nucleus,) = document["nuclei"]
    assert (nucleus["crystallite_size"], nucleus["undecided"], nucleus["shape"]) == (80, 2, "sphere")
    assert run(["records", "validate", str(place / "out")]) == 0
    assert run(words) == 2
    assert "exists" in capsys.readouterr().err
    shutil.rmtree(place / "out")
    (place / "control").write_text("melt")
    assert run(words) == 1
    told = capsys.readouterr().out
    assert "sphere of 80 atoms, seed 0: not released (failed)" in told
    assert "melted before its release" in told
    shutil.rmtree(place / "out")
    (place / "control").write_text("fail")
    assert run(words) == 2
    told = capsys.readouterr().err
    assert "potential.txt is no potential of Cu for the pair style eam/alloy: ERROR: the stand-in was told" in told
    assert told.count("\n") == 1
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"temperatures": "[1327]"}, "not below the melting point of Cu, 1327 K"),
        ({"shapes": "['cube']"}, "shape 'cube'"),
        ({"sizes": "[5000]"}, "and the box has 22 A: take fewer atoms, or more than 6 cells"),
        ({"sizes": "[3]"}, "size=3 is outside the range from 10"),
        ({"branches": "0"}, "branches=0"),
        ({"duration_ps": "0.1"}, "duration_ps=0.1"),
        ({"shapes": "['twin']", "structure": "'bcc'"}, "expected fcc, not bcc"),
        ({"sises": "[80]"}, "did you mean 'sizes'"),
    ],
)
def test_what_cannot_be_run_is_refused_before_it_is(place: Path, entries: dict[str, str], message: str) -> None:
    lines = [line for line in (place / "plan.toml").read_text().splitlines() if line.split(" =")[0] not in entries]
    (place / "plan.toml").write_text("\n".join([*lines, *(f"{key} = {value}" for key, value in entries.items())]))
    with pytest.raises(NakayaError, match=message.replace("[", r"\[")) as caught:
        read_plan(place / "plan.toml")
    assert "\n" not in str(caught.value)


def test_the_same_crystallite_twice_is_refused(place: Path) -> None:
    text = (place / "plan.toml").read_text()
    (place / "plan.toml").write_text(text.replace("sizes = [80]", "sizes = [80, 80]"))
    with pytest.raises(ConfigError, match="the same run twice: seeding-Cu-900K-sphere-n80-s0"):
        read_plan(place / "plan.toml")
