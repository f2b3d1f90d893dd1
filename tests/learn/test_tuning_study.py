"""A study ends with the scores that were asked for, whoever is killed on the way, and depends on its seed alone."""

from __future__ import annotations

import contextlib
import importlib
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("optuna", reason='studies need the extra "ml"')

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from nakaya.core.errors import ConfigError, NakayaError, OutputError, ParameterError, UnknownNameError
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.analysis import best_so_far, importances
from nakaya.learn.tuning.coding import decode, encode
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.samplers import SamplerName
from nakaya.learn.tuning.stale import PROCESS, StaleTrials
from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
from nakaya.learn.tuning.study import Trial, best_trial, complete_trials, open_study, read_trials, run_trial
from nakaya.learn.tuning.workers import Budget, run_study

SPACE = (
    Parameter("hidden", 4, 64, "power-of-two"),
    Parameter("layers", 1, 6, "integer", labels=("one", "two", "three", "four", "five", "six")),
    Parameter("rate", 1e-4, 1e-1, "log"),
    Parameter("dropout", 0.0, 0.5),
)
PAPER = {"hidden": 16.0, "layers": 4.0, "rate": 1e-2, "dropout": 0.1}


def bowl(setting: dict[str, float]) -> float:
    """Smooth, lowest at 32 hidden, 3 layers."""
    return (
        (setting["hidden"] / 64 - 0.5) ** 2
        + (setting["layers"] - 3) ** 2
        + (setting["rate"] - 0.01) ** 2
        + setting["dropout"]
    )


BOWL = Problem(SPACE, bowl, (PAPER,), ceiling=5.0)


def _scores(trials: list[Trial]) -> list[tuple[float | None, tuple[float, ...]]]:
    return [(trial.score, tuple(trial.settings.values())) for trial in complete_trials(trials)]


def _run_in_memory(sampler: SamplerName, seed: int, trials: int) -> list[Trial]:
    study = open_study(None, "study", BOWL, sampler=sampler, seed=seed, configuration={})
    for _ in range(trials):
        run_trial(study, BOWL)
    return read_trials(study, SPACE)


@given(
    hidden=st.sampled_from([4.0, 8.0, 16.0, 32.0, 64.0]),
    layers=st.integers(1, 6),
    rate=st.floats(1e-4, 1e-1),
    dropout=st.floats(0.0, 0.5),
)
@settings(max_examples=30, deadline=None)
def test_coordinates_and_settings_are_one_to_one(hidden: float, layers: int, rate: float, dropout: float) -> None:
    setting = {"hidden": hidden, "layers": float(layers), "rate": rate, "dropout": dropout}
    coordinates = encode(setting, SPACE)
    assert decode(coordinates, SPACE) == setting
    assert 2 ** coordinates["hidden"] == hidden


def test_the_paper_comes_first_and_every_setting_lies_in_the_space() -> None:
    trials = _run_in_memory("random", 3, 8)
    assert trials[0].settings == PAPER
    for trial in trials:
        for parameter in SPACE:
            parameter.check(trial.settings[parameter.name])
    assert len({tuple(trial.settings.values()) for trial in trials}) == 8


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_one_seed_gives_one_study(sampler: SamplerName) -> None:
    assert _scores(_run_in_memory(sampler, 1, 14)) == _scores(_run_in_memory(sampler, 1, 14))
    assert _scores(_run_in_memory(sampler, 1, 14)) != _scores(_run_in_memory(sampler, 2, 14))


def test_a_diverged_training_gets_the_ceiling_and_so_does_a_bad_one() -> None:
    assert Problem(SPACE, lambda setting: float("nan"), (), 5.0).score(PAPER) == 5.0
    assert Problem(SPACE, lambda setting: float("inf"), (), 5.0).score(PAPER) == 5.0
    assert Problem(SPACE, lambda setting: 4.5, (), 5.0).score(PAPER) == 4.5


def test_a_first_setting_outside_the_space_is_refused() -> None:
    with pytest.raises(ParameterError, match="hidden=17"):
        Problem(SPACE, bowl, ({**PAPER, "hidden": 17.0},), 5.0)
    with pytest.raises(UnknownNameError, match="did you mean 'layers'"):
        Problem(SPACE, bowl, ({**PAPER, "layer": 2.0},), 5.0)
    with pytest.raises(ParameterError, match="needs a value for rate"):
        Problem(SPACE, bowl, ({name: value for name, value in PAPER.items() if name != "rate"},), 5.0)


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path: Path, sampler: SamplerName) -> None:
    num_trials = 14
    whole = _run_in_memory(sampler, 5, num_trials)
    config = StorageConfig(f"sqlite:///{tmp_path / 'study.db'}", heartbeat=1, grace=2)
    for step in range(0, num_trials, 7):  # opened anew, as by another command
        study = open_study(open_storage(config), "study", BOWL, sampler=sampler, seed=5, configuration={})
        for _ in range(7):
            run_trial(study, BOWL)
        if step == 0:  # a trial that was killed half-chosen: it is chosen the same again
            with pytest.warns(UserWarning, match="Heartbeat"):
                trial = study.ask()
            trial.set_user_attr(PROCESS, {"trial": trial.number, "machine": "another", "pid": 1, "start": "1"})
            study._storage.record_heartbeat(trial._trial_id)
            trial.suggest_int("hidden", 2, 6)
            _die_in_silence(tmp_path / "study.db")
            StaleTrials(study, config).fail()
    trials = read_trials(study, SPACE)
    assert _scores(trials) == _scores(whole)
    assert [trial.retry_of for trial in trials].count(7) == 1


