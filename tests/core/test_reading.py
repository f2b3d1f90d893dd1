"""Small files are read whole or refused in words."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ConfigError, FormatError, InputFileError
from nakaya.core.reading import foreign_description, parse_json, read_bounded, read_json, read_toml_document


def test_a_file_of_the_largest_size_is_read_and_a_longer_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_bytes(b"[1, 2, 3]")
    assert read_bounded(path, 9) == b"[1, 2, 3]"
    assert read_json(path, 9) == [1, 2, 3]
    with pytest.raises(FormatError, match=r"numbers\.json has more than 8 bytes"):
        read_json(path, 8)  # never read as far as that, and taken for damaged


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="nothing.json: no such file"):
        read_bounded(tmp_path / "nothing.json", 10)
    with pytest.raises(InputFileError, match="cannot read"):
        read_bounded(tmp_path, 10)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'{"a": "\xc3"}',
        b"[" * 100_000,
        b"1" * 5000,
        b"-" + b"9" * 400,
        b"{} {}",
        rb'["\ud800"]',
        rb'{"\uDC00a": 1}',
        b'"\xed\xa0\x80"',
    ],
    ids=[
        "empty",
        "cut off",
        "binary",
        "wrong text",
        "nested",
        "long number",
        "beyond a float",
        "two",
        "half",
        "half of a key",
        "half as bytes",
    ],
)
def test_what_is_not_json_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(FormatError, match=r"file\.json is not JSON .*: it may be damaged"):
        parse_json(content, "file.json")


def test_integers_beyond_64_bits_are_floats_and_whole_characters_are_text() -> None:
    read = parse_json('[1, -9223372036854775808, 18446744073709551615, 100000000000000000000, "\\ud83d\\ude00"]', "a")
    assert read == [1, -(2**63), 2**64 - 1, 1e20, "\U0001f600"]
    assert [type(value) for value in read[:4]] == [int, int, int, float]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e309", "1" + "0" * 400])
def test_json_has_no_numbers_beyond_all_floats(number: str) -> None:
    with pytest.raises(
        FormatError, match=r"file\.json is not JSON \((.* is no finite number|an integer of 401 digits)\)"
    ):
        parse_json(f'{{"a": [1.5, {number}]}}', "file.json")
    (half, found) = parse_json(f"[1.5, {number}]", "file.json", finite=False)
    assert half == 1.5
    assert not math.isfinite(found)
    assert (found > 0) == (not number.startswith(("-", "N")))


def test_toml_has_no_integers_beyond_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("a = [9223372036854775807, -9223372036854775808]")
    assert read_toml_document(path, 1000) == {"a": [2**63 - 1, -(2**63)]}
    for number in (str(2**63), "1" + "0" * 400):
        path.write_text(f"[table]\na = [{{ b = {number} }}]")
        with pytest.raises(ConfigError, match=rf"not TOML.*an integer of {len(number)} digits does not fit"):
            read_toml_document(path, 1000)


def test_a_name_with_a_zero_byte_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no file has a zero byte in its name"):
        read_bounded(tmp_path / "a\0b", 10)


@given(st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_values_or_refused(content: bytes) -> None:
    with contextlib.suppress(FormatError):
        parse_json(content, "file.json")


def test_toml_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes("# Gitter\u00ad\r\na = [1, 2]\r\n".encode())
    assert read_toml_document(path, 100) == {"a": [1, 2]}
    with pytest.raises(ConfigError, match=r"plan\.toml has more than 5 bytes"):
        read_toml_document(path, 5)
    with pytest.raises(InputFileError, match="cannot read"):
        read_toml_document(tmp_path, 5)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"\x00\x01",
        b"hello",
        b"a = " + b"[" * 100_000,
        b"a = " + b"1" * 5000,
        b"\x1b[2J = 1",
        b"a = 1\na = 2",
    ],
    ids=["binary", "zeros", "text", "nested", "long number", "escape", "twice"],
)
def test_what_is_not_toml_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"plan\.toml is not TOML") as caught:
        read_toml_document(tmp_path / "plan.toml", 1 << 20)
    assert str(caught.value).isprintable()


def test_a_description_of_something_else_is_named_with_its_command() -> None:
    path = Path("folder/mine.toml")
    found = foreign_description({"version": 1, "growth": []}, {"study"}, path)
    assert found == "folder/mine.toml is a plan of molecular dynamics: nakaya md campaign run mine.toml"
    assert foreign_description({"version": 1, "growth": []}, {"version", "growth"}, path) is None
    assert foreign_description({"nothing": 1}, {"study"}, path) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in its file system")
def test_a_pipe_is_refused_even_where_somebody_writes_into_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    os.write(end, b"[1]")
    with pytest.raises(InputFileError, match="not a plain file"):
        read_json(pipe, 100)
    os.close(end)
