"""A fitted ensemble on disk: one folder with weights.safetensors and config.json; nothing in it is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import parse_json
from nakaya.kinetics.models.msgnn.config import MsgnnConfig
from nakaya.kinetics.models.msgnn.encoding import Encoding
from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor, new_member
from nakaya.kinetics.samples.sample import TARGET_SCALES
from nakaya.learn.checkpoints import parse_weights
from nakaya.learn.model_folder import CONFIG_FILE, WEIGHTS_FILE, check_weights, read_model_folder

__all__ = ["CONFIG_FILE", "KIND", "WEIGHTS_FILE", "load_predictor", "save_predictor"]

KIND = "msgnn"
FORMAT = 1


def save_predictor(predictor: MsgnnPredictor, folder: Path, *, about: Mapping[str, Any] | None = None) -> None:
    """Write a fitted ensemble; files that are there are replaced, each whole.

    Args:
        predictor: What to write.
        folder: Made where it is not there.
        about: JSON values that say where it comes from.

    Raises:
        OutputError: The disk refuses.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    for number, member in enumerate(predictor.members):
        for name, value in member.state_dict().items():
            tensors[f"{number}.{name}"] = value.detach().clone().contiguous()  # a shared block is written per relation
    content = save({name: tensors[name] for name in sorted(tensors)})
    document = {
        "format": FORMAT,
        "kind": KIND,
        "target": predictor.target,
        "members": len(predictor.members),
        "config": asdict(predictor.config),
        "encoding": predictor.encoding.as_plain(),
        "weights_sha256": sha256_of_bytes(content),
        "about": dict(about or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / WEIGHTS_FILE, content)
    write_whole(folder / CONFIG_FILE, dump_json(document, indent=None))


def load_predictor(folder: Path) -> MsgnnPredictor:
    """Read what `save_predictor` wrote.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: It is no ensemble of ours, damaged, or its two files do not belong together.
    """
    text, weights = read_model_folder(folder, "model")
    try:
        document = parse_json(text, str(folder / CONFIG_FILE))
        if document["format"] != FORMAT or document["kind"] != KIND or document["target"] not in TARGET_SCALES:
            raise FormatError(f"{folder / CONFIG_FILE} is not an msgnn of format {FORMAT}: train it again")
        check_weights(folder, weights, document["weights_sha256"])
        config = MsgnnConfig(**document["config"])
        encoding = Encoding.from_plain(document["encoding"])
        members = _members(parse_weights(weights), int(document["members"]), config, encoding, document["target"])
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{folder} holds no whole msgnn: {error}: copy it again, or train again") from None
    return MsgnnPredictor(str(document["target"]), config, encoding, members)


def _members(
    tensors: Mapping[str, Tensor], count: int, config: MsgnnConfig, encoding: Encoding, target: str
) -> tuple[Any, ...]:
    members = []
    for number in range(count):
        with torch.random.fork_rng(devices=[]):  # the random weights are replaced at once
            member = new_member(config, encoding, target)
        start = f"{number}."
        own = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
        member.load_state_dict(own)
        if not all(bool(torch.isfinite(value).all()) for value in own.values()):
            raise FormatError("a weight is not a number: train again")
        members.append(member.eval())
    if not members:
        raise FormatError("there are no networks in it: train again")
    return tuple(members)
