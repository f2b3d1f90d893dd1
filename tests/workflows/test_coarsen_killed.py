"""A coarsening that is killed between frames leaves nothing at its place, and ends with the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nakaya.workflows.coarsen import RESULT, coarsen_to_folder
from nakaya.workflows.coarsening_starts import tessellation


def test_a_killed_coarsening_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    request: dict[str, Any] = {
        "spacing": 1.0, "mobility": 1.0, "energy": 1.0, "duration": 24.0, "until_grains": None, "frames": 4,
        "edges": "periodic", "is_physical": False,
    }  # fmt: skip
    start = tessellation("voronoi", (40, 40), 12, 1)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    coarsen_to_folder(start, whole, **request)

    def kill(done: int, of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        coarsen_to_folder(start, killed, **request, progress=kill)
    assert not killed.exists()
    told: list[int] = []
    coarsen_to_folder(start, killed, **request, progress=lambda done, of: told.append(done))
    assert told == [3, 4]  # it did not begin anew
    assert (killed / RESULT).read_bytes() == (whole / RESULT).read_bytes()
    assert not list(tmp_path.glob("*.partial")) + list(tmp_path.glob(".*.partial"))