def _die_in_silence(database: Path) -> None:
    """Let an hour pass since the last heartbeat of every running trial."""
    with sqlite3.connect(database) as connection:
        connection.execute("update trial_heartbeats set heartbeat = datetime(heartbeat, '-1 hour')")
        connection.execute("update trials set datetime_start = datetime(datetime_start, '-1 hour')")


def test_a_trial_that_died_before_its_first_heartbeat_does_not_run_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = StorageConfig(f"sqlite:///{tmp_path / 'study.db'}", heartbeat=1, grace=2)
    study = open_study(open_storage(config), "study", BOWL, sampler="random", seed=0, configuration={})
    study._storage.create_new_trial(study._study_id)  # what a worker does first
    stale = StaleTrials(study, config)
    now = time.monotonic()
    for seconds, states in (
        (0, ["waiting", "running"]),
        (config.grace, ["waiting", "running"]),
        (config.grace + 1, ["waiting", "failed", "waiting"]),
    ):
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: now + seconds)
        stale.fail()
        assert [trial.state for trial in read_trials(study, SPACE)] == states


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    config = StorageConfig(f"sqlite:///{tmp_path / 'study.db'}")
    storage = open_storage(config)
    for _ in range(2):
        open_study(storage, "study", BOWL, sampler="gp", seed=0, configuration={"seed": 0, "model": "svm"})
    with pytest.raises(ConfigError, match="seed was 0, now 1"):
        open_study(storage, "study", BOWL, sampler="gp", seed=1, configuration={"seed": 1, "model": "svm"})
    longer = {"seed": 0, "model": "svm", "repeats": 1}
    with pytest.raises(ConfigError, match="repeats was not recorded, now 1"):
        open_study(storage, "study", BOWL, sampler="gp", seed=0, configuration=longer)
    with pytest.raises(ConfigError, match="repeats was 1, now 2"):
        open_study(
            storage, "study", BOWL, sampler="gp", seed=0, configuration={**longer, "repeats": 2}, assumed={"repeats": 1}
        )
    open_study(storage, "study", BOWL, sampler="gp", seed=0, configuration=longer, assumed={"repeats": 1})
    assert len(optuna.load_study(study_name="study", storage=storage).trials) == 1  # the paper's, once


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("study.db", "no address of a database"),
        ("mysql://host/name", "expected sqlite"),
        ("sqlite:///:memory:", "expected sqlite"),
        ("sqlite:///study.db?isolation_level=x", "without a host and without a query"),
        ("sqlite:///file:study.db?mode=ro&uri=true", "without a query"),
        ("sqlite://host/study.db", "without a host"),
        ("postgresql://me@host:port/studies", "no address of a database"),
        ("postgresql://me:a/b@host/studies", "%40 %2F %3F"),
        ("postgresql://host/studies", "names no user"),
        ("postgresql://me@host/studies?sslmode=require", "its query holds something other than application_name"),
        ("postgresql://me@host/studies?user=me&user=you", "once each"),
        ("postgresql://me@host", "PGPASSWORD"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        StorageConfig(url)


@pytest.mark.parametrize("host", ["a" * 70, "a..b"])
def test_a_name_that_no_computer_has_is_not_a_damaged_database(host: str) -> None:
    pytest.importorskip("pg8000", reason="the driver pg8000 is not installed: pip install nakaya[postgres]")
    with pytest.raises(OutputError, match="no computer has such a name") as caught:
        open_storage(StorageConfig(f"postgresql://me:SECRET@{host}/studies"))
    assert "SECRET" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("this is a diary, not a database " * 100)
    with pytest.raises(OutputError, match=r"study\.db"):
        open_storage(StorageConfig(f"sqlite:///{tmp_path / 'study.db'}"))
    with pytest.raises(OutputError, match="does not exist"):
        open_storage(StorageConfig(f"sqlite:///{tmp_path / 'no' / 'study.db'}"))


@pytest.mark.parametrize("revision", ["v99.a", "v2.6.0.a"], ids=["newer", "older"])
def test_a_database_of_another_optuna_is_named_with_its_version(tmp_path: Path, revision: str) -> None:
    config = StorageConfig(f"sqlite:///{tmp_path / 'study.db'}")
    open_storage(config).engine.dispose()
    with sqlite3.connect(tmp_path / "study.db") as connection:
        connection.execute("update version_info set library_version='9.9.9'")
        connection.execute("update alembic_version set version_num=?", (revision,))
    with pytest.raises(
        OutputError, match=rf"written by optuna 9\.9\.9, here is {optuna.__version__}: .* another database"
    ):
        open_storage(config)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trials SET datetime_start = '2026-11-30 09:49:52>509334'",
        "UPDATE study_user_attributes SET value_json = '[1]'",
        "UPDATE study_user_attributes SET value_json = '{'",
        "UPDATE trial_params SET distribution_json = '{\"name\": 3}'",
        "UPDATE trials SET state = 'DREAMING'",
    ],
)
def test_a_database_with_rows_that_are_none_is_refused(tmp_path: Path, statement: str) -> None:
    config = StorageConfig(f"sqlite:///{tmp_path}/study.db")
    problem = Problem((Parameter("x", 0.0, 1.0),), lambda settings: settings["x"], (), 1.0)

    def trials() -> list[Trial]:
        with storage_errors(config):
            study = open_study(open_storage(config), "s", problem, sampler="random", seed=0, configuration={"a": 1})
            run_trial(study, problem)
            return read_trials(study, problem.space)

    assert [trial.state for trial in trials()] == ["complete"]
    with contextlib.closing(sqlite3.connect(tmp_path / "study.db")) as connection, connection:
        assert connection.execute(statement).rowcount > 0
    with pytest.raises(NakayaError, match=r"damaged|cannot use the storage"):
        trials()


