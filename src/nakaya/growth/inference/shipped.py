"""The trained posteriors that come with nakaya. Importing this module does not load torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nakaya.core.errors import MissingExtraError, UnknownNameError
from nakaya.learn.model_folder import CONFIG_FILE

if TYPE_CHECKING:
    from nakaya.growth.inference.posterior import Posterior

__all__ = ["SHIPPED", "WEIGHTS", "find_posterior"]

WEIGHTS = Path(__file__).parent / "weights"
"""One folder for every trained posterior."""

SHIPPED = {"snow": "gravner-griffeath", "dendrites": "phase-field"}
"""Posteriors by name, and the family of parameters that they are about. Of a store, which knows times, the first one of
its family is asked."""


def find_posterior(name: str) -> Posterior:
    """Return a posterior that comes with nakaya, or the one in a folder (of a training, or its model).

    Raises:
        MissingExtraError: torch, safetensors or zuko is not installed.
        UnknownNameError: There is no such posterior.
        InputFileError, FormatError: It cannot be read.
    """
    if any(find_spec(module) is None for module in ("torch", "safetensors", "zuko")):
        raise MissingExtraError("posteriors", "ml")
    from nakaya.growth.inference.posterior import load_posterior

    if name in SHIPPED:
        return load_posterior(WEIGHTS / name)
    folder = Path(name)
    if not folder.is_dir():
        raise UnknownNameError("posterior", name, [*SHIPPED, "the folder of a training"])
    return load_posterior(folder if (folder / CONFIG_FILE).is_file() else folder / "model")
