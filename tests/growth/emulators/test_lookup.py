"""The look-up table finds what it holds, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.growth.emulators.controls.lookup import LookUpTable, choose_neighbours
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.learn.normalisation import Standardiser

SETUP = make_setup("sector", 16)
RHO = np.array([0.40, 0.42, 0.50, 0.56, 0.60])


def crystals(members: int = 1) -> Trajectory:
    """Point i has a crystal of i + 1 sites that took 10 i + 5 steps."""
    arrival = np.full((len(RHO), members, 16, 16), -1, np.int32)
    for i in range(len(RHO)):
        arrival[i, :, 0, : i + 1] = np.arange(i + 1)
    steps = np.repeat(10 * np.arange(len(RHO))[:, None] + 5, members, axis=1)
    metadata = TrajectoryMetadata("gravner-griffeath", "0", 0, SETUP.as_metadata(), "0")
    return Trajectory(arrival, steps, np.zeros(steps.shape, np.int8), {"rho": RHO}, metadata)


def table(neighbours: int = 1) -> LookUpTable:
    return LookUpTable(crystals(), Standardiser.fit({"rho": RHO}, ("rho",)), neighbours, SETUP)


def points(*rhos: float) -> list[GravnerGriffeath]:
    return [GravnerGriffeath(rho=rho) for rho in rhos]


def test_it_finds_its_own_training_crystals() -> None:
    found = table().grow(points(*RHO), SETUP, members=range(3), seed=0)
    for member in range(3):
        np.testing.assert_array_equal(found.arrival[:, member], crystals().arrival[:, 0])
        np.testing.assert_array_equal(found.steps[:, member], crystals().steps[:, 0])


@settings(max_examples=40, deadline=None)
@given(rho=st.floats(0.35, 0.65), neighbours=st.integers(1, 5))
def test_it_draws_from_the_nearest_and_from_all_of_them(rho: float, neighbours: int) -> None:
    found = table(neighbours).grow(points(rho), SETUP, members=range(60), seed=1)
    sizes = set((found.arrival[0] >= 0).sum(axis=(1, 2)).tolist())
    distance = np.abs(RHO - rho)
    drawn = np.array(sorted(sizes)) - 1
    assert len(sizes) == neighbours  # 60 draws miss one of 5 with a chance of 1e-5
    assert distance[drawn].max() <= np.sort(distance)[neighbours - 1] + 1e-9


def test_a_draw_depends_on_seed_point_and_member_alone() -> None:
    whole = table(5).grow(points(0.45, 0.55), SETUP, members=range(20), seed=4)
    some = table(5).grow(points(0.55), SETUP, members=range(7, 9), seed=4)
    np.testing.assert_array_equal(whole.arrival[1, 7:9], some.arrival[0])
    other = table(5).grow(points(0.45, 0.55), SETUP, members=range(20), seed=5)
    assert not np.array_equal(whole.arrival, other.arrival)


def test_the_best_k_is_chosen_and_the_smaller_of_equals() -> None:
    scores = {1: 3.0, 2: 1.0, 4: 1.0, 8: 2.0}
    assert choose_neighbours((1, 2, 4, 8), scores.__getitem__) == (2, scores)


def test_another_setup_is_refused() -> None:
    with pytest.raises(ParameterError, match="holds crystals of"):
        table().grow(points(0.5), make_setup("sector", 32), members=range(1), seed=0)


def test_a_table_of_several_members_or_of_too_few_points_is_refused() -> None:
    standardiser = Standardiser.fit({"rho": RHO}, ("rho",))
    with pytest.raises(ParameterError, match="one crystal per point"):
        LookUpTable(crystals(2), standardiser, 1, SETUP)
    with pytest.raises(ParameterError, match="neighbours=6"):
        LookUpTable(crystals(), standardiser, 6, SETUP)
