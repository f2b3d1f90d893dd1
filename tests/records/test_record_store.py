"""Records on disk: exact round trips, damaged files, stores that are killed, merging."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import FormatError, InputFileError, NakayaError, OutputError, ParameterError, UnknownNameError
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.records.collection import merge_records, record_documents, validate_records
from nakaya.records.record import Axis, Interval, Provenance, Quantity, Record, Snapshot
from nakaya.records.store import (
    RecordStore,
    check_record,
    from_json,
    load_records,
    problems,
    record_hash,
    to_json,
)

_numbers = st.floats(allow_nan=True, allow_infinity=False, width=64)
_units = st.sampled_from(["m/s", "1/(m^3 s)", "K", "1", "m", "J/mol"])
_names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
_words = st.text(max_size=20)


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    unit = draw(_units)
    if draw(st.booleans()):
        spread = draw(st.none() | st.floats(0, 1e300))
        ends = draw(
            st.none() | st.tuples(st.floats(-1e9, 0) | st.just(-math.inf), st.floats(0, 1e9) | st.just(math.inf))
        )
        return Quantity(
            np.array(draw(_numbers)),
            unit,
            uncertainty=None if spread is None else np.array(spread),
            interval=None if ends is None else Interval(*ends, draw(st.floats(0.01, 0.99))),
        )
    size = draw(st.integers(1, 5))
    values = np.array(draw(st.lists(_numbers, min_size=size, max_size=size)))
    return Quantity(values, unit, axis=Axis(draw(_names), "s", np.cumsum(np.arange(1.0, size + 1) / 3)))


@st.composite
def records(draw: st.DrawFn) -> Record:
    status = draw(st.sampled_from(["ok", "flagged", "failed", "censored"]))
    group = st.dictionaries(_names, quantities(), max_size=3)
    return Record(
        id=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,20}", fullmatch=True)),
        kind=draw(st.sampled_from(["md", "micrograph", "reactor"])),
        material=draw(_words.filter(lambda text: text.strip())),
        conditions={"driving_force": Quantity(np.array(draw(_numbers)), "1"), **draw(group)},
        quantities=draw(group),
        evidence=draw(group),
        provenance=Provenance(
            draw(_words),
            files={"a": sha256_of_bytes(b"a")},
            software=draw(st.dictionaries(_words, _words, max_size=2)),
            seeds=draw(st.lists(st.integers(0, 2**63), max_size=3)),
            commands=draw(st.lists(_words, max_size=2)),
            settings=draw(st.dictionaries(_words, _words, max_size=2)),
        ),
        orientation=draw(st.none() | _words),
        status=status,
        flags=draw(st.lists(_words, min_size=status != "ok", max_size=2)),
        snapshots=[Snapshot("x/y.npz", sha256_of_bytes(b"y"), "image", draw(st.none() | st.floats(0, 1)))],
    )


def simple(name: str = "a", velocity: float = 49.0, **changes: object) -> Record:
    record = Record(
        id=name,
        kind="md",
        material="Cu",
        conditions={"driving_force": Quantity(np.array(0.1), "1")},
        quantities={"growth_velocity": Quantity(np.array(velocity), "m/s")},
        provenance=Provenance("test"),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(records())
def test_writing_and_reading_gives_the_same_record(record: Record) -> None:
    text = to_json(record)
    again = from_json(text)
    assert again == record
    assert to_json(again) == text
    assert record_hash(again) == record_hash(record)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damaged_text_gives_a_clear_error_or_a_record(data: st.DataObject) -> None:
    text = to_json(simple())
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 30))
    noise = data.draw(st.text(max_size=10))
    try:
        record = from_json(text[:start] + noise + text[start + length :])
    except NakayaError as error:
        check_readable(error)
        return
    assert isinstance(record, Record)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["conditions", "quantities", "provenance", "snapshots", "flags", "composition", "status", "id"]),
)
def test_any_json_in_any_place_gives_a_clear_error_or_a_record(value: object, place: str) -> None:
    document = json.loads(to_json(simple()))
    document[place] = value
    try:
        record = from_json(json.dumps(document))
    except NakayaError as error:
        check_readable(error)
        return
    assert isinstance(record, Record)


@pytest.mark.parametrize("value", ["\x1b[2J" * 5000, ["\x00"] * 5000, {"\x07" * 300: 1}, {"a": "\ud800"}, 10**400])
@pytest.mark.parametrize(
    "place", ["schema", "version", "conditions", "quantities", "provenance", "snapshots", "flags", "composition",
              "status", "id", "kind", "material", "other"],
)  # fmt: skip
def test_long_and_unreadable_values_are_named_in_one_short_line(place: str, value: object) -> None:
    document = json.loads(to_json(simple()))
    document[place] = value
    try:
        record = from_json(json.dumps(document), where="file.json")
    except NakayaError as error:
        check_readable(error)
        return
    assert place in ("material", "flags", "composition")  # free words: odd ones are nobody's business
    assert from_json(to_json(record)) == record


def test_half_characters_are_refused_before_they_reach_a_file() -> None:
    document = json.loads(to_json(simple()))
    document["provenance"]["settings"] = {"classifier \ud800": "q6"}
    with pytest.raises(FormatError, match="half a character"):
        from_json(json.dumps(document))


def check_readable(error: NakayaError) -> None:
    message = str(error)
    assert message.isprintable(), ascii(message)
    assert len(message) <= 1000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[]", "expected an object"),
        ("{}", '"schema"'),
        ('{"schema": "nakaya-record", "version": 2}', "update nakaya"),
        ('{"schema": "nakaya-record", "version": 1}', "missing"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_record_is_said_to_be_none(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_json(text, where="file.json")


def test_unknown_entries_are_errors() -> None:
    document = json.loads(to_json(simple())) | {"extra": 1}
    with pytest.raises(FormatError, match="extra"):
        from_json(json.dumps(document))


def test_units_are_si_and_fit_the_name() -> None:
    check_record(simple())
    with pytest.raises(ParameterError, match="SI"):
        check_record(simple(quantities={"growth_velocity": Quantity(np.array(1.0), "um/min")}))
    with pytest.raises(ParameterError, match="expected"):
        check_record(simple(quantities={"growth_velocity": Quantity(np.array(1.0), "m")}))
    with pytest.raises(ParameterError, match="not known"):
        check_record(simple(quantities={"anything": Quantity(np.array(1.0), "furlongish")}))


def test_a_store_gives_back_what_was_put_in(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "store", create=True)
    assert store.add(simple("a"))
    assert store.add(simple("b", 3.0))
    assert not store.add(simple("a"))
    assert store.ids() == ["a", "b"]
    assert [record.id for record in store] == ["a", "b"]
    assert store.get("b") == simple("b", 3.0)
    with pytest.raises(OutputError, match="other content"):
        store.add(simple("a", 50.0))
    assert store.add(simple("a", 50.0), overwrite=True)
    with pytest.raises(UnknownNameError, match="known: a, b"):
        store.get("c")


def test_a_file_that_was_renamed_is_noticed(tmp_path: Path) -> None:
    store = RecordStore(tmp_path, create=True)
    store.add(simple("a"))
    (tmp_path / "a.json").rename(tmp_path / "b.json")
    with pytest.raises(FormatError, match="named after the id"):
        store.get("b")
    assert [name for name, _ in problems(tmp_path)] == ["b.json"]


def test_what_operating_systems_leave_is_no_record(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "campaign" / "records", create=True)
    store.add(simple("a"))
    for folder in (store.path, store.path.parent):
        for name in (".DS_Store", "._a.json", ".nfs0001", "Thumbs.db"):
            (folder / name).write_bytes(b"\x00\x05\x16\x07")
    for place in (store.path, store.path.parent):  # the folder of a campaign stands for its records
        assert [record.id for record in load_records(place)] == ["a"]
        assert validate_records(place) == []
    assert merge_records([store.path.parent], tmp_path / "out") == 1
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == ["a.json"]
    (tmp_path / "out" / ".DS_Store").write_text("")
    assert merge_records([store.path], tmp_path / "out", overwrite=True) == 1


def test_damage_in_one_file_does_not_hide_the_others(tmp_path: Path) -> None:
    store = RecordStore(tmp_path, create=True)
    for name in ("a", "b", "c"):
        store.add(simple(name))
    (tmp_path / "b.json").write_bytes(b"\xff\xfe not text")
    assert [entry["file"] for entry in validate_records(tmp_path)] == ["b.json"]
    assert store.get("c") == simple("c")


def test_snapshots_are_checked_against_their_hash(tmp_path: Path) -> None:
    store = RecordStore(tmp_path, create=True)
    store.add(simple("a", snapshots=(Snapshot("p/a.npz", sha256_of_bytes(b"right"), "patches"),)))
    (tmp_path / "p").mkdir()
    assert "is not in" in problems(tmp_path)[0][1]
    (tmp_path / "p" / "a.npz").write_bytes(b"wrong")
    assert "other bytes" in problems(tmp_path)[0][1]
    (tmp_path / "p" / "a.npz").write_bytes(b"right")
    assert problems(tmp_path) == []


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OutputError):
        write_whole(target, b"x")  # a directory cannot be replaced by a file
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder"]


def test_a_killed_writer_leaves_only_whole_records(tmp_path: Path) -> None:
    script = f"""
