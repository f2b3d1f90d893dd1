"""Checkpoints and weights on disk: no pickle is ever executed, and nothing half-written is taken for whole."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nakaya.core.errors import ConfigError, FormatError
from nakaya.core.files import write_whole

__all__ = ["load_state", "parse_weights", "save_state", "save_weights"]

STATE_FORMAT = 1


def save_state(path: Path, state: Mapping[str, Any], *, fingerprint: str) -> None:
    """Write a training state: whole, or not at all.

    Args:
        path: The checkpoint; replaced when it exists.
        state: Tensors and plain values (numbers, text, lists, dictionaries), nothing else.
        fingerprint: Identifies the configuration and the data of the run.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as stream:
            torch.save({"format": STATE_FORMAT, "fingerprint": fingerprint, "state": dict(state)}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def load_state(path: Path, *, fingerprint: str) -> dict[str, Any]:
    """Read a training state that `save_state` wrote; loads tensors and plain values only.

    Raises:
        FormatError: The file is no checkpoint of ours, or is damaged.
        ConfigError: It belongs to a run with another configuration or other data.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise FormatError(f"{path} is not a whole checkpoint: remove the run's folder and start again") from error
    if not isinstance(content, dict) or content.get("format") != STATE_FORMAT or "state" not in content:
        raise FormatError(f"{path} is not a checkpoint of format {STATE_FORMAT}: remove the run's folder, start again")
    if content["fingerprint"] != fingerprint:
        raise ConfigError(
            f"{path} belongs to a run with another configuration or other data: give another --out, or --overwrite"
        )
    state = content["state"]
    if not isinstance(state, dict):
        raise FormatError(f"{path} holds no training state: remove the run's folder and start again")
    return state


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write inference weights as safetensors, names sorted: whole, or not at all."""
    from safetensors.torch import save

    content = save({name: weights[name].detach().contiguous() for name in sorted(weights)})
    write_whole(path, content, part=path.with_name(path.name + ".partial"))


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
