"""What PostgreSQL does otherwise than SQLite: a clock of its own, in a time zone of its own, and passwords."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

pytest.importorskip("optuna", reason='studies need the extra "ml"')
pytest.importorskip("pg8000", reason="the driver pg8000 is not installed: pip install nakaya[postgres]")

import sqlalchemy

from nakaya.core.errors import OutputError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.storage import StorageConfig, open_storage
from nakaya.learn.tuning.study import open_study, read_trials, reap, run_trial

SPACE = (Parameter("rate", 1e-4, 1e-1, "log"), Parameter("hidden", 4, 64, "power-of-two"))
PAPER = {"rate": 1e-2, "hidden": 16.0}


@pytest.fixture(params=["Asia/Tokyo", "America/New_York"])
def zone(server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The time zone that connections get where they do not ask for one."""
    with sqlalchemy.create_engine(server).begin() as connection:
        connection.execute(sqlalchemy.text(f"alter role nakaya set timezone to '{request.param}'"))
    yield request.param
    with sqlalchemy.create_engine(server).begin() as connection:
        connection.execute(sqlalchemy.text("alter role nakaya reset timezone"))


def test_a_trial_lives_while_its_heart_beats_and_not_longer_whatever_the_time_zone(server: str, zone: str) -> None:
    problem = Problem(SPACE, lambda setting: setting["rate"], (), 1.0)
    config = StorageConfig(server, heartbeat=1, grace=30)
    study = open_study(open_storage(config), f"beats {zone}", problem, sampler="random", seed=0, configuration={})
    run_trial(study, problem)
    with pytest.warns(UserWarning, match="Heartbeat"):
        trial = study.ask()
    for _ in range(3):  # the server dates the first beat, the client all others
        reap(study)
        assert [entry.state for entry in read_trials(study, SPACE)] == ["complete", "running"]
        study._storage.record_heartbeat(trial._trial_id)
    with sqlalchemy.create_engine(server).begin() as connection:
        connection.execute(sqlalchemy.text("update trial_heartbeats set heartbeat = heartbeat - interval '31 seconds'"))
    reap(study)
    assert [entry.state for entry in read_trials(study, SPACE)] == ["complete", "failed", "waiting"]


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
