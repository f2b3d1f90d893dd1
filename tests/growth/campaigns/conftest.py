from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from nakaya.growth.campaigns import campaigning, repairing
from nakaya.growth.campaigns import tasks as campaign_tasks
from nakaya.growth.campaigns.config import CampaignConfig
from nakaya.growth.campaigns.sampling import Axis, PointsPlan
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath


class ToyGrower:
    """Keeps the promise of a grower, that a crystal depends on (seed, point, member) alone, at no cost."""

    name = "toy"
    family = "gravner-griffeath"

    def __init__(self) -> None:
        self.model_hash = "1"
        self.with_grain = False
        self.grown: list[tuple[float, int]] = []
        self.before_each: Callable[[int], None] = lambda number: None

    def grow(
        self,
        conditions: Sequence[Conditions],
        setup: GrowthSetup,
        *,
        members: range,
        seed: int,
        workers: int = 1,
        progress: object = None,
    ) -> Trajectory:
        self.before_each(len(self.grown))
        shape = (len(conditions), len(members))
        arrival = np.empty((*shape, *setup.shape), np.int32)
        for i, point in enumerate(conditions):
            for j, member in enumerate(members):
                draw = np.random.default_rng([seed, point_hash(point), member])
                arrival[i, j] = draw.integers(-1, 100, setup.shape)
                self.grown.append((point.parameters()["rho"], member))
        metadata = TrajectoryMetadata("toy", self.model_hash, seed, setup.as_metadata(), "0.1.0")
        parameters = {
            name: np.array([point.parameters()[name] for point in conditions]) for name in conditions[0].ranges
        }
        grain = (arrival % 3).astype(np.int32) if self.with_grain else None
        return Trajectory(arrival, np.full(shape, 100), np.zeros(shape, np.int8), parameters, metadata, grain)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyGrower:
    """The toy in place of every model, in this process."""
    grower = ToyGrower()
    model = GrowerModel("toy", GravnerGriffeath, grower=lambda: grower)
    for module in (campaigning, repairing):
        monkeypatch.setattr(module, "find_model", lambda name: model)
    monkeypatch.setattr(campaign_tasks, "find_grower", lambda name: grower)
    campaign_tasks._grower.cache_clear()
    return grower


@pytest.fixture
def sweep() -> CampaignConfig:
    """Ten points of five members, in nine shards of 2 points x 3 members or less."""
    return CampaignConfig(
        setup=make_setup("sector", 12),
        points=PointsPlan("uniform", {"rho": Axis(0.4, 0.6)}, 10, seed=3),
        members=5,
        model="toy",
        seed=7,
        crystals_per_shard=10,
    )
