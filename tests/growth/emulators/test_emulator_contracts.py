"""The contract of growers, kept by a tiny CGNE and by the look-up table."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.growth.emulators.cgne.package import CgnePackage  # noqa: E402
from nakaya.growth.emulators.controls.lookup import LookUpTable  # noqa: E402
from nakaya.growth.emulators.stepwise.config import TrainedFor  # noqa: E402
from nakaya.growth.emulators.stepwise.emulator import StepEmulator  # noqa: E402
from nakaya.growth.lattice.geometry import make_setup, stop_mask  # noqa: E402
from nakaya.growth.model.grower import Grower  # noqa: E402
from nakaya.growth.model.parameters import Conditions  # noqa: E402
from nakaya.growth.model.setup import GrowthSetup, StopRules  # noqa: E402
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata  # noqa: E402
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath  # noqa: E402
from nakaya.learn.normalisation import Standardiser  # noqa: E402
from nakaya.testing.grower_contract import GrowerContract  # noqa: E402


class EmulatorContract(GrowerContract):
    def make_points(self) -> list[Conditions]:
        return [GravnerGriffeath(rho=0.45), GravnerGriffeath(rho=0.6)]


class TestTinyCgne(EmulatorContract):
    network: ClassVar[Any]

    @pytest.fixture(autouse=True)
    def _lively(self, tiny_network: Any) -> None:
        with torch.no_grad():
            tiny_network.decoder.head.weight.mul_(6.0)
            tiny_network.decoder.head.bias.fill_(-1.0)
        type(self).network = tiny_network

    def make_grower(self) -> Grower:
        trained_for = TrainedFor(32, 5, {"rho": 0.35}, {"rho": 0.64}, {})
        family = GravnerGriffeath.family
        package = CgnePackage("tiny", family, family, self.network.config, trained_for, {}, "0", {})
        return StepEmulator(package, self.network)

    def make_setup(self) -> GrowthSetup:
        return make_setup("sector", 32, stop=StopRules(max_steps=80))


class TestLookUp(EmulatorContract):
    def make_grower(self) -> Grower:
        rng = np.random.default_rng(0)
        arrival = rng.integers(-1, 50, (9, 1, 16, 16)).astype(np.int32)
        arrival[arrival == 0] = 1
        arrival[:, :, 0, 0] = 0
        arrival[..., stop_mask(self.make_setup())] = 50  # where the front ends the growth
        rho = np.linspace(0.35, 0.64, 9)
        parameters = {
            name: rho if name == "rho" else np.full(9, value)
            for name, value in GravnerGriffeath(rho=0.5).parameters().items()
        }
        metadata = TrajectoryMetadata("gravner-griffeath", "0", 0, self.make_setup().as_metadata(), "0")
        crystals = Trajectory(arrival, np.full((9, 1), 50), np.zeros((9, 1), np.int8), parameters, metadata)
        return LookUpTable(crystals, Standardiser.fit({"rho": rho}, ("rho",)), 5, self.make_setup())

    def make_setup(self) -> GrowthSetup:
        return make_setup("sector", 16)
