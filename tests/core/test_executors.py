"""Executors: every task once, few ahead, errors in words, and a task that kills its workers is named in the end."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from nakaya.core.dask_executor import Dask
from nakaya.core.errors import MissingExtraError, NakayaError, ParameterError, UnknownNameError
from nakaya.core.executors import TASKS_PER_WORKER, Executor, Processes, WorkerDiedError

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason='the extra "dask" is not installed')
KINDS = [
    pytest.param(lambda: Processes(1), id="this process"),
    pytest.param(lambda: Processes(2), id="processes"),
    pytest.param(lambda: Dask(workers=2), id="dask", marks=needs_dask),
]


def refuse(number: float) -> float:
    raise UnknownNameError("number", str(number), ["1"])  # takes other arguments than a message


@pytest.mark.parametrize("make", KINDS)
def test_every_task_is_done_once_and_few_are_ahead_and_errors_arrive(make) -> None:
    executor: Executor = make()
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        for number in range(20):
            taken += 1
            yield number

    found = []
    for result in executor.results(math.sqrt, numbers(), name=str):
        found.append(result)
        assert taken <= len(found) + 2 * TASKS_PER_WORKER
    assert sorted(found) == [math.sqrt(number) for number in range(20)]
    with pytest.raises(NakayaError, match="unknown number '3.0'"):
        list(executor.results(refuse, [3.0], name=str))


@needs_dask
def test_a_task_that_kills_its_workers_is_named_and_the_others_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from nakaya.core import dask_executor

    monkeypatch.setattr(dask_executor, "REPEATS", 1)
    results = Dask(workers=1).results(die_at_one, [0, 1], name=lambda task: f"task {task}")
    assert next(results) == 0
    with pytest.raises(WorkerDiedError, match="task 1: 2 workers died at it .* run the same command again"):
        next(results)


def die_at_one(number: int) -> int:
    if number == 1:
        os._exit(1)
    return number


def test_no_more_workers_than_tasks() -> None:
    assert Processes(8).at_most(3) == Processes(3)
    assert Processes(2).at_most(0) == Processes(1)


def test_what_is_no_number_of_workers_is_refused() -> None:
    with pytest.raises(ParameterError, match="workers=0"):
        Processes(0)


@needs_dask
@pytest.mark.parametrize("address", ["tcp://10.0.0.5", "sweep.toml", "tcp://10.0.0.5:port"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ParameterError, match="no address of a scheduler, such as tcp://"):
        Dask(address)


@needs_dask
def test_an_address_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from nakaya.core import dask_executor

    monkeypatch.setattr(dask_executor, "SECONDS_TO_ANSWER", 0.5)
    with pytest.raises(NakayaError, match="no Dask scheduler answers at tcp://127.0.0.1:9: check") as caught:
        list(Dask("tcp://127.0.0.1:9").results(math.sqrt, [1.0], name=str))
    assert "\n" not in str(caught.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from nakaya.core import dask_executor

    monkeypatch.setattr(dask_executor, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "nakaya\[dask\]"'):
        Dask()
