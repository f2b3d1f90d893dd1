"""A trained posterior, and what it answers about one crystal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.growth.inference.answer import Answer
from nakaya.growth.inference.config import PosteriorSettings
from nakaya.growth.inference.measures import ShapeMeasures
from nakaya.growth.inference.network import PosteriorNetwork
from nakaya.growth.inference.observing import SHADES, shrink_pictures
from nakaya.growth.inference.package import PosteriorPackage, read_package
from nakaya.learn.checkpoints import parse_weights
from nakaya.learn.threads import torch_threads

__all__ = ["Posterior", "load_posterior", "measures_of"]

AT_ONCE = 256
"""Crystals that are asked for together: bounds the memory."""


def measures_of(lattice: str, size: int, settings: PosteriorSettings) -> ShapeMeasures:
    """Return the measures that a posterior of these settings is told."""
    return ShapeMeasures(lattice, (size, size), has_times=settings.has_times)


@dataclass(frozen=True)
class Posterior:
    """Density of the conditions that grew a crystal, given what is seen of it.

    Attributes:
        package: What it was trained for.
        network: With its trained weights.
    """

    package: PosteriorPackage
    network: PosteriorNetwork

    def ask(
        self,
        arrival: ArrivalMap,
        steps: IntArray | None = None,
        *,
        draws: int = 1000,
        seed: int,
    ) -> list[Answer]:
        """Return the posterior of every crystal, as draws of its conditions.

        Args:
            arrival: int32 [crystal, row, column]: the mirrored part that the posterior was trained for; negative = not
                attached. Where no times are told any number >= 0 is an attached site.
            steps: Steps until each crystal stopped, [crystal]; needed where times are told.
            draws: Of each crystal, at least one for each member of the network.
            seed: Of the draws.

        Raises:
            ParameterError: The crystals have another shape, are empty, or times are missing.
        """
        package = self.package
        if draws < package.settings.members:
            raise ParameterError(f"draws={draws}: expected at least {package.settings.members}, one for each network")
        measures = measures_of(package.lattice, package.size, package.settings).of(arrival, steps)
        generator = torch.Generator().manual_seed(seed)
        found = []
        with torch.no_grad(), torch_threads(1):
            for start in range(0, len(arrival), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                told, picture = self._told(arrival[part], measures[part])
                unbounded = self.network.draw(told, picture, draws, generator=generator).double().numpy()
                distance = self.network.distance(torch.as_tensor(measures[part], dtype=torch.float32)).double().numpy()
                values = package.prior.from_unbounded(unbounded)
                found += [
                    Answer(package.prior, one, float(far), package.distances)
                    for one, far in zip(values, distance, strict=True)
                ]
        return found

    def statistics(self, arrival: ArrivalMap, steps: IntArray | None = None) -> FloatArray:
        """Return what the posterior keeps of crystals: float64 [crystal, statistic].

        Two crystals of equal statistics have equal posteriors. They are those of regressions, where there are any, else
        those of the network's members one after another.
        """
        measures = measures_of(self.package.lattice, self.package.size, self.package.settings).of(arrival, steps)
        with torch.no_grad(), torch_threads(1):
            told, picture = self._told(arrival, measures)
            if self.package.settings.regressed:
                return np.asarray(told.double().numpy())
            return np.asarray(torch.cat(self.network.statistics(told, picture), dim=1).double().numpy())

    def _told(self, arrival: ArrivalMap, measures: FloatArray) -> tuple[torch.Tensor, torch.Tensor | None]:
        settings = self.package.settings
        told = self.network.tell(torch.as_tensor(measures, dtype=torch.float32))
        if settings.sees == "measures":
            return told, None
        return told, torch.as_tensor(shrink_pictures(arrival, settings.side)).float() / SHADES


def load_posterior(folder: Path) -> Posterior:
    """Open the posterior in a folder.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: It is no posterior of ours, or a damaged one.
    """
    package, weights = read_package(folder)
    state = parse_weights(weights)
    network = PosteriorNetwork(
        package.prior.num_parameters,
        len(measures_of(package.lattice, package.size, package.settings).names),
        package.settings,
        len(state["support"]) if package.settings.regressed else 0,
    )
    network.load_state_dict(state)
    return Posterior(package, network.eval())
