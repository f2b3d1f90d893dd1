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
        ("fractions", np.full((2, 5, 3), np.nan)), ("solid", np.zeros((2, 5))), ("time_ps", np.zeros(2, int)),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(name: str, array: Any, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"p\.npz is not a file of patches: its array"):
        read_patches(write(tmp_path / "p.npz", **{name: array}), "Cu")


def test_a_time_that_is_no_number_is_refused(tmp_path: Path) -> None:
    times = np.array([0.0, np.nan], dtype=np.float32)
    with pytest.raises(FormatError, match="a time in it is no number"):
        read_patches(write(tmp_path / "p.npz", time_ps=times), "Cu")


@pytest.mark.parametrize(
    "box", [np.zeros((3, 3)), np.full((3, 3), 20.0), np.diag([20, 20, np.nan]), np.diag([20, 20, 1e-9])]
)
def test_a_box_without_a_volume_is_refused(box: np.ndarray, tmp_path: Path) -> None:
    """In one, the search for neighbours ends the process."""
    cells = np.stack([np.eye(3) * 20, box]).astype(np.float32)
    with pytest.raises(FormatError, match=r"p\.npz is not a file of patches: the box has a volume of"):
        read_patches(write(tmp_path / "p.npz", cell=cells), "Cu")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (np.diag([2000.0, 2000.0, 1e-4]), "the box is 0.0001 A thin"),
        (np.array([[2000.0, 0, 0], [2000.0, 1e-4, 0], [0, 0, 2000.0]]), "A thin"),
        (np.diag([1.0, 1.0, 2.0]), "the box holds 5 atoms in 2 A"),
    ],
)
def test_a_box_too_small_for_atoms_is_refused(box: np.ndarray, message: str, tmp_path: Path) -> None:
    cells = np.stack([np.eye(3) * 20, box]).astype(np.float32)
    with pytest.raises(FormatError, match=message):
        read_patches(write(tmp_path / "p.npz", cell=cells), "Cu")


def members(content: bytes) -> list[tuple[object, ...]]:
    """All but what a version of zlib decides."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(info.filename, info.date_time, info.CRC, info.file_size) for info in archive.infolist()]


def test_shipped_patches_are_what_would_be_written_today() -> None:
    shipped = sorted((shipped_sets()["al-cu-si"] / "patches").glob("*.npz"))
    for path in shipped[:: max(1, len(shipped) // 3)]:
        with np.load(path) as stored:
            assert members(pack_arrays(dict(stored), level=9)) == members(path.read_bytes())
