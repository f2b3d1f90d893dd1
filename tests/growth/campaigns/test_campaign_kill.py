"""Killed anywhere and started again, a campaign ends with the bytes of an undisturbed run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.kill_loop import kill_campaigns
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.growth.campaigns.config import CampaignConfig
from nakaya.growth.store.verification import verify_store

Contents = Callable[[Path], dict[str, bytes]]

OPERATIONS = ("fsync", "replace", "rename", "unlink", "mkdir")
KILLED = 9

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def run_until_killed(work: Callable[[], object], at_operation: int) -> bool:
    """Do the work in a copy of this process that dies before its n-th operation on files; False: it came to its end."""
    child = os.fork()
    if child == 0:
        count = 0

        def deadly(operation: Callable[..., object]) -> Callable[..., object]:
            def counted(*args: object, **kwargs: object) -> object:
                nonlocal count
                if count == at_operation:
                    os._exit(KILLED)  # as kill -9: nothing is flushed, no handler and no lock is released by hand
                count += 1
                return operation(*args, **kwargs)

            return counted

        for name in OPERATIONS:
            setattr(os, name, deadly(getattr(os, name)))
        try:
            work()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED)
    return status == KILLED


@needs_fork
def test_a_kill_before_any_operation_on_files_changes_nothing(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a kill, unlike a power cut, loses nothing unsynced
    sweep = replace(sweep, points=replace(sweep.points, count=4))
    run_campaign(sweep, tmp_path / "undisturbed.zarr")
    expected = contents(tmp_path / "undisturbed.zarr")
    num_killed = 0
    for at_operation in range(1000):
        out = tmp_path / f"{at_operation}.zarr"
        if not run_until_killed(lambda out=out: run_campaign(sweep, out), at_operation):
            break
        num_killed += 1
        if out.exists():
            assert not verify_store(out).damaged
        run_campaign(sweep, out)
        assert contents(out) == expected, at_operation
    assert num_killed > 2 * (2 * 4 + 20)  # sync and rename: four files of two shards, and twenty of the skeleton
    names = {path.name for path in tmp_path.iterdir()}
    stores = {f"{number}.zarr" for number in range(num_killed + 1)} | {"undisturbed.zarr"}
    assert names == stores | {f"{name}.log" for name in stores}


@needs_fork
def test_a_campaign_that_is_killed_again_and_again_gets_there(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents
) -> None:
    run_campaign(sweep, tmp_path / "undisturbed.zarr")
    num_intact: list[int] = []
    while run_until_killed(lambda: run_campaign(sweep, tmp_path / "c.zarr"), 78 if not num_intact else 11):
        assert len(num_intact) < 20
        found = verify_store(tmp_path / "c.zarr")
        assert not found.damaged
        num_intact.append(len(found.intact))
    assert len(num_intact) > 2
    assert num_intact == sorted(num_intact)  # what is finished is never lost
    assert contents(tmp_path / "c.zarr") == contents(tmp_path / "undisturbed.zarr")


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and process groups are POSIX")
def test_kill_minus_9_on_workers_parents_and_trees() -> None:
    """A handful here; `python3 nk.py benchmark kill-loop --kills 100` for the full one."""
    report = kill_campaigns(kills=4, seed=1, points=8, size=16, workers=2)
    assert report.kills == 4
    assert report.torn == 0
    assert report.lost == 0
    assert report.orphans == 0
    assert report.different == 0
    assert report.completed >= 1
