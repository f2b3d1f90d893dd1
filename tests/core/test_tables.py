"""CSV: what goes in comes out of the readers of others, and no text becomes a formula."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.core.tables import BYTE_ORDER_MARK, FORMULA, Column, Table, encode_csv, header

HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r\n=1", "  =1", '"=1"', "a\n=1", "=\x00", "＝1")


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_a_formula(text: str) -> None:
    (head, row) = rows(encode_csv(Table((Column(text, [text], text),))))
    for cell in (*head, *row):
        assert not cell.lstrip().startswith(FORMULA)
        assert not set("\r\n\t\x00") & set(cell)  # one row is one line


def test_numbers_stay_numbers_to_the_last_bit() -> None:
    values = np.array([-3.2, 0.1 + 0.2, 5e-324, -1.7976931348623157e308, 1e-6])
    cells = [row[0] for row in rows(encode_csv(Table((Column("x", values, "m"),))))[1:]]
    assert [float(cell) for cell in cells] == values.tolist()


def test_what_is_not_known_is_empty() -> None:
    table = Table(
        (
            Column("n", [1, 2, 3, 4]),
            Column("x", [None, float("nan"), float("inf"), -float("inf")]),
        )
    )
    assert [row[1] for row in rows(encode_csv(table))[1:]] == ["", "", "", ""]


def test_the_mark_of_the_encoding_is_there_only_where_it_is_needed() -> None:
    assert encode_csv(Table((Column("name", ["Cu"]),))) == b'name\n"Cu"\n'
    assert encode_csv(Table((Column("name", ["Öl"]),))) == BYTE_ORDER_MARK + 'name\n"Öl"\n'.encode()


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5), st.integers(0, 3))
def test_every_text_keeps_its_place(texts: list[str], more: int) -> None:
    columns = (Column("a", texts), *(Column(f"n{place}", range(len(texts))) for place in range(more)))
    read = rows(encode_csv(Table(columns)))
    assert len(read) == len(texts) + 1 or more == 0  # a row of one empty cell is an empty line, which readers skip
    assert {len(row) for row in read[1:]} <= {1 + more, *([0] if more == 0 else [])}


def test_headers_have_units() -> None:
    assert header("velocity", "m/s") == "velocity [m/s]"
    assert encode_csv(Table((Column("rate", [1.5], "1/(m^3 s)"),))) == b"rate [1/(m^3 s)]\n1.5\n"


def test_columns_of_unlike_lengths_are_no_table() -> None:
    with pytest.raises(ParameterError, match="one length, got a 1, b 2"):
        Table((Column("a", [1]), Column("b", [1, 2])))
    with pytest.raises(ParameterError, match="no column"):
        Table(())


def test_pandas_reads_the_same() -> None:
    pandas = pytest.importorskip("pandas", reason='comes with the extra "exchange"')
    numbers = np.array([-3.2, np.nan, 1e-9])
    table = Table((Column("name", ["=1", "Öl", ""]), Column("x", numbers, "m"), Column("n", [1, 2, 3])))
    read = pandas.read_csv(io.BytesIO(encode_csv(table)))
    assert list(read.columns) == ["name", "x [m]", "n"]
    assert read["name"].tolist()[:2] == ["'=1", "Öl"]
    np.testing.assert_array_equal(read["x [m]"].to_numpy(), numbers)
    assert read["n"].dtype.kind == "i"
