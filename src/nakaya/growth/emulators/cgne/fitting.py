"""From simulated crystals to a trained CGNE in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.growth.emulators.cgne.card import model_card
from nakaya.growth.emulators.cgne.config import CgneConfig, CgneSchedule, TrainedFor
from nakaya.growth.emulators.cgne.data import frame_sequences
from nakaya.growth.emulators.cgne.model import Cgne, in_channels_last, num_parameters
from nakaya.growth.emulators.cgne.package import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, CgnePackage
from nakaya.growth.emulators.cgne.task import CgneTask, HeldOut
from nakaya.learn.checkpoints import save_weights
from nakaya.learn.config import LoopConfig
from nakaya.learn.loop import Fitted, Report, fit
from nakaya.learn.normalisation import Standardiser
from nakaya.learn.threads import torch_threads

__all__ = ["Crystals", "complete_config", "fit_cgne", "network_parameters", "write_package"]

NEEDED_FOR_GROWING = ("prior", "decoder")


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


def fit_cgne(
    training: Crystals,
    validation: Crystals,
    config: CgneConfig,
    schedule: CgneSchedule,
    loop: LoopConfig,
    *,
    trained_for: TrainedFor,
    threads: int,
    folder: Path | None,
    fingerprint: str,
    report: Report | None = None,
    stop_after: int | None = None,
) -> tuple[Cgne, CgneConfig, Fitted]:
    """Train a CGNE, or go on with its training; see `nakaya.learn.loop.fit`.

    Args:
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

    Returns:
        The network with the averaged weights, its completed configuration, and the run's figures.
    """
    config, standardiser = complete_config(config, training, trained_for)
    sequences, held_out = (
        frame_sequences(
            crystals.arrival,
            crystals.steps,
            standardiser.apply(crystals.parameters),
            stride=config.stride,
            lookahead=config.lookahead,
        )
        for crystals in (training, validation)
    )
    task = CgneTask(
        sequences,
        HeldOut(held_out, validation.arrival, validation.steps, trained_for.margin),
        schedule,
        lookahead=config.lookahead,
        threshold=config.threshold,
    )
    with torch_threads(threads):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(loop.seed)
            network = in_channels_last(Cgne(config))
        fitted = fit(network, task, loop, folder=folder, fingerprint=fingerprint, report=report, stop_after=stop_after)
    network.load_state_dict(fitted.weights)
    return network, config, fitted


def complete_config(config: CgneConfig, training: Crystals, trained_for: TrainedFor) -> tuple[CgneConfig, Standardiser]:
    """Fill in the standardisation of the conditions from the training crystals; return it as well."""
    standardiser = Standardiser.fit(training.parameters, tuple(trained_for.low))
    completed = replace(
        config,
        condition_mean=dict(zip(standardiser.names, standardiser.mean, strict=True)),
        condition_scale=dict(zip(standardiser.names, standardiser.scale, strict=True)),
    )
    return completed, standardiser


def network_parameters(network: Cgne) -> dict[str, int]:
    """Trainable values by network."""
    return {
        part: num_parameters(getattr(network, part)) for part in ("prior", "decoder", "posterior", "condition_head")
    }


def write_package(
    folder: Path,
    network: Cgne,
    config: CgneConfig,
    *,
    name: str,
    family: str,
    solver: str,
    trained_for: TrainedFor,
    training: Mapping[str, Any],
) -> CgnePackage:
    """Write the weights that growing needs, config.json and the model card into a folder that exists.

    Returns:
        What config.json says.
    """
    weights = {key: value for key, value in network.state_dict().items() if key.partition(".")[0] in NEEDED_FOR_GROWING}
    save_weights(folder / WEIGHTS_FILE, weights)
    package = CgnePackage(
        name=name,
        family=family,
        solver=solver,
        network=config,
        trained_for=trained_for,
        parameters=network_parameters(network),
        weights_sha256=sha256_of_bytes((folder / WEIGHTS_FILE).read_bytes()),
        training=training,
    )
    write_whole(folder / CARD_FILE, model_card(package).encode())
    write_whole(folder / CONFIG_FILE, package.as_json().encode())
    return package
