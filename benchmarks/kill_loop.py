"""Kill a campaign again and again, at random moments, and compare what comes out with an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from nakaya.core.errors import NakayaError
from nakaya.core.provenance import package_version
from nakaya.growth.store.verification import verify_store

__all__ = [
    "SWEEP",
    "KillReport",
    "await_moment",
    "compare",
    "contents",
    "count_records",
    "kill_campaigns",
    "kill_loop",
    "look",
    "start_campaign",
]

SWEEP = """\
members = 64
seed = 7

[lattice]
size = {size}

[points]
method = "sobol"
count = {points}

[points.vary]
rho = {{ low = 0.4, high = 0.64 }}
sigma = {{ low = 1e-5, high = 1e-2, scale = "log" }}

[store]
crystals_per_shard = 64
"""

TARGETS = ("tree", "parent", "worker")
MOST_KILLS_OF_ONE = 6
SHARE_OF_EARLY_KILLS = 0.25
EARLY_SECONDS = 2.0
"""Within these a campaign starts up, and goes on if it was fast."""

SECONDS_INTO_A_SHARD = 0.05
POLL_SECONDS = 0.005
SECONDS_TO_VANISH = 20.0
"""How long the rest of a process tree may take to notice that a part of it is gone, on a busy machine."""


@dataclass
class KillReport:
    """What came of the kills.

    Attributes:
        kills: Processes or process trees that were killed.
        by_target: Kills by what was killed: the whole tree, the parent alone, one worker, the scheduler.
        completed: Campaigns that came to their end.
        shards: Shards of each.
        torn: Shards that were found damaged after a kill.
        lost: Shards that had been finished and were not there after a kill.
        orphans: Kills after which a process of the tree went on living, or a campaign without a scheduler did not end.
        different: Completed campaigns whose bytes are not those of the undisturbed run.
        differences: Files in which they differ, and how.
        finished_at_kill: How many shards were finished when a kill came: counts by number.
        seconds: Wall time.
        targets: What was killed in turn.
    """

    kills: int = 0
    by_target: Counter[str] = field(default_factory=Counter)
    completed: int = 0
    shards: int = 0
    torn: int = 0
    lost: int = 0
    orphans: int = 0
    different: int = 0
    differences: list[str] = field(default_factory=list)
    finished_at_kill: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    targets: tuple[str, ...] = TARGETS

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong."""
        return self.torn == self.lost == self.orphans == self.different == 0 < self.completed

    def __str__(self) -> str:
        targets = ", ".join(f"{self.by_target[target]} of the {target}" for target in self.targets)
        moments = ", ".join(f"{count} at {shards}" for shards, count in sorted(self.finished_at_kill.items()))
        return "\n".join(
            [
                f"nakaya {package_version()}, kill -9 over nakaya campaign run",
                f"kills: {self.kills} ({targets})",
                f"shards finished when the kill came, of {self.shards}: {moments}",
                f"torn shards: {self.torn}",
                f"lost shards: {self.lost}",
                f"orphaned processes: {self.orphans}",
                f"campaigns completed: {self.completed}, of which differ from the undisturbed run: {self.different}",
                *(f"  {difference}" for difference in self.differences),
                f"seconds: {self.seconds:.0f}",
            ]
        )


def kill_campaigns(kills: int, seed: int, points: int = 32, size: int = 64, workers: int = 2) -> KillReport:
    """Run campaigns and kill them until there were so many kills; then let the last one finish.

    Args:
        kills: How many.
        seed: Of the moments and targets.
        points: Parameter points of the campaign; a shard each.
        size: Size of the lattice.
        workers: Worker processes.
    """
    rng = random.Random(seed)
    started = time.monotonic()
    report = KillReport()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "sweep.toml").write_text(SWEEP.format(points=points, size=size), encoding="utf-8")
        undisturbed = folder / "undisturbed.zarr"
        if start_campaign(folder, undisturbed, "--workers", str(workers)).wait() != 0:
            raise RuntimeError("the undisturbed campaign failed")
        expected = contents(undisturbed)
        report.shards = verify_store(undisturbed).num_shards
        while report.kills < kills or report.completed == 0:
            _one_campaign(folder, expected, kills, workers, rng, report)
    report.seconds = time.monotonic() - started
    return report


def _one_campaign(
    folder: Path,
    expected: dict[str, bytes],
    kills: int,
    workers: int,
    rng: random.Random,
    report: KillReport,
) -> None:
    """Start one campaign, kill it and start it again until it comes to its end."""
    out = folder / f"killed-{report.completed}.zarr"
    finished: set[tuple[int, int]] = set()
    kills_left = rng.randint(1, MOST_KILLS_OF_ONE)  # then it may finish: else most kills would hit its last shard
    while True:
        campaign = start_campaign(folder, out, "--workers", str(workers))
        if report.kills < kills and kills_left > 0:
            kills_left -= 1
            target = TARGETS[report.kills % len(TARGETS)]
            await_moment(campaign, out, report.shards, rng)
            was_alive = _kill(campaign, target)
            report.orphans += not _vanishes(campaign)
            if was_alive:
                report.kills += 1
                report.by_target[target] += 1
                report.finished_at_kill[look(out, finished, report)] += 1
                continue
        if campaign.wait() == 0:
            break
        raise RuntimeError("the campaign failed without having been killed")
    report.completed += 1
    compare(out, expected, report)


