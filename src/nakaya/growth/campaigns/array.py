"""Workers of a campaign that start by themselves, on any machines that share a file system, and need no server.

Each claims a shard that is not there and that nobody else is at, computes it, writes it whole, and goes on with the
next. A batch system starts them (an array of jobs); `slurm_script` writes what one such system reads.
"""

from __future__ import annotations

import os
import shlex
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Final

from nakaya.core.checks import check_count
from nakaya.core.claims import Claims
from nakaya.core.errors import NakayaError, ParameterError
from nakaya.core.executors import REPEATS
from nakaya.core.files import check_output, output_errors
from nakaya.core.locks import shared_log
from nakaya.core.processes import THREAD_VARIABLES
from nakaya.growth.campaigns.campaigning import CampaignProgress, StoreWriter, open_if_ours, plan_campaign
from nakaya.growth.campaigns.config import CampaignConfig, read_campaign
from nakaya.growth.campaigns.tasks import claim_name, grow_shard
from nakaya.growth.store.layout import ShardIndex

__all__ = ["MAX_ARRAY", "WorkerReport", "slurm_script", "work_on_campaign"]

MAX_ARRAY = 100_000
MAX_ATTEMPTS: Final = 1 + REPEATS
"""How often a shard is begun: one that kills its workers would kill all of them, one after another."""


@dataclass(frozen=True)
class WorkerReport:
    """What one worker did.

    Attributes:
        store: Where the crystals are.
        shards: Shards of the store.
        computed_shards: Shards that this worker computed.
        left_shards: Shards that were not there when it ended: other workers are at them, or were.
    """

    store: Path
    shards: int
    computed_shards: int
    left_shards: int


def work_on_campaign(
    config: CampaignConfig | str | PathLike[str],
    out: str | PathLike[str],
    *,
    number: int = 0,
    of: int = 1,
    progress: Callable[[CampaignProgress], None] | None = None,
) -> WorkerReport:
    """Compute shards of a campaign that nobody else is at, until there is none left.

    Any number of such workers may run at once, also beside `run_campaign`; each may be killed, and started again. In
    the end `run_campaign` computes what is still missing, and the store has the bytes of an undisturbed run.

    Args:
        config: The campaign, or the path of a sweep file.
        out: The store; one that the same campaign began is gone on with.
        number: Which worker this is, from 0: workers begin at different shards.
        of: How many there are.
        progress: Told how far the store is, as far as this worker knows.

    Raises:
        InputFileError: The sweep file cannot be read.
        ConfigError: The sweep file is wrong, or the store is that of another campaign.
        OutputError: The output exists and is no campaign's store, or cannot be written.
        NakayaError: A shard has killed its workers, again and again; the others are there, or others are at them.
    """
    config = config if isinstance(config, CampaignConfig) else read_campaign(Path(config))
    of = check_count("of", of, 1, MAX_ARRAY, ": it is the number of workers")
    number = check_count("number", number, 0, of - 1, f": {of} workers are counted from 0")
    store = Path(out)
    plan, campaign = plan_campaign(config)
    check_output(store, overwrite=True)
    stored = open_if_ours(store, campaign, overwrite=False)
    claims = Claims(store)
    with shared_log(store) as log, output_errors(store):
        if stored is not None:
            writer = StoreWriter.of_store(store, stored, plan, log)
        else:
            writer = StoreWriter(store, replace(plan, parameters=config.sample(plan.family)), campaign, log)
        log.write(f"worker {number} of {of} begins: process {os.getpid()} on {socket.gethostname()}")
        try:
            return _work(writer, claims, number, of, progress)
        finally:
            log.write(f"worker {number} of {of} ends")
            claims.tidy()


