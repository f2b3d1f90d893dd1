"""Many runs into a store of records, so that a kill at any moment loses at most the runs in flight.

A record depends on the plan alone, never on the order in which runs happened to end: a run sees the records that came
with the campaign, and those of its own material that come before it (`AFTER`), all of which are waited for.

The store is the ledger: a run is done when its record is there, written whole in one rename. Every attempt works in a
fresh folder, so a LAMMPS that outlives its campaign cannot disturb the next attempt, and nothing is counted twice,
because a run has one id and an id has one record.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from nakaya.core.errors import FormatError, OutputError
from nakaya.core.executors import Executor
from nakaya.core.locks import lock_output
from nakaya.core.processes import parent_bound_pool
from nakaya.md.campaigns.plan import Run
from nakaya.md.growth import GrowthRun
from nakaya.md.lammps.program import LammpsError, find_lammps
from nakaya.md.lammps.workspace import record_of_run
from nakaya.md.potentials import potential_file
from nakaya.md.seeding.run import SeedingRun
from nakaya.md.shear import SHEAR_RATE, shear_condition
from nakaya.md.tables import THRESHOLDS, MaterialTable, tabulate, with_guess
from nakaya.records.record import DRIVING_FORCE, Record, single
from nakaya.records.store import RecordStore

__all__ = ["CampaignReport", "run_campaign", "run_hash"]

logger = logging.getLogger(__name__)

RUN_HASH: Final = "run_sha256"
MAX_ATTEMPTS = 2
AFTER: Final[Mapping[str, Set[str]]] = {
    "properties": set(),
    "melting": {"properties"},
    "thresholds": set(),
    "growth": {"properties", "melting"},
    "nucleation": {"properties", "melting"},
    "seeding": {"properties", "melting", "thresholds"},
}
"""Kind of a run -> kinds of runs of its material that must be done before it: it looks at their records."""


@dataclass(frozen=True)
class CampaignReport:
    """What a campaign did.

    Attributes:
        finished: Ids of runs that were finished now.
        skipped: Ids of runs whose records were there already.
        failed: Ids of runs that failed now, or before.
    """

    finished: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: tuple[str, ...]


def run_hash(run: Run) -> str:
    """sha256 of everything that a run was asked to do, the potential's bytes included."""
    settings = {key: value for key, value in sorted(asdict(run).items()) if key != "patches"}
    if not settings.get(SHEAR_RATE, 1):  # runs at rest keep the hash that they had before melts could be sheared
        del settings[SHEAR_RATE]
    stated = {key: value for key, value in settings["material"].items() if (key, value) != ("axial_ratio", None)}
    settings["material"] = {**stated, "potential": potential_file(run.material)[1]}
    return hashlib.sha256(repr(settings).encode()).hexdigest()


def run_campaign(
    runs: Sequence[Run],
    out: Path,
    *,
    known: Iterable[Record] = (),
    workers: int = 1,
    executor: Executor | None = None,
    keep_frames: bool = False,
    max_runs: int | None = None,
    command: str = "",
    progress: Callable[[Record], None] | None = None,
) -> CampaignReport:
    """Run what is not there yet.

    Args:
        runs: In the order in which they should be done.
        out: Directory; records go to out/records, patches to out/records/patches, runs in flight to out/runs.
        known: Records from elsewhere (the shipped set, say): their runs are skipped too.
        workers: Processes, each with one LAMMPS of one thread at a time.
        executor: Does the runs in their place: a cluster, say, whose workers see `out` under the same path.
        keep_frames: Whether the frames of finished runs stay in out/runs.
        max_runs: Stop after so many runs; None = all.
        command: Stated in the records as the way to make them again.
        progress: Called with every record when it is in the store.

    Raises:
        MissingExtraError: LAMMPS is not installed.
        OutputError: Another process works on `out`, or a record there was made by other settings.
    """
    find_lammps()
    store = RecordStore(out / "records", create=True)
    with lock_output(store.path):
        _sweep(out / "runs")
        elsewhere = {record.id: record for record in known}
        done = {**elsewhere, **{record.id: record for record in store}}
        pending = []
        for run in runs:
            if (record := done.get(run.id)) is None:
                pending.append(run)
            elif record.provenance.settings.get(RUN_HASH) != run_hash(run):
                raise OutputError(
                    f"record {run.id} was made with other settings than the plan has: choose another folder"
                )
        skipped = tuple(run.id for run in runs if run.id in done)
        finished: list[str] = []
        failed = [name for name in skipped if done[name].status == "failed"]
        shared = _Shared(out.absolute(), list(elsewhere.values()), list(runs), keep_frames, command)
        queue = pending[:max_runs]
        records = _execute(queue, shared, done, workers) if executor is None else _stages(queue, shared, done, executor)
        for record in records:
            store.add(record)
            done[record.id] = record
            (failed if record.status == "failed" else finished).append(record.id)
            if progress is not None:
                progress(record)
    return CampaignReport(tuple(finished), skipped, tuple(failed))


