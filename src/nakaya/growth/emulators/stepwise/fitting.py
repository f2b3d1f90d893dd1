"""From simulated crystals to a trained stepwise emulator in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.growth.emulators.stepwise.card import model_card
from nakaya.growth.emulators.stepwise.config import StepConfig, StepSchedule, TrainedFor
from nakaya.growth.emulators.stepwise.data import FrameSequences, frame_sequences
from nakaya.growth.emulators.stepwise.family import StepFamily
from nakaya.growth.emulators.stepwise.network import StepNetwork, in_channels_last, num_parameters
from nakaya.growth.emulators.stepwise.package import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, StepPackage
from nakaya.growth.emulators.stepwise.task import HeldOut, StepTask
from nakaya.learn.checkpoints import save_weights
from nakaya.learn.config import LoopConfig
from nakaya.learn.loop import Fitted, Report, fit
from nakaya.learn.normalisation import Standardiser
from nakaya.learn.ranks import ALONE, Ranks
from nakaya.learn.threads import torch_threads

__all__ = ["Crystals", "complete_config", "fit_network", "network_parameters", "write_package"]

Config = TypeVar("Config", bound=StepConfig)


@dataclass(frozen=True)
class Crystals:
    """Finished crystals of a solver and their parameters.

    Attributes:
        arrival: int32 [crystal, row, column], in solver steps.
        steps: int64 [crystal].
        parameters: float64 [crystal] by name.
    """

    arrival: ArrivalMap
    steps: IntArray
    parameters: Mapping[str, FloatArray]

    def some(self, count: int) -> Crystals:
        """Return at most so many of them, evenly spread."""
        chosen = np.unique(np.linspace(0, len(self.steps) - 1, min(count, len(self.steps))).astype(np.int64))
        parameters = {name: values[chosen] for name, values in self.parameters.items()}
        return Crystals(self.arrival[chosen], self.steps[chosen], parameters)

    def frames(self, config: StepConfig) -> FrameSequences:
        """Return the frames that a network of this configuration sees of them."""
        names = tuple(config.condition_mean)
        standardiser = Standardiser(
            names,
            tuple(config.condition_mean[name] for name in names),
            tuple(config.condition_scale[name] for name in names),
        )
        condition = standardiser.apply(self.parameters)
        return frame_sequences(self.arrival, self.steps, condition, stride=config.stride, lookahead=config.lookahead)


def fit_network(
    family: StepFamily,
    training: Crystals,
    validation: Crystals,
    config: StepConfig,
    schedule: StepSchedule,
    loop: LoopConfig,
    *,
    trained_for: TrainedFor,
    threads: int,
    folder: Path | None,
    fingerprint: str,
    report: Report | None = None,
    stop_after: int | None = None,
    ranks: Ranks = ALONE,
) -> tuple[StepNetwork, StepConfig, Fitted]:
    """Train the networks of a family, or go on with their training; see `nakaya.learn.loop.fit`.

    Args:
        family: Whose networks.
        training: Crystals to learn from.
        validation: Crystals at other parameter points.
        config: Networks and clock; the standardisation of the conditions is filled in from the training crystals.
        schedule: Batches, unrolling, dropout, annealing, weights.
        loop: Updates, learning rate and so on.
        trained_for: Names the conditions (the parameters that vary) and the stop rule of the crystals.
        threads: Threads that torch computes with; the last bits of the weights may depend on it.
        folder: Of the checkpoint and the metrics.
        fingerprint: Of configuration and crystals.
        report: Called after every update.
        stop_after: Stop early, as if interrupted.
        ranks: The processes that train together.

    Returns:
        The networks with the averaged weights, their completed configuration, and the run's figures.
    """
    config = complete_config(config, training, trained_for)
    held_out = HeldOut(
        validation.frames(config), validation.arrival, validation.steps, trained_for.margin, family.package.stream
    )
    task = StepTask(training.frames(config), held_out, schedule, config, ranks=ranks)
    with torch_threads(threads):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(loop.seed)
            network = in_channels_last(family.network(config))
        fitted = fit(
            network,
            task,
            loop,
            folder=folder,
            fingerprint=fingerprint,
            report=report,
            stop_after=stop_after,
            ranks=ranks,
        )
    network.load_state_dict(fitted.weights)
    return network, config, fitted


def complete_config(config: Config, training: Crystals, trained_for: TrainedFor) -> Config:
    """Fill in the standardisation of the conditions from the training crystals."""
    standardiser = Standardiser.fit(training.parameters, tuple(trained_for.low))
    return replace(
        config,
        condition_mean=dict(zip(standardiser.names, standardiser.mean, strict=True)),
        condition_scale=dict(zip(standardiser.names, standardiser.scale, strict=True)),
    )


def network_parameters(network: StepNetwork, kind: type[StepPackage]) -> dict[str, int]:
    """Trainable values by network; first those that growing needs."""
    parts = network.parts()
    ordered = sorted(parts, key=lambda name: name not in kind.for_growing)
    return {name: num_parameters(parts[name]) for name in ordered}


def write_package(
    folder: Path,
    network: StepNetwork,
    kind: type[StepPackage],
    *,
    name: str,
    family: str,
    solver: str,
    trained_for: TrainedFor,
    training: Mapping[str, Any],
) -> StepPackage:
    """Write the weights that growing needs, config.json and the model card into a folder that exists.

    Returns:
        What config.json says.
    """
    weights = {key: value for key, value in network.state_dict().items() if key.partition(".")[0] in kind.for_growing}
    save_weights(folder / WEIGHTS_FILE, weights)
    package = kind(
        name=name,
        family=family,
        solver=solver,
        network=network.config,
        trained_for=trained_for,
        parameters=network_parameters(network, kind),
        weights_sha256=sha256_of_bytes((folder / WEIGHTS_FILE).read_bytes()),
        training=training,
    )
    write_whole(folder / CARD_FILE, model_card(package).encode())
    write_whole(folder / CONFIG_FILE, package.as_json().encode())
    return package
