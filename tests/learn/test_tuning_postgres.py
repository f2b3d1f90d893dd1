"""What PostgreSQL does otherwise than SQLite: a clock of its own, in a time zone of its own, and passwords."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna", reason='studies need the extra "ml"')
pytest.importorskip("pg8000", reason="the driver pg8000 is not installed: pip install nakaya[postgres]")

import sqlalchemy

from nakaya.core.errors import OutputError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.stale import PROCESS, StaleTrials
from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
from nakaya.learn.tuning.study import open_study, read_trials, run_trial
from nakaya.learn.tuning.table import TableLookup
from nakaya.workflows.tuning.config import read_study
from nakaya.workflows.tuning.report import write_report
from nakaya.workflows.tuning.search import run

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
    trial.set_user_attr(PROCESS, {"trial": trial.number, "machine": "another", "pid": 1, "start": "1"})
    stale = StaleTrials(study, config)
    for _ in range(3):  # the server dates the first beat, the client all others
        study._storage.record_heartbeat(trial._trial_id)
        stale.fail()
        assert [entry.state for entry in read_trials(study, SPACE)] == ["complete", "running"]
    with sqlalchemy.create_engine(server).begin() as connection:
        connection.execute(sqlalchemy.text("update trial_heartbeats set heartbeat = heartbeat - interval '31 seconds'"))
    stale.fail()
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


@pytest.mark.parametrize("query", ["", "?user=you&password=secret"])
def test_a_server_that_does_not_answer_is_named_without_the_password(query: str) -> None:
    with socket.socket() as probe:  # bound but not listening: nothing answers
        probe.bind(("127.0.0.1", 0))
        address = f"postgresql+pg8000://me:secret@127.0.0.1:{probe.getsockname()[1]}/studies{query}"
        with pytest.raises(OutputError, match="cannot use the storage") as caught:
            open_storage(StorageConfig(address))
    assert "secret" not in "".join(traceback.format_exception(caught.value, chain=True))


@pytest.fixture
def guarded(server: str) -> Iterator[str]:
    """Address of the database for a role that needs the password "se@cret"."""
    with sqlalchemy.create_engine(server).begin() as connection:
        connection.execute(sqlalchemy.text("create role guarded superuser login password 'se@cret'"))
    yield server.replace("nakaya@", "guarded@")
    with sqlalchemy.create_engine(server).begin() as connection:
        connection.execute(sqlalchemy.text("reassign owned by guarded to nakaya"))
        connection.execute(sqlalchemy.text("drop role guarded"))


def test_the_password_comes_from_the_environment_or_the_address(guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    for address in (guarded, guarded.replace("guarded@", "guarded:wrong@"), f"{guarded}?password=wrong"):
        with pytest.raises(OutputError, match=r"password authentication failed.*PGPASSWORD") as caught:
            open_storage(StorageConfig(address))
        assert "wrong" not in str(caught.value)
    open_storage(StorageConfig(guarded.replace("guarded@", "guarded:se%40cret@"))).engine.dispose()
    open_storage(StorageConfig(f"{guarded}?password=se%40cret")).engine.dispose()
    monkeypatch.setenv("PGPASSWORD", "se@cret")
    open_storage(StorageConfig(guarded)).engine.dispose()
    with pytest.raises(OutputError, match="password authentication failed"):  # what the address says comes first
        open_storage(StorageConfig(guarded.replace("guarded@", "guarded:wrong@")))


def test_what_a_driver_says_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    config = StorageConfig("postgresql://me:from-address@host/studies?password=from-query")
    monkeypatch.setenv("PGPASSWORD", "from-environment")
    said = "no service from-address, from-query, from-environment"
    with pytest.raises(OutputError) as caught, storage_errors(config):
        raise sqlalchemy.exc.ArgumentError(said)
    assert "no service ***, ***, ***" in str(caught.value)
    assert "from-" not in "".join(traceback.format_exception(caught.value))


STUDY = """
[study]
name = "passwords"
model = "svm"
evidence = "A"
folds = 3
sampler = "random"
seed = 7
"""


def test_neither_a_report_nor_the_database_holds_the_password(server: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    table = TableLookup(("x",), np.array([0.3, 0.1, 0.2]))
    outcome = run(
        read_study(tmp_path / "study.toml"),
        Problem((Parameter("x", 0, 2, "integer"),), table, (), 1.0),
        unvaried={}, mean_score=0.5, evidence_hash="abc", trials=2, workers=1, timeout=100.0,
        storage=f"{server.replace('nakaya@', 'nakaya:SECRET@')}?password=SECRET",  # any will do: the server trusts
    )  # fmt: skip
    write_report(outcome, tmp_path / "report", score_label="error")
    for file in ("study.json", "report.html"):
        text = (tmp_path / "report" / file).read_text()
        assert "nakaya:***@127.0.0.1" in text
        assert "SECRET" not in text
    with sqlalchemy.create_engine(server).begin() as connection:
        for place in ("study_user_attributes", "trial_user_attributes", "study_system_attributes"):
            rows = connection.execute(sqlalchemy.text(f"select * from {place}")).all()
            assert "SECRET" not in str(rows)
