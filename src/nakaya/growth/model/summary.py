"""Trajectory to the few numbers that a terminal or a script wants to see."""

from __future__ import annotations

from typing import Any

import numpy as np

from nakaya.growth.model.trajectory import INITIAL, Trajectory

__all__ = ["summarise"]


def summarise(trajectory: Trajectory) -> dict[str, Any]:
    """Return model, parameters, geometry, seed and, for every member, steps, final area and stop reason."""
    lattice_axes = tuple(range(trajectory.steps.ndim, trajectory.arrival.ndim))
    return {
        "model": trajectory.metadata.model,
        "parameters": {name: np.asarray(values).tolist() for name, values in trajectory.parameters.items()},
        "geometry": dict(trajectory.metadata.geometry),
        "seed": trajectory.metadata.seed,
        "members": trajectory.num_members,
        "time_resolution": trajectory.metadata.time_resolution,
        "steps": trajectory.steps.tolist(),
        "areas": (trajectory.arrival >= INITIAL).sum(axis=lattice_axes).tolist(),
        "stopped_by": trajectory.stopped_by.tolist(),
    }
