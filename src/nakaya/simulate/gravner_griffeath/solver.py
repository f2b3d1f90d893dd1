"""The exact solvers of the Gravner-Griffeath model, as growers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import numpy as np

from nakaya.core.conditions import Conditions, point_hash
from nakaya.core.grower import Progress
from nakaya.core.growth import GrowthSetup
from nakaya.core.provenance import package_version, sha256_of_bytes
from nakaya.core.randomness import member_key
from nakaya.core.trajectory import Trajectory, TrajectoryMetadata
from nakaya.simulate.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.simulate.gravner_griffeath.reference import grow_member

__all__ = ["RULES_VERSION", "ReferenceSolver", "make_reference"]

RULES_VERSION = "gravner-griffeath rules 1: flux form, axis-symmetric sums, float32, threefry2x32-20 bits"
"""Names the arithmetic and the noise. Whoever changes a crystal changes this text."""


class ReferenceSolver:
    """The published model in plain NumPy: slow, clear, the definition."""

    name: ClassVar[str] = "gravner-griffeath-reference"
    family: ClassVar[str] = GravnerGriffeath.family

    def grow(
        self,
        conditions: Sequence[Conditions],
        setup: GrowthSetup,
        *,
        members: range,
        seed: int,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Trajectory:
        """Grow `members` at every point; see `nakaya.core.grower.Grower`."""
        points = cast(Sequence[GravnerGriffeath], conditions)
        shape = (len(points), len(members))
        arrival = np.empty((*shape, *setup.shape), np.int32)
        steps, codes = np.empty(shape, np.int64), np.empty(shape, np.int8)
        for i, point in enumerate(points):
            for j, member in enumerate(members):
                growth = grow_member(point, setup, member_key(seed, point_hash(point), member))
                arrival[i, j], steps[i, j], codes[i, j] = growth.arrival, growth.steps, growth.stop_code
                if progress is not None:
                    progress(1)
        metadata = TrajectoryMetadata(
            model=self.name,
            model_hash=sha256_of_bytes(RULES_VERSION.encode()),
            seed=seed,
            geometry=setup.as_metadata(),
            package_version=package_version(),
        )
        parameters = {name: np.array([point.parameters()[name] for point in points]) for name in points[0].ranges}
        return Trajectory(arrival, steps, codes, parameters, metadata)


def make_reference() -> ReferenceSolver:
    """The reference solver."""
    return ReferenceSolver()


def make() -> ReferenceSolver:
    """The solver of everyday use."""
    return ReferenceSolver()
