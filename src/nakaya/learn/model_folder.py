"""A trained model on disk: one folder with config.json and weights.safetensors, which belong together by a hash.

The folder holds numbers and text only; nothing in it is executed. This module needs no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.provenance import sha256_of_bytes

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
        with (folder / CONFIG_FILE).open("rb") as stream:
            text = stream.read(MAX_CONFIG_BYTES)
        return text, (folder / WEIGHTS_FILE).read_bytes()
    except OSError as error:
        reason = (error.strerror or "input error").lower()
        raise InputFileError(f"cannot read the {what} in {folder}: {reason}") from error


def check_weights(folder: Path, weights: bytes, sha256: str) -> None:
    """Check that weights are those that config.json names.

    Raises:
        FormatError: They are not.
    """
    if sha256_of_bytes(weights) != sha256:
        raise FormatError(f"{folder / WEIGHTS_FILE} is not the file that {CONFIG_FILE} names: copy the folder again")
