"""Where a network looked: gates of levels, shares of frames and nodes, as means over the ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.msgnn.augmentation import observe, spread_frames
from nakaya.kinetics.models.msgnn.batching import collate
from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor
from nakaya.kinetics.samples.sample import Sample
from nakaya.learn.threads import torch_threads

__all__ = ["Attention", "attend", "observed_frames"]


@dataclass(frozen=True, eq=False)
class Attention:
    """Where the ensemble looked in one sample.

    Attributes:
        frames: Numbers of the frames that were observed.
        frame_share: Fraction of each in the readout, float64 [observed frame], summing to 1.
        level_gate: Level -> how far its readout of the last frame was let through, in (0, 1).
        node_share: Level -> share of every node of the last frame in the readout of its level, float64 [node].
    """

    frames: tuple[int, ...]
    frame_share: FloatArray
    level_gate: Mapping[str, float]
    node_share: Mapping[str, FloatArray]


def observed_frames(predictor: MsgnnPredictor, sample: Sample) -> tuple[int, ...]:
    """Numbers of the frames of a sample that the network observes."""
    return tuple(spread_frames(len(sample.sequence.frames), predictor.config.dynamic_steps))


def attend(predictor: MsgnnPredictor, sample: Sample) -> Attention:
    """Return where the ensemble looks in one sample."""
    encoded = predictor.encoding.encode(sample)
    batch = collate([observe(encoded, predictor.config.dynamic_steps)], predictor.encoding)
    with torch_threads(1), torch.no_grad():
        found = [member.network(batch) for member in predictor.members]
    present = set(batch.moments[-1].levels)

    def mean(values: list[torch.Tensor]) -> FloatArray:
        return np.asarray(torch.stack(values).mean(dim=0).numpy(), dtype=np.float64)

    return Attention(
        observed_frames(predictor, sample),
        mean([output.frame_share[0] for output in found]),
        {name: float(mean([output.level_gate[name] for output in found])[0]) for name in predictor.encoding.levels},
        {name: mean([output.node_share[name] for output in found]) for name in predictor.encoding.levels
         if name in present},
    )  # fmt: skip
