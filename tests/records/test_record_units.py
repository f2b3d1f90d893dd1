"""Units at the border."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.records.record import CONDITION_UNITS, QUANTITY_UNITS
from nakaya.records.units import check_unit, from_si, quantity, same_dimension, to_si

ROUND_TRIP = 1e-12
"""Two multiplications by a unit's factor."""


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1e12, 1e12),
    st.sampled_from(["um/min", "angstrom/ps", "g/mL", "degC", "kJ/mol", "1/(um^3 min)", "cm^2/s", "percent", "eV"]),
)
def test_to_si_and_back_is_the_identity(value: float, unit: str) -> None:
    back = float(from_si(to_si(value, unit), unit))
    offset = abs(float(to_si(0.0, unit)))
    assert back == pytest.approx(value, rel=ROUND_TRIP, abs=ROUND_TRIP * max(1.0, offset))


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1.0, "angstrom/ps", 100.0),
        (6.0, "um/min", 1e-7),
        (25.0, "degC", 298.15),
        (1.0, "eV", 1.602176634e-19),
        (5.0, "%", 0.05),
        (1.0, "1/(mm^3 min)", 1e9 / 60),
        (300.0, "rpm", 300 * 2 * math.pi / 60),
    ],
)
def test_known_conversions(value: float, unit: str, expected: float) -> None:
    assert float(to_si(value, unit)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("unit", [*CONDITION_UNITS.values(), *QUANTITY_UNITS.values()])
def test_the_units_of_the_vocabulary_are_si(unit: str) -> None:
    check_unit("x", unit)


def test_an_offset_does_not_enter_an_uncertainty() -> None:
    found = quantity(25.0, "degC", si="K", uncertainty=0.5)
    assert (found.value, found.standard_error) == (298.15, pytest.approx(0.5))


def test_quantities_that_measure_something_else_are_refused() -> None:
    with pytest.raises(ParameterError, match="something else"):
        quantity(1.0, "m", si="m/s")
    assert not same_dimension("m", "m/s")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "metal",
        "m/",
        "9**9**9**9",
        "(((9**99)**99)**99)**99",
        "__import__('os')",
        "m" * 100,
        "2 m",
        "m**999",
        ";",
    ],
)
def test_what_is_no_unit_is_refused_at_once(text: str) -> None:
    with pytest.raises(ParameterError):
        to_si(1.0, text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30) | st.text(alphabet="m/s^*()19 -", max_size=30))
def test_any_text_is_a_unit_or_an_error(text: str) -> None:
    try:
        factor = to_si(1.0, text)
    except ParameterError:
        return
    assert np.isfinite(factor)
