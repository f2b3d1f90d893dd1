"""Trials that count as running though their process is gone: found, failed, and queued again.

On this machine a process is known by its number and its start, whatever the clocks say. Elsewhere only the heartbeat in
the database tells: one that is old by the clock of the database, or that has not changed for as long by the clock of
this process, which nobody sets. A user who knows better may queue such trials again at once.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nakaya.learn.tuning.storage import StorageConfig, open_storage, retry_callback, retry_history

__all__ = ["ERROR", "PROCESS", "StaleTrials", "process_identity"]

ERROR: Final = "error"
"""Attribute of a trial that ended with an error: it was not killed, and is not run again."""

PROCESS: Final = "process"
"""Attribute of a trial: which process runs it."""

SECONDS_BETWEEN_LOOKS: Final = 0.5


def process_identity() -> dict[str, Any]:
    """Return what tells this process from all others of this machine: numbers are used again, so its start as well.

    The machine is known by its boot and by the namespace of process numbers, which a container has of its own; it is
    None where the system does not say (not Linux).
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        machine = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        machine = None
    return {"machine": machine, "pid": os.getpid(), "start": _start_and_state(os.getpid())[0]}


def _start_and_state(pid: int) -> tuple[str | None, str]:
    """Ticks from the boot to the start of a process, and its state; None where they cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return None, ""
    return fields[19], fields[0]


def _is_here(process: Mapping[str, Any]) -> bool:
    machine = process_identity()["machine"]
    return machine is not None and process.get("machine") == machine


def _has_ended(process: Mapping[str, Any]) -> bool:
    """Whether a process of this machine is gone; False where that is not certain."""
    if not _is_here(process):
        return False
    try:
        os.kill(process["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:  # of another user
        return False
    start, state = _start_and_state(process["pid"])
    return start is not None and (start != process["start"] or state in "ZX")


@dataclass
class StaleTrials:
    """The running trials of a study, and how long their heartbeats have stood still.

    Attributes:
        study: The study.
        config: When a silent trial counts as dead, and how often a killed one is run again.
    """

    study: Study
    config: StorageConfig
    _seen: dict[int, tuple[str | None, float]] = field(default_factory=dict)
    """Trial of another machine, or of nobody yet -> its heartbeat, and when this process first saw that one."""

    def fail(self) -> None:
        """Fail the trials whose heartbeat has stopped or whose process is gone, and queue them again."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            optuna.storages.fail_stale_trials(self.study)
        running = self._running()
        beats = self._heartbeats() if running else {}
        for entry in running:
            process = _process_of(entry)
            if process is not None and _is_here(process):
                if _has_ended(process):
                    self.requeue(entry.number)
                continue
            # Optuna never sees a trial that was killed before its first heartbeat, nor, after a clock was set back, one
            # whose last heartbeat lies in the future.
            now, beat = time.monotonic(), beats.get(entry.number)
            last, since = self._seen.get(entry.number, (beat, now))
            if last != beat:
                since = now
            self._seen[entry.number] = (beat, since)
            if now - since > self.config.grace:
                self.requeue(entry.number)

    def requeue(self, number: int) -> None:
        """Fail a trial that counts as running, and queue it again as often as is allowed."""
        try:
            entry = self.study.tell(number, state=TrialState.FAIL)
        except (ValueError, UpdateFinishedTrialError):  # it has ended: somebody else was faster
            return
        self._retry(entry)

    def requeue_of(self, workers: Collection[str]) -> list[int]:
        """Fail what workers of these names count as running, and queue it again; return the numbers of the trials."""
        numbers = [entry.number for entry in self._running() if (_process_of(entry) or {}).get("worker") in workers]
        for number in numbers:
            self.requeue(number)
        return numbers

    def wait(self, *, requeue: bool = False, report: Callable[[int], None] = lambda silent: None) -> None:
        """Wait until every trial that an earlier command left running has ended, or counts as dead.

        Trials of processes that live on this machine are not waited for. Killed trials are queued again, those included
        whose finder was killed before it could queue them.

        Args:
            requeue: Do not wait: whatever does not surely live is dead.
            report: Called once with how many trials there are to wait for, where there are any.
        """
        self.fail()
        silent = self._silent()
        if requeue:
            for number in silent:
                self.requeue(number)
        elif silent:
            report(len(silent))
        end = time.monotonic() + self.config.grace + self.config.heartbeat
        while (silent := silent & self._silent()) and time.monotonic() < end:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            self.fail()
        lost = self._without_retry()
        if lost:  # by a process that died, or that is queueing them just now
            time.sleep(self.config.heartbeat)
            for number in sorted(lost & self._without_retry()):
                self._retry(self.study.trials[number])

    def _running(self) -> Sequence[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))  # type: ignore[no-any-return]

    def _heartbeats(self) -> dict[int, str]:
        """Number of a trial -> its last heartbeat, as the database writes it."""
        asked = sqlalchemy.text(
            "SELECT trials.number, trial_heartbeats.heartbeat FROM trial_heartbeats "
            "JOIN trials ON trials.trial_id = trial_heartbeats.trial_id "
            "JOIN studies ON studies.study_id = trials.study_id WHERE studies.study_name = :name"
        )
        with self._engine.connect() as connection:
            return {number: str(beat) for number, beat in connection.execute(asked, {"name": self.study.study_name})}

    @cached_property
    def _engine(self) -> sqlalchemy.Engine:
        engine: sqlalchemy.Engine = open_storage(self.config).engine
        return engine

    def _silent(self) -> set[int]:
        """Return the numbers of running trials of which this machine cannot see that they live."""
        processes = {entry.number: _process_of(entry) for entry in self._running()}
        return {number for number, process in processes.items() if process is None or not _is_here(process)}

    def _without_retry(self) -> set[int]:
        """Return the numbers of killed trials that nobody has queued again, though they may run once more."""
        trials = self.study.get_trials(deepcopy=False)
        repeated = {number for entry in trials for number in retry_history(entry)}
        return {
            entry.number
            for entry in trials
            if entry.state == TrialState.FAIL
            and ERROR not in entry.user_attrs
            and entry.number not in repeated
            and len(retry_history(entry)) < self.config.retries
        }

    def _retry(self, entry: FrozenTrial) -> None:
        retry_callback(self.config.retries)(self.study, entry)


def _process_of(entry: FrozenTrial) -> Mapping[str, Any] | None:
    """Return which process runs a trial; a retry begins with what its killed predecessor said of itself."""
    process: Mapping[str, Any] = entry.user_attrs.get(PROCESS, {})
    return process if process.get("trial") == entry.number else None
