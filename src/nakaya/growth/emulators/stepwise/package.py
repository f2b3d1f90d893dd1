"""A trained stepwise emulator on disk: one folder with weights.safetensors, config.json and the model card README.md.

The folder holds numbers and text only; nothing in it is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from nakaya.core.configuration import checked
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.reading import parse_json
from nakaya.growth.emulators.stepwise.config import StepConfig, TrainedFor
from nakaya.learn.model_folder import CONFIG_FILE, WEIGHTS_FILE, check_weights, read_model_folder

__all__ = ["CARD_FILE", "CONFIG_FILE", "WEIGHTS_FILE", "StepPackage", "read_package"]

CARD_FILE = "README.md"

FORMAT = 1


@dataclass(frozen=True)
class _Training:
    """What is read of `StepPackage.training`; all else is only shown."""

    updates: int
    cost: dict[str, float | None]
    validation: dict[str, float | None]


@dataclass(frozen=True)
class StepPackage:
    """What config.json says. Every family has its own, with its own `network` and class variables.

    Attributes:
        kind: Name of the family, in config.json.
        noun: What a trained one is called ("CGNE").
        sentence: What it is, for the model card.
        stream: Name of the random stream of its noise.
        for_growing: Names of the networks that growing needs, whose weights the folder holds.
        name: The model's name.
        family: The parameter space of its conditions.
        solver: The solver that it learned from.
        network: Sizes and clock.
        trained_for: The requests that its training covers.
        parameters: Trainable values by network.
        weights_sha256: sha256 (hex) of weights.safetensors.
        training: Recipe, campaign, cost, validation; plain JSON values.
    """

    kind: ClassVar[str]
    noun: ClassVar[str]
    sentence: ClassVar[str]
    stream: ClassVar[str]
    for_growing: ClassVar[tuple[str, ...]]

    name: str
    family: str
    solver: str
    network: StepConfig
    trained_for: TrainedFor
    parameters: Mapping[str, int]
    weights_sha256: str
    training: Mapping[str, Any]

    def as_json(self) -> str:
        """The text of config.json."""
        return dump_json({"format": FORMAT, "kind": self.kind, **asdict(self)}, indent=2).decode()


Package = TypeVar("Package", bound=StepPackage)


def read_package(folder: Path, kind: type[Package]) -> tuple[Package, bytes]:
    """Read and check a folder of one family.

    Returns:
        What config.json says, and the bytes of the weights, whose sha256 is the one that it names.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: It is of another family or version, or the weights are not those that it names.
    """
    text, weights = read_model_folder(folder, "emulator")
    try:
        document = parse_json(text, str(folder / CONFIG_FILE))
        if document["format"] != FORMAT or document["kind"] != kind.kind:
            raise FormatError(f"{folder / CONFIG_FILE} is not a {kind.noun} of format {FORMAT}: train it again")
        package = checked({entry.name: document[entry.name] for entry in fields(kind)}, kind)
        checked({entry.name: document["training"][entry.name] for entry in fields(_Training)}, _Training)
    except (ValueError, KeyError, TypeError, AttributeError, ParameterError) as error:
        raise FormatError(
            f"{folder / CONFIG_FILE} does not describe a {kind.noun} ({error}): train it again"
        ) from error
    check_weights(folder, weights, package.weights_sha256)
    return package, weights
