"""Growth curves against measures of masks made one by one, and known velocities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nakaya.growth.lattice.lattice import hexagonal_distance
from nakaya.growth.model.trajectory import occupancy_at
from nakaya.growth.morphology import (
    area,
    boundary_sites,
    growth_curve,
    mean_tip_velocity,
    tip_radius,
    tip_velocity,
)

ROUNDING = 1e-12


def growing_hexagon(reach, steps_per_ring):
    """A hexagon that gains one ring every few steps."""
    offsets = np.indices((2 * reach + 3, 2 * reach + 3)) - (reach + 1)
    rings = hexagonal_distance(*offsets)
    return np.where(rings <= reach, rings * steps_per_ring, -1).astype(np.int32)


@settings(max_examples=30, deadline=None)
@given(
    arrays(np.int32, (2, 6, 7), elements=st.integers(-1, 9)),
    st.lists(st.integers(0, 12), min_size=1, max_size=5),
    st.sampled_from(["reservoir", "periodic"]),
)
def test_the_curve_is_made_of_the_measures_at_each_step(arrival, at_steps, edges):
    at_steps = np.sort(np.array(at_steps))
    curve = growth_curve(arrival, at_steps, edges=edges, origin=(2, 5))
    for index, step in enumerate(at_steps):
        attached = occupancy_at(arrival, int(step))
        assert (curve.area[:, index] == area(attached)).all()
        assert (curve.boundary_sites[:, index] == boundary_sites(attached, edges=edges)).all()
        expected = tip_radius(attached, origin=(2, 5))
        assert curve.tip_radius[:, index] == pytest.approx(expected, rel=ROUNDING, nan_ok=True)


def test_a_growing_hexagon_has_its_known_curve():
    arrival = growing_hexagon(10, 4)
    curve = growth_curve(arrival, np.array([0, 3, 4, 20, 40, 1000]), origin=(11, 11))
    rings = np.array([0, 0, 1, 5, 10, 10])
    assert (curve.area == 3 * rings * (rings + 1) + 1).all()
    assert (curve.boundary_sites == 6 * (rings + 1)).all()
    assert (curve.tip_radius == rings).all()
    assert tip_velocity(curve) == pytest.approx([0, 1, 4 / 16, 5 / 20, 0], rel=ROUNDING)
    assert mean_tip_velocity(arrival, origin=(11, 11)) == pytest.approx(0.25, rel=ROUNDING)


def test_velocities_without_growth_or_time_are_marked():
    seed_only = np.full((7, 7), -1, np.int32)
    seed_only[3, 3] = 0
    assert np.isnan(mean_tip_velocity(seed_only, origin=(3, 3)))
    assert np.isnan(mean_tip_velocity(np.full((7, 7), -1, np.int32), origin=(3, 3)))
    assert np.isnan(tip_velocity(growth_curve(seed_only, np.array([5, 5]), origin=(3, 3)))).all()


def test_the_tip_velocity_counts_from_the_edge_of_a_large_seed():
    arrival = growing_hexagon(8, 3)
    arrival[arrival <= 9] = np.where(arrival[arrival <= 9] >= 0, 0, -1)  # rings 0 to 3 are the initial crystal
    assert mean_tip_velocity(arrival, origin=(9, 9)) == pytest.approx((8 - 3) / 24, rel=ROUNDING)
