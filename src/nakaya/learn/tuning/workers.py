"""Trials in processes of their own: one thread each, safe to spawn, and any of them may be killed.

The parent hands out one trial at a time, so a study ends with exactly the number of scores that was asked for. A worker
that dies loses its trial to the queue at once; when the parent dies, its workers leave, and the next command finds the
trials that they left.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal
from uuid import uuid4

import optuna
from optuna.study import Study

from nakaya.core.errors import NakayaError
from nakaya.core.processes import parent_bound_pool
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.samplers import SamplerName, SeededSampler
from nakaya.learn.tuning.stale import StaleTrials
from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
from nakaya.learn.tuning.study import Trial, complete_trials, note_seconds, read_trials, run_trial, seconds_used

__all__ = ["Budget", "run_study"]

_LOG = logging.getLogger(__name__)

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
    """What a worker gets with every trial; it can be pickled."""

    problem: Problem
    study: str
    storage: StorageConfig
    sampler: SamplerName
    seed: int
    scores: int


@dataclass(eq=False)
class _Worker:
    """A pool of one process, which may die alone; its trial is found by its name. `trial` is None where it has none."""

    name: str
    pool: ProcessPoolExecutor
    trial: Future[None] | None = None


class _Dismissed(Exception):
    """Makes pools kill their processes, for nobody wants what they still compute."""


@dataclass
class _Crew:
    """The workers of one command.

    Attributes:
        job: What each of them does.
        stale: Where the trial of a worker that is gone is queued again.
        workers: Those that live, as far as is known.
        deaths: How many have died.
    """

    job: _Job
    stale: StaleTrials
    workers: list[_Worker] = field(default_factory=list)
    deaths: int = 0
    _pools: ExitStack = field(default_factory=ExitStack)

    def hand_out(self, num_missing: int, num_running: int, num_workers: int) -> None:
        """Let idle workers begin, or start new ones, as long as scores are missing that nobody works on.

        Args:
            num_missing: Scores that are missing.
            num_running: Trials that run, ours included, as far as they have begun.
            num_workers: How many workers there may be.
        """
        busy = sum(worker.trial is not None for worker in self.workers)
        for _ in range(min(num_missing - max(busy, num_running), num_workers - busy)):
            worker = next((worker for worker in self.workers if worker.trial is None), None) or self._hire()
            try:
                worker.trial = worker.pool.submit(_work, self.job, worker.name)
            except BrokenProcessPool:
                self._forget(worker)

    def listen(self, seconds: float) -> None:
        """Wait until a trial ends or a worker dies, but no longer than a while.

        Raises:
            NakayaError: A trial ended with an error.
            RuntimeError: A trial ended with a mistake of ours.
        """
        by_trial = {worker.trial: worker for worker in self.workers if worker.trial is not None}
        if not by_trial:
            time.sleep(seconds)
        for trial in wait(by_trial, timeout=seconds, return_when=FIRST_COMPLETED).done:
            by_trial[trial].trial = None
            try:
                trial.result()
            except BrokenProcessPool:
                self._forget(by_trial[trial])

    def dismiss(self) -> None:
        """Kill all workers, and queue their trials again."""
        with suppress(_Dismissed), self._pools:
            raise _Dismissed
        self.stale.requeue_of({worker.name for worker in self.workers})

    def _hire(self) -> _Worker:
        self.workers.append(_Worker(uuid4().hex, self._pools.enter_context(parent_bound_pool(1))))
        return self.workers[-1]

    def _forget(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        self.deaths += 1
        _LOG.warning("a worker died (killed, or out of memory) in trials %s", self.stale.requeue_of({worker.name}))


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
    crew = _Crew(_Job(problem, study.study_name, storage, sampler, seed, budget.trials), stale)
    start = time.monotonic()

    def used() -> float:
        return before + time.monotonic() - start

    with storage_errors(storage):
        before = seconds_used(study)
        stale.wait(
            requeue=requeue,
            report=lambda silent: _LOG.warning(
                "%d trials were left running on another machine: waiting up to %d s for their heartbeats; requeue "
                "repeats them at once",
                silent,
                storage.grace,
            ),
        )
        report(read_trials(study, problem.space))
        try:
            return _manage(study, crew, budget, used, report)
        finally:
            crew.dismiss()
            note_seconds(study, used())


def _manage(
    study: Study, crew: _Crew, budget: Budget, used: Callable[[], float], report: Callable[[list[Trial]], None]
) -> Literal["trials", "timeout"]:
    heartbeat = crew.job.storage.heartbeat
    num_scores, deaths_before = -1, 0
    last_look = time.monotonic()
    while True:
        trials = read_trials(study, crew.job.problem.space)
        done = len(complete_trials(trials))
        if done != num_scores:
            num_scores, deaths_before = done, crew.deaths
            note_seconds(study, used())
            report(trials)
        if done >= budget.trials:
            return "trials"
        if used() >= budget.seconds:
            return "timeout"
        crew.hand_out(budget.trials - done, sum(trial.state == "running" for trial in trials), budget.workers)
        crew.listen(min(heartbeat, 1.0, max(budget.seconds - used(), 0.01)))
        if (deaths := crew.deaths - deaths_before) >= DEATHS_IN_A_ROW:
            raise NakayaError(
                f"{deaths} workers in a row died (killed, or out of memory): what is finished is safe; "
                "use fewer workers, or a smaller search space if memory is short"
            )
        if time.monotonic() - last_look > heartbeat:
            crew.stale.fail()
            last_look = time.monotonic()


@cache
def _opened_study(
    name: str, storage: StorageConfig, sampler: SamplerName, space: tuple[Parameter, ...], seed: int
) -> Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.load_study(
        study_name=name, storage=open_storage(storage), sampler=SeededSampler(sampler, space, seed)
    )


def _work(job: _Job, worker: str) -> None:
    """Run one trial, in a process that keeps its study open."""
    begun: list[int] = []
    try:
        with storage_errors(job.storage):
            study = _opened_study(job.study, job.storage, job.sampler, job.problem.space, job.seed)
            run_trial(study, job.problem, scores=job.scores, worker=worker, started=begun.append)
    except Exception as error:
        trial = f"trial {begun[0]}" if begun else "a worker"
        if isinstance(error, NakayaError):  # some of ours take other arguments than a message and cannot cross over
            raise NakayaError(f"{trial} ended with an error: {error}: the other trials are kept") from None
        raise RuntimeError(f"{trial} ended with a mistake of ours:\n{traceback.format_exc()}") from None
