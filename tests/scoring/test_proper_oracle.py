"""Proper scores against scoringrules, which has its own formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nakaya.scoring import crps, energy_score

scoringrules = pytest.importorskip("scoringrules", reason='an oracle of the extra "dev"')

ROUNDING = 1e-9
FINITE = st.floats(-100, 100, allow_nan=False)
ESTIMATORS = {True: "fair", False: "nrg"}


@pytest.mark.parametrize("fair", [True, False])
@given(
    arrays(np.float64, st.tuples(st.just(5), st.integers(2, 30)), elements=FINITE),
    arrays(np.float64, 5, elements=FINITE),
)
def test_the_crps_is_that_of_scoringrules(fair: bool, members: np.ndarray, observations: np.ndarray) -> None:
    expected = scoringrules.crps_ensemble(observations, members, estimator=ESTIMATORS[fair])
    np.testing.assert_allclose(crps(members, observations, fair=fair), expected, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("fair", [True, False])
@given(
    arrays(np.float64, st.tuples(st.integers(2, 12), st.just(3)), elements=FINITE),
    arrays(np.float64, (4, 3), elements=FINITE),
)
def test_the_energy_score_is_that_of_scoringrules(fair: bool, members: np.ndarray, observations: np.ndarray) -> None:
    expected = [scoringrules.es_ensemble(one, members, estimator=ESTIMATORS[fair]) for one in observations]
    np.testing.assert_allclose(energy_score(members, observations, fair=fair), expected, rtol=ROUNDING, atol=ROUNDING)
