from __future__ import annotations

import numpy as np
import pytest

from nakaya.growth.lattice.lattice import D6, apply_symmetry, hexagonal_distance
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.viz.crystals.view import CrystalView, view_crystal

FULL = {"name": "full", "size": 41, "edges": "reservoir"}


def make_symmetric_arrival(size: int = 41, seed: int = 3) -> np.ndarray:
    """A made-up crystal with exactly the lattice's symmetry: later outwards, ragged, with holes."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size)) - size // 2
    distance = hexagonal_distance(rows, columns)
    draws = rng.random((size, size))
    even = np.min([apply_symmetry(draws, element, fill=1.0) for element in D6], axis=0)
    arrival = np.rint(8 * distance + 60 * even).astype(np.int32)
    arrival[(even > 0.12 + 0.3 * (distance < 6)) | (distance > size // 2 - 3)] = -1
    arrival[size // 2, size // 2] = 0
    return arrival


@pytest.fixture(scope="session")
def symmetric_arrival() -> np.ndarray:
    return make_symmetric_arrival()


@pytest.fixture(scope="session")
def crystal(symmetric_arrival) -> CrystalView:
    return view_crystal(symmetric_arrival, FULL, steps=int(symmetric_arrival.max()))


@pytest.fixture(scope="session")
def crystals() -> list[CrystalView]:
    arrivals = [make_symmetric_arrival(seed=seed) for seed in range(5)]
    return [view_crystal(arrival, FULL, steps=int(arrival.max())) for arrival in arrivals]


@pytest.fixture
def trajectory(symmetric_arrival) -> Trajectory:
    """Two points of three members."""
    arrival = np.stack([symmetric_arrival] * 6).reshape(2, 3, *symmetric_arrival.shape)
    return Trajectory(
        arrival=arrival,
        steps=np.full((2, 3), int(arrival.max()), np.int64),
        stop_codes=np.zeros((2, 3), np.int8),
        parameters={"rho": np.array([0.4, 0.5]), "beta": np.array([1.1, 1.3]), "sigma": np.array([5e-5, 5e-5])},
        metadata=TrajectoryMetadata("made-up", "0" * 64, 7, FULL, "0"),
    )
