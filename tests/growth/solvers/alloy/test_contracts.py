from __future__ import annotations

from typing import ClassVar

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.geometry import Sites
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.alloy.model import DIRECTIONAL, MODEL, REFERENCE
from nakaya.growth.solvers.alloy.parameters import Alloy, DirectionalAlloy
from nakaya.testing.grower_contract import GrowerContract


class Contract(GrowerContract):
    model: GrowerModel
    shape: tuple[int, ...]
    geometry = "full"
    edges = "insulated"
    initial: Sites | None = None
    has_noise: ClassVar[bool] = False  # at one temperature; in a gradient the first interface carries it

    def make_grower(self) -> Grower:
        return self.model.make()

    def make_points(self) -> list[Conditions]:
        return [Alloy(supersaturation=value, capillary_length=0.5, seed_radius=7) for value in (0.6, 0.7)]

    def make_setup(self) -> GrowthSetup:
        stop = self.model.stop(margin=2, max_steps=60)
        return self.model.setup(self.geometry, shape=self.shape, initial=self.initial, edges=self.edges, stop=stop)


class InGradient(Contract):
    edges = "periodic"
    has_noise = True

    def make_points(self) -> list[Conditions]:
        return [
            DirectionalAlloy(
                partition=0.3,
                capillary_length=0.25,
                pulling_speed=value,
                gradient=1e-3,
                start_undercooling=1,
                perturbation=1,
                seed_radius=16,
            )
            for value in (0.012, 0.018)
        ]


class TestFast(Contract):
    model, shape = MODEL, (20, 18)


class TestFastQuarter(Contract):
    model, shape, geometry = MODEL, (14, 14), "quarter"


class TestReference(Contract):
    model, shape = REFERENCE, (14, 14)

    def make_setup(self) -> GrowthSetup:
        return self.model.setup(shape=self.shape, stop=self.model.stop(margin=2, max_steps=30))


class TestFastInGradient(InGradient):
    model, shape = DIRECTIONAL, (24, 18)


class TestFastSeedsInGradient(InGradient):
    model, shape, initial = DIRECTIONAL, (24, 18), ((0, 3), (4, 12))
