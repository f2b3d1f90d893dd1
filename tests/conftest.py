"""Property tests: the same examples on every run, or new ones for who looks for faults.

    HYPOTHESIS_PROFILE=explore python -m pytest tests/growth/lattice

draws other examples each time, and keeps those that fail in `.hypothesis`, to try them first the next time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Whether a change is good must not depend on luck, nor on how busy the machine is.
settings.register_profile("ci", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that reads every file below a folder, by its path there."""

    def bytes_below(folder: Path) -> dict[str, bytes]:
        return {
            str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
        }

    return bytes_below
