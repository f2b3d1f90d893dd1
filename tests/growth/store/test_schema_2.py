"""Schema version 2: final fields and units of a model's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nakaya
from nakaya.core.errors import FormatError, NakayaError, ParameterError
from nakaya.growth.model.trajectory import FinalField, Trajectory
from nakaya.growth.store.export import export_npz
from nakaya.growth.store.verification import verify_store
from nakaya.growth.store.writing import save_trajectory

Maker = Callable[..., Trajectory]
HEAT = FinalField("temperature", "K", "the temperature")


def warm(crystals: Trajectory) -> Trajectory:
    """The same crystals with a field, undefined where nothing attached, and units of their own."""
    values = np.where(crystals.arrival >= 0, crystals.arrival / 7, np.nan).astype(np.float32)
    geometry = {"name": "full", "shape": list(crystals.lattice_shape)}
    metadata = replace(crystals.metadata, geometry=geometry, fields=(HEAT,), time_unit="tau", length_unit="a")
    return replace(crystals, metadata=metadata, fields={"temperature": values})


@pytest.fixture
def store(crystals: Maker, tmp_path: Path) -> Path:
    save_trajectory(warm(crystals(3, 4, (4, 5, 6), grain=True)), tmp_path / "c.zarr", crystals_per_shard=4)
    return tmp_path / "c.zarr"


def test_what_was_saved_is_opened_whole_and_in_parts(crystals: Maker, store: Path) -> None:
    saved, opened = warm(crystals(3, 4, (4, 5, 6), grain=True)), nakaya.open(store)
    loaded = opened.load()
    assert loaded.metadata == saved.metadata
    assert loaded.metadata.format_version == 2
    assert np.array_equal(loaded.fields["temperature"], saved.fields["temperature"], equal_nan=True)
    assert np.array_equal(opened.fields["temperature"][1, 2:4], saved.fields["temperature"][1, 2:4], equal_nan=True)
    assert np.array_equal(loaded.point(2).fields["temperature"], saved.fields["temperature"][2], equal_nan=True)
    assert verify_store(store).is_sound
    assert verify_store(store).is_complete


def test_a_store_that_version_1_can_hold_has_version_1(crystals: Maker, tmp_path: Path) -> None:
    save_trajectory(crystals(2, 3), tmp_path / "c.zarr")
    described = json.loads((tmp_path / "c.zarr/zarr.json").read_text())["attributes"]["nakaya"]
    assert described["format_version"] == 1
    assert "fields" not in described["layout"]
    assert "time_unit" not in described["metadata"]


def test_zarr_alone_reads_the_field_and_its_unit(crystals: Maker, store: Path) -> None:
    import zarr

    array = zarr.open_group(store, mode="r")["fields/temperature"]
    saved = warm(crystals(3, 4, (4, 5, 6), grain=True))
    assert np.array_equal(np.asarray(array), saved.fields["temperature"], equal_nan=True)
    assert "unit K" in str(array.attrs["description"])


def test_a_field_is_exported(crystals: Maker, tmp_path: Path) -> None:
    export_npz(warm(crystals(2, 3)), tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as written:
        assert written["field_temperature"].dtype == np.float32
        assert json.loads(str(written["metadata"]))["format_version"] == 2


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("layout", "fields"), []),
        (("layout", "fields"), 3),
        (("layout", "fields"), [{"name": "../x", "unit": "K", "meaning": "m"}]),
        (("layout", "fields"), [{"name": "a", "unit": "K", "meaning": "m"}] * 2),
        (("layout", "fields"), [{"name": "a", "unit": "K"}]),
        (("layout", "fields"), [{"name": f"f{i}", "unit": "K", "meaning": "m"} for i in range(17)]),
        (("metadata", "time_unit"), None),
        (("metadata", "time_unit"), "t" * 999),
        (("metadata", "surprise"), 1),
        (("format_version",), 1),
        (("format_version",), 3),
    ],
)
def test_a_description_that_lies_is_refused(store: Path, where: tuple[str, ...], value: object) -> None:
    document = json.loads((store / "zarr.json").read_text())
    inner = document["attributes"]["nakaya"]
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    (store / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(NakayaError):
        nakaya.open(store).load()


def test_version_2_is_for_what_needs_it(crystals: Maker, tmp_path: Path) -> None:
    save_trajectory(crystals(2, 3), tmp_path / "c.zarr")
    document = json.loads((tmp_path / "c.zarr/zarr.json").read_text())
    described = document["attributes"]["nakaya"]
    described["format_version"] = 2
    described["metadata"] |= {"time_unit": "s", "length_unit": "m"}
    described["layout"]["fields"] = []
    (tmp_path / "c.zarr/zarr.json").write_text(json.dumps(document))
    with pytest.raises(FormatError, match="nothing that version 2 is needed for"):
        nakaya.open(tmp_path / "c.zarr")


def test_damage_to_a_field_is_found(store: Path) -> None:
    file = store / "fields/temperature/c.0.0.0.0.0"
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(bytes(content))
    assert list(verify_store(store).damaged) == [(0, 0)]


@pytest.mark.parametrize(
    "change",
    [
        {"fields": {}},
        {"fields": {"temperature": np.zeros((2, 3, 9, 9))}},
        {"fields": {"temperature": np.full((2, 3, 9, 9), np.inf, np.float32)}},
        {"fields": {"temperature": np.zeros((2, 3, 9), np.float32)}},
    ],
)
def test_fields_that_are_not_those_stated_are_not_stored(
    crystals: Maker, tmp_path: Path, change: dict[str, object]
) -> None:
    with pytest.raises(ParameterError):
        save_trajectory(replace(warm(crystals(2, 3)), **change), tmp_path / "c.zarr")  # type: ignore[arg-type]