import numpy as np
from pathlib import Path
from nakaya.records.record import Axis, Provenance, Quantity, Record
from nakaya.records.store import RecordStore
store = RecordStore(Path({str(tmp_path)!r}), create=True)
number = len(store)
while True:
    series = Quantity(np.arange(2000.0), "m", axis=Axis("time", "s", np.arange(2000.0)))
    force = Quantity(np.array(0.1), "1")
    store.add(Record(f"r{{number}}", "md", "Cu", {{"driving_force": force}}, {{"x": series}}, Provenance("test")))
    number += 1
"""
    for _ in range(2):
        before = len(RecordStore(tmp_path, create=True))
        process = subprocess.Popen([sys.executable, "-c", script])
        deadline = time.monotonic() + 60
        while len(RecordStore(tmp_path)) < before + 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        store = RecordStore(tmp_path)
        assert len(store) >= before + 3
        assert store.ids() == sorted(f"r{number}" for number in range(len(store)))
        assert problems(tmp_path) == []


def test_merging_joins_stores_and_refuses_contradictions(tmp_path: Path) -> None:
    first = RecordStore(tmp_path / "first", create=True)
    second = RecordStore(tmp_path / "second", create=True)
    first.add(simple("a", snapshots=(Snapshot("p/a.npz", sha256_of_bytes(b"right"), "patches"),)))
    (first.path / "p").mkdir()
    (first.path / "p" / "a.npz").write_bytes(b"right")
    second.add(first.get("a"))
    second.add(simple("b"))
    out = tmp_path / "joined"
    assert merge_records([first.path, second.path], out) == 2
    assert problems(out) == []
    with pytest.raises(OutputError, match="exists"):
        merge_records([first.path], out)
    assert merge_records([second.path], out, overwrite=True) == 2
    second.add(simple("a", 1.0), overwrite=True)
    with pytest.raises(OutputError, match="two different contents"):
        merge_records([first.path, second.path], tmp_path / "other")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["first", "joined", "second"]


def test_what_show_prints_can_be_read_again(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "store", create=True)
    store.add(simple("a"))
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(record_documents(store.path)))
    assert load_records(bundle) == [simple("a")]
    bundle.write_text('{"records": 3}')
    with pytest.raises(FormatError, match="not a list"):
        load_records(bundle)
    with pytest.raises(InputFileError, match="neither a file"):
        load_records(tmp_path / "nothing")


def test_the_command_line_shows_validates_and_merges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nakaya.cli.app import run

    store = RecordStore(tmp_path / "store", create=True)
    store.add(simple("a"))
    assert run(["records", "show", str(store.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"][0]["id"] == "a"
    assert run(["records", "validate", str(store.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"valid": True, "problems": []}
    assert run(["records", "merge", str(store.path), "--out", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 1
    (store.path / "a.json").write_text("{")
    assert run(["records", "validate", str(store.path)]) == 2
    assert run(["records", "show", str(tmp_path / "nothing")]) == 2
    assert "neither a file" in capsys.readouterr().err


def test_a_file_without_records_is_not_called_valid(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text('{"records": []}')
    with pytest.raises(InputFileError, match="holds no records"):
        validate_records(tmp_path / "empty.json")


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputFileError, match="cannot read a"):
        load_records(name)
