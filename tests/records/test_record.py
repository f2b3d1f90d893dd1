"""The vocabulary of records: what a constructor must refuse, and what equality means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.records.record import Axis, Interval, Provenance, Quantity, Record, Snapshot


def make_record(**changes: object) -> Record:
    settings: dict[str, object] = {
        "id": "growth-Cu-100-1206K-s0",
        "kind": "md",
        "material": "Cu",
        "conditions": {"temperature": Quantity(np.array(1206.0), "K"), "driving_force": Quantity(np.array(0.11), "1")},
        "quantities": {"growth_velocity": Quantity(np.array(49.0), "m/s", uncertainty=np.array(9.0))},
        "provenance": Provenance("test", seeds=(1, 2)),
    }
    return Record(**(settings | changes))  # type: ignore[arg-type]


def test_a_record_carries_its_driving_force_and_composition() -> None:
    record = make_record()
    assert record.driving_force.value == 0.11
    assert record.composition == {"Cu": 1.0}
    assert record.quantities["growth_velocity"].standard_error == 9.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "../escape"}, "record id"),
        ({"id": ""}, "record id"),
        ({"kind": "guess"}, "kind"),
        ({"status": "fine"}, "status"),
        ({"status": "flagged"}, "needs at least one flag"),
        ({"status": "censored"}, "needs at least one flag"),
        ({"material": " "}, "names no material"),
        ({"conditions": {}}, "driving_force"),
        ({"composition": {"Cu": 0.5}}, "sum to 1"),
        ({"composition": {"Cu": math.nan}}, "sum to 1"),
        ({"quantities": {"growth velocity": Quantity(np.array(1.0), "m/s")}}, "no name"),
        ({"quantities": {"growth_velocity": 49.0}}, "not a Quantity"),
    ],
)
def test_a_record_refuses_what_makes_no_sense(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make_record(**changes)


def test_an_unknown_driving_force_must_be_said_to_be_unknown() -> None:
    record = make_record(conditions={"driving_force": Quantity(np.array(math.nan), "1")})
    assert math.isnan(record.driving_force.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": np.zeros(3), "unit": "m"}, "without an axis"),
        ({"values": np.array(1.0), "unit": ""}, "unit"),
        ({"values": np.array(math.inf), "unit": "m"}, "infinite"),
        ({"values": np.array(1.0), "unit": "m", "uncertainty": np.array(-1.0)}, "negative"),
        ({"values": np.array(1.0), "unit": "m", "uncertainty": np.zeros(2)}, "does not fit"),
        ({"values": np.zeros(3), "unit": "m", "axis": Axis("time", "s", np.arange(2.0))}, "2 entries for 3"),
        ({"values": np.array("x"), "unit": "m"}, "not a block of numbers"),
    ],
)
def test_a_quantity_refuses_what_makes_no_sense(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Quantity(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[], [1.0, 1.0], [2.0, 1.0], [0.0, math.nan]])
def test_an_axis_increases(values: list[float]) -> None:
    with pytest.raises(ParameterError):
        Axis("time", "s", np.array(values))


def test_arrays_of_records_cannot_be_changed() -> None:
    values = np.arange(3.0)
    quantity = Quantity(values, "m", axis=Axis("time", "s", np.arange(3.0)))
    values[0] = 99
    assert quantity.values[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        quantity.values[0] = 1


def test_equality_looks_at_values_and_takes_nan_for_nan() -> None:
    first = Quantity(np.array([1.0, math.nan]), "m", axis=Axis("time", "s", np.arange(2.0)))
    again = Quantity(np.array([1.0, math.nan]), "m", axis=Axis("time", "s", np.arange(2.0)))
    other = Quantity(np.array([1.0, 2.0]), "m", axis=Axis("time", "s", np.arange(2.0)))
    assert first == again
    assert first != other
    assert first != Quantity(np.array(1.0), "m")


@pytest.mark.parametrize("ends", [(2.0, 1.0), (math.nan, 1.0)])
def test_an_interval_has_a_lower_and_an_upper_end(ends: tuple[float, float]) -> None:
    with pytest.raises(ParameterError):
        Interval(*ends)
    with pytest.raises(ParameterError, match="level"):
        Interval(0.0, 1.0, 1.0)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.npz", "a/../../x", "C:\\x", "a\\b", ""])
def test_snapshots_stay_inside_their_folder(path: str) -> None:
    with pytest.raises(ParameterError, match="relative"):
        Snapshot(path, "0" * 64, "image")


def test_hashes_look_like_hashes() -> None:
    with pytest.raises(ParameterError, match="sha256"):
        Snapshot("x.npz", "abc", "image")
    with pytest.raises(ParameterError, match="sha256"):
        Provenance("test", files={"x": "abc"})
