"""Causes of the error of the network's start: each one shows in data that were made with it, and only there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import run
from benchmarks.kinetics_ablation import LAWS, MIXTURES, ablate_start, as_lines
from nakaya.records.store import RecordStore
from support.synthetic_growth import SyntheticGrowth

PAIRS = tuple((material, face) for material in ("Al", "Cu") for face in ("100", "110", "111"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("causes") / "records"
    RecordStore(folder, create=True).merge(SyntheticGrowth(pairs=PAIRS, noise=1e-5).records())
    return folder


def test_the_law_that_made_the_data_is_the_best_and_what_was_measured_helps(store: Path) -> None:
    # The synthetic truth has faces nearly as hard spheres have them, and no activation.
    rows = {(row["evidence"], row["cause"], row["split"]): row["rmse"] for row in ablate_start(str(store))}
    assert len(rows) == 3 * (len(LAWS) + len(MIXTURES))
    for split in ("temperature", "orientation", "material"):
        assert rows["A", "faces of hard spheres", split] < 0.6 * rows["A", "all faces alike", split]
        assert rows["A", "faces of hard spheres", split] < 0.8 * rows["A", "the law: nickel's faces, activation", split]
    whole, blind = "the law and all that was measured", "without either"
    assert rows["B", whole, "temperature"] < 0.8 * rows["B", blind, "temperature"]
    assert rows["B", blind, "orientation"] == pytest.approx(rows["A", next(iter(LAWS)), "orientation"], rel=0.5)


def test_the_command_prints_every_cause(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kinetics-ablation", "--records", str(store), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    text = "\n".join(as_lines(rows))
    assert all(cause in text for cause in (*LAWS, *MIXTURES))
    assert text.splitlines()[1].split() == ["temperature", "orientation", "material"]
