"""Draws of many samples as one block of tensors: nodes of all of them in a row, edges renumbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nakaya.kinetics.graphs.graph import RelationName
from nakaya.kinetics.models.msgnn.augmentation import Draw
from nakaya.kinetics.models.msgnn.encoding import Edges, EncodedFrame, Encoding

__all__ = ["Batch", "EdgeBlock", "LevelBlock", "Moment", "collate"]


@dataclass(frozen=True, eq=False)
class LevelBlock:
    """Nodes of one level of all samples: features [node, column], sample of each, how much each counts."""

    features: Tensor
    owner: Tensor
    node_weight: Tensor


@dataclass(frozen=True, eq=False)
class EdgeBlock:
    """Edges of one relation of all samples: index [2, edge], weight [edge], features [edge, column]."""

    index: Tensor
    weight: Tensor
    features: Tensor


@dataclass(frozen=True, eq=False)
class Moment:
    """The n-th last frame of all samples.

    Attributes:
        present: 1 where the sample has such a frame, float32 [sample].
        step_ps: Time since its frame before, float32 [sample]; 0 for the first one.
        globals: float32 [sample, column].
        series: float32 [sample, column].
        solid_fraction: float32 [sample]; NaN = not known.
        line: Straight line through it so far: offset, and slope per ps, float32 [sample, 2].
        levels: Name -> nodes.
        edges: Relation -> edges.
        correspondences: Level -> edges from the frame before, without features.
    """

    present: Tensor
    step_ps: Tensor
    globals: Tensor
    series: Tensor
    solid_fraction: Tensor
    line: Tensor
    levels: Mapping[str, LevelBlock]
    edges: Mapping[RelationName, EdgeBlock]
    correspondences: Mapping[str, EdgeBlock]


@dataclass(frozen=True, eq=False)
class Batch:
    """Draws of samples.

    Attributes:
        moments: From the earliest to the last; samples with fewer frames lack the earliest ones.
        pooled: float32 [sample, column].
        has_pooled: float32 [sample].
        later_ps: Time from the last frame to what is to be forecast, float32 [sample]; NaN = nothing is.
        later_fraction: What it came to, float32 [sample].
    """

    moments: tuple[Moment, ...]
    pooled: Tensor
    has_pooled: Tensor
    later_ps: Tensor
    later_fraction: Tensor

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(self.pooled)


def collate(draws: Sequence[Draw], encoding: Encoding) -> Batch:
    """Join draws.

    Args:
        draws: At least one.
        encoding: That of the samples.
    """
    steps = max(len(drawn.frames) for drawn in draws)
    later = [
        (np.nan, np.nan) if drawn.later is None else (drawn.later[0] - drawn.frames[-1].time_ps, drawn.later[1])
        for drawn in draws
    ]
    return Batch(
        tuple(_moment(draws, step - steps, encoding) for step in range(steps)),
        torch.from_numpy(np.stack([drawn.pooled for drawn in draws])),
        torch.tensor([float(drawn.has_pooled) for drawn in draws]),
        torch.tensor([time for time, _ in later], dtype=torch.float32),
        torch.tensor([fraction for _, fraction in later], dtype=torch.float32),
    )


def _moment(draws: Sequence[Draw], place: int, encoding: Encoding) -> Moment:
    # `place` counts from the end: -1 is the last frame. Where a sample has no frame its first one lends its conditions.
    frames = [drawn.frames[place] if len(drawn.frames) >= -place else None for drawn in draws]
    stand_in = [frame or drawn.frames[0] for frame, drawn in zip(frames, draws, strict=True)]
    before = [drawn.frames[place - 1] if len(drawn.frames) > -place else None for drawn in draws]
    steps = [
        0.0 if frame is None or earlier is None else frame.time_ps - earlier.time_ps
        for frame, earlier in zip(frames, before, strict=True)
    ]
    starts = {name: _starts(frames, name) for name in encoding.levels}
    earlier_starts = {name: _starts(before, name) for name in encoding.levels}
    correspondences = {}
    edges = {}
    for name in encoding.levels:
        parts = [
            (drawn.correspondences[place][name], (earlier_starts[name][number], starts[name][number]))
            for number, (drawn, earlier) in enumerate(zip(draws, before, strict=True))
            if earlier is not None and name in drawn.correspondences[place]
        ]
        if parts:
            correspondences[name] = _edge_block(parts)
    for pair in encoding.relations:
        parts = [
            (frame.edges[pair], (starts[pair[0]][number], starts[pair[1]][number]))
            for number, frame in enumerate(frames)
            if frame is not None and pair in frame.edges and len(frame.edges[pair].weight)
        ]
        if parts:
            edges[pair] = _edge_block(parts)
    return Moment(
        torch.tensor([float(frame is not None) for frame in frames]),
        torch.tensor(steps, dtype=torch.float32),
        torch.from_numpy(np.stack([frame.globals for frame in stand_in])),
        torch.from_numpy(np.stack([frame.series for frame in stand_in])),
        torch.tensor([np.nan if frame is None else frame.solid_fraction for frame in frames], dtype=torch.float32),
        torch.tensor([frame.line for frame in stand_in], dtype=torch.float32),
        {name: level for name in encoding.levels if (level := _level(frames, name)) is not None},
        edges,
        correspondences,
    )


def _starts(frames: Sequence[EncodedFrame | None], level: str) -> list[int]:
    counts = [0 if frame is None else len(frame.nodes.get(level, ())) for frame in frames]
    return [0, *np.cumsum(counts)[:-1].tolist()]


def _level(frames: Sequence[EncodedFrame | None], name: str) -> LevelBlock | None:
    found = [
        (number, frame) for number, frame in enumerate(frames) if frame is not None and len(frame.nodes.get(name, ()))
    ]
    if not found:
        return None
    owner = np.repeat([number for number, _ in found], [len(frame.nodes[name]) for _, frame in found])
    return LevelBlock(
        torch.from_numpy(np.concatenate([frame.nodes[name] for _, frame in found])),
        torch.from_numpy(owner.astype(np.int64)),
        torch.from_numpy(np.concatenate([frame.node_weight[name] for _, frame in found])),
    )


def _edge_block(parts: Sequence[tuple[Edges, tuple[int, int]]]) -> EdgeBlock:
    """Edges of several samples, each with the numbers that its first source and its first target have in the batch."""
    return EdgeBlock(
        torch.from_numpy(np.concatenate([edges.index + np.array(starts)[:, None] for edges, starts in parts], axis=1)),
        torch.from_numpy(np.concatenate([edges.weight for edges, _ in parts])),
        torch.from_numpy(np.concatenate([edges.features for edges, _ in parts])),
    )
