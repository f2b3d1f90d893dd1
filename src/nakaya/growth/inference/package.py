"""A trained posterior on disk: one folder with weights.safetensors, config.json and the model card README.md.

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
from nakaya.growth.inference.config import PosteriorSettings
from nakaya.growth.inference.prior import Prior
from nakaya.learn.model_folder import CONFIG_FILE, check_weights, read_model_folder

__all__ = ["KIND", "PosteriorPackage", "read_package"]

FORMAT = 1
KIND = "posterior"


@dataclass(frozen=True)
class PosteriorPackage:
    """What config.json says.

    Attributes:
        name: The posterior's name.
        family: The parameter space that it is about.
        solver: What grew the crystals that it learned from.
        lattice: Their lattice.
        geometry: `GrowthSetup.as_metadata()` of them.
        prior: The parameters that are asked for, and their ranges.
        fixed: Value of each parameter that did not vary.
        length_unit: Of `site_spacing`.
        site_spacing: Distance between neighbouring sites, or None where the model does not say.
        extents: Least and greatest distance of a tip from the centre in the training, in site spacings.
        durations: Least and greatest steps in the training.
        settings: What the network is told, and its sizes.
        distances: Fraction of the validation crystals -> distance within which these lie.
        weights_sha256: sha256 (hex) of weights.safetensors.
        training: Crystals, cost, validation; plain JSON values.
    """

    name: str
    family: str
    solver: str
    lattice: str
    geometry: dict[str, Any]
    prior: Prior
    fixed: dict[str, float]
    length_unit: str
    site_spacing: float | None
    extents: tuple[float, float]
    durations: tuple[float, float]
    settings: PosteriorSettings
    distances: dict[str, float]
    weights_sha256: str
    training: dict[str, Any]

    @property
    def size(self) -> int:
        """Sites along a side of the part of a crystal that is looked at."""
        return int(self.geometry["size"])

    def as_json(self) -> str:
        """The text of config.json."""
        return dump_json({"format": FORMAT, "kind": KIND, **asdict(self)}, indent=2).decode()


def read_package(folder: Path) -> tuple[PosteriorPackage, bytes]:
    """Read and check a folder.

    Returns:
        What config.json says, and the bytes of the weights, whose sha256 is the one that it names.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: It is no posterior of ours, or the weights are not those that it names.
    """
    text, weights = read_model_folder(folder, "posterior")
    try:
        document: Mapping[str, Any] = parse_json(text, str(folder / CONFIG_FILE))
        if document["format"] != FORMAT or document["kind"] != KIND:
            raise FormatError(f"{folder / CONFIG_FILE} is not a posterior of format {FORMAT}: train it again")
        package = checked({entry.name: document[entry.name] for entry in fields(PosteriorPackage)}, PosteriorPackage)
        int(package.geometry["size"])
    except (ValueError, KeyError, TypeError, AttributeError, ParameterError) as error:
        raise FormatError(f"{folder / CONFIG_FILE} does not describe a posterior ({error}): train it again") from error
    check_weights(folder, weights, package.weights_sha256)
    return package, weights
