"""Files of patches: those that ship have the bytes that we would write, and foreign ones are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nakaya.core.archives import pack_arrays
from nakaya.core.errors import FormatError
from nakaya.md.patches import read_patches
from nakaya.records.store import shipped_sets

ARRAYS: dict[str, Any] = {
    "cell": np.tile(np.eye(3, dtype=np.float32) * 20, (2, 1, 1)),
    "fractions": np.zeros((2, 5, 3), dtype=np.uint16),
    "energy": np.full((2, 5), np.nan, dtype=np.float16),
    "kinetic": np.zeros((2, 5), dtype=np.float16),
    "solid": np.ones((2, 5), dtype=bool),
    "time_ps": np.array([0.0, 1.0], dtype=np.float32),
}


def write(path: Path, **changed: Any) -> Path:
    arrays = {name: array for name, array in {**ARRAYS, **changed}.items() if array is not None}
    path.write_bytes(pack_arrays(arrays, level=9))
    return path


def test_a_file_of_patches_is_read(tmp_path: Path) -> None:
    frames = read_patches(write(tmp_path / "p.npz"), "Cu")
    assert [frame.time_ps for frame in frames] == [0.0, 1.0]
    assert frames[0].positions.shape == (5, 3)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("solid", None), ("cell", None), ("time_ps", np.zeros(3)), ("cell", np.zeros((2, 2, 3))),
        ("fractions", np.zeros((2, 5))), ("solid", np.zeros(5)), ("energy", np.full((2, 5), "hot")),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(name: str, array: Any, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"p\.npz is not a file of patches: its array"):
        read_patches(write(tmp_path / "p.npz", **{name: array}), "Cu")


def members(content: bytes) -> list[tuple[object, ...]]:
    """All but what a version of zlib decides."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(info.filename, info.date_time, info.CRC, info.file_size) for info in archive.infolist()]


def test_shipped_patches_are_what_would_be_written_today() -> None:
    shipped = sorted((shipped_sets()["al-cu-si"] / "patches").glob("*.npz"))
    for path in shipped[:: max(1, len(shipped) // 3)]:
        with np.load(path) as stored:
            assert members(pack_arrays(dict(stored), level=9)) == members(path.read_bytes())
