"""`nakaya export`, as it is typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import nakaya
from nakaya.cli.app import run
from nakaya.records.store import RecordStore, shipped_sets
from support.crystals import make_crystals

SOME = ("growth-Al-110-780K-s0", "growth-Cu-100-1115K-s0")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    nakaya.save(make_crystals(2, 2), tmp_path / "c.zarr")
    return tmp_path / "c.zarr"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two of the shipped records, whose whole set takes two seconds to read."""
    shipped, own = RecordStore(shipped_sets()["al-cu-si"]), RecordStore(tmp_path / "md", create=True)
    for name in SOME:
        own.add(shipped.get(name))
    return tmp_path / "md"


def test_crystals_are_written_and_told(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", str(store), "--to", "csv", "--out", str(tmp_path / "c.csv")]
    assert run([*words, "--point", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"format": "csv", "crystals": 2, "out": str(tmp_path / "c.csv")}
    assert run(words) == 2
    assert capsys.readouterr().err.strip().endswith("add --overwrite to replace it")
    assert run([*words, "--overwrite"]) == 0
    assert capsys.readouterr().out == f"4 crystals written to {tmp_path / 'c.csv'}\n"
    assert (
        run(["export", str(store), "--to", "vtk", "--out", str(tmp_path / "one.vts"), "--point", "0", "--member", "1"])
        == 0
    )
    assert capsys.readouterr().out.startswith("1 crystal written")


def test_records_become_tables_of_all_of_them(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tables"
    assert run(["export", str(records), "--to", "csv", "--out", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [f"2 records written to {out}", "tables: by-position.csv, by-time.csv, quantities.csv"]
    with (out / "quantities.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    velocities = {row["record"]: float(row["value"]) for row in rows if row["name"] == "growth_velocity"}
    known = RecordStore(records)
    assert velocities == {name: known.get(name).quantities["growth_velocity"].value for name in SOME}
    assert run(["export", str(records), "--to", "csv", "--out", str(out), "--record", SOME[1], "--overwrite"]) == 0
    assert capsys.readouterr().out.startswith("1 record written")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("STORE --to xlsx --out new", "unknown format 'xlsx': known: csv, netcdf, npz, vtk, well"),
        ("STORE --to csv --out c.zarr", "c.zarr exists already"),
        ("STORE --to csv --out c.zarr --overwrite", "is a directory of something else"),
        ("STORE --to vtk --out new --field temperature", "unknown final field 'temperature': known: none"),
        ("STORE --to vtk --out new --point 9", "point 9 does not exist: there are 2 points"),
        ("STORE --to csv --out new --record a", "holds crystals, not records"),
        ("STORE --to npz --out new --frames 5", "has no frames"),
        ("md --to netcdf --out new", "md holds records, which are exported as csv"),
        ("md --to csv --out new --point 1", "points, members, fields and frames are of crystals"),
        ("md --to csv --out new --record growth-Cu-100-1115K", "unknown record 'growth-Cu-100-1115K'"),
        (
            "nothing --to csv --out new",
            "nothing is neither a store of crystals, nor records, nor a shipped set (known: al-cu-si",
        ),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing(
    words: str,
    message: str,
    store: Path,
    records: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(store.parent)
    assert run(["export", *words.replace("STORE", store.name).split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert sorted(path.name for path in store.parent.iterdir()) == [store.name, records.name]