def test_passwords_are_not_shown() -> None:
    config = StorageConfig("postgresql://me:secret@127.0.0.1:9/studies")
    assert "secret" not in config.shown_url
    assert "secret" not in repr(config)
    assert config.driver_url.startswith("postgresql+pg8000://me:secret@")


@pytest.mark.parametrize(
    "url",
    [
        "postgress://me:secret@host/studies", "mysql://me:secret@host/studies", "postgresql//me:secret@host/studies",
        "postgresql://me:a@secret@host/studies", "postgresql://me:secret/studies", "postgresql://me:secret@host",
        "postgresql://me@host/studies?password=a&secret=b", "postgresql://me@host/studies?password=secret&password=b",
    ],
)  # fmt: skip
def test_a_refusal_does_not_repeat_the_password(url: str) -> None:
    with pytest.raises(ParameterError) as caught:
        StorageConfig(url)
    assert "secret" not in str(caught.value)


def test_best_so_far_never_rises_and_the_parameter_that_matters_is_found() -> None:
    trials = _run_in_memory("random", 0, 40)
    course = best_so_far([trial.score for trial in trials if trial.score is not None])
    assert (course[1:] <= course[:-1]).all()
    best = best_trial(trials)
    assert best is not None
    assert best.score == course[-1]
    shares = importances(trials, SPACE)
    assert next(iter(shares)) == "layers"
    assert sum(shares.values()) == pytest.approx(1.0)
    assert importances(trials[:5], SPACE) == {}


FAILING = """
from nakaya.core.errors import FormatError

def score(setting):
    raise FormatError("the file ends early")
"""


def test_an_error_of_a_trial_reaches_the_user_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "objective_with_an_error.py").write_text(FAILING)  # a module that spawned workers can import too
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("objective_with_an_error")
    problem = Problem(SPACE, module.score, (), 1.0)
    config = StorageConfig(f"sqlite:///{tmp_path / 'study.db'}", heartbeat=1, grace=60)
    study = open_study(open_storage(config), "study", problem, sampler="random", seed=0, configuration={})
    with pytest.raises(NakayaError, match="the file ends early"):
        run_study(study, problem, config, Budget(2, 60.0), sampler="random", seed=0)
    assert [trial.state for trial in read_trials(study, SPACE)] == ["failed"]


def test_a_score_that_cannot_be_kept_is_the_storage_s_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = StorageConfig(f"sqlite:///{tmp_path / 'study.db'}")
    study = open_study(open_storage(config), "study", BOWL, sampler="random", seed=0, configuration={})
    change = RDBStorage.set_trial_state_values

    def change_while_it_can(self: RDBStorage, trial_id: int, state: TrialState, values: object = None) -> bool:
        if state == TrialState.COMPLETE:
            raise StorageInternalError from sqlite3.OperationalError("database or disk is full")
        return bool(change(self, trial_id, state))

    monkeypatch.setattr(RDBStorage, "set_trial_state_values", change_while_it_can)
    with pytest.raises(OutputError, match=r"study\.db: database or disk is full: check"), storage_errors(config):
        run_trial(study, BOWL)
    assert [trial.state for trial in read_trials(study, SPACE)] == ["running"]


def test_no_time_left_starts_nothing(tmp_path: Path) -> None:
    config = StorageConfig(f"sqlite:///{tmp_path / 'study.db'}")
    study = open_study(open_storage(config), "study", BOWL, sampler="random", seed=0, configuration={})
    assert run_study(study, BOWL, config, Budget(3, 0.0), sampler="random", seed=0) == "timeout"
    assert [trial.state for trial in read_trials(study, SPACE)] == ["waiting"]
