"""Random arrival times: not crystals, but everything that a trajectory may hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nakaya.growth.model.trajectory import FinalField, Trajectory, TrajectoryMetadata


def make_crystals(
    points: int | None,
    members: int,
    lattice: tuple[int, ...] = (9, 9),
    *,
    grain: bool = False,
    fields: Sequence[str] = (),
    spacing: float | None = None,
    edges: str = "reservoir",
    max_steps: int = 5000,
    seed: int = 0,
) -> Trajectory:
    """Crystals at so many points; `points=None`: no axis of points. Two dimensions are hexagonal, three cubic."""
    rng = np.random.default_rng(seed)
    leading = (members,) if points is None else (points, members)
    steps = rng.integers(0, max_steps, leading)
    arrival = rng.integers(-1, steps.reshape(*leading, *[1] * len(lattice)) + 1, (*leading, *lattice)).astype(np.int32)
    size = {"size": lattice[0]} if len(set(lattice)) == 1 else {"shape": list(lattice)}
    metadata = TrajectoryMetadata(
        model="gravner-griffeath",
        model_hash="0123abc",
        seed=2**63 - 1,
        geometry={
            "name": "sector", **size, "edges": edges, "initial": [[0, 0]],
            "stop": {"margin": 5, "max_steps": None},
        },
        package_version="0.1.0",
        lattice="hexagonal" if len(lattice) == 2 else "cubic",
        dimension=len(lattice),
        step_duration=0.1 + 0.2,
        site_spacing=spacing,
        time_resolution=3,
        fields=tuple(FinalField(name, "K", f"the {name}") for name in fields),
    )  # fmt: skip
    shape = () if points is None else (points,)
    parameters = {"rho": np.asarray(rng.random(shape)), "sigma": np.asarray(rng.random(shape) * 1e-300)}
    return Trajectory(
        arrival,
        steps,
        rng.integers(0, 3, leading).astype(np.int8),
        parameters,
        metadata,
        rng.integers(-1, 4, arrival.shape).astype(np.int32) if grain else None,
        {name: rng.random(arrival.shape).astype(np.float32) for name in fields},
    )
