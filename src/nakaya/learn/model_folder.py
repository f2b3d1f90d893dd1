"""A trained model on disk: one folder with config.json and weights.safetensors, which belong together by a hash.

The folder holds numbers and text only; nothing in it is executed. This module needs no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import open_input

__all__ = ["CONFIG_FILE", "WEIGHTS_FILE", "check_weights", "read_model_folder"]

CONFIG_FILE: Final = "config.json"
WEIGHTS_FILE: Final = "weights.safetensors"
MAX_CONFIG_BYTES = 2**22


def read_model_folder(folder: Path, what: str) -> tuple[bytes, bytes]:
    """Return the bytes of config.json and those of the weights.

    Args:
        folder: Where they lie.
        what: The model as a noun, for errors.

    Raises:
        InputFileError: One of them is missing or cannot be read.
    """
    try:
        with open_input(folder / CONFIG_FILE) as stream:
            text = stream.read(MAX_CONFIG_BYTES)
        with open_input(folder / WEIGHTS_FILE) as stream:
            return text, stream.read()
    except OSError as error:
        raise InputFileError(f"cannot read the {what} in {folder}: {error}") from error


def check_weights(folder: Path, weights: bytes, sha256: str) -> None:
    """Check that weights are those that config.json names.

    Raises:
        FormatError: They are not.
    """
    if sha256_of_bytes(weights) != sha256:
        raise FormatError(f"{folder / WEIGHTS_FILE} is not the file that {CONFIG_FILE} names: copy the folder again")