def _work(
    writer: StoreWriter, claims: Claims, number: int, of: int, progress: Callable[[CampaignProgress], None] | None
) -> WorkerReport:
    layout = writer.plan.layout
    missing = writer.missing()
    computed: list[ShardIndex] = []
    given_up: list[ShardIndex] = []
    done, crystals = layout.num_shards - len(missing), layout.num_crystals - layout.count_crystals(missing)

    def tell() -> None:
        if progress is not None:
            progress(CampaignProgress(done, layout.num_shards, crystals, layout.num_crystals))

    tell()
    with closing(_claimed(writer, claims, _from_place(missing, number, of), given_up)) as claimed:
        for index in claimed:
            with claims.attempt(claim_name(index)):
                writer.write(grow_shard(writer.plan.task(index)))
            computed.append(index)
            done, crystals = done + 1, crystals + layout.count_crystals([index])
            tell()
    if given_up:
        raise NakayaError(
            f"shard {claim_name(given_up[0])} was begun {MAX_ATTEMPTS} times and its workers were killed (out of "
            f"memory?), {len(given_up)} such in all: give workers more memory, then try these with nakaya campaign run"
        )
    return WorkerReport(writer.path, layout.num_shards, len(computed), len(writer.missing()))


def _from_place(shards: Sequence[ShardIndex], number: int, of: int) -> list[ShardIndex]:
    start = number * len(shards) // of
    return [*shards[start:], *shards[:start]]


def _claimed(
    writer: StoreWriter, claims: Claims, shards: Sequence[ShardIndex], given_up: list[ShardIndex]
) -> Generator[ShardIndex, None, None]:
    """Shards that are not there, each claimed while the caller is at it."""
    for index in shards:
        if writer.holds(index):
            continue
        with claims.hold(claim_name(index)) as is_ours:
            if not is_ours or writer.holds(index):
                continue
            if claims.begun(claim_name(index)) >= MAX_ATTEMPTS:
                given_up.append(index)
            else:
                yield index


SCRIPT = """\
#!/bin/bash
# Grows the campaign {sweep} into {store} with {array} workers of one core each, on any machines that share both.
#
#     sbatch {script}
#
# Each worker claims one shard after another by itself. One that is killed may be queued again; what is finished stays.
# When all have ended, this computes what may still be missing, and this reads and checks all of it:
#
#     {run}
#     {verify}

#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={output}
{time}
if [ -z "${{SLURM_ARRAY_TASK_ID:-}}" ]; then
    echo "this script is for SLURM, which sets SLURM_ARRAY_TASK_ID: sbatch {script}" >&2
    exit 2
fi
export {threads}
exec {worker} --number "$SLURM_ARRAY_TASK_ID" --of {array}
"""


def slurm_script(
    sweep: Path, store: Path, script: Path, *, program: Sequence[str], array: int, time: str | None = None
) -> str:
    """Return the text of a submission script, whose workers grow a campaign.

    Args:
        sweep: The sweep file.
        store: The store; both on a file system that all machines share.
        script: What the script will be called.
        program: Words that start `nakaya`.
        array: How many workers.
        time: Limit of each, as SLURM reads it ("04:00:00"); None: the cluster's.

    Raises:
        ParameterError: A number is out of range, or a path or the time cannot stand in a line of the script.
    """
    array = check_count("array", array, 1, MAX_ARRAY, ": it is the number of workers")
    sweep, store, script = sweep.absolute(), store.absolute(), script.absolute()
    for text in (str(sweep), str(store), str(script), time or ""):
        if any(not character.isprintable() for character in text):
            raise ParameterError(f"{text!r} cannot stand in a script: use printable names")
    if any(character.isspace() or character in "\"'%\\" for character in f"{store}{time or ''}"):
        raise ParameterError(f"{store}: SLURM reads no blanks, quotes, % or \\ in the name of its output: rename it")
    nakaya = shlex.join(program)
    out = f"{shlex.quote(str(sweep))} --out {shlex.quote(str(store))}"
    return SCRIPT.format(
        sweep=sweep,
        store=store,
        script=shlex.quote(str(script)),
        array=array,
        last=array - 1,
        run=f"{nakaya} campaign run {out}",
        verify=f"{nakaya} campaign verify {shlex.quote(str(store))}",
        worker=f"{nakaya} campaign worker {out}",
        name=sweep.stem if sweep.stem.isidentifier() else "nakaya",
        output=f"{store}.%a.out",
        time=f"#SBATCH --time={time}\n" if time is not None else "",
        threads=" ".join(f"{name}=1" for name in THREAD_VARIABLES),
    )
