"""A package outside brings models, an emulator, a reader, a command and a broken model; nothing here is changed.

The package lies in `outside/`. It is installed by pip, without its dependencies and without a network, into a folder
that stands before this source tree on the path; every command runs in a process that sees both.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nakaya

pytestmark = pytest.mark.skipif(
    find_spec("pip") is None or find_spec("setuptools") is None, reason="a package is installed by pip and setuptools"
)

DRIVER = """
import contextlib, io, json, sys
from nakaya.cli.app import run
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(words)
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""

SWEEP = """
model = "eden"
members = 2
seed = 3

[lattice]
shape = [16, 16]

[stop]
margin = 2

[points]
method = "grid"
[points.vary]
rate = {low = 0.2, high = 0.9, count = 6}
[points.fixed]
bias = 0.1
"""

TRAINING = """
model = "toy-memory"
name = "memory-of-eden"
conditions = ["rate"]
[crystals]
sweep = "one-each.toml"
validation_points = 2
[settings]
neighbours = 2
"""


@dataclass(frozen=True)
class Outside:
    """Where the package is installed, and a folder to work in."""

    packages: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        source = Path(nakaya.__file__).parents[1]
        return os.environ | {"PYTHONPATH": os.pathsep.join([str(self.packages), str(source)])}

    def python(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            input=stdin,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def nakaya(self, *lines: str) -> list[str]:
        """Run commands one after another in one process; return what each printed on stdout. All must succeed."""
        done = self.python("-c", DRIVER, stdin=json.dumps([line.split() for line in lines]))
        assert done.returncode == 0, done.stderr
        answers: list[tuple[int, str, str]] = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
        for line, (status, _, err) in zip(lines, answers, strict=True):
            assert status == 0, f"{line}: {err}"
        return [out for _, out, _ in answers]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    root = tmp_path_factory.mktemp("outside")
    source = shutil.copytree(Path(__file__).parent / "outside", root / "package")
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [sys.executable, *words, "--disable-pip-version-check", "--target", str(root / "packages"), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = root / "work"
    folder.mkdir()
    (folder / "sweep.toml").write_text(SWEEP)
    one_each = SWEEP.replace("members = 2", "members = 1").replace("count = 6", "count = 12")
    (folder / "one-each.toml").write_text(one_each)
    (folder / "train.toml").write_text(TRAINING)
    (folder / "toy.log").write_text("first 1.5\nsecond 2.5\n")
    return Outside(root / "packages", folder)


def test_a_solver_on_a_square_lattice_grows_is_stored_and_drawn(outside: Outside) -> None:
    outside.nakaya(
        "grow eden --rate 0.5 --bias 0.2 --shape 20,14 --members 3 --margin 2 --out eden.zarr",
        "show eden.zarr --member 1 --out eden.png",
        "show eden.zarr --all --out all.png --width 500",
        "film eden.zarr --out eden.gif --frames 4 --width 200",
        "grow --model eden --rate 0.5 --geometry quarter --size 12 --out quarter.zarr",
        "show quarter.zarr --out quarter.png --width 300",
        "diagram --model eden --x rate:0.3:0.9:3 --y bias:-0.5:0.5:2 --size 12 --out diagram.png --width 400",
        "campaign verify eden.zarr",
    )
    crystals = nakaya.open(outside.folder / "eden.zarr").load()
    assert crystals.arrival.shape == (3, 20, 14)
    assert crystals.metadata.geometry["shape"] == [20, 14]
    assert (crystals.metadata.time_unit, crystals.metadata.step_duration) == ("tau", 0.1)
    assert crystals.metadata.format_version == 2
    for name in ("eden.png", "all.png", "eden.gif", "quarter.png", "diagram.png"):
        assert (outside.folder / name).stat().st_size > 1000


def test_a_solver_in_three_dimensions_has_a_field_and_grains(outside: Outside) -> None:
    outside.nakaya(
        "grow warm-cubes --temperature 240 --initial 3,3,3 --initial 6,6,6 --margin 1 --max-steps 9 --out cubes.zarr",
        "show cubes.zarr --out cubes.png --width 300",
        "show cubes.zarr --out heat.png --width 300 --field temperature --slice layer=3",
        "film cubes.zarr --out cubes.gif --frames 3 --width 200",
        "campaign verify cubes.zarr",
    )
    crystals = nakaya.open(outside.folder / "cubes.zarr").load()
    assert crystals.grain is not None
    assert set(np.unique(crystals.grain)) == {-1, 0, 1}
    assert crystals.fields["temperature"].min() == 240
    assert [(field.name, field.unit) for field in crystals.metadata.fields] == [("temperature", "K")]


def test_a_campaign_runs_goes_on_and_is_repaired(outside: Outside) -> None:
    ran, again, _ = outside.nakaya(
        "campaign run sweep.toml --out campaign.zarr", "campaign run sweep.toml --out campaign.zarr",
        "diagram campaign.zarr --x rate --y bias --out plane.png --width 300",
    )  # fmt: skip
    assert "6 points of 2 members" in ran
    assert "complete already" in again
    arrival = outside.folder / "campaign.zarr" / "arrival" / "c.0.0.0.0"
    content = arrival.read_bytes()
    arrival.write_bytes(content[:-9])
    repaired, verified = outside.nakaya("campaign repair campaign.zarr", "campaign verify campaign.zarr")
    assert "computed again: shard 0.0" in repaired
    assert "1 of 1 shards intact, sound" in verified
    assert arrival.read_bytes() == content


def test_help_and_info_show_what_a_model_states(outside: Outside) -> None:
    shown, about = outside.nakaya("grow warm-cubes --help", "info --json")
    for words in ("--temperature", "[200, 300] K", "periodic", "(10)", "LAYER,ROW,COLUMN"):
        assert words in " ".join(shown.replace("│", " ").split()), words
    assert "--rho" not in shown
    stated: dict[str, Any] = json.loads(about)["growers"]["warm-cubes"]
    assert (stated["lattice"], stated["dimension"], stated["grain"]) == ("cubic", 3, True)
    assert json.loads(outside.nakaya("cite warm-cubes --json")[0])["citations"][0]["bibtex"].startswith("@misc{cubes")
    assert stated["fields"] == {"temperature": {"unit": "K", "meaning": "the temperature"}}


def test_an_emulator_is_trained_evaluated_and_keeps_the_contract_with_the_others(outside: Outside) -> None:
    trained, evaluated = outside.nakaya(
        "train train.toml --out run", "evaluate run/model --points 2 --members 2 --workers 1"
    )
    assert "memory-of-eden" in trained
    assert "memory-of-eden against eden: 2 held-out points" in evaluated
    kits = outside.folder.parent / "package" / "check_toys.py"
    done = outside.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(outside.folder), str(kits))
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_reader_and_a_command_are_found(outside: Outside) -> None:
    read, listed, shown, toys = outside.nakaya(
        "ingest toy-log toy.log --out records", "ingest --help", "records show records", "toys"
    )
    assert "2 records" in read
    assert "toy-log" in listed
    assert "first" in shown
    assert toys.strip() == "eden, warm-cubes"


def test_a_broken_plug_in_costs_one_line(outside: Outside) -> None:
    words = "import sys; from nakaya.cli.app import main; sys.argv = ['nakaya', *sys.argv[1:]]; main()"
    for line in (["info"], ["grow", "--help"], ["grow", "eden", "--rate", "0.5", "--size", "12"]):
        done = outside.python("-c", words, *line)
        assert done.returncode == 0
        lines = done.stderr.splitlines()
        expected = ["toy-broken"] if line == ["info"] else []  # only who lists all models has to load them
        assert [name for name in ("toy-broken",) if any(name in said for said in lines)] == expected
        assert len(lines) == len(expected)
    asked = outside.python("-c", words, "grow", "toy-broken")
    assert asked.returncode == 2
    assert "update or uninstall toy-crystals; nakaya --debug shows where" in asked.stderr
