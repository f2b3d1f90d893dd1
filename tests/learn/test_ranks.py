"""Two processes that train together make the updates of one, but for the order of sums."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this build of torch has no gloo", allow_module_level=True)

from nakaya.learn.checkpoints import parse_weights  # noqa: E402
from nakaya.learn.ranks import ALONE, Ranks, Share  # noqa: E402

FIRST, LATER = 1e-4, 3e-3
"""Relative tolerances of the terms of the first update, float32 sums in another order, and of the seven that follow:
Adam's first steps have the size of the learning rate, whatever that of a gradient, so rounding of small ones grows."""

WEIGHTS = 1e-3
"""Absolute tolerance of weights, of which each has moved by up to 8 x 1e-3."""

SWEEP = """
members = 1
[lattice]
size = 32
[points]
method = "uniform"
count = 9
[points.vary.rho]
low = 0.5
high = 0.64
"""

COMMON = """
name = "tiny"
conditions = ["rho"]
[crystals]
sweep = "sweep.toml"
validation_points = 3
"""

NETWORK = """
[network]
stride = 32
widths = [8, 8, 8, 8]
encoder_widths = [8, 8, 8]
latent_channels = 4
groups = 4
output = "draw"
[schedule]
batch = 5
max_unroll = 6
free_bits = 0.01
"""

LOOP = """
[loop]
updates = 8
learning_rate = 1e-3
validate_every = 100
checkpoint_every = 3
threads = 1
"""


def test_a_share_is_what_belongs_to_the_process() -> None:
    owner = torch.tensor([0, 1, 0, 1, 0])
    first, second = (Share.of(owner, Ranks(rank, 2)) for rank in (0, 1))
    assert first.mine.tolist() == [0, 2, 4]
    assert second.mine.tolist() == [1, 3]
    rows = torch.arange(5.0)
    means = [share.weight * float(share.rows_of(rows).mean()) for share in (first, second)]
    assert sum(means) / 2 == pytest.approx(float(rows.mean()))
    nothing = Share.of(torch.tensor([0, 0]), Ranks(1, 2))
    assert nothing.weight == 0.0
    assert len(nothing.mine) == 1  # a row to compute, without weight


def test_one_process_computes_all() -> None:
    rows = torch.arange(4.0)
    assert Share.whole(4).rows_of(rows) is rows
    assert ALONE.mean(rows) is rows
    assert ALONE.largest(3) == 3


def run(folder: Path, out: str, processes: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train in processes of their own; the weights and the log."""
    command = ["-m", "nakaya", "train", "train.toml", "--out", out]
    if processes > 1:
        command = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in ("RANK", "WORLD_SIZE"):
        environment.pop(name, None)
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, env=environment, timeout=500)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    lines = [json.loads(line) for line in (folder / out / "metrics.jsonl").read_text().splitlines()]
    return parse_weights((folder / out / "model" / "weights.safetensors").read_bytes()), lines


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """A batch of 5, which two cannot share evenly; crystals that end while a batch is unrolled; free bits."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    (tmp_path / "train.toml").write_text(f'model = "cgne"\n{COMMON}{NETWORK}{LOOP}')
    (one, alone), (two, together) = (run(tmp_path, out, count) for out, count in (("one", 1), ("two", 2)))
    updates = [[line for line in log if "loss" in line] for log in (alone, together)]
    assert [line["update"] for line in updates[1]] == list(range(1, 9))
    for number, (ours, theirs) in enumerate(zip(*updates, strict=True)):
        assert theirs == pytest.approx(ours, rel=LATER if number else FIRST, abs=1e-6)
    assert one.keys() == two.keys()
    moved = max(float((two[name] - one[name]).abs().max()) for name in one)
    assert moved < WEIGHTS
