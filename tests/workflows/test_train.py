"""`nakaya train` from file to folder: the same however it is interrupted, refused where it does not belong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.cli.app import run  # noqa: E402
from nakaya.core.errors import ConfigError, OutputError  # noqa: E402
from nakaya.growth.emulators import family  # noqa: E402
from nakaya.growth.emulators.cgne.shipped import load_folder  # noqa: E402
from nakaya.growth.lattice.geometry import make_setup  # noqa: E402
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath  # noqa: E402
from nakaya.workflows.train_emulator import load_emulator, train  # noqa: E402

SWEEP = """
members = 1
[lattice]
size = 16
[points]
method = "uniform"
count = 8
[points.vary.rho]
low = 0.5
high = 0.64
"""

TRAINING = """
model = "cgne"
name = "tiny"
conditions = ["rho"]
[crystals]
sweep = "sweep.toml"
validation_points = 3
[network]
stride = 16
widths = [8, 8, 8, 8]
encoder_widths = [8, 8, 8]
latent_channels = 4
groups = 4
[schedule]
batch = 4
max_unroll = 2
[loop]
updates = 8
validate_every = 100
checkpoint_every = 2
threads = 1
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "sweep.toml").write_text(SWEEP)
    path = tmp_path / "train.toml"
    path.write_text(TRAINING)
    return path


def stop_at(update: int) -> Any:
    def report(done: int, _: object) -> None:
        if done == update:
            raise KeyboardInterrupt

    return report


def test_a_run_ends_with_a_model_that_grows(config: Path, tmp_path: Path) -> None:
    outcome = train(config, tmp_path / "run")
    assert outcome.updates == 8
    assert sorted(os.listdir(outcome.model)) == ["README.md", "config.json", "weights.safetensors"]
    emulator = load_folder(outcome.model)
    setup = make_setup("sector", 16)
    crystals = emulator.grow([GravnerGriffeath(rho=0.55)], setup, members=range(2), seed=0)
    assert crystals.metadata.model == "tiny"
    trained = emulator.package.trained_for
    assert (trained.low, trained.high, trained.size, trained.margin) == ({"rho": 0.5}, {"rho": 0.64}, 16, 5)
    assert trained.fixed["sigma"] == 5e-5
    facts = emulator.facts.training
    assert facts["crystals"] == {"training": 5, "validation": 3}
    assert facts["cost"]["cpu_seconds"] > 0


