"""The trained CGNEs that come with nakaya. Importing this module does not load torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nakaya.core.errors import MissingExtraError

if TYPE_CHECKING:
    from nakaya.growth.emulators.cgne.emulator import CgneEmulator

__all__ = ["SHIPPED", "WEIGHTS", "load_folder", "load_shipped", "make_small_rho"]

WEIGHTS = Path(__file__).parent / "weights"
"""One folder for every trained model."""

SHIPPED = ("cgne-small-rho",)


def load_shipped(name: str) -> CgneEmulator:
    """Return a trained model that comes with nakaya.

    Raises:
        MissingExtraError: torch or safetensors is not installed.
    """
    return load_folder(WEIGHTS / name)


def make_small_rho() -> CgneEmulator:
    """About a million parameters, vapour densities from .35 to .64, sectors of size 64."""
    return load_shipped("cgne-small-rho")


def load_folder(folder: Path) -> CgneEmulator:
    """Return the trained model in a folder, such as the model/ of a training run.

    Raises:
        MissingExtraError: torch or safetensors is not installed.
        InputFileError: A file is missing or cannot be read.
        FormatError: It is no CGNE of ours, or a damaged one.
    """
    if find_spec("torch") is None or find_spec("safetensors") is None:
        raise MissingExtraError("neural emulators", "ml")
    from nakaya.growth.emulators.cgne.emulator import load_emulator

    return load_emulator(folder)
