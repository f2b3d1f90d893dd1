"""Property tests: the same examples on every run, or new ones for who looks for faults.

    HYPOTHESIS_PROFILE=explore python -m pytest tests/growth/lattice

draws other examples each time, and keeps those that fail in `.hypothesis`, to try them first the next time.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from support.browser import Browser, find_chromium

# Whether a change is good must not depend on luck, nor on how busy the machine is.
settings.register_profile("ci", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Hypothesis likes to try numbers that stand in the modules imported so far: examples would depend on which files a
# worker was given before, and so on how busy the machine is.
providers._get_local_constants = lambda: providers.Constants()


# A shell lets jobs in its background ignore SIGINT, and their children do so, too; what is tested is a terminal's.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run in which no test was reported: where all workers die, xdist ends as if all were well."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter is not None and not hasattr(session.config, "workerinput"):
        told = any(reporter.stats.get(outcome) for outcome in ("passed", "skipped", "xfailed"))
        if not told and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that reads every file below a folder, by its path there."""

    def bytes_below(folder: Path) -> dict[str, bytes]:
        return {
            str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
        }

    return bytes_below


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser, started once for all tests of a process."""
    if find_chromium() is None:
        pytest.skip("pages are looked at in Chromium, which is not installed (Debian's package chromium)")
    with Browser() as started:
        yield started
