"""Stores of every released schema version open and hold what they held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nakaya
from nakaya.growth.store.verification import verify_store
from nakaya.growth.store.writing import save_trajectory

FIXTURES = Path(__file__).parents[2] / "fixtures"
STORES = sorted(FIXTURES.glob("schema-*.zarr"))


def test_there_is_a_store_of_schema_version_1() -> None:
    assert [path.name for path in STORES][:2] == ["schema-1-campaign.zarr", "schema-1-single.zarr"]


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.stem)
def test_a_released_store_opens_and_holds_what_it_held(path: Path) -> None:
    stored = nakaya.open(path).load()
    with np.load(path.with_suffix(".npz")) as expected:
        for name in ("arrival", "steps", "stop_codes"):
            values = getattr(stored, name)
            assert values.dtype == expected[name].dtype
            assert np.array_equal(values, expected[name])
        assert (stored.grain is None) == ("grain" not in expected)
        if stored.grain is not None:
            assert np.array_equal(stored.grain, expected["grain"])
        names = [name.removeprefix("parameter_") for name in expected if name.startswith("parameter_")]
        assert list(stored.parameters) == names
        for name in names:
            assert stored.parameters[name].tobytes() == expected[f"parameter_{name}"].tobytes()
    assert verify_store(path).is_sound
    assert verify_store(path).is_complete


def test_metadata_of_schema_version_1() -> None:
    campaign = nakaya.open(FIXTURES / "schema-1-campaign.zarr")
    assert campaign.metadata.model == "gravner-griffeath-reference"
    assert campaign.metadata.seed == 7
    assert campaign.metadata.geometry["size"] == 10
    assert campaign.campaign is not None
    assert campaign.campaign["points"]["vary"]["rho"]["count"] == 3  # type: ignore[index]
    single = nakaya.open(FIXTURES / "schema-1-single.zarr").metadata
    assert (single.seed, single.step_duration, single.time_resolution) == (2**63 - 1, 1e-9, 10)
    assert single.geometry == {"name": "slab", "note": "é"}


def test_what_is_written_today_is_schema_version_1_byte_for_byte(tmp_path: Path) -> None:
    """The compressed crystals apart, whose bytes belong to the compression library: their values are checked above."""
    released = FIXTURES / "schema-1-single.zarr"
    save_trajectory(nakaya.open(released).load(), tmp_path / "again.zarr")
    files = {path.relative_to(released) for path in released.rglob("*") if path.is_file()}
    again = tmp_path / "again.zarr"
    assert files == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    for name in files:
        if name.parts[0] not in ("arrival", "grain", "records") or name.name == "zarr.json":
            assert (again / name).read_bytes() == (released / name).read_bytes(), name
