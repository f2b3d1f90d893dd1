"""What one family of stepwise emulators adds to what they share, and how its folders are opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nakaya.core.errors import FormatError
from nakaya.growth.emulators.stepwise.config import StepConfig
from nakaya.growth.emulators.stepwise.emulator import StepEmulator
from nakaya.growth.emulators.stepwise.network import StepNetwork
from nakaya.growth.emulators.stepwise.package import StepPackage, read_package
from nakaya.learn.checkpoints import parse_weights

__all__ = ["StepFamily"]


@dataclass(frozen=True)
class StepFamily:
    """A family of stepwise emulators.

    Attributes:
        package: Class of what its config.json says; knows the family's name.
        config: Class of its sizes and clock.
        network: Makes its networks from those, with random weights.
    """

    package: type[StepPackage]
    config: type[StepConfig]
    network: Callable[[Any], StepNetwork]

    def load(self, folder: Path) -> StepEmulator:
        """Return the trained emulator in a folder.

        Raises:
            InputFileError: A file is missing or cannot be read.
            FormatError: It is none of this family, is damaged, or the weights do not fit the description.
        """
        package, content = read_package(folder, self.package)
        with torch.random.fork_rng(devices=[]):  # the random weights are replaced at once
            network = self.network(package.network)
        for name in network.parts():  # only training needs the others, and only training has their weights
            if name not in package.for_growing:
                delattr(network, name)
        try:
            network.load_state_dict(parse_weights(content))
        except (RuntimeError, ValueError) as error:
            raise FormatError(f"the weights in {folder} do not fit its description: copy the folder again") from error
        return StepEmulator(package, network)
