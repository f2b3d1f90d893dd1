from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nakaya
from nakaya.core.errors import FormatError, OutputError
from nakaya.core.locks import lock_output
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.growth.campaigns.config import CampaignConfig
from nakaya.growth.campaigns.repairing import repair_campaign
from nakaya.growth.store.verification import verify_store

Contents = Callable[[Path], dict[str, bytes]]


def flip(path: Path, place: int = 5) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture
def store(toy, sweep: CampaignConfig, tmp_path: Path) -> Path:
    run_campaign(sweep, tmp_path / "c.zarr")
    toy.grown.clear()
    return tmp_path / "c.zarr"


def test_everything_but_the_description_can_be_mended(toy, store: Path, contents: Contents) -> None:
    sound = contents(store)
    for name, content in sound.items():
        if name == "zarr.json":
            continue
        for damage in ("flip", "tear", "lose"):
            if damage == "flip":
                flip(store / name, len(content) // 2)
            elif damage == "tear":
                (store / name).write_bytes(content[: len(content) // 2])
            else:
                (store / name).unlink()
            assert not (verify_store(store).is_sound and verify_store(store).is_complete), name
            report = repair_campaign(store)
            assert report.after.is_sound, (name, damage)
            assert report.after.is_complete
            assert contents(store) == sound, (name, damage)


def test_no_more_than_the_damage_is_computed_again(toy, store: Path) -> None:
    flip(store / "arrival/c.2.0.0.0", 20)
    (store / "records/4.0.json").unlink()
    told: list[tuple[int, int]] = []
    report = repair_campaign(store, progress=lambda done, total: told.append((done, total)))
    assert report.recomputed == ((2, 0), (4, 0))
    assert report.rewritten_documents == ()
    assert len(toy.grown) == 20
    assert told == [(1, 2), (2, 2)]
    toy.grown.clear()
    assert repair_campaign(store).recomputed == ()
    assert toy.grown == []


def test_foreign_files_are_left_alone_and_leftovers_are_not(store: Path) -> None:
    (store / "notes.txt").write_text("mine")
    (store / "steps/c.0.0.part").write_text("half")
    after = repair_campaign(store).after
    assert after.foreign == ("notes.txt",)
    assert after.leftovers == ()
    assert (store / "notes.txt").read_text() == "mine"


def test_crystals_that_come_out_otherwise_are_not_written(toy, store: Path, contents: Contents) -> None:
    flip(store / "arrival/c.2.0.0.0", 20)
    before = contents(store)
    honest = toy.grow

    def dishonest(*args, **kwargs):
        grown = honest(*args, **kwargs)
        return replace(grown, arrival=np.minimum(grown.arrival, 50))

    toy.grow = dishonest
    with pytest.raises(FormatError, match=r"shard 2.0 was computed again and is not what was recorded"):
        repair_campaign(store)
    assert contents(store) == before


def test_a_store_under_repair_is_locked(store: Path) -> None:
    with lock_output(store), pytest.raises(OutputError, match="being written"):
        repair_campaign(store)


def test_a_store_that_was_saved_in_one_piece_can_be_repaired(tmp_path: Path, contents: Contents) -> None:
    setting = {"size": 10, "seed": 3, "model": "gravner-griffeath-reference", "stop": nakaya.StopRules(margin=3)}
    nakaya.save(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), members=3, **setting), tmp_path / "c.zarr")
    sound = contents(tmp_path / "c.zarr")
    flip(tmp_path / "c.zarr/arrival/c.0.0.0.0", 20)
    assert repair_campaign(tmp_path / "c.zarr").recomputed == ((0, 0),)
    assert contents(tmp_path / "c.zarr") == sound
    flip(tmp_path / "c.zarr/parameters/rho/c.0")
    with pytest.raises(FormatError, match="nothing else in the store says what they were"):
        repair_campaign(tmp_path / "c.zarr")


def test_a_geometry_that_is_not_known_is_refused(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[2] / "fixtures/schema-1-single.zarr", tmp_path / "c.zarr")
    flip(tmp_path / "c.zarr/arrival/c.0.0.0.0", 20)
    with pytest.raises(FormatError, match=r"stop|cannot be grown again"):
        repair_campaign(tmp_path / "c.zarr")