def test_an_interrupted_run_ends_with_the_same_bytes(config: Path, tmp_path: Path) -> None:
    whole = train(config, tmp_path / "whole")
    for update in (1, 3, 6):
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "parts", report=stop_at(update))
    parts = train(config, tmp_path / "parts")
    again = train(config, tmp_path / "parts")  # finished: nothing is left to do
    for other in (parts, again):
        name = "weights.safetensors"
        assert (whole.model / name).read_bytes() == (other.model / name).read_bytes()
        assert whole.validation == other.validation
    logs = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("whole", "parts")]
    assert logs[0] == logs[1]
    updates = [entry for line in logs[0].splitlines() if "loss" in (entry := json.loads(line))]
    assert [entry["update"] for entry in updates] == list(range(1, 9))


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_a_line_and_loses_nothing(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    from nakaya.cli import progress

    @contextmanager
    def signalling(label: str, _: str) -> Iterator[Callable[[int, int], None]]:
        def report(done: int, total: int) -> None:
            if (label, done) == (moment, 5):
                signal.raise_signal(number)

        yield report

    config.write_text(TRAINING.replace("max_unroll = 2", "max_unroll = 1"))  # then it can stop after any update
    command = ["train", str(config), "--out", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setattr(progress, "progress_reporter", signalling)
        moment = "growing"
        (tmp_path / "sweep.toml").write_text(SWEEP + "[store]\ncrystals_per_shard = 1")
        assert run(command) == 130  # between shards all is kept as it is
        assert "run the same command again" in last_line(capsys)
        moment = "training"
        assert run(command) == 128 + number
        assert last_line(capsys) == "stopped at update 5; the same command goes on from there"
    assert run(command) == 0
    train(config, tmp_path / "whole")
    names = ("model/weights.safetensors", "metrics.jsonl")
    assert all((tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in names)


def test_what_is_not_finished_can_be_evaluated(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(TRAINING.replace("max_unroll = 2", "max_unroll = 1"))
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(config, folder, report=stop_at(1))
    command = ["evaluate", str(folder), "--points", "2", "--members", "2", "--json"]
    assert run(command) == 2
    assert "holds neither a model nor a checkpoint yet" in last_line(capsys)
    with pytest.raises(KeyboardInterrupt):
        train(config, folder, report=stop_at(5))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"] == "tiny at update 4"  # the last checkpoint: they come at 2, 4, ...
    assert document["emulator"]["updates"] == 4
    assert document["emulator"]["parameters"].keys() == {"prior", "decoder", "posterior", "condition_head"}
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    whole = train(config, folder)
    crystals = [
        load_emulator(place).grow([GravnerGriffeath(rho=0.55)], make_setup("sector", 16), members=range(2), seed=0)
        for place in (folder, whole.model)
    ]
    assert (crystals[0].arrival == crystals[1].arrival).all()
    assert crystals[0].metadata.model == "tiny"


def test_the_weights_of_a_checkpoint_are_those_of_a_run_that_ends_there(config: Path, tmp_path: Path) -> None:
    """The last checkpoint of a finished run holds what its model holds."""
    folder = tmp_path / "run"
    train(config, folder)
    finished = load_emulator(folder)
    shutil.rmtree(folder / "model")
    unfinished = load_emulator(folder)
    assert unfinished.name == "tiny at update 8"
    setup = make_setup("sector", 16)
    first, second = (
        emulator.grow([GravnerGriffeath(rho=0.55)], setup, members=range(3), seed=1)
        for emulator in (finished, unfinished)
    )
    assert (first.arrival == second.arrival).all()


def test_a_killed_run_ends_with_the_same_weights(config: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of a run in another process; the rest here."""
    config.write_text(TRAINING.replace("updates = 8", "updates = 40"))
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "nakaya", "train", str(config), "--out", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    metrics = folder / "metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 5):
        time.sleep(0.02)
    process.kill()
    assert process.wait() != 0, "it was over before it could be killed"
    killed, whole = train(config, folder), train(config, tmp_path / "whole")
    name = "weights.safetensors"
    assert (killed.model / name).read_bytes() == (whole.model / name).read_bytes()
    assert not list(folder.glob("*.partial"))


def test_two_processes_do_not_train_in_one_folder(config: Path, tmp_path: Path) -> None:
    from nakaya.core.locks import lock_output

    with lock_output(tmp_path / "run"), pytest.raises(OutputError, match="is being written by process"):
        train(config, tmp_path / "run")


def test_another_configuration_is_refused_and_named(config: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "run", report=stop_at(3))
    config.write_text(TRAINING.replace("batch = 4", "batch = 5"))
    with pytest.raises(ConfigError, match="schedule.batch is 4 there, 5 now"):
        train(config, tmp_path / "run")
    assert train(config, tmp_path / "run", overwrite=True).updates == 8


def test_how_often_to_look_is_not_the_configuration(config: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "run", report=stop_at(3))
    config.write_text(TRAINING.replace("checkpoint_every = 2", "checkpoint_every = 3"))
    assert train(config, tmp_path / "run").updates == 8


def test_a_folder_of_something_else_is_left_alone(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    for options in ([], ["--overwrite"]):
        assert run(["train", str(config), "--out", str(tmp_path / "run"), *options]) == 2
    assert (tmp_path / "run" / "thesis.txt").read_text() == "precious"
    assert "is no training run" in capsys.readouterr().err


def test_the_command_prints_one_document(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs" / "first"  # neither is there, as in a fresh checkout
    assert run(["train", str(config), "--out", str(folder), "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["updates"] == 8
    assert set(document["parameters"]) == {"prior", "decoder", "posterior", "condition_head"}
    assert "training: 8 of 8 updates" in captured.err


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("stride = 16", "strid = 16", "unknown key 'network.strid': did you mean 'stride'?"),
        ("updates = 8", "updates = 0", "updates=0 is outside the range"),
        ('sweep = "sweep.toml"', "", "give one of the two"),
        ('sweep = "sweep.toml"', 'sweep = "nothing.toml"', "nothing.toml: no such file"),
        ("validation_points = 3", "validation_points = 8", "leaves nothing to train on: there are 8 points"),
        ('conditions = ["rho"]', 'conditions = ["mu"]', "these parameters vary: ['rho']"),
        ("stride = 16", "stride = 16\nlookahead = 1", "set lookahead to"),
        ('model = "cgne"', 'model = "gan"', "model = 'gan'"),
        ('model = "cgne"', 'model = "pns"', "unknown key 'network.encoder_widths'"),
    ],
)
def test_a_wrong_training_file_is_one_line(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, message: str
) -> None:
    config.write_text(TRAINING.replace(before, after))
    assert run(["train", str(config), "--out", str(tmp_path / "run")]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nakaya:")]
    assert len(lines) == 1
    assert message in lines[0]


def test_without_torch_the_message_says_what_to_install(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(family, "find_spec", lambda name: None)
    assert run(["train", str(config), "--out", str(tmp_path / "run")]) == 2
    assert 'pip install "nakaya[ml]"' in capsys.readouterr().err
