"""A stepwise emulator whose training is not finished, as its last checkpoint has it.

Beside the checkpoint lies recipe.json: what config.json will say, as far as it is known before the first update.
Reading both changes neither, so a training may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import torch

from nakaya.core.configuration import checked
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, InputFileError, ParameterError
from nakaya.core.files import write_whole
from nakaya.core.reading import read_json
from nakaya.growth.emulators.stepwise.emulator import StepEmulator
from nakaya.growth.emulators.stepwise.family import StepFamily
from nakaya.growth.emulators.stepwise.fitting import network_parameters
from nakaya.growth.emulators.stepwise.package import StepPackage
from nakaya.learn.checkpoints import hash_weights, load_state
from nakaya.learn.loop import CHECKPOINT_FILE

__all__ = ["RECIPE_FILE", "load_checkpoint", "write_recipe"]

RECIPE_FILE: Final = "recipe.json"
MAX_RECIPE_BYTES = 2**22


def write_recipe(folder: Path, package: StepPackage, fingerprint: str) -> None:
    """Write what is known of an emulator before its training.

    Args:
        folder: Of the run.
        package: Without weights, and without what comes of the training.
        fingerprint: Of the run's checkpoints.
    """
    write_whole(folder / RECIPE_FILE, dump_json({"fingerprint": fingerprint, **asdict(package)}))


def load_checkpoint(folder: Path, family: StepFamily) -> StepEmulator:
    """Return the emulator of the last checkpoint of a run, with the averaged weights; its name says at which update.

    Raises:
        InputFileError: There is no checkpoint yet.
        FormatError: A file is damaged.
    """
    recipe = folder / RECIPE_FILE
    if not recipe.is_file() or not (folder / CHECKPOINT_FILE).is_file():
        raise InputFileError(f"{folder} holds neither a model nor a checkpoint yet: go on with its training first")
    document = read_json(recipe, MAX_RECIPE_BYTES)
    try:
        fingerprint = document.pop("fingerprint")
        package = checked(document, family.package)
        state = load_state(folder / CHECKPOINT_FILE, fingerprint=fingerprint)
        with torch.random.fork_rng(devices=[]):  # the random weights are replaced at once
            network = family.network(package.network)
        network.load_state_dict(state["average"])
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, ParameterError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{recipe} does not fit the checkpoint beside it ({error}): train again") from error
    training: Mapping[str, Any] = {
        **package.training,
        "updates": state["updates"],
        "validation": state["validation"],
        "cost": {**package.training["cost"], "seconds": state["seconds"], "cpu_seconds": state["cpu_seconds"]},
    }
    return StepEmulator(
        replace(
            package,
            name=f"{package.name} at update {state['updates']}",
            parameters=network_parameters(network, family.package),
            weights_sha256=hash_weights(state["average"]),
            training=training,
        ),
        network,
    )
