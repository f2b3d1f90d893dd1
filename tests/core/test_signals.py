"""A first signal waits, a second one acts, and one that is ignored stays so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from threading import Thread

import pytest

from nakaya.core.signals import interrupt_on_termination, postponed_stop


@pytest.fixture
def seen() -> Iterator[list[int]]:
    """What another handler of SIGTERM was told."""
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    yield told
    signal.signal(signal.SIGTERM, before)


def test_the_first_signal_is_noted_and_the_second_acts_as_before(seen: list[int]) -> None:
    with postponed_stop() as request:
        assert request.signal is None
        signal.raise_signal(signal.SIGTERM)
        assert (request.signal, seen) == (signal.SIGTERM, [])
        signal.raise_signal(signal.SIGTERM)
        assert seen == [signal.SIGTERM]
    signal.raise_signal(signal.SIGTERM)
    assert seen == [signal.SIGTERM] * 2


def test_a_signal_that_is_ignored_stays_ignored(seen: list[int]) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with postponed_stop() as request:
            signal.raise_signal(signal.SIGINT)
            assert request.signal is None
            signal.raise_signal(signal.SIGTERM)
            assert request.signal == signal.SIGTERM
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_nothing_is_noted_where_it_is_not_wanted_or_cannot_be(seen: list[int]) -> None:
    with postponed_stop(wanted=False) as request:
        signal.raise_signal(signal.SIGTERM)
        assert (request.signal, seen) == (None, [signal.SIGTERM])
    noted: list[int | None] = []

    def elsewhere() -> None:
        with postponed_stop() as request:
            noted.append(request.signal)

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert noted == [None]


def test_termination_interrupts_and_then_does_what_it_did(seen: list[int]) -> None:
    with pytest.raises(KeyboardInterrupt), interrupt_on_termination():
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert seen == [signal.SIGTERM]
