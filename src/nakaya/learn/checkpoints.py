"""Checkpoints and weights on disk: no pickle is ever executed, and nothing half-written is taken for whole."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nakaya.core.errors import FormatError, OtherConfigurationError
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import open_input

__all__ = ["hash_weights", "load_state", "parse_weights", "save_state", "save_weights"]

STATE_FORMAT = 1
SEAL = b"nakaya checkpoint, sha256 "
"""Begins a file, before the digest of what follows in a line of its own; files of earlier versions have none."""

SEAL_BYTES = len(SEAL) + 65


def save_state(path: Path, state: Mapping[str, Any], *, fingerprint: str) -> None:
    """Write a training state: whole, or not at all.

    Args:
        path: The checkpoint; replaced when it exists.
        state: Tensors and plain values (numbers, text, lists, dictionaries), nothing else.
        fingerprint: Identifies the configuration and the data of the run.
    """
    stream = BytesIO()
    torch.save({"format": STATE_FORMAT, "fingerprint": fingerprint, "state": dict(state)}, stream)
    content = stream.getvalue()
    write_whole(path, SEAL + sha256_of_bytes(content).encode() + b"\n" + content)


def load_state(path: Path, *, fingerprint: str) -> dict[str, Any]:
    """Read a training state that `save_state` wrote; loads tensors and plain values only.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no checkpoint of ours, or a single bit of it has changed.
        ConfigError: It belongs to a run with another configuration or other data.
    """
    with open_input(path) as stream:
        sealed = stream.read()
    try:
        content = torch.load(BytesIO(_unsealed(sealed)), map_location="cpu", weights_only=True)
    except Exception as error:  # files of earlier versions have no seal, and torch raises whatever damage leads to
        raise FormatError(f"{path} is not a whole checkpoint: remove the run's folder and start again") from error
    if (
        not isinstance(content, dict)
        or content.get("format") != STATE_FORMAT
        or not {"fingerprint", "state"} <= set(content)
    ):
        raise FormatError(f"{path} is not a checkpoint of format {STATE_FORMAT}: remove the run's folder, start again")
    if content["fingerprint"] != fingerprint:
        raise OtherConfigurationError(
            f"{path} belongs to a run with another configuration or other data: choose another name"
        )
    state = content["state"]
    if not isinstance(state, dict):
        raise FormatError(f"{path} holds no training state: remove the run's folder and start again")
    return state


def _unsealed(content: bytes) -> bytes:
    """What was sealed, or a file of an earlier version, whose only checksums are those of its archive."""
    if content.startswith(SEAL):
        seal, content = content[:SEAL_BYTES], content[SEAL_BYTES:]
        if seal != SEAL + sha256_of_bytes(content).encode() + b"\n":
            raise ValueError("its checksum is another")
    elif not content.startswith(b"PK") or zipfile.ZipFile(BytesIO(content)).testzip() is not None:
        raise ValueError("it is no archive, or a checksum in it is another")
    return content


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write inference weights as safetensors, names sorted: whole, or not at all."""
    write_whole(path, _packed(weights))


def hash_weights(weights: Mapping[str, Tensor]) -> str:
    """sha256 (hex) of the file that `save_weights` would write."""
    return sha256_of_bytes(_packed(weights))


def _packed(weights: Mapping[str, Tensor]) -> bytes:
    from safetensors.torch import save

    return bytes(save({name: weights[name].detach().contiguous() for name in sorted(weights)}))


def parse_weights(content: bytes) -> dict[str, Tensor]:
    """Return the tensors by name of a safetensors file's bytes.

    Raises:
        FormatError: They are no safetensors file, or a damaged one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return dict(load(content))
    except (SafetensorError, ValueError, KeyError) as error:
        raise FormatError("the weights are not a whole safetensors file: copy them again, or train again") from error
