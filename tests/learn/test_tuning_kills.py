"""kill -9 of workers and commands: a study ends with the scores that were asked for, each trained and counted once."""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("optuna", reason='studies need the extra "ml"')

import sqlalchemy
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import TrialState

from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem, Settings
from nakaya.learn.tuning.stale import PROCESS, StaleTrials, process_identity
from nakaya.learn.tuning.storage import StorageConfig, open_storage
from nakaya.learn.tuning.study import Trial, complete_trials, open_study, read_trials, run_trial
from nakaya.learn.tuning.workers import Budget, run_study

SPACE = (Parameter("rate", 1e-4, 1e-1, "log"),)
FIRST = {"rate": 1e-2}

SECONDS_TO_WAIT = 120.0  # for other processes, on a busy machine


def rate_of(setting: Settings) -> float:
    """The score of a setting, which names it."""
    return setting["rate"]


PROBLEM = Problem(SPACE, rate_of, (FIRST,), 1.0)


def _config(url: str) -> StorageConfig:
    """A machine may be too busy for a heart to beat, for a while: only an hour of silence is death."""
    return StorageConfig(url, heartbeat=1, grace=3600)


ELSEWHERE = {"machine": "another", "pid": 1, "start": "1"}
"""A process of which this machine knows nothing but its heartbeat."""


def _begin(study: Study, process: Mapping[str, object]) -> int:
    """Begin a trial as a process does that is then never heard again; return its number."""
    with pytest.warns(UserWarning, match="Heartbeat"):
        trial = study.ask()
    trial.set_user_attr(PROCESS, {"trial": trial.number, **process})
    study._storage.record_heartbeat(trial._trial_id)
    return int(trial.number)


def _states(study: Study) -> list[str]:
    return [trial.state for trial in read_trials(study, SPACE)]


def _open(url: str, name: str, problem: Problem = PROBLEM) -> Study:
    return open_study(open_storage(_config(url)), name, problem, sampler="random", seed=9, configuration={})


def _let_an_hour_pass(url: str) -> None:
    shifted = "datetime(heartbeat, '-2 hours')" if url.startswith("sqlite") else "heartbeat - interval '2 hours'"
    with sqlalchemy.create_engine(url).begin() as connection:
        connection.execute(sqlalchemy.text(f"update trial_heartbeats set heartbeat = {shifted}"))


def _all_heard(url: str) -> bool:
    """Whether every running trial has had a heartbeat."""
    heard = "select trial_id from trial_heartbeats"
    silent = f"select count(*) from trials where state = 'RUNNING' and trial_id not in ({heard})"
    with sqlalchemy.create_engine(url).begin() as connection:
        return bool(connection.execute(sqlalchemy.text(silent)).scalar() == 0)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _module(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, **values: object) -> ModuleType:
    """A module that spawned workers can import too."""
    (folder / f"{name}.py").write_text(textwrap.dedent(text).format(folder=str(folder), **values))
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(name)


# Workers --------------------------------------------------------------------------------------------------------------

DEADLY = """
    import os, signal, time
    from pathlib import Path
    from optuna.storages import RDBStorage

    FOLDER = Path({folder!r})

    def die(*args, **options):
        os.kill(os.getpid(), signal.SIGKILL)

    def chosen_to_die():
        if len(list(FOLDER.glob("*.begun"))) < 2:  # workers that begin at once may both see two, or three
            return False
        try:
            os.close(os.open(FOLDER / "killed", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def score(setting):
        mark = FOLDER / f"{{os.getpid()}}-{{time.monotonic_ns()}}.begun"
        mark.write_text(str(setting["rate"]))
        time.sleep(1.5)  # longer than a heartbeat: the heart beats more than once
        chosen = chosen_to_die()
        if chosen and {untold} == False:
            die()
        mark.with_suffix(".ended").write_text(str(setting["rate"]))
        if chosen:
            RDBStorage.set_trial_state_values = die
        return setting["rate"]
"""


