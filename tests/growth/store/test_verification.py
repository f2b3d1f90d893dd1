from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nakaya.core.errors import FormatError
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.verification import verify_store
from nakaya.growth.store.writing import save_trajectory

Maker = Callable[..., Trajectory]
FILES_OF_A_SHARD = ["arrival/c.1.0.0.0", "grain/c.1.0.0.0", "steps/c.1.0", "stop_codes/c.1.0", "records/1.0.json"]


@pytest.fixture
def store(crystals: Maker, tmp_path: Path) -> Path:
    save_trajectory(crystals(3, 4, grain=True), tmp_path / "c.zarr", crystals_per_shard=4)
    return tmp_path / "c.zarr"


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


def test_a_sound_store_is_sound(store: Path) -> None:
    calls: list[tuple[int, int]] = []
    found = verify_store(store, lambda done, total: calls.append((done, total)))
    assert found.is_sound
    assert found.is_complete
    assert found.intact == ((0, 0), (1, 0), (2, 0))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "name", ["arrival/c.1.0.0.0", "grain/c.1.0.0.0", "steps/c.1.0", "stop_codes/c.1.0", "records/1.0.json"]
)
def test_every_flipped_bit_is_found(store: Path, name: str) -> None:
    size = (store / name).stat().st_size
    for place in range(0, size, max(size // 25, 1)):
        flip(store / name, place)
        found = verify_store(store)
        assert list(found.damaged) == [(1, 0)], place
        assert found.intact == ((0, 0), (2, 0))
        assert not found.is_sound
        flip(store / name, place)
    assert verify_store(store).is_sound


@pytest.mark.parametrize(
    "name", ["arrival/c.1.0.0.0", "grain/c.1.0.0.0", "steps/c.1.0", "stop_codes/c.1.0", "records/1.0.json"]
)
@pytest.mark.parametrize("keep", [0, 1, -1])
def test_a_torn_file_is_found(store: Path, name: str, keep: int) -> None:
    content = (store / name).read_bytes()
    (store / name).write_bytes(content[:keep])
    assert list(verify_store(store).damaged) == [(1, 0)]


def test_a_lost_file_is_found(store: Path) -> None:
    (store / "stop_codes/c.1.0").unlink()
    (store / "records/2.0.json").unlink()
    found = verify_store(store)
    assert list(found.damaged) == [(1, 0)]
    assert found.missing == ((2, 0),)
    assert not found.is_complete


def test_a_shard_of_another_store_is_found(store: Path, crystals: Maker, tmp_path: Path) -> None:
    save_trajectory(crystals(3, 4, grain=True, seed=9), tmp_path / "other.zarr", crystals_per_shard=4)
    for name in FILES_OF_A_SHARD:
        shutil.copy(tmp_path / "other.zarr" / name, store / name)
    assert list(verify_store(store).damaged) == [(1, 0)]
    assert "another store" in verify_store(store).damaged[1, 0]


def test_an_altered_description_makes_all_records_foreign(store: Path) -> None:
    file = store / "zarr.json"
    file.write_text(file.read_text().replace('"model_hash": "0123abc"', '"model_hash": "0123abd"'))
    assert len(verify_store(store).damaged) == 3


@pytest.mark.parametrize("name", ["arrival/zarr.json", "parameters/rho/c.0", "parameters/zarr.json"])
def test_damaged_documents_are_found(store: Path, name: str) -> None:
    flip(store / name, 5)
    assert list(verify_store(store).damaged_documents) == [name]
    (store / name).unlink()
    assert list(verify_store(store).damaged_documents) == [name]


def test_what_operating_systems_leave_is_no_damage(store: Path) -> None:
    for name in (".DS_Store", "arrival/._c.0.0.0.0", "records/.nfs000000000000f00d", "records/._0.0.json", "Thumbs.db"):
        (store / name).write_text("")
    found = verify_store(store)
    assert found.is_sound
    assert found.is_complete
    assert found.leftovers == ()
    (store / ".DS_Store").unlink()
    (store / ".DS_Store").mkdir()  # a folder of that name is nobody's
    assert verify_store(store).foreign == (".DS_Store",)


def test_foreign_files_and_leftovers_are_told_apart(store: Path) -> None:
    (store / "notes.txt").write_text("mine")
    (store / "arrival/c.7.0.0.0").write_text("no such shard")
    (store / "extra").mkdir()
    (store / "extra/deep").write_text("not looked into")
    (store / "arrival/c.0.0.0.0.part").write_text("half")
    (store / "steps/c.0.0").rename(store / "elsewhere")
    (store / "steps/c.0.0").symlink_to(store / "elsewhere")
    found = verify_store(store)
    assert found.foreign == ("arrival/c.7.0.0.0", "elsewhere", "extra", "notes.txt", "steps/c.0.0")
    assert found.leftovers == ("arrival/c.0.0.0.0.part",)
    assert not found.is_sound


def test_what_cannot_be_read_as_a_store_is_an_error(store: Path) -> None:
    flip(store / "zarr.json", 0)
    with pytest.raises(FormatError, match="not JSON"):
        verify_store(store)
