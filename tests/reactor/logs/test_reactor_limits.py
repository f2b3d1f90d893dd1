"""Small files that unfold: what a table becomes in memory is limited, and the limit is named before it is reached."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from nakaya.core.errors import FormatError, InputFileError
from nakaya.reactor.logs import table
from nakaya.reactor.logs.table import Layout, read_table, read_text
from support.memory import traced_memory_below


def packed(folder: Path, pieces: list[tuple[bytes, int]]) -> Path:
    path = folder / "log.csv.gz"
    with gzip.open(path, "wb", compresslevel=6) as stream:
        for piece, times in pieces:
            for _ in range(times):
                stream.write(piece)
    return path


@pytest.mark.parametrize(
    ("block", "times", "message"),
    [
        (b"0" + b",0" * 9_999 + b"\n", 701, "fields, more than the 7000000 that are read"),
        (b"0\n" * 10_000, 201, "more than 2000000 lines"),
        (b"0\r" * 10_000, 201, "more than 2000000 lines"),
        (b"0" * 2**20, 129, "more than 128 MiB"),
    ],
)
def test_a_small_file_that_unfolds_is_refused_before_it_does(tmp_path, block, times, message) -> None:
    path = packed(tmp_path, [(block, times)])
    assert path.stat().st_size < 2**20
    with traced_memory_below(500 * 2**20), pytest.raises(FormatError, match=message):
        read_table(path, Layout(header_line=0))


def test_memory_per_field_and_line_is_what_the_limits_suppose(tmp_path) -> None:
    """A hundredth of the limits, with fields that no two rows share, takes less than a hundredth of 1 GB."""
    num, width = table.MAX_LINES // 100, table.MAX_FIELDS // table.MAX_LINES
    path = tmp_path / "log.csv"
    rows = (",".join(str(1_000_000 + row * width + place) for place in range(width)) for row in range(num))
    path.write_text("\n".join(rows) + "\n")
    with traced_memory_below(10**9 // 100):
        found = read_table(path, Layout(header_line=0))
    assert len(found.rows) == num


def test_a_pipe_is_refused_at_once(tmp_path) -> None:
    os.mkfifo(tmp_path / "log.csv")
    with pytest.raises(InputFileError, match="a pipe"):
        read_text(tmp_path / "log.csv")


def test_lines_may_end_in_any_way(tmp_path) -> None:
    for number, end in enumerate(("\n", "\r\n", "\r")):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(end.join(["t,x", '0,"a', 'b"', "1,2", ""]).encode())
        found = read_table(path, Layout())
        assert [row[0] for row in found.rows] == ["0", "1"]
        assert list(found.lines) == [3, 4]
        assert found.rows[0][1].split() == ["a", "b"]


def test_reports_are_limited_alike(tmp_path) -> None:
    path = packed(tmp_path, [(b"1\t2\n" * 10_000, 201)])
    with pytest.raises(FormatError, match="more than 2000000 lines"):
        read_text(path)
