"""The contract kits, inherited."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_crystals import eden, log, memory, warm_cubes

import nakaya
from nakaya.core.errors import ParameterError
from nakaya.testing.emulator_contract import EmulatorContract
from nakaya.testing.grower_contract import GrowerContract
from nakaya.testing.reader_contract import ReaderContract


class TestEden(GrowerContract):
    def make_grower(self):
        return eden.MODEL.make()

    def make_points(self):
        return [eden.Eden(rate=0.3), eden.Eden(rate=0.6, bias=0.5)]

    def make_setup(self):
        return eden.MODEL.setup(shape=(16, 12), stop=eden.MODEL.stop(margin=2))


class TestWarmCubes(GrowerContract):
    def make_grower(self):
        return warm_cubes.MODEL.make()

    def make_points(self):
        return [warm_cubes.WarmCubes(temperature=230), warm_cubes.WarmCubes(temperature=260)]

    def make_setup(self):
        rules = warm_cubes.MODEL.stop(margin=1, max_steps=20)
        return warm_cubes.MODEL.setup(
            "full", shape=(8, 9, 10), edges="periodic", initial=[(2, 2, 2), (5, 6, 7)], stop=rules
        )


class TestMemory(EmulatorContract):
    """Of the emulator that `nakaya train` has made in the folder run/ before."""

    def make_grower(self):
        return memory.Memory(Path("run/model"))

    def make_points(self):
        return [eden.Eden(rate=0.3), eden.Eden(rate=0.6)]

    def make_setup(self):
        return self.make_grower().table.setup


class TestLog(ReaderContract):
    def make_reader(self):
        return log.READER

    def make_file(self, folder):
        file = folder / "toy.log"
        file.write_text("first 1.5\nsecond 2.5\n")
        return file


def test_the_broken_model_says_whose_fault_it_is():
    from nakaya.core.errors import PluginError
    from nakaya.growth.catalogue import find_model

    with pytest.raises(PluginError, match="'toy-broken' of the package toy-crystals .*ModuleNotFoundError"):
        find_model("toy-broken")


def test_a_point_of_another_model_leads_to_its_model():
    with pytest.raises(ParameterError, match="name model='eden', which grows it"):
        nakaya.grow(eden.Eden(rate=0.3), size=16, seed=1)
