"""A trained CGNE on disk: one folder with weights.safetensors, config.json and the model card README.md.

The folder holds numbers and text only; nothing in it is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nakaya.core.configuration import checked
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.reading import parse_json
from nakaya.growth.emulators.cgne.config import CgneConfig, TrainedFor
from nakaya.learn.model_folder import CONFIG_FILE, WEIGHTS_FILE, check_weights, read_model_folder

__all__ = ["CARD_FILE", "CONFIG_FILE", "WEIGHTS_FILE", "CgnePackage", "read_package"]

CARD_FILE = "README.md"

FORMAT = 1
KIND = "cgne"


@dataclass(frozen=True)
class _Training:
    """What is read of `CgnePackage.training`; all else is only shown."""

    updates: int
    cost: dict[str, float | None]
    validation: dict[str, float | None]


@dataclass(frozen=True)
class CgnePackage:
    """What config.json says.

    Attributes:
        name: The model's name.
        family: The parameter space of its conditions.
        solver: The solver that it learned from.
        network: Sizes and clock.
        trained_for: The requests that its training covers.
        parameters: Trainable values by network.
        weights_sha256: sha256 (hex) of weights.safetensors.
        training: Recipe, campaign, cost, validation; plain JSON values.
    """

    name: str
    family: str
    solver: str
    network: CgneConfig
    trained_for: TrainedFor
    parameters: Mapping[str, int]
    weights_sha256: str
    training: Mapping[str, Any]

    def as_json(self) -> str:
        """The text of config.json."""
        return dump_json({"format": FORMAT, "kind": KIND, **asdict(self)}, indent=2).decode()


def read_package(folder: Path) -> tuple[CgnePackage, bytes]:
    """Read and check a folder.

    Returns:
        What config.json says, and the bytes of the weights, whose sha256 is the one that it names.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: It is no CGNE of ours, or the weights are not those that it names.
    """
    text, weights = read_model_folder(folder, "emulator")
    try:
        document = parse_json(text, str(folder / CONFIG_FILE))
        if document["format"] != FORMAT or document["kind"] != KIND:
            raise FormatError(f"{folder / CONFIG_FILE} is not a CGNE of format {FORMAT}: train it again")
        package = checked({entry.name: document[entry.name] for entry in fields(CgnePackage)}, CgnePackage)
        checked({entry.name: document["training"][entry.name] for entry in fields(_Training)}, _Training)
    except (ValueError, KeyError, TypeError, AttributeError, ParameterError) as error:
        raise FormatError(f"{folder / CONFIG_FILE} does not describe a CGNE ({error}): train it again") from error
    check_weights(folder, weights, package.weights_sha256)
    return package, weights