@pytest.mark.parametrize("untold", [False, True], ids=["in its training", "between score and tell"])
def test_a_killed_worker_costs_no_score_and_none_is_counted_twice(
    storage_url: str, untold: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _module(tmp_path, monkeypatch, f"deadly_objective_{tmp_path.name}", DEADLY, untold=untold)
    problem = Problem(SPACE, module.score, (FIRST,), 1.0)
    config = _config(storage_url)
    study = _open(storage_url, tmp_path.name, problem)
    for _ in range(2):  # asked for again, there is nothing to do
        assert run_study(study, problem, config, Budget(5, 600.0, workers=2), sampler="random", seed=9) == "trials"
    trials = read_trials(study, SPACE)
    assert (tmp_path / "killed").exists()
    assert len(trials) == 6
    [killed] = [trial for trial in trials if trial.state == "failed"]
    scored = complete_trials(trials)
    assert [trial.score for trial in scored] == [trial.settings["rate"] for trial in scored]
    assert len({trial.score for trial in scored}) == 5
    assert FIRST["rate"] in {trial.score for trial in scored}
    [retry] = [trial for trial in scored if trial.retry_of is not None]
    assert retry.retry_of == killed.number
    assert retry.settings == killed.settings
    ended = [float(mark.read_text()) for mark in tmp_path.glob("*.ended")]
    twice = [retry.score] if untold else []
    assert sorted(ended) == sorted([*(trial.score for trial in scored if trial.score is not None), *twice])


def test_the_trial_of_a_worker_is_found_by_its_name(tmp_path: Path) -> None:
    study = _open(f"sqlite:///{tmp_path / 'study.db'}", "study")
    numbers = [_begin(study, {**ELSEWHERE, "worker": name}) for name in ("dead", "alive")]
    stale = StaleTrials(study, _config(f"sqlite:///{tmp_path / 'study.db'}"))
    assert stale.requeue_of({"dead"}) == [numbers[0]]
    assert [trial.state for trial in read_trials(study, SPACE)] == ["failed", "running", "waiting"]


# Commands -------------------------------------------------------------------------------------------------------------

COMMAND = """
    import sys

    if __name__ == "__main__":
        sys.path.insert(0, {folder!r})
        import {objective}
        from nakaya.learn.search_space import Parameter
        from nakaya.learn.tuning.problem import Problem
        from nakaya.learn.tuning.storage import StorageConfig, open_storage
        from nakaya.learn.tuning.study import open_study
        from nakaya.learn.tuning.workers import Budget, run_study

        problem = Problem((Parameter("rate", 1e-4, 1e-1, "log"),), {objective}.score, ({first},), 1.0)
        config = StorageConfig({url!r}, heartbeat=1, grace=3600)
        study = open_study(open_storage(config), {name!r}, problem, sampler="random", seed=9, configuration={{}})
        run_study(study, problem, config, Budget(4, 600.0), sampler="random", seed=9)
"""

SLOW_ONCE = """
    import fcntl, time
    from pathlib import Path

    FOLDER = Path({folder!r})

    def score(setting):
        mark = FOLDER / f"{{time.monotonic_ns()}}.begun"
        mark.touch()
        if len(list(FOLDER.glob("*.begun"))) == 3:
            with (FOLDER / "alive").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (FOLDER / "waiting").touch()
                time.sleep(600)
        mark.with_suffix(".ended").touch()
        return setting["rate"]
"""


@pytest.mark.parametrize("at_once", [False, True], ids=["command", "command and worker"])
def test_when_a_command_is_killed_its_worker_leaves_and_the_next_one_ends_the_study(
    storage_url: str, at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = f"slow_objective_{tmp_path.name}"
    module = _module(tmp_path, monkeypatch, objective, SLOW_ONCE)
    script = tmp_path / "command.py"
    text = COMMAND.format(folder=str(tmp_path), objective=objective, first=FIRST, url=storage_url, name=tmp_path.name)
    script.write_text(textwrap.dedent(text))
    command = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    try:
        _wait_for(lambda: (tmp_path / "waiting").exists() or command.poll() is not None)
    finally:
        if at_once:
            os.killpg(command.pid, signal.SIGKILL)
        else:
            command.send_signal(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL
    with (tmp_path / "alive").open("w") as lock:
        _wait_for(lambda: _locks(lock.fileno()))  # the worker has left
    problem = Problem(SPACE, module.score, (FIRST,), 1.0)
    study = _open(storage_url, tmp_path.name, problem)
    assert [trial.state for trial in read_trials(study, SPACE)] == ["complete", "complete", "running"]
    _let_an_hour_pass(storage_url)
    run_study(study, problem, _config(storage_url), Budget(4, 600.0), sampler="random", seed=9)
    trials = read_trials(study, SPACE)
    assert [trial.state for trial in trials] == ["complete", "complete", "failed", "complete", "complete"]
    assert trials[3].retry_of == trials[2].number
    assert trials[3].settings == trials[2].settings
    assert len(list(tmp_path.glob("*.ended"))) == 4
    assert _scores(trials) == _uninterrupted(4)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _scores(trials: list[Trial]) -> list[float | None]:
    return [trial.score for trial in complete_trials(trials)]


def _uninterrupted(num_trials: int) -> list[float | None]:
    study = open_study(None, "memory", PROBLEM, sampler="random", seed=9, configuration={})
    for _ in range(num_trials):
        run_trial(study, PROBLEM)
    return _scores(read_trials(study, SPACE))


# Processes ------------------------------------------------------------------------------------------------------------


def _identity_of_one_that_ended() -> Mapping[str, object]:
    text = "import json; from nakaya.learn.tuning.stale import process_identity as say; print(json.dumps(say()))"
    found = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True).stdout
    return dict(json.loads(found))


@pytest.mark.skipif(process_identity()["machine"] is None, reason="this system does not say which processes live")
@pytest.mark.parametrize("reused", [False, True], ids=["number is free", "number is another's"])
def test_a_trial_of_a_dead_process_of_this_machine_is_queued_again_whatever_the_clock_says(
    reused: bool, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = _open(url, "study")
    _begin(study, {**process_identity(), "start": "1"} if reused else _identity_of_one_that_ended())
    with sqlalchemy.create_engine(url).begin() as connection:  # since then the clock was set back
        connection.execute(sqlalchemy.text("update trial_heartbeats set heartbeat = datetime(heartbeat, '+2 hours')"))
    StaleTrials(study, _config(url)).wait(report=lambda silent: pytest.fail("there is nothing to wait for"))
    assert _states(study) == ["failed", "waiting"]


def test_a_trial_is_left_to_a_process_that_lives_or_that_this_machine_does_not_know(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = _open(url, "study")
    for process in (process_identity(), {**_identity_of_one_that_ended(), "machine": "another"}, {"machine": None}):
        _begin(study, process)
    StaleTrials(study, _config(url)).fail()
    assert _states(study) == ["running"] * 3


@pytest.mark.parametrize("beats", [False, True], ids=["dead", "alive"])
def test_a_clock_that_was_set_back_delays_no_trial_of_another_machine(
    beats: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last heartbeat lies an hour ahead: by the clock of the database it would be alive until then."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = _open(url, "study")
    _begin(study, ELSEWHERE)

    def beat(ahead: str) -> None:
        with sqlalchemy.create_engine(url).begin() as connection:
            connection.execute(
                sqlalchemy.text("update trial_heartbeats set heartbeat = datetime(heartbeat, :by)"), {"by": ahead}
            )

    beat("+1 hour")
    stale, config, now = StaleTrials(study, _config(url)), _config(url), time.monotonic()
    for seconds in (0, config.grace, config.grace + 1):
        assert _states(study) == ["running"]
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: now + seconds)
        stale.fail()
        if beats:
            beat("+1 second")
    assert _states(study) == (["running"] if beats else ["failed", "waiting"])


def test_a_retry_is_not_taken_for_its_predecessor(tmp_path: Path) -> None:
    """Optuna copies the attributes of a killed trial, its process among them, which is dead."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = _open(url, "study")
    stale = StaleTrials(study, _config(url))
    stale.requeue(_begin(study, {**process_identity(), "start": "1"}))
    with pytest.warns(UserWarning, match="Heartbeat"):
        study.ask()
    stale.fail()
    assert _states(study) == ["failed", "running"]


@pytest.mark.skipif(process_identity()["machine"] is None, reason="this system does not say which processes live")
def test_requeue_repeats_at_once_what_does_not_surely_live(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = _open(url, "study")
    for process in (ELSEWHERE, process_identity()):
        _begin(study, process)
    StaleTrials(study, _config(url)).wait(requeue=True, report=lambda silent: pytest.fail("waited"))
    assert _states(study) == ["failed", "running", "waiting"]


# Races ----------------------------------------------------------------------------------------------------------------


def _failed_but_not_queued(url: str, retries: int = 3) -> Study:
    """A study whose finder of a dead trial died itself, before it could queue it again."""
    study = _open(url, "study")
    with pytest.warns(UserWarning, match="Heartbeat"):
        trial = study.ask()
    study.tell(trial, state=TrialState.FAIL)
    return study


def test_a_killed_trial_that_nobody_could_queue_again_is_queued_once(tmp_path: Path) -> None:
    study = _failed_but_not_queued(f"sqlite:///{tmp_path / 'study.db'}")
    for _ in range(2):
        StaleTrials(study, _config(f"sqlite:///{tmp_path / 'study.db'}")).wait()
    trials = read_trials(study, SPACE)
    assert [trial.state for trial in trials] == ["failed", "waiting"]
    assert trials[1].retry_of == 0
    assert trials[1].settings == FIRST


def test_a_trial_that_another_command_is_queueing_just_now_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = _failed_but_not_queued(f"sqlite:///{tmp_path / 'study.db'}")
    callback = study._storage.get_heartbeat_stale_trial_callback()
    assert callback is not None

    def meanwhile(seconds: float) -> None:
        callback(study, study.trials[0])

    monkeypatch.setattr("nakaya.learn.tuning.stale.time.sleep", meanwhile)
    StaleTrials(study, _config(f"sqlite:///{tmp_path / 'study.db'}")).wait()
    assert [trial.state for trial in read_trials(study, SPACE)] == ["failed", "waiting"]


def test_a_trial_is_repeated_as_often_as_allowed_and_then_given_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    config = StorageConfig(url, heartbeat=1, grace=60, retries=2)
    study = open_study(open_storage(config), "study", PROBLEM, sampler="random", seed=9, configuration={})
    for _ in range(4):
        _begin(study, ELSEWHERE)
        _let_an_hour_pass(url)
        StaleTrials(study, config).wait()
    trials = read_trials(study, SPACE)
    assert [trial.retry_of for trial in trials] == [None, 0, 0, None, 3]
    assert [trial.state for trial in trials] == ["failed", "failed", "failed", "failed", "waiting"]


@pytest.mark.parametrize("moment", ["before its setting is read", "in its training", "before an error"])
def test_a_live_trial_that_was_taken_for_dead_counts_for_its_retry(moment: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    config = StorageConfig(url, heartbeat=1800, grace=3600)  # one heartbeat, when the trial begins
    taken: list[str] = []

    def take(now: str) -> None:
        if now == moment and not taken:
            taken.append(now)
            _wait_for(lambda: _all_heard(url))
            _let_an_hour_pass(url)
            StaleTrials(_open(url, "study"), config).fail()

    def score(setting: Settings) -> float:
        take("in its training")
        take("before an error")
        if moment == "before an error" and len(taken) == 1:
            taken.append("and failed")
            raise ValueError("a mistake in a trial that nobody waits for")
        return rate_of(setting)

    problem = Problem(SPACE, score, (FIRST,), 1.0)
    study = open_study(open_storage(config), "study", problem, sampler="random", seed=9, configuration={})
    for _ in range(3):
        run_trial(study, problem, started=lambda number: take("before its setting is read"))
    trials = read_trials(study, SPACE)
    assert [trial.state for trial in trials] == ["failed", "complete", "complete"]
    assert trials[1].retry_of == 0
    assert _scores(trials) == _uninterrupted(2)


def test_two_workers_do_not_take_one_waiting_trial_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = _open(url, "study")
    trial = study.trials[0]
    one, other = open_storage(_config(url)), open_storage(_config(url))
    looked, answers = threading.Event(), []
    check = RDBStorage.check_trial_is_updatable

    def check_slowly(self: RDBStorage, trial_id: int, state: TrialState) -> None:
        check(self, trial_id, state)
        if self is one:  # between its look at the state and its change
            looked.set()
            time.sleep(0.5)

    monkeypatch.setattr(RDBStorage, "check_trial_is_updatable", check_slowly)

    def take(storage: RDBStorage) -> None:
        answers.append(storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING))

    first = threading.Thread(target=take, args=(one,))
    first.start()
    assert looked.wait(SECONDS_TO_WAIT)
    take(other)
    first.join()
    assert sorted(answers) == [False, True]


def test_of_two_commands_that_begin_the_last_trial_the_later_one_gives_way(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = _open(url, "study")
    run_trial(study, PROBLEM, scores=2)

    def meanwhile(setting: Settings) -> float:
        run_trial(_open(url, "study"), PROBLEM, scores=2)
        return rate_of(setting)

    run_trial(study, Problem(SPACE, meanwhile, (FIRST,), 1.0), scores=2)
    assert _states(study) == ["complete", "complete", "surplus"]
    StaleTrials(study, _config(url)).wait()
    run_trial(study, PROBLEM, scores=3)  # one more is wanted later: it is chosen as if nobody had given way
    assert _states(study) == ["complete", "complete", "surplus", "complete"]
    assert _scores(read_trials(study, SPACE)) == _uninterrupted(3)
