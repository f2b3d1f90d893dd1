"""A vapour density that is hidden: what is drawn, and that the crystals are the solver's at what was drawn."""

from __future__ import annotations

import numpy as np

import nakaya
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.gravner_griffeath.uncertain import UNCERTAIN, UncertainVapour, hidden_point
from nakaya.testing.grower_contract import GrowerContract

NAME = "gravner-griffeath-uncertain"


class TestUncertain(GrowerContract):
    def make_grower(self) -> Grower:
        return UNCERTAIN.make()

    def make_points(self) -> list[Conditions]:
        return [UncertainVapour(rho=0.5), UncertainVapour(rho=0.6, sigma=1e-2)]

    def make_setup(self) -> GrowthSetup:
        return make_setup("sector", 16)


def test_crystals_are_the_solver_s_at_the_hidden_density() -> None:
    point = UncertainVapour(rho=0.5, sigma=1e-3)
    ours = nakaya.grow(point, model=NAME, size=24, members=4, seed=3)
    for member in range(4):
        hidden = hidden_point(point, 3, member)
        assert hidden.rho != point.rho
        assert {**hidden.parameters(), "rho": 0.5} == {k: v for k, v in point.parameters().items() if k != "rho_error"}
        theirs = nakaya.grow(hidden, size=24, members=member + 1, seed=3)
        np.testing.assert_array_equal(ours.arrival[member], theirs.arrival[member])


def test_hidden_densities_are_even_within_the_error() -> None:
    """4 sigma for mean and variance of 4,000 members."""
    point = UncertainVapour(rho=0.5, rho_error=0.02)
    offsets = np.array([hidden_point(point, 1, member).rho for member in range(4000)]) - 0.5
    assert np.abs(offsets).max() <= 0.02
    even = offsets / 0.02
    assert abs(even.mean()) < 4 * np.sqrt(1 / 3 / 4000)
    assert abs(even.var() - 1 / 3) < 4 * np.sqrt(4 / 45 / 4000)


def test_a_density_that_is_known_is_the_solver_s() -> None:
    ours = nakaya.grow(UncertainVapour(rho=0.5, rho_error=0.0), model=NAME, size=24, members=2, seed=3)
    np.testing.assert_array_equal(
        ours.arrival, nakaya.grow(nakaya.GravnerGriffeath(rho=0.5), size=24, members=2, seed=3).arrival
    )


def test_a_density_stays_positive() -> None:
    point = UncertainVapour(rho=1e-3, rho_error=1.0)
    assert min(hidden_point(point, 0, member).rho for member in range(50)) > 0.0