def start_campaign(folder: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a campaign of the sweep file in a folder."""
    command = [sys.executable, "-c", "from nakaya.cli.app import main; main()", "campaign", "run"]
    command += [str(folder / "sweep.toml"), "--out", str(out), *options]
    with (folder / "stderr.txt").open("ab") as stderr:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)


def await_moment(campaign: subprocess.Popen[bytes], out: Path, num_shards: int, rng: random.Random) -> None:
    """Wait for a random moment: early, or when some of the missing shards (at most half) are finished."""
    done = count_records(out)
    if rng.random() < SHARE_OF_EARLY_KILLS or done >= num_shards:
        more, delay = 0, rng.uniform(0, EARLY_SECONDS)
    else:
        more, delay = rng.randrange(max((num_shards - done) // 2, 1)), rng.uniform(0, SECONDS_INTO_A_SHARD)
    while campaign.poll() is None and count_records(out) < done + more:
        time.sleep(POLL_SECONDS)
    time.sleep(delay)


def count_records(out: Path) -> int:
    """Number of shards that have a record."""
    return len(list((out / "records").glob("*.*.json")))


def _kill(campaign: subprocess.Popen[bytes], target: str) -> bool:
    """Kill; whether the campaign was still alive."""
    if campaign.poll() is not None:
        return False
    if target == "tree":
        os.killpg(campaign.pid, signal.SIGKILL)
        return True
    workers = [process for process, parent in _tree(campaign.pid) if parent == campaign.pid]
    victim = workers[-1] if target == "worker" and workers else campaign.pid
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _tree(group: int) -> Iterator[tuple[int, int]]:
    """Process and parent of every living process of a group."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        process, parent, its_group, state = line.split()[:4]
        if int(its_group) == group and not state.startswith("Z"):
            yield int(process), int(parent)


def _vanishes(campaign: subprocess.Popen[bytes]) -> bool:
    """Whether all processes of the campaign end by themselves."""
    deadline = time.monotonic() + SECONDS_TO_VANISH
    while time.monotonic() < deadline:
        if campaign.poll() is not None and not list(_tree(campaign.pid)):
            return True
        time.sleep(0.05)
    os.killpg(campaign.pid, signal.SIGKILL)
    campaign.wait()
    return False


def look(out: Path, finished: set[tuple[int, int]], report: KillReport) -> int:
    """Verify a store after a kill; return how many shards are finished."""
    if not out.exists():
        report.lost += len(finished)
        return 0
    try:
        found = verify_store(out)
    except NakayaError:
        report.torn += 1
        return 0
    intact = set(found.intact)
    report.torn += len(found.damaged) + len(found.damaged_documents) + len(found.foreign)
    report.lost += len(finished - intact)
    finished |= intact
    return len(intact)


def contents(path: Path) -> dict[str, bytes]:
    """All files of a store, by name."""
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def compare(out: Path, expected: dict[str, bytes], report: KillReport) -> None:
    """Note in which files a finished store differs from the undisturbed one."""
    found = contents(out)
    report.different += found != expected
    for name in sorted(found.keys() | expected.keys()):
        if name not in expected:
            report.differences.append(f"{out.name}: {name} is there, of {len(found[name])} bytes")
        elif name not in found:
            report.differences.append(f"{out.name}: {name} is not there")
        elif found[name] != expected[name]:
            report.differences.append(f"{out.name}: {name} holds something else")


def kill_loop(
    kills: Annotated[int, typer.Option(help="How many kills.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the moments and targets.")] = 0,
    workers: Annotated[int, typer.Option(help="Worker processes of a campaign.")] = 2,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="On a Dask cluster of this machine; kills its scheduler, too.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the report to this file.")] = None,
) -> None:
    """Kill a campaign again and again, at random moments, and compare what comes out with an undisturbed run.

    Every kill is SIGKILL, in turn to the whole process tree, to the parent alone, and to one of its workers; with
    --cluster to a worker, to the scheduler of a Dask cluster, and to the parent. POSIX only. Leaves with status 1 where
    something went wrong.

    Example: python3 nk.py benchmark kill-loop --kills 100
    """
    if cluster:
        from benchmarks.kill_cluster import kill_on_dask

        report = kill_on_dask(kills, seed, workers=workers)
    else:
        report = kill_campaigns(kills, seed, workers=workers)
    typer.echo(str(report))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(f"{report}\n", encoding="utf-8")
    if not report.is_good:
        raise typer.Exit(1)
