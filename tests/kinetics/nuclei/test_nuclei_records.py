"""From records of seeding to the table: the thin path, with the truth known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.core.errors import FormatError, UnknownNameError
from nakaya.kinetics.nuclei.run import score_nuclei
from nakaya.kinetics.nuclei.samples import TARGET, NoNucleiError, read_nuclei
from nakaya.kinetics.nuclei.table import read_stored_nuclei
from nakaya.md.patches import read_patches
from nakaya.md.seeding.nuclei import SOLID_BRANCHES
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record, single
from support.synthetic_nuclei import write_seeding_records

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')
pytest.importorskip("vesin", reason='graphs of atoms need the extra "ml"')


def by_size(frame: Frame, rng: np.random.Generator) -> float:
    """The drift of classical theory, with n* = 60."""
    return float(20.0 - 20.0 * 60 ** (1 / 3) * frame.extra["solid"].sum() ** (-1 / 3))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    folder = tmp_path_factory.mktemp("seeding")
    rng = np.random.default_rng(0)
    radii = np.linspace(6.8, 8.8, 24).tolist()
    return folder, write_seeding_records(folder, radii, by_size, rng, noise=0.3, shapes=("sphere", "twin"))


def test_a_sample_is_what_the_record_holds(made: tuple[Path, list[Record]]) -> None:
    folder, records = made
    found = read_nuclei(records[-2:], folder)
    nucleus = next(nucleus for nucleus in found.nuclei if nucleus.name == records[-1].id)
    sizes = records[-1].quantities["nucleus_size"].values
    assert (nucleus.group, nucleus.shape) == ("Al 640 K", "twin")
    assert nucleus.change.size == sizes[0, 0]
    np.testing.assert_allclose(nucleus.change.later, sizes[14:].mean(axis=0))
    assert nucleus.sample.labels[TARGET].value == pytest.approx(nucleus.change.mean)
    assert nucleus.columns["inverse_cube_root_of_size"] == pytest.approx(sizes[0, 0] ** (-1 / 3))
    assert nucleus.sample.sequence.frames[0].levels["atom"].num_nodes > sizes[0, 0]
    assert nucleus.solid_fraction is None


def test_models_see_nothing_of_what_came_later(made: tuple[Path, list[Record]]) -> None:
    folder, records = made
    quantities = {
        name: replace(entry, values=np.where(np.arange(len(entry.values))[:, None] > 0, 7.0, entry.values))
        for name, entry in records[0].quantities.items()
    }
    other = replace(records[0], quantities=quantities)
    before, after = (read_nuclei([record], folder).nuclei[0] for record in (records[0], other))
    assert before.change.mean != after.change.mean
    assert before.columns == pytest.approx(after.columns, nan_ok=True)
    first, second = (nucleus.sample.sequence.frames[0].levels["atom"].features for nucleus in (before, after))
    np.testing.assert_array_equal(first, second)


def test_outcomes_of_atoms_come_from_the_record(made: tuple[Path, list[Record]]) -> None:
    folder, records = made
    frame = read_patches(folder / records[0].snapshots[0].path, "Al")[0]
    first, second = np.flatnonzero(frame.extra["solid"])[:2].tolist()
    axis = Axis("atom", "1", np.array([0.0, first, second]))
    counted = {**records[0].quantities, SOLID_BRANCHES: Quantity(np.array([4.0, 2.0, 1.0]), "1", axis=axis)}
    nucleus = read_nuclei([replace(records[0], quantities=counted)], folder).nuclei[0]
    assert nucleus.solid_fraction is not None
    # Of 4 branches; atom 0 is at the corner of the box, outside the graph.
    assert sorted(nucleus.solid_fraction[nucleus.solid_fraction > 0]) == [0.25, 0.5]
    earlier = read_nuclei([replace(records[0], quantities=counted)], folder, after_ps=4.0).nuclei[0]
    assert earlier.solid_fraction is None  # it was counted after 8 ps
    sizes = records[0].quantities["nucleus_size"]
    gone = {"nucleus_size": replace(sizes, values=np.where(np.arange(17)[:, None] < 16, sizes.values, 0.0))}
    lost = read_nuclei([replace(records[0], quantities=gone)], folder).nuclei[0]
    assert lost.solid_fraction is not None
    assert not lost.solid_fraction.any()


def test_size_is_found_where_size_decides(made: tuple[Path, list[Record]]) -> None:
    folder, records = made
    seen = []
    document = score_nuclei(
        read_nuclei(records, folder), models=["size", "sum-of-logistic"], splits=["nucleus", "shape"],
        progress=lambda done, of: seen.append((done, of)),
    )  # fmt: skip
    row = next(row for row in document["rows"] if row["split"] == "nucleus")
    assert (row["model"], row["best_baseline"], row["nuclei"]) == ("size", "size", 24)
    assert row["difference_to_size"] == [0.0, 0.0, 0.0]
    # The whole of the truth is the size: only the fit to 18 nuclei is between it and the ceiling.
    assert row["ceiling"] - 0.15 < row["r2"] < 1
    assert row["r2_interval"][0] < row["r2"] < row["r2_interval"][1] <= 1
    (group,) = document["nuclei"]["groups"]
    assert group["critical_size"] == pytest.approx(60, abs=8)  # all nuclei of one size grow, or all dissolve
    assert group["critical_size_interval90"][0] < 60 < group["critical_size_interval90"][1]
    assert {entry["model"] for entry in document["not_scored"]} == {"sum-of-logistic"}
    assert sum(document["splits"]["nucleus"]["nuclei_per_fold"].values()) == 24
    assert seen[-1] == (seen[-1][1], seen[-1][1])
    again = score_nuclei(read_nuclei(records, folder), models=["size"], splits=["nucleus"])
    assert again["rows"][0]["r2"] == row["r2"]


def test_records_that_make_no_sample_are_named(made: tuple[Path, list[Record]]) -> None:
    folder, records = made
    found = read_nuclei([replace(records[0], snapshots=()), *records[1:3]], folder)
    assert [name for name, _ in found.left_out] == [records[0].id]
    assert "no snapshot of the release" in found.left_out[0][1]
    later = read_nuclei(records[:1], folder, after_ps=20.0)
    assert "followed for 8 ps, expected 20 ps" in later.left_out[0][1]


def test_what_is_not_there_is_refused(made: tuple[Path, list[Record]], tmp_path: Path) -> None:
    folder, records = made
    quench = Record("quench", "md", "Al", {DRIVING_FORCE: single(0.7, "1")}, {}, Provenance("made from numbers"))
    with pytest.raises(NoNucleiError, match="none of the 1 records"):
        read_nuclei([quench], folder)
    with pytest.raises(FormatError, match="is not in"):
        read_nuclei(records[:1], tmp_path)
    nuclei = read_nuclei(records[:1], folder)
    with pytest.raises(UnknownNameError, match="split"):
        score_nuclei(nuclei, splits=["temparature"])  # type: ignore[list-item]
    with pytest.raises(UnknownNameError, match="model of nuclei"):
        score_nuclei(nuclei, models=["sise"])


def test_the_command_scores_a_folder_of_records(
    made: tuple[Path, list[Record]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["benchmark", "nuclei", "--records", str(made[0]), "--model", "size", "--split", "nucleus"]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["nuclei"]["count"] == 24
    (row,) = document["rows"]
    assert {"model", "split", "r2", "r2_interval", "ceiling"} <= set(row)
    assert run(words) == 0
    assert "nucleus held out: 24 nuclei, ceiling" in capsys.readouterr().out


def test_without_records_the_command_says_how_they_are_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nakaya.records.store.shipped_folder", lambda name="": tmp_path / name)
    monkeypatch.setattr("nakaya.kinetics.nuclei.table.shipped_folder", lambda name="": tmp_path / name)
    for words in ([], ["--stored"]):
        assert run(["benchmark", "nuclei", *words]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "nakaya md seed" in line
        assert "--records" in line
    monkeypatch.undo()
    assert run(["benchmark", "nuclei", "--records", "al-cu-si"]) == 2
    assert "none of the 2" in capsys.readouterr().err
    assert run(["benchmark", "nuclei", "--stored", "--split", "shape"]) == 2


def test_a_file_of_other_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"rows": []}')
    with pytest.raises(FormatError, match="does not hold results of the benchmark of nuclei"):
        read_stored_nuclei(tmp_path / "other.json")
