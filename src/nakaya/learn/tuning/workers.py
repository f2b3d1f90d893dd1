"""Trials in processes of their own: one thread each, safe to spawn, and any of them may be killed.

The parent hands out one trial at a time, so a study ends with exactly the number of scores that was asked for. A worker
that dies loses its trial to the queue at once; when the parent dies, its workers leave, and the next command hears from
their silence.
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
from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
from nakaya.learn.tuning.study import (
    Trial,
    complete_trials,
    give_back,
    note_seconds,
    read_trials,
    reap,
    run_trial,
    seconds_used,
    settle,
)

__all__ = ["Budget", "run_study"]

_LOG = logging.getLogger(__name__)

SECONDS_TO_LEAVE: Final = 5.0
DEATHS_IN_A_ROW: Final = 6
"""So many dead workers without a score between them are no accident."""


@dataclass(frozen=True)
class Budget:
    """When a study ends.

    Attributes:
        trials: Wanted scores, those of earlier commands included.
        seconds: Longest time that commands may work on the study, all together.
        workers: Processes of one thread each.
    """

    trials: int
    seconds: float
    workers: int = 1


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    hand: Connection
    busy: bool = False
    trial: int | None = None


@dataclass(frozen=True)
class _Job:
    """What a worker is told when it starts; it can be pickled."""

    problem: Problem
    study: str
    storage: StorageConfig
    sampler: SamplerName
    seed: int


@dataclass
class _Crew:
    """The workers of one command."""

    job: _Job
    members: list[_Worker] = field(default_factory=list)

    def hire(self) -> None:
        """Start one worker."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        leash, hand = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(self.job, theirs, leash), daemon=True)
        with one_thread_each():
            process.start()
        theirs.close()
        leash.close()
        self.members.append(_Worker(process, ours, hand))

    def dismiss(self, worker: _Worker) -> None:
        """End one worker, whatever it does, and forget it."""
        worker.hand.close()
        if worker.process.is_alive():
            worker.process.join(0.2 if worker.busy else SECONDS_TO_LEAVE)
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self.members.remove(worker)


def run_study(
    study: Study,
    problem: Problem,
    storage: StorageConfig,
    budget: Budget,
    *,
    sampler: SamplerName,
    seed: int,
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
            workers give the same settings at the start, and later choose by what had finished when they asked.
        report: Called with all trials whenever one has ended.

    Returns:
        What ended it.

    Raises:
        NakayaError: A trial ended with an error, or workers die again and again.
        RuntimeError: A trial ended with a mistake of ours; the message has its traceback.
        OutputError: The storage cannot be used any more.
    """
    crew = _Crew(_Job(problem, study.study_name, storage, sampler, seed))
    before, start = seconds_used(study), time.monotonic()

    def used() -> float:
        return before + time.monotonic() - start

    with storage_errors(storage):
        settle(
            study,
            heartbeat=storage.heartbeat,
            grace=storage.grace,
            retries=storage.retries,
            told=lambda silent: _LOG.warning(
                "%d trials were left running: waiting up to %d s for a sign of life", silent, storage.grace
            ),
        )
        report(read_trials(study, problem.space))
        try:
            return _manage(study, problem, budget, crew, storage, used, report)
        finally:
            for worker in list(crew.members):
                number = worker.trial
                crew.dismiss(worker)
                if number is not None:
                    give_back(study, number)
            note_seconds(study, used())


def _manage(
    study: Study,
    problem: Problem,
    budget: Budget,
    crew: _Crew,
    storage: StorageConfig,
    used: Callable[[], float],
    report: Callable[[list[Trial]], None],
) -> Literal["trials", "timeout"]:
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
        _hand_out(crew, trials, budget.trials - done, budget.workers)
        remaining = budget.seconds - used()
        _listen(crew, min(storage.heartbeat, 1.0, max(remaining, 0.01)))
        for worker in [worker for worker in crew.members if not worker.process.is_alive()]:
            deaths += 1
            _bury(study, crew, worker)
        if deaths >= DEATHS_IN_A_ROW:
            raise NakayaError(
                f"{deaths} workers in a row died (killed, or out of memory): what is finished is safe; "
                "use fewer workers, or a smaller search space if memory is short"
            )
        if time.monotonic() - last_look > storage.heartbeat:
            reap(study)
            last_look = time.monotonic()


def _hand_out(crew: _Crew, trials: list[Trial], wanted: int, num_workers: int) -> None:
    """Let idle workers begin, or start new ones, as long as scores are missing that nobody works on."""
    ours = {worker.trial for worker in crew.members if worker.trial is not None}
    elsewhere = sum(trial.state == "running" and trial.number not in ours for trial in trials)
    busy = [worker for worker in crew.members if worker.busy]
    # A worker that was told to begin, but has not said with which trial, may already show as one that runs elsewhere.
    unnamed = sum(worker.trial is None for worker in busy)
    missing = wanted - len(busy) - max(0, elsewhere - unnamed)
    for _ in range(min(missing, num_workers - len(busy))):
        idle = next((worker for worker in crew.members if not worker.busy), None)
        if idle is None:
            crew.hire()
            idle = crew.members[-1]
        try:
            idle.connection.send("begin")
        except OSError:
            return  # it has just died: the next round buries it
        idle.busy = True


def _listen(crew: _Crew, seconds: float) -> None:
    """Hear what the workers say, or wait for a while."""
    ends = {worker.connection: worker for worker in crew.members}
    sentinels = [worker.process.sentinel for worker in crew.members]
    for end in wait([*ends, *sentinels], timeout=seconds):
        worker = ends.get(end) if isinstance(end, Connection) else None
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
            raise NakayaError(f"trial {worker.trial} ended with an error: {value}: the other trials are kept")
        else:
            raise RuntimeError(f"trial {worker.trial} ended with a mistake of ours:\n{value}")


def _bury(study: Study, crew: _Crew, worker: _Worker) -> None:
    with suppress(EOFError, OSError):
        while worker.connection.poll():  # it may have said with which trial it began, and died, since we last listened
            word, value = worker.connection.recv()
            worker.trial = value if word == "started" else worker.trial
    number = worker.trial
    _LOG.warning("worker %s died (status %s) in trial %s", worker.process.pid, worker.process.exitcode, number)
    crew.dismiss(worker)
    if number is not None:
        give_back(study, number)


def _work(job: _Job, connection: Connection, leash: Connection) -> None:
    """Run trials as the parent asks for them; leave when it lets go of the leash, also by dying."""
    exit_with_parent(leash)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name=job.study,
        storage=open_storage(job.storage),
        sampler=SeededSampler(job.sampler, job.problem.space, job.seed),
    )
    while True:
        try:
            connection.recv()
        except (EOFError, OSError):
            return
        try:
            with storage_errors(job.storage):
                run_trial(study, job.problem, started=lambda number: connection.send(("started", number)))
        except NakayaError as error:  # some of our errors take other arguments than a message and cannot cross over
            connection.send(("error", str(error)))
            return
        except Exception:  # a mistake of ours: the parent shows where
            connection.send(("mistake", traceback.format_exc()))
            return
        connection.send(("ended", None))
