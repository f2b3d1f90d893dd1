"""A trained emulator on disk: weights.safetensors, config.json and the model card README.md.

The folder holds numbers and text only; nothing in it is executed, and torch is not needed to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.configuration import checked
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, NakayaError, ParameterError
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import parse_json
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.arrival.bank import ResidualBank
from nakaya.growth.emulators.arrival.config import ArrivalSettings, Covered
from nakaya.growth.emulators.arrival.maps import Support
from nakaya.growth.emulators.arrival.model import ArrivalModel, Draws, Mean
from nakaya.growth.emulators.arrival.perceptron import Perceptron
from nakaya.growth.emulators.arrival.regression import GaussianProcess, Polynomial, Regression
from nakaya.learn.model_folder import CONFIG_FILE, WEIGHTS_FILE, check_weights, read_model_folder
from nakaya.learn.normalisation import Standardiser

__all__ = ["KIND", "ArrivalPackage", "conditions_of", "read_package", "write_package"]

FORMAT = 1
KIND = "arrival"
CARD_FILE = "README.md"
CUBIC_DEGREE = 3


@dataclass(frozen=True)
class ArrivalPackage:
    """What config.json says.

    Attributes:
        name: The model's name.
        family: The parameter space of its conditions.
        solver: The solver that it learned from.
        settings: What it is made of, as chosen.
        covered: The requests that its training covers.
        standardiser: Of the conditions, after the logarithm where they vary on one.
        initial: The initial crystal, as indices into the flat lattice.
        parameters: Stored values by part; a bank is counted beside the mean.
        weights_sha256: sha256 (hex) of weights.safetensors.
        training: Campaign, cost, trials, validation; plain JSON values.
    """

    name: str
    family: str
    solver: str
    settings: ArrivalSettings
    covered: Covered
    standardiser: Standardiser
    initial: tuple[int, ...]
    parameters: Mapping[str, int]
    weights_sha256: str
    training: Mapping[str, Any]

    def as_json(self) -> str:
        """The text of config.json."""
        return dump_json({"format": FORMAT, "kind": KIND, **asdict(self)}, indent=2).decode()


def conditions_of(parameters: Mapping[str, Any], covered: Covered) -> dict[str, NDArray[np.float64]]:
    """Return what the standardiser takes: the parameters that varied, their logarithms where they varied on one."""
    found = {name: np.asarray(parameters[name], np.float64) for name in covered.low}
    return {name: np.log(values) if name in covered.logarithmic else values for name, values in found.items()}


def write_package(folder: Path, package: ArrivalPackage, model: ArrivalModel, card: str) -> ArrivalPackage:
    """Write a model into a folder that exists, and return what config.json says: with sizes and the sha256."""
    from safetensors.numpy import save

    arrays = _arrays_of(model)
    content = bytes(save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}))
    sizes = {"mean": 0, "bank": 0}
    for name, values in arrays.items():
        sizes["bank" if name.startswith("bank.") else "mean"] += int(values.size)
    document = {**asdict(package), "parameters": sizes, "weights_sha256": sha256_of_bytes(content)}
    complete = checked(document | {"training": {}}, ArrivalPackage)
    complete = ArrivalPackage(**{**vars(complete), "training": package.training})
    write_whole(folder / WEIGHTS_FILE, content)
    write_whole(folder / CARD_FILE, card.encode())
    write_whole(folder / CONFIG_FILE, complete.as_json().encode())
    return complete


def _arrays_of(model: ArrivalModel) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "support.sites": model.support.sites.astype(np.int32),
        "support.exchanges": model.support.exchanges.astype(np.int32),
        "mean.centre": model.mean.centre,
        "mean.basis": model.mean.basis.astype(np.float16),
        "bank.known": model.bank.known,
        "bank.maps": model.bank.maps,
        "bank.numbers": model.bank.numbers,
        "bank.spread": model.bank.spread.weights,
    }
    if model.bank.modes is not None:
        arrays["bank.modes"] = model.bank.modes
    for number, regression in enumerate(model.mean.folds):
        arrays |= {f"mean.fold_{number}.{name}": values for name, values in regression.arrays().items()}
    return arrays


def read_package(folder: Path) -> tuple[ArrivalPackage, ArrivalModel]:
    """Read and check a folder.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: It is none of ours, or the weights are not those that config.json names.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    text, content = read_model_folder(folder, "emulator")
    try:
        document = parse_json(text, str(folder / CONFIG_FILE))
        if document["format"] != FORMAT or document["kind"] != KIND:
            raise FormatError(f"{folder / CONFIG_FILE} is no arrival emulator of format {FORMAT}: train it again")
        entries = {entry.name: document[entry.name] for entry in fields(ArrivalPackage)}
        package = checked(entries, ArrivalPackage)
    except (ValueError, KeyError, TypeError, AttributeError, ParameterError) as error:
        raise FormatError(f"{folder / CONFIG_FILE} does not describe an emulator ({error}): train it again") from error
    check_weights(folder, content, package.weights_sha256)
    try:
        return package, _model_of(package, load(content))
    except (SafetensorError, KeyError, ValueError, IndexError, NakayaError) as error:
        raise FormatError(f"the weights in {folder} do not fit its description: copy the folder again") from error


def _model_of(package: ArrivalPackage, arrays: Mapping[str, NDArray[Any]]) -> ArrivalModel:
    settings, lattice = package.settings, find_model(package.solver).lattice
    shape = (package.covered.size,) * lattice.dimension
    places = arrays["support.sites"].astype(np.int64)
    if not (places.min() >= 0 and places.max() < np.prod(shape)):
        raise FormatError("a site of the support lies outside the lattice")
    folds: list[Regression] = []
    while f"mean.fold_{len(folds)}." in {name[: name.rfind(".") + 1] for name in arrays}:
        prefix = f"mean.fold_{len(folds)}."
        own = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
        folds.append(_regression(settings, own))
    mean = Mean(arrays["mean.centre"], arrays["mean.basis"].astype(np.float32), tuple(folds))
    bank = ResidualBank(
        arrays["bank.known"],
        arrays["bank.maps"],
        arrays["bank.numbers"],
        Polynomial(1, arrays["bank.spread"]),
        arrays.get("bank.modes"),
    )
    support = Support(shape, places, arrays["support.exchanges"].astype(np.int64))
    draws = Draws(settings.neighbours, settings.is_scaled, True, settings.keeps_curve)
    initial = np.array(package.initial, np.int64)
    return ArrivalModel(support, mean, bank, draws, lattice, initial, package.covered.stop_line)


def _regression(settings: ArrivalSettings, arrays: Mapping[str, NDArray[Any]]) -> Regression:
    if settings.mean == "cubic":
        return Polynomial(CUBIC_DEGREE, arrays["weights"])
    if settings.mean == "gaussian-process":
        return GaussianProcess(Polynomial(1, arrays["trend"]), arrays["known"], arrays["lengths"], arrays["weights"])
    layers = range(sum(name.startswith("weights_") for name in arrays))
    weights, biases = (tuple(arrays[f"{kind}_{layer}"] for layer in layers) for kind in ("weights", "biases"))
    return Perceptron(weights, biases, arrays["direct"])
