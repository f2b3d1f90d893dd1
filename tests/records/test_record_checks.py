"""What a record must not say: found in stores and files, one line a record, and wherever records are read."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.core.errors import FormatError, NakayaError, OutputError, ParameterError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.records.checks import check_record, record_faults
from nakaya.records.collection import merge_records, validate_records
from nakaya.records.record import Interval, Provenance, Quantity, Record, Snapshot
from nakaya.records.store import RecordStore, load_records, problems, shipped_sets, snapshot_file, to_document, to_json


def record(
    conditions: dict[str, Quantity] | None = None,
    quantities: dict[str, Quantity] | None = None,
    name: str = "a",
    material: str = "Cu",
    composition: dict[str, float] | None = None,
    snapshots: tuple[Snapshot, ...] = (),
) -> Record:
    return Record(
        id=name,
        kind="md",
        material=material,
        conditions={"driving_force": Quantity(np.array(0.1), "1"), **(conditions or {})},
        quantities=quantities or {},
        provenance=Provenance("test"),
        composition=composition or {},
        snapshots=snapshots,
    )


def value(number: float, unit: str) -> Quantity:
    return Quantity(np.array(number), unit)


@pytest.mark.parametrize(
    ("name", "unit", "wrong", "right"),
    [
        ("temperature", "K", 0.0, 1e-9),
        ("temperature", "K", -5.0, math.nan),
        ("duration", "s", 0.0, 1e-15),
        ("volume", "m^3", -1.0, 1e-27),
        ("pixel_size", "m", 0.0, 1e-9),
        ("supersaturation", "1", -0.1, 0.0),
        ("concentration", "mol/m^3", -1.0, 0.0),
        ("stirring_rate", "1/s", -1.0, 0.0),
        ("solid_fraction", "1", 1.001, 1.0),
        ("solid_fraction", "1", -0.001, 0.0),
        ("indexed_fraction", "1", 7.0, 1 + 1e-15),
        ("fraction_of_ice", "1", 7.0, 0.5),
        ("num_grains", "1", -1.0, 0.0),
    ],
)
def test_values_lie_where_they_can_be(name: str, unit: str, wrong: float, right: float) -> None:
    for group in ("conditions", "quantities"):
        check_record(record(**{group: {name: value(right, unit)}}))
        (fault,) = record_faults(record(**{group: {name: value(wrong, unit)}}))
        assert fault.startswith(f"{group}.{name}: {wrong:g} is outside ")
        with pytest.raises(ParameterError, match=rf"record a: {group}\.{name}: "):
            check_record(record(**{group: {name: value(wrong, unit)}}))


def test_what_may_have_any_sign_has_any() -> None:
    check_record(record({"pressure": value(-1e5, "Pa")}, {"growth_velocity": value(-60.0, "m/s")}))


def test_intervals_hold_their_value() -> None:
    def rate(number: float, low: float, high: float) -> Record:
        return record(quantities={"growth_velocity": Quantity(np.array(number), "m/s", interval=Interval(low, high))})

    for number, low, high in ((1.0, 1.0, 2.0), (0.1 + 0.2, 0.0, 0.3), (5.0, -math.inf, math.inf), (math.nan, 1, 2)):
        check_record(rate(number, low, high))
    for number, low, high in ((104.2, 1e6, 2e6), (3.0, -math.inf, 2.999), (0.0, 1e-30, math.inf)):
        with pytest.raises(ParameterError, match=r"growth_velocity: the interval .* does not hold the value"):
            check_record(rate(number, low, high))


@pytest.mark.parametrize(
    ("material", "composition"),
    [("Cu", {"Al": 1.0}), ("CuZr", {"Cu": 1.0}), ("NaCl", {"H2O": 1.0}), ("AlSi10Mg", {"Al": 0.9, "Si": 0.1}),
     ("Cu", {"Cu": 0.0, "Ag": 1.0})],
)  # fmt: skip
def test_a_composition_holds_the_elements_of_its_material(material: str, composition: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=rf"composition .*, which the material {material} has"):
        check_record(record(material=material, composition=composition))


@pytest.mark.parametrize(
    ("material", "composition"),
    [("Cu", {"Cu": 0.98, "Ag": 0.02}), ("CuZr", {"Cu": 0.5, "Zr": 0.5}), ("NaCl", {"NaCl": 0.1, "H2O": 0.9}),
     ("paracetamol", {"paracetamol": 0.1, "ethanol": 0.9}), ("IN718", {"Ni": 0.6, "Cr": 0.4}),
     ("SUS304", {"Fe": 0.8, "Cr": 0.2}), ("Cu", {"copper": 1.0}), ("Inconel", {"Ni": 1.0}), ("Cu", {})],
)  # fmt: skip
def test_other_names_of_materials_say_nothing_about_elements(material: str, composition: dict[str, float]) -> None:
    check_record(record(material=material, composition=composition))


def test_a_record_tells_all_its_faults_in_one_line(tmp_path: Path) -> None:
    wrong = to_document(record(name="wrong"))
    wrong["composition"] = {"Al": 1.0}
    wrong["conditions"]["temperature"] = {"values": -5, "unit": "K"}
    wrong["quantities"]["solid_fraction"] = {
        "values": [7, 8], "unit": "1", "axis": {"name": "time", "unit": "s", "values": [0, 1]}
    }  # fmt: skip
    wrong["quantities"]["growth_velocity"] = {"values": 1.0, "unit": "m/s", "interval": [2.0, 3.0, 0.9]}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    RecordStore(tmp_path).add(record(name="right"))
    ((file, said),) = problems(tmp_path)
    assert file == "wrong.json"
    assert said.startswith("record wrong: conditions.temperature: -5 is outside (0, inf)")
    for entry in ("solid_fraction: 7 and 1 more values are outside [0, 1]", "[2, 3] does not hold", "has no Cu"):
        assert entry in said


# Python reads NaN and what is beyond all floats; JSON has neither.
NUMBERS = ("NaN", "Infinity", "1e999", "-1e999", "1" + "0" * 400)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "entry",
    ["conditions.driving_force", "quantities.speed.uncertainty", "quantities.speed.interval", "quantities.speed.axis",
     "composition.Cu", "snapshots[0]"],
)  # fmt: skip
def test_numbers_that_are_not_finite_are_named_and_the_others_checked(
    tmp_path: Path, entry: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = to_document(record())
    document["quantities"]["speed"] = {"values": 1.0, "unit": "m/s"}
    shot = {"path": "a.npz", "sha256": "0" * 64, "form": "image", "time": None}
    series = {"name": "time", "unit": "s", "values": ["HERE"]}
    if entry == "conditions.driving_force":
        document["conditions"]["driving_force"]["values"] = "HERE"
    elif entry == "composition.Cu":
        document["composition"]["Cu"] = "HERE"
    elif entry == "snapshots[0]":
        document["snapshots"] = [shot | {"time": "HERE"}]
    else:
        key = entry.rpartition(".")[2]
        document["quantities"]["speed"][key] = {"uncertainty": "HERE", "interval": [0, "HERE", 0.9], "axis": series}[
            key
        ]
        document["quantities"]["speed"]["values"] = [1.0] if key == "axis" else 1.0
    late = to_document(record({"temperature": value(-1.0, "K")}, name="late"))
    text = json.dumps({"records": [document, to_document(record(name="sound")), late]}).replace('"HERE"', number)
    file = tmp_path / "records.json"
    file.write_text(text)
    first, second = validate_records(file)
    assert first["file"] == "record 0"
    assert first["problem"].startswith(f"record a: {entry}")
    assert second["file"] == "record 2"
    assert second["problem"].startswith("record late: conditions.temperature")
    assert run(["records", "validate", str(file)]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 3
    with pytest.raises(FormatError, match="record a: "):
        load_records(file)


def test_an_id_stands_once_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text(json.dumps({"records": [to_document(record(name=name)) for name in ("a", "b", "a")]}))
    assert [(entry["file"], entry["problem"].split(":")[0]) for entry in validate_records(file)] == [
        ("record 2", "a second record of the id a")
    ]
    with pytest.raises(FormatError, match="record 2: a second record of the id a"):
        load_records(file)
    with pytest.raises(FormatError, match="record 2: a second record of the id a"):
        merge_records([file], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _store_with_snapshot(path: Path, name: str = "a.npz", content: bytes = b"atoms", of: str = "a") -> RecordStore:
    store = RecordStore(path, create=True)
    store.add(record(name=of, snapshots=(Snapshot(name, sha256_of_bytes(content), "image"),)))
    return store


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("link_folder", [False, True], ids=["file", "folder"])
def test_snapshots_behind_links_out_of_the_store_are_refused(tmp_path: Path, link_folder: bool) -> None:
    store = _store_with_snapshot(tmp_path / "store", "p/a.npz")
    store.add(record({"temperature": value(300.0, "K")}, name="z"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.npz").write_bytes(b"atoms")
    if link_folder:
        (store.path / "p").symlink_to(outside)
    else:
        (store.path / "p").mkdir()
        (store.path / "p" / "a.npz").symlink_to(outside / "a.npz")
    ((file, said),) = problems(store.path)
    assert file == "a.json"
    assert "record a: snapshot 'p/a.npz' is a link to a place outside" in said
    with pytest.raises(FormatError, match="outside"):
        merge_records([store.path], tmp_path / "merged")
    (tmp_path / "alias").symlink_to(store.path)
    (store.path / "p" / "a.npz").unlink()
    (store.path / "p").unlink() if link_folder else None
    (store.path / "p").mkdir(exist_ok=True)
    (store.path / "inner.npz").write_bytes(b"atoms")
    (store.path / "p" / "a.npz").symlink_to("../inner.npz")
    assert problems(store.path) == problems(tmp_path / "alias") == []  # links inside, and a store behind one


@pytest.mark.parametrize("path", ["a" * 300, "/".join(["abcdefgh"] * 200), "\u00e9" * 200, "a\0b"])
def test_paths_that_no_file_system_has_are_refused_by_name(tmp_path: Path, path: str) -> None:
    document = to_document(record(name="long"))
    document["snapshots"] = [{"path": path, "sha256": "0" * 64, "form": "image", "time": None}]
    store = RecordStore(tmp_path)
    (store.path / "long.json").write_text(json.dumps(document))
    store.add(record(name="sound"))
    ((file, said),) = problems(tmp_path)
    assert file == "long.json"
    assert said.startswith("record long: snapshots[0]: snapshot path ")


def test_a_place_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 250] * 20)  # longer than PATH_MAX with any snapshot of 1024 bytes
    shot = Snapshot("s.npz", "0" * 64, "image")
    with pytest.raises(NakayaError, match="s.npz"):
        snapshot_file(record(snapshots=(shot,)), shot, deep)


def test_merging_refuses_one_name_for_two_snapshots(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"2")):
        store = _store_with_snapshot(tmp_path / name, "shot.npz", content, name)
        (store.path / "shot.npz").write_bytes(content)
    with pytest.raises(OutputError, match=r"record b: another snapshot is called shot\.npz"):
        merge_records([tmp_path / "a", tmp_path / "b"], tmp_path / "out")


def test_merging_refuses_snapshots_of_other_bytes(tmp_path: Path) -> None:
    store = _store_with_snapshot(tmp_path / "a")
    (store.path / "a.npz").write_bytes(b"other")
    with pytest.raises(FormatError, match="other bytes"):
        merge_records([store.path], tmp_path / "out")


TRAINING = """
model = "kinetics"
name = "m"
records = "store"
[[part]]
target = "growth_velocity"
evidence = "A"
candidates = ["svm"]
"""

STUDY = """
[study]
name = "s"
model = "svm"
target = "growth_velocity"
evidence = "A"
records = "store"
sampler = "random"
seed = 0
"""


@pytest.mark.parametrize(
    "words",
    [["records", "show"], ["records", "merge", "--out", "out"], ["records", "graph"], ["predict", "--records"],
     ["md", "laws"], ["md", "suggest"], ["md", "rates"], ["train", "training.toml", "--out", "out"],
     ["tune", "study.toml", "--out", "out"]],
)  # fmt: skip
def test_who_reads_records_refuses_what_is_not_valid(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").mkdir()
    wrong = to_document(record(name="cold"))
    wrong["conditions"]["temperature"] = {"values": -5, "unit": "K"}
    (tmp_path / "store" / "cold.json").write_text(json.dumps(wrong))
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "training.toml").write_text(TRAINING)
    named = {"records": [*words[:2], "store", *words[2:]], "train": words, "tune": words}
    assert run(named.get(words[0], [*words, "store"])) == 2
    assert "record cold: conditions.temperature: -5 is outside (0, inf)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_shipped_records_say_nothing_that_cannot_be() -> None:
    for name in shipped_sets():
        assert [to_json(entry) for entry in load_records(name) if list(record_faults(entry))] == []
