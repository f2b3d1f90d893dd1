from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import OutputError
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.export import export_npz

Maker = Callable[..., Trajectory]


@pytest.mark.parametrize("grain", [False, True])
def test_numpy_alone_reads_what_was_exported(crystals: Maker, tmp_path: Path, grain: bool) -> None:
    original = crystals(2, 3, grain=grain)
    export_npz(original, tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz", allow_pickle=False) as found:
        assert np.array_equal(found["arrival"], original.arrival)
        assert np.array_equal(found["steps"], original.steps)
        assert np.array_equal(found["stop_codes"], original.stop_codes)
        assert ("grain" in found) == grain
        assert np.array_equal(found["parameter_sigma"], original.parameters["sigma"])
        metadata = json.loads(str(found["metadata"]))
    assert metadata["seed"] == original.metadata.seed
    assert metadata["geometry"] == original.metadata.geometry


def test_a_full_disk_leaves_nothing_behind(crystals: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="no space left"):
        export_npz(crystals(1, 1), tmp_path / "c.npz")
    assert list(tmp_path.iterdir()) == []
