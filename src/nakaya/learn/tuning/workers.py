"""Trials in processes of their own: one thread each, safe to spawn, and any of them may be killed.

The parent hands out one trial at a time, so a study ends with exactly the number of scores that was asked for. A worker
that dies loses its trial to the queue at once; when the parent dies, its workers leave, and the next command finds the
trials that they left.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final, Literal

import optuna
from optuna.study import Study

from nakaya.core.errors import NakayaError
from nakaya.core.processes import exit_with_parent, one_thread_each
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.samplers import SamplerName, SeededSampler
from nakaya.learn.tuning.stale import StaleTrials
from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
from nakaya.learn.tuning.study import Trial, complete_trials, note_seconds, read_trials, run_trial, seconds_used

__all__ = ["Budget", "run_study"]

_LOG = logging.getLogger(__name__)

SECONDS_TO_LEAVE: Final = 5.0
DEATHS_IN_A_ROW: Final = 6
"""So many dead workers without a score between them are no accident."""


@dataclass(frozen=True)
class Budget:
    """When a study ends.

    Attributes:
        trials: Scores that the study shall have, those of earlier commands included.
        seconds: Longest time that commands may work on the study, all together.
        workers: Processes of one thread each.
    """

    trials: int
    seconds: float
    workers: int = 1


@dataclass(frozen=True)
class _Job:
    """What a worker gets when it starts; it can be pickled."""

    problem: Problem
    study: str
    storage: StorageConfig
    sampler: SamplerName
    seed: int
    scores: int


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    keep_alive: Connection
    busy: bool = False
    trial: int | None = None

    def terminate(self) -> None:
        """End the process, whatever it does."""
        self.keep_alive.close()
        if self.process.is_alive():
            self.process.join(0.2 if self.busy else SECONDS_TO_LEAVE)
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


@dataclass
class _WorkerPool:
    """The workers of one command.

    Attributes:
        job: What each of them does.
        stale: Where the trial of a worker that is gone is queued again.
        workers: Those that live, as far as is known.
    """

    job: _Job
    stale: StaleTrials
    workers: list[_Worker] = field(default_factory=list)

    def start(self) -> _Worker:
        """Start one worker."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        parent_pipe, keep_alive = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(self.job, theirs, parent_pipe), daemon=True)
        with one_thread_each():
            process.start()
        theirs.close()
        parent_pipe.close()
        self.workers.append(_Worker(process, ours, keep_alive))
        return self.workers[-1]

    def remove(self, worker: _Worker) -> None:
        """Terminate a worker, and queue the trial again that it was running."""
        self.workers.remove(worker)
        worker.terminate()
        with suppress(EOFError, OSError), worker.connection:
            while worker.connection.poll():  # it may have said with which trial it began since we last listened
                word, value = worker.connection.recv()
                worker.trial = value if word == "started" else worker.trial
        if worker.trial is not None:
            self.stale.requeue(worker.trial)

    def remove_dead(self) -> int:
        """Remove the workers that have died; return how many."""
        dead = [worker for worker in self.workers if not worker.process.is_alive()]
        for worker in dead:
            self.remove(worker)
            process = worker.process
            _LOG.warning("worker %s died (status %s) in trial %s", process.pid, process.exitcode, worker.trial)
        return len(dead)

    def hand_out(self, trials: list[Trial], num_missing: int, num_workers: int) -> None:
        """Let idle workers begin, or start new ones, as long as scores are missing that nobody works on."""
        ours = {worker.trial for worker in self.workers if worker.trial is not None}
        elsewhere = sum(trial.state == "running" and trial.number not in ours for trial in trials)
        busy = [worker for worker in self.workers if worker.busy]
        # A worker that is to begin, but has not said with which trial, may already show as one that runs elsewhere.
        unnamed = sum(worker.trial is None for worker in busy)
        unassigned = num_missing - len(busy) - max(0, elsewhere - unnamed)
        for _ in range(min(unassigned, num_workers - len(busy))):
            worker = next((worker for worker in self.workers if not worker.busy), None) or self.start()
            try:
                worker.connection.send("begin")
            except OSError:
                return  # it has just died: the next round removes it
            worker.busy = True

    def listen(self, seconds: float) -> None:
        """Receive what the workers report, or wait for a while.

        Raises:
            NakayaError: A trial ended with an error.
            RuntimeError: A trial ended with a mistake of ours.
        """
        by_connection = {worker.connection: worker for worker in self.workers}
        sentinels = [worker.process.sentinel for worker in self.workers]
        for end in wait([*by_connection, *sentinels], timeout=seconds):
            worker = by_connection.get(end) if isinstance(end, Connection) else None
            if worker is None:
                continue
            try:
                word, value = worker.connection.recv()
            except (EOFError, OSError):
                worker.process.join(SECONDS_TO_LEAVE)
                continue
            if word == "started":
                worker.trial = value
            elif word == "ended":
                worker.busy, worker.trial = False, None
            elif word == "error":
                name = "a worker" if worker.trial is None else f"trial {worker.trial}"
                raise NakayaError(f"{name} ended with an error: {value}: the other trials are kept")
            else:
                raise RuntimeError(f"trial {worker.trial} ended with a mistake of ours:\n{value}")


