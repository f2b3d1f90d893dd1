from __future__ import annotations

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.geometry import Sites
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains, DendriticGrains3D
from nakaya.growth.solvers.grains.model import (
    DENDRITIC,
    DENDRITIC_3D,
    DENDRITIC_REFERENCE,
    MODEL,
    MODEL_3D,
    REFERENCE,
    REFERENCE_3D,
)
from nakaya.growth.solvers.grains.parameters import Grains, Grains3D
from nakaya.testing.grower_contract import GrowerContract


class Contract(GrowerContract):
    model: GrowerModel
    shape: tuple[int, ...]
    edges = "periodic"
    initial: Sites | None = None

    def make_grower(self) -> Grower:
        return self.model.make()

    def make_points(self) -> list[Conditions]:
        if self.model.dimension == 2:
            return [Grains(site_density=3e10), Grains(site_density=0, nucleation_rate=1e9, facet_11=0.8)]
        return [Grains3D(site_density=2e15), Grains3D(site_density=0, nucleation_rate=1e15, facet_111=0.7)]

    def make_setup(self) -> GrowthSetup:
        margin = 2 if self.edges == "insulated" else None
        stop = self.model.stop(margin=margin, max_steps=2000)
        return self.model.setup(shape=self.shape, initial=self.initial, edges=self.edges, stop=stop)


class TestFast(Contract):
    model, shape = MODEL, (21, 18)


class TestFastInsulated(Contract):
    model, shape, edges = MODEL, (23, 20), "insulated"
    initial = ((11, 7),)


class TestReference(Contract):
    model, shape = REFERENCE, (16, 13)


class TestFastInSpace(Contract):
    model, shape = MODEL_3D, (11, 10, 12)


class TestReferenceInSpace(Contract):
    model, shape, edges = REFERENCE_3D, (8, 9, 7), "insulated"


class TestDendritic(Contract):
    model, shape, edges = DENDRITIC, (21, 18), "insulated"
    initial = ((11, 7),)

    def make_points(self) -> list[Conditions]:
        if self.model.dimension == 2:
            return [DendriticGrains(nuclei_density=7e7), DendriticGrains(nuclei_density=1e8, recalescence=2)]
        return [DendriticGrains3D(nuclei_density=3e12), DendriticGrains3D(nuclei_density=2e12, undercooling=7)]


class TestDendriticPeriodic(TestDendritic):
    edges = "periodic"


class TestDendriticReference(TestDendritic):
    model, shape, initial = DENDRITIC_REFERENCE, (13, 12), ((6, 5),)


class TestDendriticInSpace(TestDendritic):
    model, shape, initial = DENDRITIC_3D, (11, 9, 10), None
