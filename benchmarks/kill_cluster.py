"""Kill workers, scheduler and parent of campaigns on a Dask cluster of this machine, at random moments, and compare."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

from benchmarks.kill_loop import SWEEP, KillReport, compare, contents, count_records, look, start_campaign
from nakaya.core.claims import Claims
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.growth.store.verification import verify_store

__all__ = ["TARGETS", "LocalDask", "kill_on_dask"]

TARGETS = ("worker", "scheduler", "parent")
SECONDS_TO_START = 120.0
SECONDS_TO_END = 60.0
"""How long a campaign whose scheduler is gone may take to say so, on a busy machine."""

POLL_SECONDS = 0.05
MIN_KILLS_OF_ONE, MAX_KILLS_OF_ONE = 3, 9


class LocalDask:
    """A scheduler and workers, in processes of their own on free ports, without pages.

    Args:
        folder: Where they write.
        workers: Worker processes, of one thread each.

    Attributes:
        address: Of the scheduler.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        self._stack = ExitStack()
        said = self._stack.enter_context((folder / "dask.txt").open("ab"))
        place = folder / f"scheduler-{time.monotonic_ns()}.json"
        common = ["--no-dashboard", "--scheduler-file", str(place)]
        self.scheduler = self._start("scheduler", [*common, "--host", "127.0.0.1", "--port", "0"], said)
        deadline = time.monotonic() + SECONDS_TO_START
        while not (place.exists() and place.read_bytes().endswith(b"}")):
            if self.scheduler.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no Dask scheduler could be started: see {folder / 'dask.txt'}")
            time.sleep(POLL_SECONDS)
        self.address = str(json.loads(place.read_text())["address"])
        more = ["--nworkers", str(workers), "--nthreads", "1", "--local-directory", str(folder / "dask")]
        self._start_workers = partial(self._start, "worker", [*common, *more, "--host", "127.0.0.1"], said)
        self.workers = self._start_workers()
        while len(_workers_of(self.workers.pid)) < workers:
            if self.workers.poll() is not None or time.monotonic() > deadline + SECONDS_TO_START:
                raise RuntimeError(f"no Dask workers could be started: see {folder / 'dask.txt'}")
            time.sleep(POLL_SECONDS)

    def _start(self, what: str, options: list[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        self._stack.callback(_end, process)
        return process

    def kill(self, target: str) -> bool:
        """Kill the scheduler, or one worker; whether there was one."""
        if target == "scheduler":
            os.kill(self.scheduler.pid, signal.SIGKILL)
            return True
        workers = _workers_of(self.workers.pid)
        if not workers:
            return False
        os.kill(workers[-1], signal.SIGKILL)
        return True

    def keep_working(self) -> None:
        """Start workers again where Dask gave them up: it does when one is killed that is still starting."""
        if self.workers.poll() is not None:
            self.workers = self._start_workers()

    def close(self) -> None:
        """End all of them."""
        self._stack.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _workers_of(group: int) -> list[int]:
    """The processes that work; those that watch over them are in the same group."""
    listing = subprocess.run(["ps", "-ewwo", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True)
    rows = (line.split(maxsplit=3) for line in listing.stdout.splitlines())
    return [int(row[0]) for row in rows if row[1] == str(group) and row[2][0] != "Z" and "spawn_main" in row[3]]


def kill_on_dask(kills: int, seed: int, points: int = 32, size: int = 64, workers: int = 2) -> KillReport:
    """Run campaigns on a Dask cluster and kill parts of it until there were so many kills; then finish the last one.

    A campaign has to survive the death of a worker. Whose scheduler dies, it has to end by itself, and go on with
    another scheduler. Where it dies itself, the next one meets workers that are still at its shards.

    Args:
        kills: How many.
        seed: Of the moments.
        points: Parameter points of the campaign; a shard each.
        size: Size of the lattice.
        workers: Worker processes.
    """
    rng = random.Random(seed)
    started = time.monotonic()
    report = KillReport(targets=TARGETS)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        (folder / "sweep.toml").write_text(SWEEP.format(points=points, size=size), encoding="utf-8")
        undisturbed = folder / "undisturbed.zarr"
        run_campaign(folder / "sweep.toml", undisturbed)
        expected = contents(undisturbed)
        report.shards = verify_store(undisturbed).num_shards
        cluster = _Cluster(folder, workers)
        stack.callback(cluster.close)
        while report.kills < kills or report.completed == 0:
            _one_campaign(folder, cluster, kills, rng, report)
            out = folder / f"killed-{report.completed}.zarr"
            report.completed += 1
            compare(out, expected, report)
    report.seconds = time.monotonic() - started
    return report


class _Cluster:
    """The present cluster; started when it is asked for."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder, self.workers, self._now = folder, workers, None

    _now: LocalDask | None

    def now(self) -> LocalDask:
        if self._now is None:
            self._now = LocalDask(self.folder, self.workers)
        return self._now

    def close(self) -> None:
        if self._now is not None:
            self._now.close()
        self._now = None


def _one_campaign(folder: Path, cluster: _Cluster, kills: int, rng: random.Random, report: KillReport) -> None:
    out = folder / f"killed-{report.completed}.zarr"
    finished: set[tuple[int, int]] = set()
    kills_left = rng.randint(MIN_KILLS_OF_ONE, MAX_KILLS_OF_ONE)
    while True:
        campaign = start_campaign(folder, out, "--dask", cluster.now().address)
        target = ""
        while report.kills < kills and kills_left > 0 and target in ("", "worker"):
            target = TARGETS[report.kills % len(TARGETS)]
            if not _kill(campaign, cluster, target, out, rng, report):
                target = "none"
                break
            kills_left -= 1
            if target != "worker":  # a campaign survives the death of a worker
                report.orphans += not _ends(campaign)
                look(out, finished, report)
            if target == "scheduler":
                cluster.close()
        while campaign.poll() is None:
            if target == "worker":
                cluster.now().keep_working()
            time.sleep(POLL_SECONDS)
        if campaign.returncode == 0:
            look(out, finished, report)
            return
        if target not in ("scheduler", "parent"):
            raise RuntimeError("the campaign failed without having been disturbed")


def _kill(
    campaign: subprocess.Popen[bytes],
    cluster: _Cluster,
    target: str,
    out: Path,
    rng: random.Random,
    report: KillReport,
) -> bool:
    """Kill part of a campaign at a random moment; whether there was one before it had come to its end.

    The campaign cannot get there, for a shard that it lacks is held until then.
    """
    done = count_records(out)
    more = rng.randrange(max((report.shards - done) // 2, 1))
    with _held_shard(out, report.shards) as is_held:
        deadline = time.monotonic() + SECONDS_TO_START
        while is_held and count_records(out) < done + more and campaign.poll() is None and time.monotonic() < deadline:
            cluster.now().keep_working()
            time.sleep(POLL_SECONDS)
        if not is_held or campaign.poll() is not None:
            return False
        finished = count_records(out)
        if target == "parent":
            os.kill(campaign.pid, signal.SIGKILL)
        elif not cluster.now().kill(target):
            return False
    report.kills += 1
    report.by_target[target] += 1
    report.finished_at_kill[finished] += 1
    return True


@contextmanager
def _held_shard(out: Path, num_shards: int) -> Iterator[bool]:
    """Hold the last shard that is missing and that nobody is at; whether there is one."""
    claims = Claims(out)
    for number in reversed(range(num_shards)):
        if (out / "records" / f"{number}.0.json").exists():
            continue
        with claims.hold(f"{number}.0") as is_ours:
            if is_ours and not (out / "records" / f"{number}.0.json").exists():
                yield True
                return
    yield False


def _ends(campaign: subprocess.Popen[bytes]) -> bool:
    """Whether a campaign ends by itself."""
    try:
        campaign.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        os.killpg(campaign.pid, signal.SIGKILL)
        campaign.wait()
        return False
    return True
