from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata


def make_crystals(
    points: int | None, members: int, lattice: tuple[int, ...] = (9, 9), *, grain: bool = False, seed: int = 0
) -> Trajectory:
    """Random arrival times: not crystals, but everything that a store may hold. `points=None`: no axis of points."""
    rng = np.random.default_rng(seed)
    leading = (members,) if points is None else (points, members)
    steps = rng.integers(0, 5000, leading)
    arrival = rng.integers(-1, steps.reshape(*leading, *[1] * len(lattice)) + 1, (*leading, *lattice)).astype(np.int32)
    metadata = TrajectoryMetadata(
        model="gravner-griffeath",
        model_hash="0123abc",
        seed=2**63 - 1,
        geometry={"name": "sector", "size": lattice[0], "initial": [[0, 0]], "stop": {"margin": 5, "max_steps": None}},
        package_version="0.1.0",
        lattice="hexagonal" if len(lattice) == 2 else "cubic",
        dimension=len(lattice),
        step_duration=0.1 + 0.2,
        time_resolution=3,
    )
    shape = () if points is None else (points,)
    parameters = {"rho": np.asarray(rng.random(shape)), "sigma": np.asarray(rng.random(shape) * 1e-300)}
    return Trajectory(
        arrival,
        steps,
        rng.integers(0, 3, leading).astype(np.int8),
        parameters,
        metadata,
        rng.integers(-1, 4, arrival.shape).astype(np.int32) if grain else None,
    )


@pytest.fixture(scope="session")
def crystals() -> Callable[..., Trajectory]:
    return make_crystals
