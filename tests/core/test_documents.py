"""JSON documents: values that JSON can say, and the bytes of files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.documents import dump_json, plain, write_json
from nakaya.core.reading import read_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from([None, 1, 2]))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(document: object, indent: int | None) -> None:
    content = dump_json(document, indent=indent)
    assert json.loads(content) == document
    assert content.isascii()
    assert content.endswith(b"\n")
    assert indent is not None or content.count(b"\n") == 1


def test_a_document_is_read_from_its_file(tmp_path: Path) -> None:
    write_json(tmp_path / "crystal.json", {"name": "Ü", "sites": (1, 2), "length": float("nan")})
    assert read_json(tmp_path / "crystal.json") == {"name": "Ü", "sites": [1, 2], "length": None}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Path("a"), np.float32(1), {1, 2}])
def test_what_is_no_json_value_is_not_written(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        dump_json({"value": value})


@dataclass(frozen=True)
class Crystal:
    sites: tuple[int, ...]
    length: float


def test_values_become_plain() -> None:
    values = {1: Crystal((2, 3), float("nan")), "rows": np.eye(2), "path": Path("a") / "b", "one": np.int64(1)}
    assert plain(values) == {"1": {"sites": [2, 3], "length": None}, "rows": [[1, 0], [0, 1]], "path": "a/b", "one": 1}
    assert json.loads(dump_json(plain(values))) == plain(values)
