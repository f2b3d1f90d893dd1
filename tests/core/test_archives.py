"""Archives of arrays: the same bytes for the same arrays, and damage that is said to be damage."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.archives import pack_arrays, read_arrays
from nakaya.core.errors import FormatError, InputFileError

ARRAYS = {
    "a": np.arange(12, dtype=np.uint16).reshape(3, 4),
    "b.c": np.array([0.5, np.nan]),
    "empty": np.zeros((0, 3), dtype=np.float32),
}


def read(path: Path, most: int = 1 << 20) -> dict[str, np.ndarray]:
    return read_arrays(path, most=most, what="file of things")


def entry(header: bytes, rest: bytes = b"") -> bytes:
    """An npz of one array with any header, and right checksums."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + rest)
    return buffer.getvalue()


def test_arrays_come_back_and_give_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(pack_arrays(ARRAYS, level=9))
    again = read(path)
    assert list(again) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert again[name].dtype == array.dtype
        np.testing.assert_array_equal(again[name], array)
    assert pack_arrays(again, level=9) == path.read_bytes()


def test_the_bytes_do_not_hold_the_time_of_day() -> None:
    with zipfile.ZipFile(io.BytesIO(pack_arrays(ARRAYS, level=1))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("size", ["99999999999999999999", "1" + "0" * 400, "-3", "9223372036854775807"])
def test_a_header_of_a_size_beyond_all_bounds_is_refused(tmp_path: Path, size: str) -> None:
    path = tmp_path / "x.npz"
    for shape in (f"({size},)", f"(2, {size})"):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        path.write_bytes(entry(header, bytes(64)))
        with pytest.raises(FormatError, match=r"x\.npz is not a file of things"):
            read(path)


def test_what_unpacks_to_more_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    path.write_bytes(pack_arrays({"zeros": np.zeros(10**6, dtype=np.uint8)}, level=9))
    assert path.stat().st_size < 10_000
    with pytest.raises(FormatError, match="unpacks to 1000128 bytes, more than 1000: not a file of things"):
        read(path, 1000)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"there is no file of things .*nothing\.npz"):
        read(tmp_path / "nothing.npz")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"text", entry(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"),
        entry(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"), entry(b"(((\n"), entry(b"{'descr'"),
        entry(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n", bytes(8)),
    ],
    ids=["empty", "text", "10^12 numbers", "pickle", "no header", "cut header", "negative"],
)  # fmt: skip
def test_damage_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="is not a file of things"):
        read(path)


@given(header=st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_header_is_read_or_refused(header: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "header.npz"
    path.write_bytes(entry(header))
    with contextlib.suppress(FormatError):
        read(path)
