from __future__ import annotations

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.geometry import Sites
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field.model import MODEL, MODEL_3D, REFERENCE, REFERENCE_3D
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D
from nakaya.testing.grower_contract import GrowerContract

SEED = 9.0
"""Radius in d0: three sites."""


class Contract(GrowerContract):
    model: GrowerModel
    shape: tuple[int, ...]
    geometry = "full"
    edges = "insulated"
    initial: Sites | None = None

    def make_grower(self) -> Grower:
        return self.model.make()

    def make_points(self) -> list[Conditions]:
        family = PhaseField if self.model.dimension == 2 else PhaseField3D
        return [family(noise=noise, undercooling=0.8, seed_radius=SEED) for noise in (0.1, 0.3)]

    def make_setup(self) -> GrowthSetup:
        stop = self.model.stop(margin=2, max_steps=150)
        return self.model.setup(self.geometry, shape=self.shape, initial=self.initial, edges=self.edges, stop=stop)


class TestFast(Contract):
    model, shape = MODEL, (20, 18)


class TestFastQuarter(Contract):
    model, shape, geometry = MODEL, (12, 12), "quarter"


class TestFastPeriodic(Contract):
    model, shape, edges = MODEL, (22, 20), "periodic"
    initial = ((0, 3), (12, 12))


class TestReference(Contract):
    model, shape = REFERENCE, (16, 16)


class TestFastInSpace(Contract):
    model, shape = MODEL_3D, (14, 13, 15)


class TestFastOctant(Contract):
    model, shape, geometry = MODEL_3D, (9, 9, 9), "octant"


class TestReferenceInSpace(Contract):
    model, shape, geometry = REFERENCE_3D, (8, 8, 8), "octant"
