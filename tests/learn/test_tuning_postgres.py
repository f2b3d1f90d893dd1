"""Studies on a real PostgreSQL server, which the test starts in a folder of its own and stops again."""

from __future__ import annotations

import importlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason='studies need the extra "ml"')
pytest.importorskip("pg8000", reason="the driver pg8000 is not installed: pip install nakaya[postgres]")

import sqlalchemy

from nakaya.core.errors import OutputError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.storage import StorageConfig, open_storage
from nakaya.learn.tuning.study import complete_trials, open_study, read_trials, reap, run_trial
from nakaya.learn.tuning.workers import Budget, run_study

SPACE = (Parameter("rate", 1e-4, 1e-1, "log"), Parameter("hidden", 4, 64, "power-of-two"))
PAPER = {"rate": 1e-2, "hidden": 16.0}

DEADLY = """
import os, signal
from pathlib import Path

FOLDER = Path({folder!r})

def score(setting):
    (FOLDER / f"{{os.getpid()}}-{{setting['rate']}}.begun").touch()
    if len(list(FOLDER.glob("*.begun"))) >= 2:  # some files may come at once
        try:  # workers that begin in the same moment both see two: one of them dies
            (FOLDER / "killed").touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    (FOLDER / f"{{setting['rate']}}.ended").touch()
    return setting["rate"]
"""


def _program(name: str) -> str | None:
    places = [*sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)]
    return shutil.which(name) or (str(places[0]) if places else None)


def _user() -> dict[str, object]:
    """PostgreSQL refuses to run as the superuser; another user's rights are taken then."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("running as the superuser, and there is neither a user postgres nor nobody to run PostgreSQL")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of an empty database on a free port of this machine."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed (initdb, pg_ctl): apt install postgresql")
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="nakaya-postgres-"))
    if user:
        os.chown(folder, user["user"], user["group"])  # type: ignore[arg-type]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def call(*words: str) -> None:
        subprocess.run(words, check=True, cwd=folder, capture_output=True, timeout=120, **user)  # type: ignore[call-overload]

    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
        "-c timezone=Asia/Tokyo"  # a server whose clock shows another hour than ours
    )
    try:
        call(initdb, "-D", str(folder / "data"), "-U", "nakaya", "-A", "trust", "--no-sync", "-E", "UTF8")
        call(pg_ctl, "-D", str(folder / "data"), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql+pg8000://nakaya@127.0.0.1:{port}/postgres"
        finally:
            call(pg_ctl, "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_worker_costs_no_score(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly_objective_on_a_server.py").write_text(DEADLY.format(folder=str(tmp_path)))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("deadly_objective_on_a_server")
    problem = Problem(SPACE, module.score, (PAPER,), 1.0)
    config = StorageConfig(server, heartbeat=1, grace=60)  # the parent sees the death; a busy machine is none
    study = open_study(open_storage(config), "deaths", problem, sampler="random", seed=0, configuration={"seed": 0})
    assert run_study(study, problem, config, Budget(4, 300.0, workers=2), sampler="random", seed=0) == "trials"
    trials = read_trials(study, SPACE)
    assert (tmp_path / "killed").exists()
    assert len(complete_trials(trials)) == 4
    failed = [trial.number for trial in trials if trial.state == "failed"]
    # On a busy server live trials are given up now and then as well; each is repeated, and no score is lost.
    assert failed, trials
    assert {trial.retry_of for trial in trials if trial.retry_of is not None} <= set(failed)
    assert {trial.state for trial in trials} == {"complete", "failed"}
    assert any(trial.settings == PAPER for trial in complete_trials(trials))
    assert len(list(tmp_path.glob("*.ended"))) == 4


def test_a_silent_trial_counts_as_killed_whatever_the_time_zone(server: str) -> None:
    problem = Problem(SPACE, lambda setting: setting["rate"], (), 1.0)
    config = StorageConfig(server, heartbeat=1, grace=3)
    study = open_study(open_storage(config), "silence", problem, sampler="random", seed=0, configuration={})
    run_trial(study, problem)
    with pytest.warns(UserWarning, match="Heartbeat"):
        study.ask().suggest_float("rate", 1e-4, 1e-1, log=True)
    reap(study, grace=config.grace)
    assert [trial.state for trial in read_trials(study, SPACE)] == ["complete", "running"]
    with sqlalchemy.create_engine(server).begin() as connection:
        connection.execute(sqlalchemy.text("update trial_heartbeats set heartbeat = heartbeat - interval '5 seconds'"))
    reap(study, grace=config.grace)
    assert [trial.state for trial in read_trials(study, SPACE)] == ["complete", "failed", "waiting"]


def test_a_study_on_a_server_equals_one_in_memory(server: str) -> None:
    problem = Problem(SPACE, lambda setting: setting["rate"], (PAPER,), 1.0)
    found = []
    for storage in (None, open_storage(StorageConfig(server))):
        study = open_study(storage, "equal", problem, sampler="tpe", seed=4, configuration={})
        for _ in range(13):
            run_trial(study, problem)
        found.append([(trial.settings, trial.score) for trial in read_trials(study, SPACE)])
    assert found[0] == found[1]


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with socket.socket() as probe:  # bound but not listening: nothing answers
        probe.bind(("127.0.0.1", 0))
        address = f"postgresql+pg8000://me:secret@127.0.0.1:{probe.getsockname()[1]}/studies"
        with pytest.raises(OutputError, match="cannot use the storage") as caught:
            open_storage(StorageConfig(address))
    assert "secret" not in str(caught.value)
