"""For pytest, as `-p benchmarks.explore_plugin`: property tests draw as many examples as are asked for, and count them.

HYPOTHESIS_PROFILE=explore python -m pytest -p benchmarks.explore_plugin --explore-examples 20000 tests/...
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_sessionfinish"]

_COUNTED = {"examples": 0}


def pytest_addoption(parser: Any) -> None:
    """Add the options."""
    parser.addoption("--explore-examples", type=int, default=1000, help="Examples of each property.")
    parser.addoption("--explore-folder", type=Path, default=None, help="Gets count.json, and examples that failed.")


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Whatever the tests say about the number of their examples, draw more, and keep those that fail."""
    folder = config.getoption("--explore-folder")
    database = None if folder is None else DirectoryBasedExampleDatabase(folder / "examples")
    for test in {id(item.obj): item.obj for item in items if hasattr(item.obj, "hypothesis")}.values():
        # Hypothesis lets nobody replace what a test's own decorator says, except in this place.
        test._hypothesis_internal_use_settings = settings(
            getattr(test, "_hypothesis_internal_use_settings", settings()),
            max_examples=config.getoption("--explore-examples"),
            derandomize=False,
            database=database,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        test.hypothesis.inner_test = _counted(test.hypothesis.inner_test)


def _counted(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    def counting(*values: Any, **named: Any) -> Any:
        _COUNTED["examples"] += 1
        return test(*values, **named)

    return counting


def pytest_sessionfinish(session: Any) -> None:
    """Write how many examples there were."""
    folder = session.config.getoption("--explore-folder")
    if folder is not None:
        (folder / "count.json").write_text(json.dumps(_COUNTED), encoding="utf-8")
