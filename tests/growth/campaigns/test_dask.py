"""A campaign on a Dask cluster: the bytes of one process, whoever of the cluster is killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason='the extra "dask" is not installed')

from benchmarks.kill_cluster import kill_on_dask
from nakaya.cli.app import run
from nakaya.core.claims import Claims
from nakaya.growth.campaigns.campaigning import run_campaign
from support.sweeps import small_sweep

Contents = Callable[[Path], dict[str, bytes]]

SWEEP = small_sweep(6, method="sobol", low=0.5)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP)
    return path


def test_a_cluster_gives_the_bytes_of_one_process_and_goes_on(
    sweep: Path, tmp_path: Path, contents: Contents, capsys: pytest.CaptureFixture[str]
) -> None:
    run_campaign(sweep, tmp_path / "one.zarr")
    store = tmp_path / "dask.zarr"
    assert run(["campaign", "run", str(sweep), "--out", str(store), "--dask", "--workers", "2"]) == 0
    assert "6 of them (12 crystals) computed now" in capsys.readouterr().out
    assert contents(store) == contents(tmp_path / "one.zarr")
    assert not Claims(store).folder.exists()


def test_an_address_that_does_not_answer_leaves_nothing_and_takes_nothing(
    sweep: Path, tmp_path: Path, contents: Contents, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["campaign", "run", str(sweep), "--out", str(tmp_path / "c.zarr"), "--dask", "tcp://127.0.0.1:9"]
    assert run(command) == 2
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("nakaya: ")] == [
        "nakaya: no Dask scheduler answers at tcp://127.0.0.1:9: check the address, or start one (dask scheduler)"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.toml"]
    run_campaign(sweep, tmp_path / "c.zarr")
    (tmp_path / "c.zarr" / "records" / "2.0.json").unlink()
    before = contents(tmp_path / "c.zarr")
    assert run(command) == 2
    assert contents(tmp_path / "c.zarr") == before


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and process groups are POSIX")
def test_kill_minus_9_on_workers_schedulers_and_parents() -> None:
    """Each twice here; `python3 nk.py benchmark kill-loop --cluster --kills 100` for the full one."""
    report = kill_on_dask(kills=6, seed=2, points=12, size=16)
    assert report.by_target == {"worker": 2, "scheduler": 2, "parent": 2}
    assert report.torn == 0
    assert report.lost == 0
    assert report.orphans == 0  # a campaign whose scheduler is gone ends by itself
    assert report.different == 0
    assert report.completed >= 1
