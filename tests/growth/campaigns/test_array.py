"""Workers that start by themselves: each shard once, however they meet, and whoever of them is killed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nakaya.core.claims import Claims
from nakaya.core.errors import ConfigError, NakayaError, OutputError, ParameterError
from nakaya.growth.campaigns.array import MAX_ATTEMPTS, slurm_script, work_on_campaign
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.growth.campaigns.config import CampaignConfig
from nakaya.growth.campaigns.tasks import ShardPlan, ShardTarget, grow_shard
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.store.store import open_store
from nakaya.growth.store.verification import verify_store
from support.sweeps import small_sweep

Contents = Callable[[Path], dict[str, bytes]]
NUM_SHARDS = 5
NUM_WRITERS = 8
SECONDS = 60
"""Of patience with processes; reached by nothing but a fault."""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def at_once(work: Callable[[int], object], count: int) -> list[int]:
    """Do work in copies of this process that begin in one moment; their exit statuses."""
    gate, opener = os.pipe()
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            os.close(opener)
            os.read(gate, 1)  # returns when the other end is closed
            try:
                work(number)
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    os.close(gate)
    os.close(opener)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def written(store: Path) -> list[str]:
    lines = store.with_name(f"{store.name}.log").read_text().splitlines()
    return sorted(line.split()[2] for line in lines if line.endswith(" written"))


@needs_fork
@pytest.mark.parametrize("locks", [True, False])
def test_eight_writers_at_once_lose_nothing(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    """Locks save work alone: on a file system without them all write everything, and the outcome is the same."""
    from contextlib import nullcontext

    sweep = replace(sweep, crystals_per_shard=1)
    run_campaign(sweep, tmp_path / "alone.zarr")
    if not locks:
        monkeypatch.setattr(Claims, "hold", lambda self, name, **_: nullcontext(True))
        monkeypatch.setattr(Claims, "attempt", lambda self, name: nullcontext())
    store = tmp_path / "c.zarr"
    statuses = at_once(lambda number: work_on_campaign(sweep, store, number=number, of=NUM_WRITERS), NUM_WRITERS)
    if locks:
        assert statuses == [0] * NUM_WRITERS
        assert written(store) == sorted(f"{i}.{j}" for i in range(10) for j in range(5))  # each by one
    else:
        assert 0 in statuses  # who comes second with making the store is told so
        work_on_campaign(sweep, store)
    assert contents(store) == contents(tmp_path / "alone.zarr")
    assert verify_store(store).is_complete
    assert not Claims(store).folder.exists()


def test_a_worker_goes_round_what_another_is_at(toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents) -> None:
    """While the first one is at its first shard, the second one comes and makes the store and everything else."""
    run_campaign(sweep, tmp_path / "alone.zarr")
    toy.grown.clear()
    store = tmp_path / "c.zarr"
    reports = []

    def meanwhile(_: int) -> None:
        toy.before_each = lambda number: None
        reports.append(work_on_campaign(sweep, store, number=1, of=2))

    toy.before_each = meanwhile
    reports.append(work_on_campaign(sweep, store, number=0, of=2))
    second, first = reports
    assert (second.computed_shards, second.left_shards) == (NUM_SHARDS - 1, 1)
    assert (first.computed_shards, first.left_shards) == (1, 0)
    assert len(toy.grown) == len(set(toy.grown)) == 50
    assert contents(store) == contents(tmp_path / "alone.zarr")
    assert work_on_campaign(sweep, store).computed_shards == 0
    assert run_campaign(sweep, store).computed_shards == 0


@needs_fork
def test_killed_anywhere_it_loses_nothing(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a kill, unlike a power cut, loses nothing unsynced
    run_campaign(sweep, tmp_path / "alone.zarr")
    expected, killed = contents(tmp_path / "alone.zarr"), 0
    for at_operation in range(0, 200, 15):
        store = tmp_path / f"{at_operation}.zarr"

        def work(_: int, store: Path = store, at_operation: int = at_operation) -> None:
            count = 0

            def deadly(operation: Callable[..., object]) -> Callable[..., object]:
                def counted(*args: object, **more: object) -> object:
                    nonlocal count
                    if count == at_operation:
                        os.kill(os.getpid(), signal.SIGKILL)
                    count += 1
                    return operation(*args, **more)

                return counted

            for name in ("fsync", "replace", "rename", "unlink", "mkdir"):
                setattr(os, name, deadly(getattr(os, name)))
            work_on_campaign(sweep, store)

        (status,) = at_once(work, 1)
        assert status in (0, -signal.SIGKILL)
        if store.exists():
            assert not verify_store(store).damaged
        work_on_campaign(sweep, store)  # queued again
        killed += status != 0
        run_campaign(sweep, store)  # and what killed workers left is swept away
        assert contents(store) == expected, at_operation
        assert not Claims(store).folder.exists()
    assert killed > 5


@needs_fork
def test_a_shard_that_kills_its_workers_is_left_and_named(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents
) -> None:
    run_campaign(sweep, tmp_path / "alone.zarr")
    store = tmp_path / "c.zarr"
    toy.grown.clear()

    def work(_: int) -> None:
        toy.before_each = lambda grown: os.kill(os.getpid(), signal.SIGKILL) if grown == 20 else None
        work_on_campaign(sweep, store)

    assert at_once(work, 1) == [-signal.SIGKILL]  # at its third shard
    at_third = Claims(store).folder / "2.0.begun"
    at_third.write_bytes(b"." * MAX_ATTEMPTS)
    with pytest.raises(NakayaError, match=rf"shard 2.0 was begun {MAX_ATTEMPTS} times and its workers were killed"):
        work_on_campaign(sweep, store)
    assert verify_store(store).missing == ((2, 0),)
    run_campaign(sweep, store)
    assert contents(store) == contents(tmp_path / "alone.zarr")


def test_who_is_interrupted_leaves_no_mark(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    toy.before_each = interrupt
    with pytest.raises(KeyboardInterrupt):
        work_on_campaign(sweep, tmp_path / "c.zarr")
    assert not Claims(tmp_path / "c.zarr").folder.exists()


def test_a_store_at_which_others_are_is_neither_replaced_nor_swept(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    store = tmp_path / "c.zarr"
    run_campaign(sweep, store)
    (store / "records/2.0.json").unlink()
    part = store / "arrival" / ".c.2.0.0.0.abc-1-0.part"
    part.write_text("")
    with Claims(store).hold("2.0"):
        with pytest.raises(OutputError, match=r"being written by 1 workers \(shard 2.0\)"):
            run_campaign(sweep, store, overwrite=True)
        assert verify_store(store).missing == ((2, 0),)
        run_campaign(sweep, store)
        assert part.exists()
    run_campaign(sweep, store)
    assert not part.exists()


def test_what_was_begun_for_a_store_does_not_end_in_its_successor(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents
) -> None:
    store = tmp_path / "c.zarr"
    run_campaign(sweep, store)
    old = open_store(store)
    target = ShardTarget(store, old.layout, old.metadata, old.reader.store_sha256)
    plan = ShardPlan("toy", GravnerGriffeath, sweep.setup, sweep.seed, old.layout, old.parameters)
    late = grow_shard(plan.task((0, 0)))
    run_campaign(replace(sweep, seed=8), store, overwrite=True)
    before = contents(store)
    with pytest.raises(OutputError, match="is not the store that this was begun for"):
        target.write(late)
    assert contents(store) == before


def test_another_campaign_or_another_model_is_refused(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    store = tmp_path / "c.zarr"
    run_campaign(sweep, store)
    with pytest.raises(ConfigError, match="seed is 7 in the store, 8 now"):
        work_on_campaign(replace(sweep, seed=8), store)
    (store / "records/2.0.json").unlink()
    toy.model_hash = "2"
    with pytest.raises(ConfigError, match="model_hash is 1 in the store, 2 now"):
        work_on_campaign(sweep, store)
    with pytest.raises(ParameterError, match="number=2"):
        work_on_campaign(sweep, store, number=2, of=2)


# The script -----------------------------------------------------------------------------------------------------------


def test_the_script_quotes_its_paths_and_refuses_what_slurm_cannot_read(tmp_path: Path) -> None:
    sweep = tmp_path / "my sweep; rm -rf $HOME.toml"
    text = slurm_script(sweep, tmp_path / "s.zarr", tmp_path / "s.sbatch", program=["nakaya"], array=4, time="01:00:00")
    assert "#SBATCH --array=0-3\n" in text
    assert "#SBATCH --time=01:00:00\n" in text
    command = text.splitlines()[-1]
    assert shlex.split(command)[:5] == ["exec", "nakaya", "campaign", "worker", str(sweep)]
    for wrong in ("my store.zarr", "100%.zarr", 'a"b.zarr'):
        with pytest.raises(ParameterError, match="SLURM reads no blanks"):
            slurm_script(sweep, tmp_path / wrong, tmp_path / "s", program=["nakaya"], array=4)
    with pytest.raises(ParameterError, match="printable"):
        slurm_script(tmp_path / "a\nb.toml", tmp_path / "s.zarr", tmp_path / "s", program=["nakaya"], array=4)
    with pytest.raises(ParameterError, match="array=0"):
        slurm_script(sweep, tmp_path / "s.zarr", tmp_path / "s", program=["nakaya"], array=0)


REAL = small_sweep(6)


@pytest.mark.skipif(os.name != "posix", reason="SLURM's scripts are for bash")
def test_the_script_runs_as_slurm_would_run_it(
    tmp_path: Path, contents: Contents, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tasks at once; one is killed and queued again. SLURM itself sets the variable, and starts bash."""
    from nakaya.cli.app import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(REAL)
    assert run(["campaign", "script", "sweep.toml", "--slurm", "--array", "3"]) == 0
    assert "sbatch sweep.sbatch" in capsys.readouterr().out
    store, log = tmp_path / "sweep.zarr", (tmp_path / "said.txt").open("ab")

    def task(number: int) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(number)}
        return subprocess.Popen(["bash", "sweep.sbatch"], env=environment, stdout=log, stderr=log)

    with Claims(store).hold("store"):  # the store cannot be made: whoever has grown its first shard has to wait
        first = task(0)
        while Claims(store).begun("0.0") == 0:
            assert first.poll() is None
        first.kill()
        first.wait(SECONDS)
    tasks = [task(number) for number in (0, 1, 2)]
    assert [process.wait(SECONDS) for process in tasks] == [0, 0, 0], (tmp_path / "said.txt").read_text()
    log.close()
    assert run(["campaign", "verify", str(store)]) == 0
    run_campaign(tmp_path / "sweep.toml", tmp_path / "alone.zarr")
    assert contents(store) == contents(tmp_path / "alone.zarr")
    assert written(store) == [f"{number}.0" for number in range(6)]

    assert run(["campaign", "script", "sweep.toml", "--slurm"]) == 2  # it is there
    assert run(["campaign", "script", "sweep.toml"]) == 2
    assert "--slurm" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="SLURM's scripts are for bash")
def test_without_slurm_the_script_says_so(tmp_path: Path) -> None:
    text = slurm_script(tmp_path / "a.toml", tmp_path / "a.zarr", tmp_path / "a.sh", program=["nakaya"], array=2)
    (tmp_path / "a.sh").write_text(text)
    environment = {key: value for key, value in os.environ.items() if key != "SLURM_ARRAY_TASK_ID"}
    done = subprocess.run(["bash", str(tmp_path / "a.sh")], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "this script is for SLURM" in done.stderr
