"""Temperature profiles against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.reactor.profiles import cubic, linear, natural

STRAIGHT = 2e-5
"""Of the range: what straight lines between 201 points may be off a cubic, 6 / (8 x 200^2)."""

EXPONENTIAL = 2e-4
"""The same of an exponential that falls to a hundredth: ln(100)^2 / (8 x 200^2)."""

temperatures = st.floats(250.0, 400.0)
durations = st.floats(60.0, 1e6)


@settings(max_examples=25)
@given(temperatures, temperatures, durations)
def test_a_cubic_is_the_cube_of_time(start: float, end: float, duration: float) -> None:
    times = np.linspace(0.0, duration, 317)
    off = cubic(start, end, duration).at(times) - (start + (end - start) * (times / duration) ** 3)
    assert np.abs(off).max() <= STRAIGHT * abs(end - start) + 1e-9


@settings(max_examples=25)
@given(temperatures, st.floats(0.01, 0.99), durations, st.floats(-100.0, 100.0).filter(lambda span: abs(span) > 1))
def test_natural_cooling_obeys_newtons_law(start: float, left: float, duration: float, span: float) -> None:
    surroundings, end = start - span, start - span + span * left
    times = np.linspace(0.0, duration, 317)
    found = natural(start, end, duration, surroundings)
    # dT/dt = -(T - T_s)/tau has this solution, and tau follows from the end.
    tau = duration / np.log(1 / left)
    assert np.abs(found.at(times) - (surroundings + span * np.exp(-times / tau))).max() <= EXPONENTIAL * abs(span)
    assert found.at([duration]) == pytest.approx(end, abs=1e-9)


def test_profiles_of_one_start_and_end_cool_in_their_order() -> None:
    times = np.linspace(600.0, 3000.0, 9)
    slow_first, even, fast_first = (
        profile.at(times) for profile in (cubic(320, 300, 3600), linear(320, 300, 3600), natural(320, 300, 3600, 295))
    )
    assert (slow_first > even).all()
    assert (even > fast_first).all()


@pytest.mark.parametrize(
    ("start", "end", "surroundings"), [(320, 300, 310), (320, 300, 300), (320, 330, 290), (9, 9, 9)]
)
def test_an_end_that_is_never_reached_is_refused(start: float, end: float, surroundings: float) -> None:
    with pytest.raises(ParameterError, match="does not reach"):
        natural(start, end, 3600.0, surroundings)