def run_study(
    study: Study,
    problem: Problem,
    storage: StorageConfig,
    budget: Budget,
    *,
    sampler: SamplerName,
    seed: int,
    requeue: bool = False,
    report: Callable[[list[Trial]], None] = lambda trials: None,
) -> Literal["trials", "timeout"]:
    """Run trials until a study has its scores or its time is over; then nothing of this command is running.

    Args:
        study: As `open_study` makes it.
        problem: What is searched; it can be pickled.
        storage: Where the study is.
        budget: When to end.
        sampler: How settings are chosen.
        seed: Of all random numbers. One worker with one seed gives one study, killed in between or not; several
            workers give the same settings at the start, and later choose by what had finished when they began.
        requeue: Queue at once what an earlier command left running, without waiting for a heartbeat.
        report: Called with all trials whenever one has ended.

    Returns:
        What ended it.

    Raises:
        NakayaError: A trial ended with an error, or workers die again and again.
        RuntimeError: A trial ended with a mistake of ours; the message has its traceback.
        OutputError: The storage cannot be used any more.
    """
    stale = StaleTrials(study, storage)
    pool = _WorkerPool(_Job(problem, study.study_name, storage, sampler, seed, budget.trials), stale)
    start = time.monotonic()

    def used() -> float:
        return before + time.monotonic() - start

    with storage_errors(storage):
        before = seconds_used(study)
        stale.wait(
            requeue=requeue,
            report=lambda silent: _LOG.warning(
                "%d trials were left running on another machine: waiting up to %d s for their heartbeats; --requeue "
                "repeats them at once",
                silent,
                storage.grace,
            ),
        )
        report(read_trials(study, problem.space))
        try:
            return _manage(study, problem, budget, pool, used, report)
        finally:
            for worker in list(pool.workers):
                pool.remove(worker)
            note_seconds(study, used())


def _manage(
    study: Study,
    problem: Problem,
    budget: Budget,
    pool: _WorkerPool,
    used: Callable[[], float],
    report: Callable[[list[Trial]], None],
) -> Literal["trials", "timeout"]:
    heartbeat = pool.job.storage.heartbeat
    deaths, num_scores = 0, -1
    last_look = time.monotonic()
    while True:
        trials = read_trials(study, problem.space)
        done = len(complete_trials(trials))
        if done != num_scores:
            deaths, num_scores = 0, done
            note_seconds(study, used())
            report(trials)
        if done >= budget.trials:
            return "trials"
        if used() >= budget.seconds:
            return "timeout"
        pool.hand_out(trials, budget.trials - done, budget.workers)
        pool.listen(min(heartbeat, 1.0, max(budget.seconds - used(), 0.01)))
        deaths += pool.remove_dead()
        if deaths >= DEATHS_IN_A_ROW:
            raise NakayaError(
                f"{deaths} workers in a row died (killed, or out of memory): what is finished is safe; "
                "use fewer workers, or a smaller search space if memory is short"
            )
        if time.monotonic() - last_look > heartbeat:
            pool.stale.fail()
            last_look = time.monotonic()


def _work(job: _Job, connection: Connection, parent_pipe: Connection) -> None:
    """Run trials as the parent asks for them; leave when its end of the pipe is gone, also by dying."""
    exit_with_parent(parent_pipe)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with storage_errors(job.storage):
            study = optuna.load_study(
                study_name=job.study,
                storage=open_storage(job.storage),
                sampler=SeededSampler(job.sampler, job.problem.space, job.seed),
            )
            while _is_wanted(connection):
                run_trial(
                    study,
                    job.problem,
                    scores=job.scores,
                    started=lambda number: connection.send(("started", number)),
                )
                connection.send(("ended", None))
    except NakayaError as error:  # some of our errors take other arguments than a message and cannot cross over
        connection.send(("error", str(error)))
    except Exception:  # a mistake of ours: the parent shows where
        connection.send(("mistake", traceback.format_exc()))


def _is_wanted(connection: Connection) -> bool:
    """Wait until the parent asks for a trial; False when it is gone."""
    try:
        return bool(connection.recv())
    except (EOFError, OSError):
        return False
