"""The trained CGNEs that come with nakaya. Importing this module does not load torch."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nakaya.core.errors import MissingExtraError
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import Sector
from nakaya.growth.solvers.gravner_griffeath.model import MODEL
from nakaya.learn.model_folder import CONFIG_FILE

if TYPE_CHECKING:
    from nakaya.growth.emulators.stepwise.emulator import StepEmulator

__all__ = ["SHIPPED", "SMALL_RHO", "WEIGHTS", "load_folder", "load_shipped"]

WEIGHTS = Path(__file__).parent / "weights"
"""One folder for every trained model."""

SHIPPED = ("cgne-small-rho",)


def load_shipped(name: str) -> StepEmulator:
    """Return a trained model that comes with nakaya.

    Raises:
        MissingExtraError: torch or safetensors is not installed.
    """
    return load_folder(WEIGHTS / name)


def load_folder(folder: Path) -> StepEmulator:
    """Return the trained model in a folder, such as the model/ of a training run.

    Raises:
        MissingExtraError: torch or safetensors is not installed.
        InputFileError: A file is missing or cannot be read.
        FormatError: It is no CGNE of ours, or a damaged one.
    """
    if find_spec("torch") is None or find_spec("safetensors") is None:
        raise MissingExtraError("neural emulators", "ml")
    from nakaya.growth.emulators.cgne.family import CGNE

    return CGNE.load(folder)


def _state(name: str) -> GrowerModel:
    """What a trained model says about itself: its solver's statement, narrowed to what its training covers."""
    described = json.loads((WEIGHTS / name / CONFIG_FILE).read_text(encoding="utf-8"))
    trained = described["trained_for"]
    return replace(
        MODEL,
        name=name,
        grower=partial(load_shipped, name),
        rules="",
        geometries=(Sector(),),
        size=trained["size"],
        time_resolution=described["network"]["stride"],
        citation="cgne",
        trained_for={parameter: (low, trained["high"][parameter]) for parameter, low in trained["low"].items()},
    )


SMALL_RHO = _state("cgne-small-rho")
"""About a million parameters, vapour densities from .35 to .64, sectors of size 64."""
