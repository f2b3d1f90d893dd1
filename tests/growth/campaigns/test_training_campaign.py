"""The held-out points of a campaign: in its ranges, on its lists of values, never among its points."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.campaigns.sampling import Axis, PointsPlan
from nakaya.growth.campaigns.training_campaign import TrainingCampaign
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.solvers.gravner_griffeath.uncertain import UncertainVapour

SIGMAS = (5e-5, 1e-3, 1e-2)


def campaign(**axes: Axis) -> TrainingCampaign:
    values = UncertainVapour(rho=0.5).parameters()
    fixed = {name: value for name, value in values.items() if name not in axes}
    return TrainingCampaign("tiny", make_setup("sector", 16), PointsPlan("grid", axes), fixed, 0, UncertainVapour, 3, 0)


def test_a_list_of_values_stays_a_list() -> None:
    held = campaign(rho=Axis(0.36, 0.63, count=5), sigma=Axis(values=SIGMAS)).held_out_points(48, seed=1)
    rho, sigma = (np.array([point.parameters()[name] for point in held]) for name in ("rho", "sigma"))
    assert set(sigma) == set(SIGMAS)
    assert all(12 <= (sigma == value).sum() <= 20 for value in SIGMAS)  # 16 each of an even sequence
    assert len(set(rho)) == 48
    assert rho.min() >= 0.36
    assert rho.max() <= 0.63
    assert {point.parameters()["rho_error"] for point in held} == {0.01}


def test_lists_alone_hold_nothing_out() -> None:
    with pytest.raises(ParameterError, match="lists of values"):
        campaign(sigma=Axis(values=SIGMAS)).held_out_points(4, seed=1)
