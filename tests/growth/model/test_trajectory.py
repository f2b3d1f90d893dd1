from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nakaya.core.errors import ParameterError
from nakaya.growth.model.trajectory import NEVER, Trajectory, TrajectoryMetadata, occupancy_at

METADATA = TrajectoryMetadata(model="test", model_hash="00", seed=1, geometry={}, package_version="0")
ARRIVALS = hnp.arrays(np.int32, (2, 3, 4, 4), elements=st.integers(NEVER, 20))


def make(arrival: np.ndarray) -> Trajectory:
    shape = arrival.shape[:2]
    return Trajectory(
        arrival=arrival,
        steps=np.full(shape, 20, np.int64),
        stop_codes=np.zeros(shape, np.int8),
        parameters={"rho": np.array([0.4, 0.5])},
        metadata=METADATA,
    )


@given(ARRIVALS, st.integers(0, 21))
def test_a_crystal_only_grows(arrival: np.ndarray, step: int) -> None:
    crystals = make(arrival)
    assert not (crystals.at(step) & ~crystals.at(step + 1)).any()
    assert (crystals.at(step + 1) & ~crystals.at(step) == (arrival == step + 1)).all()


@given(ARRIVALS)
def test_the_initial_crystal_is_step_zero_and_never_is_never(arrival: np.ndarray) -> None:
    crystals = make(arrival)
    assert (crystals.at(0) == (arrival == 0)).all()
    assert (crystals.at(2**31 - 2) == (arrival >= 0)).all()


@given(ARRIVALS, st.integers(0, 1))
def test_a_point_of_a_sequence_is_that_point(arrival: np.ndarray, index: int) -> None:
    crystals = make(arrival)
    one = crystals.point(index)
    assert (one.arrival == arrival[index]).all()
    assert one.parameters["rho"] == crystals.parameters["rho"][index]
    assert (crystals.num_points, one.num_points, one.num_members) == (2, 1, 3)
    assert one.lattice_shape == crystals.lattice_shape == (4, 4)
    assert one.point(0) is one


def test_occupancy_takes_a_step_for_each_member() -> None:
    arrival = np.array([[[0, 3]], [[0, 3]]], np.int32)
    steps = np.array([2, 3])[:, None, None]
    assert occupancy_at(arrival, steps).tolist() == [[[True, False]], [[True, True]]]


def test_wrong_points_and_steps_are_refused() -> None:
    crystals = make(np.zeros((2, 3, 4, 4), np.int32))
    with pytest.raises(ParameterError, match="point 2 does not exist: there are 2"):
        crystals.point(2)
    with pytest.raises(ParameterError, match="step=-1 is negative"):
        crystals.at(-1)


def test_stop_reasons_are_words() -> None:
    assert make(np.zeros((2, 3, 4, 4), np.int32)).stopped_by[0, 0] == "front"
