"""`nakaya evaluate`: an emulator beside its solver and a memory of its crystals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.cli.app import run  # noqa: E402
from nakaya.growth.growing import grow  # noqa: E402
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata, occupancy_at  # noqa: E402
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath  # noqa: E402
from nakaya.workflows.evaluate import coarsen, evaluate  # noqa: E402
from nakaya.workflows.train_emulator import train  # noqa: E402

SWEEP = """
members = 1
[lattice]
size = 16
[points]
method = "uniform"
count = 12
[points.vary.rho]
low = 0.5
high = 0.64
[points.fixed]
sigma = 0.01
"""

TRAINING = """
model = "cgne"
name = "tiny"
conditions = ["rho"]
[crystals]
sweep = "sweep.toml"
validation_points = 4
[network]
stride = 16
widths = [8, 8, 8, 8]
encoder_widths = [8, 8, 8]
latent_channels = 4
groups = 4
[schedule]
batch = 4
[loop]
updates = 2
threads = 1
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An emulator that was hardly trained."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "sweep.toml").write_text(SWEEP)
    (folder / "train.toml").write_text(TRAINING)
    return train(folder / "train.toml", folder / "run").model


def test_the_document_has_what_is_promised(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", str(model), "--points", "4", "--members", "5", "--json"]
    assert run(arguments) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in document["rows"]] == ["tiny", "look-up", "solver"]
    assert (document["points"], document["members"], document["time_resolution"]) == (4, 5, 16)
    emulator, look_up, solver = document["rows"]
    for row in document["rows"]:
        for name in ("wasserstein_over_floor", "brier", "crps_over_floor", "iou", "coverage90", "seconds_per_crystal"):
            assert isinstance(row[name], float), name
        low, high = row["iou_interval"]
        assert low <= row["iou"] <= high
    assert solver["wasserstein_over_floor"] == pytest.approx(1.0)
    assert solver["crps_over_floor"] == pytest.approx(1.0)
    assert solver["paper_wasserstein"] < emulator["paper_wasserstein"]
    assert emulator["wasserstein_over_floor"] > 2.0  # two updates do not make an emulator
    assert emulator["iou"] < look_up["iou"] <= 1.0
    assert document["speed"]["operations_per_crystal"] > 0
    assert document["look_up"]["crystals"] == 8
    assert str(document["look_up"]["neighbours"]) in document["look_up"]["validation_wasserstein"]


def test_the_same_seed_gives_the_same_scores_and_another_other_points(model: Path) -> None:
    first, again, other = (
        evaluate(model, points=3, members=3, seed=seed, workers=workers) for seed, workers in ((0, 1), (0, 2), (1, 1))
    )
    for one, two, three in zip(first.rows, again.rows, other.rows, strict=True):
        np.testing.assert_equal(one.scores, two.scores)  # NaN, where a floor is zero, equals NaN
        assert one.scores["iou"] != three.scores["iou"]


def test_the_table_is_for_people(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", str(model), "--points", "2", "--members", "2"]) == 0
    captured = capsys.readouterr()
    assert "tiny against gravner-griffeath: 2 held-out points, 2 crystals each" in captured.out
    assert "look-up" in captured.out
    assert "scoring: 3 of 3" in captured.err


def test_rounding_up_keeps_the_frames_that_an_emulator_shows() -> None:
    crystals = grow([GravnerGriffeath(rho=0.6)], size=16, members=2, seed=0)
    rounded = coarsen(crystals, 16)
    for step in range(0, int(rounded.steps.max()) + 1, 16):
        np.testing.assert_array_equal(
            occupancy_at(rounded.arrival, step), occupancy_at(crystals.arrival, min(step, int(crystals.steps.max())))
        )
    assert (rounded.arrival[rounded.arrival >= 0] % 16 == 0).all()
    assert (rounded.steps >= crystals.steps).all()
    assert (rounded.steps - crystals.steps < 16).all()


def test_initial_and_never_stay_what_they_are() -> None:
    arrival = np.array([[[[0, 1, 16, 17, -1]]]], np.int32)
    metadata = TrajectoryMetadata("m", "0", 0, {}, "0")
    crystals = Trajectory(arrival, np.array([[17]]), np.zeros((1, 1), np.int8), {"rho": np.ones(1)}, metadata)
    rounded = coarsen(crystals, 16)
    assert rounded.arrival.ravel().tolist() == [0, 16, 16, 32, -1]
    assert rounded.steps.tolist() == [[32]]
    assert rounded.metadata.time_resolution == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gravner-griffeath"], "is no emulator"),
        (["cgne-smal-rho"], "unknown model"),
        (["cgne-smal-rho", "--points", "1"], "points=1"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", *arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1
    assert message in lines[0]


def test_a_folder_without_a_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", str(tmp_path)]) == 2
    assert "cannot read the emulator" in capsys.readouterr().err
