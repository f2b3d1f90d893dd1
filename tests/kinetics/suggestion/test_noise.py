"""The noise of a run that was not made: as runs are planned, scaled by what runs say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.kinetics.suggestion.noise import counting_variance, noise_factors, run_variances
from nakaya.md.growth import planned_duration

AREA, VOLUME = 3e-18, 1.2e-29


@given(st.floats(0.02, 3), st.floats(1, 500), st.floats(0.03, 0.5), st.sampled_from([1, -1]))
def test_a_run_of_the_planned_duration_has_the_error_that_it_was_planned_for(
    driving: float, arrival: float, relative: float, sign: int
) -> None:
    driving *= sign
    velocity = arrival * -np.expm1(-driving)
    duration = planned_duration(velocity, driving, AREA, VOLUME, relative_error=relative)
    found = counting_variance(*(np.array([value]) for value in (arrival, driving, VOLUME, AREA, duration)))
    assert float(np.sqrt(found[0])) == pytest.approx(relative * abs(velocity), rel=1e-9)


def test_factors_are_those_of_runs_at_near_temperatures() -> None:
    known, ratios = np.array([0.6, 0.6, 0.9]), np.array([10.0, 14.0, 2.0])
    found = noise_factors(np.array([0.6, 0.75, 0.9, 0.1]), known, ratios)
    assert found[0] == pytest.approx(12, rel=1e-3)
    assert 2 < found[1] < 12
    assert found[2] == pytest.approx(2, rel=1e-3)
    assert found[3] == pytest.approx(12, rel=1e-3)  # far from all runs: as the nearest
    assert noise_factors(np.array([0.6, 0.9]), np.zeros(0), np.zeros(0)).tolist() == [1, 1]


def test_stated_variances_are_averaged_with_the_usual_one() -> None:
    counted, reduced = np.array([4.0, 4.0, 8.0]), np.array([0.7, 0.7, 0.7])
    # Ratios 2 and 4: three times the counted variance is usual here. Runs that state none tell nothing.
    found = run_variances(counted, reduced, np.array([0, 1, 2, 2]), np.array([8.0, 16.0, np.nan, 0.0]))
    assert found == pytest.approx([(12 + 8) / 2, (12 + 16) / 2, 24])