@dataclass(frozen=True)
class _Shared:
    """What is the same for all runs of a campaign."""

    out: Path
    known: list[Record]
    runs: list[Run]
    keep_frames: bool
    command: str

    def prerequisites(self, run: Run) -> set[str]:
        """Ids of the runs of the plan that must be done before this one."""
        earlier, material = AFTER[run.kind], run.material.name
        return {other.id for other in self.runs if other.material.name == material and other.kind in earlier}

    def relevant(self, run: Run, done: Mapping[str, Record]) -> list[Record]:
        """Records that the run may look at, in a fixed order."""
        earlier = self.prerequisites(run)
        chosen = {record.id: record for record in self.known if record.material == run.material.name}
        chosen |= {name: done[name] for name in earlier if name in done}
        wanted = {"lattice_parameter", "latent_heat", "melting_temperature", *THRESHOLDS}
        return [record for _, record in sorted(chosen.items()) if wanted & set(record.quantities)]


def _execute(pending: Sequence[Run], shared: _Shared, done: Mapping[str, Record], workers: int) -> Iterator[Record]:
    queue = list(pending)
    if workers == 1:
        for run in queue:
            yield _attempt(run, shared.out, shared.relevant(run, done), shared.keep_frames, shared.command)
        return
    waited_for = {run.id for run in queue}
    with parent_bound_pool(workers) as pool:  # the LAMMPS of a worker notices that it is gone
        flying: set[Future[Record]] = set()
        try:
            while queue or flying:
                for run in list(queue):
                    if len(flying) >= workers:
                        break
                    if any(name in waited_for and name not in done for name in shared.prerequisites(run)):
                        continue
                    queue.remove(run)
                    relevant = shared.relevant(run, done)
                    flying.add(pool.submit(_attempt, run, shared.out, relevant, shared.keep_frames, shared.command))
                finished, flying = wait(flying, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BrokenProcessPool:
            raise LammpsError("a worker process was killed: run the same command again to go on") from None
        except BaseException:
            for future in flying:
                future.cancel()
            raise


@dataclass(frozen=True)
class _Job:
    """A run, and all that it looks at; for workers elsewhere."""

    run: Run
    out: Path
    relevant: list[Record]
    keep_frames: bool
    command: str


def _stages(queue: Sequence[Run], shared: _Shared, done: Mapping[str, Record], executor: Executor) -> Iterator[Record]:
    """Runs that wait for no others, then those that wait for these, and so on."""
    waiting = list(queue)
    while waiting:
        pending = {run.id for run in waiting}
        ready = [run for run in waiting if not pending & shared.prerequisites(run)]
        waiting = [run for run in waiting if pending & shared.prerequisites(run)]
        jobs = [_Job(run, shared.out, shared.relevant(run, done), shared.keep_frames, shared.command) for run in ready]
        with closing(executor.at_most(len(jobs)).results(_do, jobs, name=lambda job: f"run {job.run.id}")) as records:
            yield from records


def _do(job: _Job) -> Record:
    return _attempt(job.run, job.out, job.relevant, job.keep_frames, job.command)


def _attempt(run: Run, out: Path, relevant: list[Record], keep_frames: bool, command: str) -> Record:
    table = tabulate(run.material.name, relevant, potential=potential_file(run.material)[1])
    table = with_guess(table, run.material)
    home = out / "runs" / run.id
    home.mkdir(parents=True, exist_ok=True)
    failure = ""
    for attempt in range(MAX_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix="attempt-", dir=home))
        try:
            actual = run
            if isinstance(run, GrowthRun | SeedingRun):
                actual = replace(run, patches=out / "records" / "patches" / f"{run.id}.npz")
            record = actual.execute(folder, table, command=command)
            if keep_frames:
                os.replace(folder, home / "frames")
            else:
                shutil.rmtree(home, ignore_errors=True)
            return _stamped(record, run)
        except (LammpsError, FormatError) as error:
            failure = str(error).replace(str(folder), run.id)
            logger.warning("run %s, attempt %d: %s", run.id, attempt + 1, error)
    return _failed(run, table, failure, command)


def _stamped(record: Record, run: Run) -> Record:
    provenance = record.provenance
    settings = {**provenance.settings, RUN_HASH: run_hash(run)}
    return replace(record, provenance=replace(provenance, settings=settings))


def _failed(run: Run, table: MaterialTable, failure: str, command: str) -> Record:
    temperature = getattr(run, "temperature", float("nan"))
    record = record_of_run(
        run,
        {
            "temperature": single(temperature, "K"),
            DRIVING_FORCE: single(table.driving_force(temperature), "1"),
            **shear_condition(getattr(run, SHEAR_RATE, 0.0)),
        },
        {},
        [failure or "the run failed without a message"],
        source=run.kind, scripts={}, settings={}, command=command, status="failed",
    )  # fmt: skip
    return _stamped(record, run)


def _sweep(folder: Path) -> None:
    """Remove what earlier attempts left behind; frames that were kept stay."""
    if not folder.is_dir():
        return
    for leftover in folder.glob("*/attempt-*"):
        shutil.rmtree(leftover, ignore_errors=True)
