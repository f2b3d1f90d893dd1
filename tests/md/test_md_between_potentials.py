"""Two potentials of one material: differences, their errors, and the error between potentials."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.core.errors import ParameterError
from nakaya.md.between_potentials import Difference, compare_potentials, compare_sources
from nakaya.md.invariants import verify_growth
from nakaya.md.statistics import Estimate
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record, single
from nakaya.records.store import RecordStore

A, B = "a" * 64, "b" * 64
ERROR = 2.0


def record(
    name: str, potential: str, quantities: dict[str, Quantity], orientation: str | None, kelvin: float
) -> Record:
    conditions = {
        DRIVING_FORCE: single(math.nan, "1"), "temperature": single(kelvin, "K"), "box_length": single(2e-8, "m"),
    }  # fmt: skip
    files = {f"{potential[:1]}.eam": potential, "in.lammps": "c" * 64}
    return Record(
        id=name, kind="md", material="Cu", orientation=orientation, conditions=conditions, quantities=quantities,
        provenance=Provenance("made from a law", files=files, seeds=(0,)),
    )  # fmt: skip


def set_of(
    potential: str, melting: float | None, slope: float, reduced: tuple[float, ...], *, at: float = 1300.0,
    face: str = "100",
) -> list[Record]:  # fmt: skip
    """Velocities slope (T_m - T) at fractions of `at`, which stands for T_m where there is no coexistence run."""
    centre = melting or at
    records = [
        record(
            f"growth-{face}-{share * centre:.6g}", potential,
            {"growth_velocity": single(slope * centre * (1 - share), "m/s", uncertainty=ERROR)}, face, share * centre,
        )
        for share in reduced
    ]  # fmt: skip
    if melting is None:
        return records
    found = {"melting_temperature": single(melting, "K", uncertainty=3.0)}
    return [*records, record("melting", potential, found, "100", melting)]


def find(differences: tuple[Difference, ...], at: str) -> list[Difference]:
    return [entry for entry in differences if entry.at == at]


def test_two_values_differ_with_the_error_of_both() -> None:
    entry = Difference("growth_velocity", "m/s", "100", "T", 900.0, Estimate(50.0, 3.0), Estimate(60.0, 4.0))
    assert (entry.difference.value, entry.difference.standard_error) == pytest.approx((10.0, 5.0))
    assert entry.in_standard_errors == pytest.approx(2.0)
    assert entry.between_potentials == pytest.approx(10 / math.sqrt(2))  # the sample standard deviation of two values


def test_straight_lines_differ_as_their_slopes_and_melting_points_do() -> None:
    first = set_of(A, 1300.0, 0.5, (0.6, 0.7, 0.8, 0.9))
    second = set_of(B, 1200.0, 0.3, (0.65, 0.85))
    found = compare_potentials("Cu", first, second)
    assert [potential.file for potential in found.potentials] == ["a.eam", "b.eam"]
    melting = found.differences[0]
    assert melting.difference.value == -100
    assert melting.difference.standard_error == pytest.approx(3 * math.sqrt(2))
    assert melting.between_potentials == pytest.approx(100 / math.sqrt(2))
    reduced = find(found.differences, "T/T_m")
    assert [entry.where for entry in reduced] == pytest.approx([0.65, 0.85])
    for entry in reduced:
        assert entry.first.value == pytest.approx(0.5 * 1300 * (1 - entry.where))
        assert entry.second.value == pytest.approx(0.3 * 1200 * (1 - entry.where))
        moved = 0.5 * entry.where * 1300 * math.hypot(3 / 1300, 3 / 1200)
        assert entry.first.standard_error == pytest.approx(math.hypot(ERROR / math.sqrt(2), moved))
        assert entry.second.standard_error == ERROR
    (equal,) = find(found.differences, "T")[:1]
    assert equal.where == 780
    assert equal.first.value == pytest.approx(0.5 * 520)
    assert equal.second.value == pytest.approx(0.3 * 420)


def test_the_order_of_the_two_changes_signs_alone() -> None:
    first, second = set_of(A, 1300.0, 0.5, (0.6, 0.7, 0.8, 0.9)), set_of(B, 1200.0, 0.3, (0.65, 0.85))
    there, back = (compare_potentials("Cu", *pair).differences for pair in ((first, second), (second, first)))
    assert [entry.difference.value for entry in there] == pytest.approx([-entry.difference.value for entry in back])
    assert [entry.between_potentials for entry in there] == pytest.approx([entry.between_potentials for entry in back])


def test_velocities_are_zero_at_the_melting_point() -> None:
    first = set_of(A, 1300.0, 0.5, (0.6, 0.7, 0.8))  # a straight line to zero at 1300 K
    (entry,) = find(compare_potentials("Cu", first, set_of(B, 1200.0, 0.3, (0.95,))).differences, "T/T_m")
    assert entry.first.value == pytest.approx(0.5 * 1300 * 0.05)
    own = math.hypot(0.25 * ERROR, 0.75 * 0.5 * 3)  # 3 K of the melting point, at the slope of 0.5 m/(s K)
    moved = 0.5 * 0.95 * 1300 * math.hypot(3 / 1300, 3 / 1200)
    assert entry.first.standard_error == pytest.approx(math.hypot(own, moved))


def test_nothing_is_read_beyond_the_temperatures() -> None:
    first = set_of(A, 1300.0, 0.5, (0.8, 0.9, 0.95))
    found = compare_potentials("Cu", first, set_of(B, 1300.0, 0.3, (0.7, 1.05)))
    assert len(found.differences) == 1
    assert found.notes == ("(100) was grown at no temperature within those of the other potential",)


def test_the_same_temperature_needs_no_neighbours() -> None:
    found = compare_potentials("Cu", set_of(A, None, 0.5, (0.8,)), set_of(B, None, 0.3, (0.8,)))
    (only,) = found.differences
    assert (only.at, only.difference.value) == ("T", pytest.approx(-0.2 * 260))
    assert "no coexistence run of the first and the second potential" in found.notes[0]


def test_a_face_of_one_potential_alone_is_noted() -> None:
    first = [*set_of(A, 1300.0, 0.5, (0.8, 0.9)), *set_of(A, None, 0.4, (0.8,), face="111")]
    found = compare_potentials("Cu", first, set_of(B, 1300.0, 0.3, (0.8, 0.9)))
    assert found.notes == ("(111) was grown with one potential alone",)


def test_what_are_not_two_potentials_is_refused() -> None:
    first, second = set_of(A, 1300.0, 0.5, (0.8,)), set_of(B, 1300.0, 0.3, (0.8,))
    with pytest.raises(ParameterError, match=r"both records of Cu were made with a\.eam"):
        compare_potentials("Cu", first, first)
    with pytest.raises(ParameterError, match=r"first records of Cu state 2 potentials.*a\.eam.*b\.eam"):
        compare_potentials("Cu", [*first, *second], second)
    with pytest.raises(ParameterError, match="second records of Al state 0 potentials, expected one: none"):
        compare_potentials("Al", [replace(entry, material="Al") for entry in first], second)


def test_the_command_compares_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, records in (("a", set_of(A, 1300.0, 0.5, (0.7, 0.9))), ("b", set_of(B, 1200.0, 0.3, (0.8,)))):
        store = RecordStore(tmp_path / name, create=True)
        for entry in records:
            store.add(entry)
    words = ["md", "compare", str(tmp_path / "a"), str(tmp_path / "b")]
    assert run(words) == 0
    seen = capsys.readouterr().out
    for said in (
        "Cu: a.eam (aaaaaaaaaaaa) against b.eam (bbbbbbbbbbbb)",
        "melting point",
        "(100) 0.800 T_m",
        "sqrt(2)",
    ):
        assert said in seen
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (comparison,) = document["comparisons"]
    assert [row["quantity"] for row in comparison["rows"]] == ["melting_temperature", *["growth_velocity"] * 2]
    assert comparison["rows"][0]["between_potentials"] == pytest.approx(100 / math.sqrt(2))
    (again,) = compare_sources(tmp_path / "a", tmp_path / "b", material="Cu")["comparisons"]
    assert comparison["notes"] == again["notes"]


def test_the_table_of_laws_has_a_column_between_potentials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, records in (("a", set_of(A, 1300.0, 0.5, (0.7, 0.9))), ("b", set_of(B, 1200.0, 0.3, (0.8,)))):
        store = RecordStore(tmp_path / name, create=True)
        for entry in records:
            store.add(entry)
    found = verify_growth(tmp_path / "a", second=tmp_path / "b")["findings"]
    known = {entry["law"]: entry["between_potentials"] for entry in found}
    assert known["melting point"] == pytest.approx(100 / math.sqrt(2))
    assert math.isnan(known["sign"])  # no number of a potential
    assert "between_potentials" not in verify_growth(tmp_path / "a")["findings"][0]
    assert run(["md", "laws", str(tmp_path / "a"), "--second", str(tmp_path / "b")]) == 0
    assert "+- 71 between potentials" in capsys.readouterr().out
    with pytest.raises(ParameterError, match="nothing to compare"):
        verify_growth(tmp_path / "a", second=tmp_path / "a")


@pytest.mark.parametrize(("words", "said"), [([], "nothing to compare"), (["--material", "Ni"], "state 0 potentials")])
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert run(["md", "compare", "al-cu-si", "al-cu-si", *words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
