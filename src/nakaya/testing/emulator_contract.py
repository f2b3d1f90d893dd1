"""The contract that every emulator keeps, besides that of growers, as tests to inherit."""

from __future__ import annotations

import math

from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.protocol import Emulator
from nakaya.testing.grower_contract import MEMBERS, GrowerContract

__all__ = ["EmulatorContract"]


class EmulatorContract(GrowerContract):
    """Promises of `nakaya.growth.emulators.protocol.Emulator`. Subclasses say what to test, as for growers."""

    def make_emulator(self) -> Emulator:
        """The grower under test, as an emulator."""
        grower = self.make_grower()
        assert isinstance(grower, Emulator)
        return grower

    def test_it_names_a_solver_of_the_same_parameters(self) -> None:
        """The solver that it learned from is there, and takes the same points."""
        emulator = self.make_emulator()
        assert find_model(emulator.facts.solver).family.family == emulator.family

    def test_times_are_multiples_of_its_resolution(self) -> None:
        """It invents no times between the moments that it knows of."""
        resolution = self.make_emulator().facts.time_resolution
        crystals = self.grow(self.make_points(), range(MEMBERS))
        assert crystals.metadata.time_resolution == resolution
        assert (crystals.arrival[crystals.arrival >= 0] % resolution == 0).all()

    def test_its_cost_and_training_can_be_told(self) -> None:
        """Sizes, operations and the cost of the training are numbers."""
        emulator = self.make_emulator()
        assert all(isinstance(count, int) and count >= 0 for count in emulator.facts.parameters.values())
        operations = emulator.operations_per_crystal(100.0)
        assert math.isfinite(operations)
        assert operations >= 0
        training = emulator.facts.training
        assert {"campaign", "validation_points", "split_seed", "updates", "validation", "cost"} <= set(training)
        assert {"seconds", "cpu_seconds"} <= set(training["cost"])
