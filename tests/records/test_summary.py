"""Records in words: nothing known is left out, nothing unknown is told as a number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.core.errors import UnknownNameError
from nakaya.records.record import Axis, Interval, Kind, Provenance, Quantity, Record, Snapshot, single
from nakaya.records.summary import describe_record, outline_record, summarise_record, tell_results

DIGEST = "0" * 64
KNOWN = "growth-Cu-100-1115K-s0"


def batch(kind: Kind = "reactor") -> Record:
    hours = Axis("time", "s", np.array([0.0, 43_200.0, 86_400.0]))
    return Record(
        id="batch", kind=kind, material="dextrose",
        conditions={
            "driving_force": Quantity(np.array([0.02, 0.05, np.nan]), "1", axis=hours),
            "temperature": Quantity(np.array([315.0, 310.0, 306.0]), "K", axis=hours),
            "duration": Quantity(np.array(86_400.0), "s"),
        },
        quantities={
            "induction_time": Quantity(np.array(np.nan), "s"),
            "growth_order": Quantity(np.array(1.25), "1", interval=Interval(1.0, np.inf)),
            "mean_size_rate": Quantity(np.array(2e-9), "m/s", uncertainty=np.array(3e-10)),
        },
        evidence={"concentration": Quantity(np.array([0.6, 0.55, 0.5]), "1", axis=hours)},
        provenance=Provenance("reactor log", files={"log.csv": DIGEST}, seeds=(7,), settings={"source": "digitised"}),
        snapshots=(Snapshot("images/first.png", DIGEST, "image", time=60.0),),
        status="flagged", flags=("the clock went backwards",),
    )  # fmt: skip


def test_the_line_of_a_reactor_says_what_was_held_what_came_out_and_what_was_seen() -> None:
    line = summarise_record(batch())
    for words in (
        "batch  flagged  dextrose  306 to 315 K  24 h", "driving_force 0.02 to 0.05", "concentration (3)",
        "growth_order 1.25 (90%: 1 to open)", "mean_size_rate 2e-09 +- 3e-10 m/s", "not known: induction_time",
    ):  # fmt: skip
        assert words in line
    assert "nan" not in line
    assert "\n" not in line


def test_the_outline_says_what_the_line_says_with_a_line_for_each_result_and_flag() -> None:
    lines = outline_record(batch())
    assert set(summarise_record(batch()).split()) <= set(" ".join(lines).split())
    assert "  flag: the clock went backwards" in lines
    assert tell_results(batch(), ["growth_order", "induction_time"]) == "growth order 1.25 (90%: 1 to open)"
    numbered = replace(batch(), quantities={"spacing_1_of_lattice_0": single(2.4e-10, "m")})
    assert tell_results(numbered, ["spacing_1_of_lattice_0"]) == "spacing 1 of lattice 0: 0.24 nm"


def test_lengths_have_the_prefix_that_reads_best_and_angles_are_in_degrees() -> None:
    told = {
        "nanometres": (4.05e-10, "m", "0.405 nm"), "micrometres": (2.5e-5, "m", "25 µm"), "metres": (2.0, "m", "2 m"),
        "zero": (0.0, "m", "0 m"), "angle": (np.pi / 3, "rad", "60 degrees"), "area": (1e-12, "m^2", "1e-12 m^2"),
    }  # fmt: skip
    found = {name: Quantity(np.array(value), unit) for name, (value, unit, _) in told.items()}
    for name, (_, _, words) in told.items():
        assert tell_results(replace(batch(), quantities=found), [name]) == f"{name} {words}"


def test_the_many_series_of_a_simulation_stay_out_of_its_line() -> None:
    assert "concentration" not in summarise_record(batch("md"))


def test_everything_a_record_holds_is_in_its_description() -> None:
    record = batch()
    text = "\n".join(describe_record(record))
    for name in (
        *record.conditions,
        *record.quantities,
        *record.evidence,
        *record.flags,
        "images/first.png",
        "log.csv",
    ):
        assert name in text
    assert "0.5 to 0.6, 3 values over time (0 to 86400 s)" in text
    assert "33% not known" in text
    assert "not known, s" in text
    assert text.count("source ") == 2  # a setting of the same name hides nothing
    assert "nan" not in text.split()


def test_named_records_are_shown_in_full_and_unknown_ones_by_their_neighbours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["records", "show", "al-cu-si", KNOWN]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{KNOWN}\n")
    assert "solid_fraction" in text
    assert run(["records", "show", "al-cu-si", KNOWN, "--json"]) == 0
    assert [record["id"] for record in json.loads(capsys.readouterr().out)["records"]] == [KNOWN]
    assert run(["records", "show", "al-cu-si", "growth-Cu-100-1115"]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.count("\n") == 1
    assert len(captured.err) < 400
    assert "did you mean 'growth-Cu-100-1115K-s" in captured.err


@pytest.mark.parametrize("words", [["show"], ["validate"], ["merge", "--out", "merged"]])
def test_a_folder_without_records_is_not_an_empty_success(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nothing").mkdir()
    assert run(["records", *words, "nothing"]) == 2
    assert "nothing holds no records" in capsys.readouterr().err
    assert not (tmp_path / "merged").exists()


def test_a_long_list_of_known_names_is_cut_and_a_short_one_is_not() -> None:
    few, many = [f"name-{number}" for number in range(5)], [f"name-{number}" for number in range(500)]
    assert all(name in str(UnknownNameError("thing", "nome", few)) for name in few)
    message = str(UnknownNameError("thing", "name-77", many))
    assert "500 names" in message
    assert len(message) < 200
