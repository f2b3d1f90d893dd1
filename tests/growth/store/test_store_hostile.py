"""Stores that are truncated, foreign, or lie: only our own errors come out, and nothing large is allocated."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nakaya
from nakaya.core.errors import FormatError, InputFileError
from nakaya.growth.model.trajectory import FORMAT_VERSION, Trajectory
from nakaya.growth.store.schema import RECORDS
from nakaya.growth.store.verification import verify_store
from nakaya.growth.store.writing import save_trajectory

Maker = Callable[..., Trajectory]
MODEST_BYTES = 4_000_000
"""Far below what the lying headers claim, far above what reading a small store takes."""


@pytest.fixture(scope="module")
def sound(crystals: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "c.zarr"
    save_trajectory(crystals(3, 4), path, crystals_per_shard=4)
    return path


@pytest.fixture
def store(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "c.zarr"))


def change(path: Path, where: tuple[str, ...], value: object) -> None:
    document = json.loads(path.read_text())
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    path.write_text(json.dumps(document))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_mutated_bytes_of_the_description_never_surprise(sound: Path, data: st.DataObject) -> None:
    file = sound / "zarr.json"
    original = file.read_bytes()
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(mutated)))
        mutated[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=6))
    try:
        file.write_bytes(bytes(mutated))
        attempt(sound)
    finally:
        file.write_bytes(original)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_mutated_values_of_the_description_never_surprise(sound: Path, data: st.DataObject) -> None:
    file = sound / "zarr.json"
    original = file.read_bytes()
    document: Any = json.loads(original)
    inner = document
    while True:
        key = data.draw(st.sampled_from(sorted(inner)))
        if isinstance(inner[key], dict) and inner[key] and data.draw(st.integers(0, 5)) > 0:
            inner = inner[key]
        else:
            break
    if data.draw(st.booleans()):
        inner[key] = data.draw(JSON)
    else:
        inner[data.draw(st.text(max_size=6))] = inner.pop(key)
    try:
        file.write_text(json.dumps(document))
        attempt(sound)
    finally:
        file.write_bytes(original)


def attempt(path: Path) -> None:
    """Open and read; only our own errors may come out, in one printable line, and no large allocation."""
    tracemalloc.start()
    try:
        nakaya.open(path).load()
    except (FormatError, InputFileError) as error:
        str(error).encode("utf-8")  # can be printed
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MODEST_BYTES


LAYOUT = ("attributes", "nakaya", "layout")
METADATA = ("attributes", "nakaya", "metadata")


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ((*LAYOUT, "num_points"), 10**15, "num_points"),
        ((*LAYOUT, "num_points"), -1, "num_points"),
        ((*LAYOUT, "num_points"), 3.0, "num_points"),
        ((*LAYOUT, "num_points"), True, "num_points"),
        ((*LAYOUT, "num_points"), 10**7, "layout"),
        ((*LAYOUT, "num_members"), 10**7, "layout"),
        ((*LAYOUT, "lattice_shape"), [10**6, 10**6], "layout"),
        ((*LAYOUT, "lattice_shape"), [-9, -9], "lattice_shape"),
        ((*LAYOUT, "shard"), [0, 1], "shard"),
        ((*LAYOUT, "chunk_members"), 10**9, "chunk_members"),
        ((*LAYOUT, "parameters"), ["../../../etc/passwd"], "letters"),
        ((*LAYOUT, "has_grain"), 1, "has_grain"),
        ((*METADATA, "seed"), "seven", "seed"),
        ((*METADATA, "model"), "a\nb", "model"),
        ((*METADATA, "model"), "", "model"),
        ((*METADATA, "geometry"), [], "geometry"),
        ((*METADATA, "geometry"), {"name": "sector", "size": 10}, "size"),
        ((*METADATA, "lattice"), "cubik", "lattice"),
        ((*METADATA, "dimension"), 3, "dimension"),
        ((*METADATA, "step_duration"), -1.0, "step_duration"),
        ((*METADATA, "modell"), "x", "did you mean 'model'"),
        (("attributes", "nakaya", "format_version"), 99, "update nakaya"),
        (("attributes", "nakaya", "format_version"), FORMAT_VERSION + 1, "update nakaya"),
        (("attributes", "nakaya", "format_version"), 0, "format_version"),
        (("attributes", "nakaya", "format"), "pictures", "format"),
        (("attributes", "nakaya", "campaign"), 3, "campaign"),
        (("attributes", "nakaya", "parameters_sha256"), {}, "rho"),
        (("attributes",), {}, "not a nakaya store"),
        (("node_type",), "array", "group"),
        (("zarr_format",), 2, "group"),
    ],
)
def test_a_description_that_lies_is_refused(store: Path, where: tuple[str, ...], value: object, message: str) -> None:
    change(store / "zarr.json", where, value)
    with pytest.raises(FormatError, match=message) as caught:
        nakaya.open(store)
    assert "\n" not in str(caught.value)
    attempt(store)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}', b"1" * 5000]
)
def test_a_description_that_is_no_json_is_refused(store: Path, content: bytes) -> None:
    (store / "zarr.json").write_bytes(content)
    with pytest.raises(FormatError):
        nakaya.open(store)


def test_a_small_header_that_claims_terabytes_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "huge.zarr"
    path.mkdir()
    for name, body in {
        "foreign": {"zarr_format": 3, "node_type": "array", "shape": [10**7, 10**6], "data_type": "uint8"},
        "ours": {"zarr_format": 3, "node_type": "group", "attributes": {"nakaya": huge_attributes()}},
    }.items():
        (path / "zarr.json").write_text(json.dumps(body))
        tracemalloc.start()
        with pytest.raises((FormatError, InputFileError)):
            nakaya.open(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MODEST_BYTES, name


def huge_attributes() -> dict[str, object]:
    """A description without fault: 10^5 points of 10 members, 16384 x 16384 sites each: a thousand terabytes."""
    metadata = {
        "model": "m",
        "model_hash": "h",
        "seed": 0,
        "geometry": {"name": "sector", "size": 16384},
        "package_version": "0",
        "family": "f",
        "lattice": "hexagonal",
        "dimension": 2,
        "step_duration": None,
        "site_spacing": None,
        "time_resolution": 1,
    }
    layout = {
        "num_points": 10**5,
        "num_members": 10,
        "lattice_shape": [16384, 16384],
        "shard": [1, 1],
        "chunk_members": 1,
        "parameters": ["rho"],
        "has_point_axis": True,
        "has_grain": False,
    }
    return {
        "format": "nakaya trajectories",
        "format_version": 1,
        "metadata": metadata,
        "layout": layout,
        "parameters_sha256": {"rho": "0" * 64},
        "campaign": None,
    }


@pytest.mark.parametrize(("side", "members"), [(16384, 1), (1024, 256)])
def test_a_whole_lying_store_is_refused_before_its_crystals_are_allocated(
    tmp_path: Path, side: int, members: int
) -> None:
    """Everything is consistent, parameters included, but the shards are tiny: the claim is a gibibyte for each."""
    from nakaya.core.provenance import sha256_of_bytes
    from nakaya.growth.model.trajectory import TrajectoryMetadata
    from nakaya.growth.store.layout import StoreLayout
    from nakaya.growth.store.schema import ShardRecord, StoreDescription, chunk_file, record_document, record_file
    from nakaya.growth.store.writing import write_skeleton

    layout = StoreLayout(2, members, (side, side), 1, members, members, ("rho",))
    rho = {"rho": np.zeros(2)}
    metadata = TrajectoryMetadata("m", "h", 0, {"name": "sector", "size": side}, "0")
    description = StoreDescription(metadata, layout, {"rho": sha256_of_bytes(bytes(16))})
    digest = write_skeleton(tmp_path, description, rho)
    contents = {"arrival": bytes(600), "steps": bytes(8), "stop_codes": bytes(1)}
    for name, content in contents.items():
        (tmp_path / chunk_file(name, (0, 0), layout)).write_bytes(content)
    sizes = {name: len(content) for name, content in contents.items()}
    record = ShardRecord((0, 0), digest, dict.fromkeys(contents, "0" * 64), sizes, dict.fromkeys(contents, "0" * 64))
    (tmp_path / record_file((0, 0))).write_text(json.dumps(record_document(record, layout)))
    stored = nakaya.open(tmp_path)
    tracemalloc.start()
    with pytest.raises(FormatError, match="cannot hold"):
        stored.arrival[0]
    assert not verify_store(tmp_path).is_sound
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MODEST_BYTES


@pytest.mark.parametrize(
    "name",
    ["arrival/zarr.json", "steps/zarr.json", "parameters/rho/zarr.json", "records/zarr.json", "parameters/rho/c.0"],
)
def test_a_missing_or_changed_document_is_refused(store: Path, name: str) -> None:
    content = (store / name).read_bytes()
    (store / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError):
        nakaya.open(store)
    (store / name).unlink()
    with pytest.raises(InputFileError):
        nakaya.open(store)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("shape",), [10**9, 4, 9, 9]),
        (("data_type",), "float64"),
        (("chunk_grid", "configuration", "chunk_shape"), [2, 4, 9, 9]),
        (("codecs",), []),
        (("fill_value",), 0),
    ],
)
def test_an_array_that_contradicts_the_description_is_refused(
    store: Path, where: tuple[str, ...], value: object
) -> None:
    change(store / "arrival/zarr.json", where, value)
    with pytest.raises(FormatError, match="contradicts"):
        nakaya.open(store)


@pytest.mark.parametrize(
    ("where", "value"),
    [(("shard",), [0, 1]), (("store",), "0" * 64), (("status",), "begun"), (("file_bytes", "steps"), 1), (("x",), 1)],
)
def test_a_record_that_lies_is_refused(store: Path, where: tuple[str, ...], value: object) -> None:
    change(store / RECORDS / "0.0.json", where, value)
    with pytest.raises(FormatError):
        nakaya.open(store).arrival[0]


@pytest.mark.parametrize(("name", "value"), [("steps", -1), ("steps", 2**40), ("steps", 0), ("stop_codes", 7)])
def test_impossible_values_are_refused(store: Path, name: str, value: int) -> None:
    file = store / name / "c.0.0"
    kind = np.int64 if name == "steps" else np.int8
    values = np.frombuffer(file.read_bytes(), kind).copy()
    values[0] = value
    file.write_bytes(values.tobytes())
    with pytest.raises(FormatError, match="damaged or foreign"):
        nakaya.open(store).arrival[0]
    nakaya.open(store).arrival[1]


def test_arrival_times_out_of_range_are_refused(crystals: Maker, tmp_path: Path) -> None:
    from nakaya.growth.store.encoding import encode_shard
    from nakaya.growth.store.store import open_store
    from nakaya.growth.store.writing import block_of, write_shard

    original = crystals(1, 4)
    for value in (-3, -2, int(original.steps.max()) + 1):
        nakaya.save(original, tmp_path / "c.zarr", overwrite=True)
        stored = open_store(tmp_path / "c.zarr")
        block = block_of(original)
        block.arrival[0, 0, 3, 3] = value
        write_shard(stored.path, encode_shard(block, (0, 0), stored.layout), stored.layout, stored.reader.store_sha256)
        block.arrival[0, 0, 3, 3] = 0
        with pytest.raises(FormatError, match="arrival"):
            stored.arrival[0, 0]


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="does not exist"):
        nakaya.open(tmp_path / "nowhere.zarr")
    (tmp_path / "file.zarr").write_text("hello")
    with pytest.raises(InputFileError, match="is a file"):
        nakaya.open(tmp_path / "file.zarr")
    with pytest.raises(FormatError, match="not a nakaya store"):
        nakaya.open(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in its file system")
def test_a_pipe_in_place_of_a_file_does_not_hang(store: Path) -> None:
    for name, read in [
        ("steps/c.0.0", lambda: nakaya.open(store).steps[0]),
        ("arrival/zarr.json", lambda: nakaya.open(store)),
    ]:
        (store / name).unlink()
        os.mkfifo(store / name)
        with pytest.raises((FormatError, InputFileError)):
            read()


def test_an_unknown_file_in_the_records_is_not_a_shard(store: Path) -> None:
    for name in ("99.0.json", "00.0.json", "0.0.json.part", "x", "1.json", "0.0.0.json"):
        (store / RECORDS / name).write_text("{}")
    assert len(nakaya.open(store).reader.completed()) == 3
