"""The written specification of records says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from nakaya.records.encoding import SCHEMA_VERSION, from_json, to_document, to_json
from nakaya.records.record import CONDITION_UNITS, QUANTITY_UNITS
from nakaya.records.store import check_record

TEXT = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```json\n(.*?)```", TEXT, flags=re.DOTALL)


def rows(heading: str) -> dict[str, str]:
    """First and second column of the table whose first heading is this."""
    table = TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", table, flags=re.MULTILINE))


def test_the_example_is_a_record_to_the_byte() -> None:
    record = from_json(EXAMPLE)
    check_record(record)
    assert to_json(record) == EXAMPLE
    assert np.isnan(record.quantities["solid_fraction"].values[2])


def test_every_key_is_described_and_none_that_there_is_not() -> None:
    document = to_document(from_json(EXAMPLE))
    keys, *_ = (part for part in TEXT.split("## ") if part.startswith("Keys"))
    described = set(re.findall(r"^\| `(\w+)` \|", keys, flags=re.MULTILINE))
    assert described == set(document)
    for inner in (document["provenance"], document["snapshots"][0]):
        assert all(f"`{key}`" in keys for key in inner)
    example = json.loads(EXAMPLE)["quantities"]
    written = {key for quantity in example.values() for key in quantity}
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT.split("## Keys")[0], flags=re.MULTILINE)) == written
    assert f"schema version {SCHEMA_VERSION}" in TEXT


def test_names_and_units_are_those_that_are_checked() -> None:
    assert rows("condition") == dict(CONDITION_UNITS)
    assert rows("quantity") == dict(QUANTITY_UNITS)
