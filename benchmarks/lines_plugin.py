"""For pytest, as `-p benchmarks.lines_plugin`: which lines of a package does each test run, and how long does it take?

python -m pytest -p benchmarks.lines_plugin --lines-of src/nakaya/md --lines-out lines.json tests/md

Lines of compiled functions are not seen, and those that run on import belong to no test. Seconds are of the processor,
children included: they are the same on a busy machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import coverage
import pytest

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
]


class _Watch:
    """What has been seen in this session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds: dict[str, float] = {}
        self.setups: dict[str, float] = {}
        self.failed: set[str] = set()
        self.cover = coverage.Coverage(data_file=None, config_file=False, include=[f"{folder}/*"])

    def document(self) -> dict[str, Any]:
        """{"seconds": {test: s} of those that passed, "setups": {file of tests: s}, "lines": {file: {line: tests}}}."""
        data = self.cover.get_data()
        lines: dict[str, dict[int, list[str]]] = {}
        for file in sorted(data.measured_files()):
            contexts = data.contexts_by_lineno(file)
            lines[str(Path(file).relative_to(self.folder))] = {
                number: passed
                for number, names in sorted(contexts.items())
                if (passed := sorted(name for name in names if name in self.seconds and name not in self.failed))
            }
        seconds = {test: s for test, s in self.seconds.items() if test not in self.failed}
        return {"seconds": seconds, "setups": self.setups, "lines": lines}


_WATCHES: list[_Watch] = []


def pytest_addoption(parser: Any) -> None:
    """Add the options."""
    parser.addoption("--lines-of", type=Path, help="Folder of the package whose lines are told.")
    parser.addoption("--lines-out", type=Path, help="Gets the document.")


def pytest_configure(config: Any) -> None:
    """Begin to watch, before anything is imported."""
    watch = _Watch(config.getoption("--lines-of").resolve())
    watch.cover.start()
    _WATCHES.append(watch)


def _processor_seconds() -> float:
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: Any) -> Generator[None, object, object]:
    """Watch one test, with the set-up that it is the first to need."""
    watch = _WATCHES[-1]
    watch.cover.switch_context(item.nodeid)
    begin = _processor_seconds()
    try:
        return (yield)
    finally:
        watch.seconds[item.nodeid] = watch.seconds.get(item.nodeid, 0.0) + _processor_seconds() - begin
        watch.cover.switch_context("")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: Any) -> Generator[None, object, object]:
    """Tell what a test sets up for all of its file from what it takes itself."""
    watch = _WATCHES[-1]
    file = item.nodeid.partition("::")[0]
    begin = _processor_seconds()
    try:
        return (yield)
    finally:
        spent = _processor_seconds() - begin
        watch.setups[file] = max(watch.setups.get(file, 0.0), spent)
        watch.seconds[item.nodeid] = -spent


def pytest_runtest_logreport(report: Any) -> None:
    """A test that fails, or is skipped, notices nothing."""
    if not report.passed:
        _WATCHES[-1].failed.add(report.nodeid)


def pytest_sessionfinish(session: Any) -> None:
    """Write the document."""
    watch = _WATCHES.pop()
    watch.cover.stop()
    text = json.dumps(watch.document())
    session.config.getoption("--lines-out").write_text(text, encoding="utf-8")
