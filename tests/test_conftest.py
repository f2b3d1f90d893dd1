"""The same examples on every run, whatever else has been imported."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

PROFILE = settings.get_profile("ci")


def drawn() -> list[tuple[float, int]]:
    seen: list[tuple[float, int]] = []

    @settings(PROFILE, max_examples=200)
    @given(st.floats(-1e6, 1e6), st.integers(-(10**9), 10**9))
    def note(number: float, whole: int) -> None:
        seen.append((number, whole))

    note()
    return seen


def test_examples_do_not_depend_on_what_has_been_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = drawn()
    path = tmp_path / "full_of_numbers.py"
    path.write_text("".join(f"a{n} = {1234.5 + n}\nb{n} = {98765 + n}\n" for n in range(200)))
    spec = importlib.util.spec_from_file_location("full_of_numbers", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "full_of_numbers", module)
    assert drawn() == before
