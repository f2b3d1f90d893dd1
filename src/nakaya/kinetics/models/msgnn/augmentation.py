"""What a network sees in training: random parts of the evidence, never anything that was not there.

Symmetry needs no augmentation: features do not change when a frame is turned, mirrored, shifted or renumbered. What
remains is to take parts: connected patches of atoms, some of the frames, and not every level; and to shake the features
of the atoms by less than heat does. Conditions are exact and stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from nakaya.core.arrays import Float32Array, IntArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.graph import RelationName
from nakaya.kinetics.models.msgnn.encoding import Edges, EncodedFrame, EncodedSample
from nakaya.md.interfaces import TIME_TOLERANCE_PS

__all__ = ["Augmentation", "Draw", "PatchPool", "cut_atoms", "draw", "grow_patch", "observe", "spread_frames"]


@dataclass(frozen=True)
class Augmentation:
    """How evidence is thinned in training.

    Attributes:
        patch_atoms: Atoms of a random connected patch; frames with fewer stay whole.
        num_patches: Patches of every frame that are drawn from.
        dynamic_steps: Frames that are drawn of those that there are.
        drop_level: Probability with which a level is left out of a sample.
        drop_pooled: Probability with which the pooled evidence is left out, the early velocity with it: the residual
            of the law must be right without a measurement, too.
        jitter: Standard deviation of the noise on features of atoms, in standard deviations of the feature.
    """

    patch_atoms: int = 64
    num_patches: int = 4
    dynamic_steps: int = 2
    drop_level: float = 0.1
    drop_pooled: float = 0.5
    jitter: float = 0.05


@dataclass(frozen=True, eq=False)
class Draw:
    """Frames of one sample as a network takes them.

    Attributes:
        frames: In order of time.
        correspondences: Before every frame but the first: level -> edges from nodes of the frame before, no features.
        pooled: float32 [column].
        has_pooled: Whether the pooled evidence may be looked at.
        later: (time in ps, solid fraction) after the last frame, to forecast; None = nothing is known of it.
    """

    frames: tuple[EncodedFrame, ...]
    correspondences: tuple[Mapping[str, Edges], ...]
    pooled: Float32Array
    has_pooled: bool
    later: tuple[float, float] | None = None


def spread_frames(count: int, steps: int) -> list[int]:
    """Numbers of up to `steps` of `count` frames, spread evenly, the last one among them.

    >>> spread_frames(5, 2), spread_frames(5, 1), spread_frames(2, 4)
    ([0, 4], [4], [0, 1])
    """
    if steps >= count:
        return list(range(count))
    return [count - 1] if steps == 1 else np.rint(np.linspace(0, count - 1, steps)).astype(int).tolist()


def observe(sample: EncodedSample, steps: int, *, until_ps: float | None = None) -> Draw:
    """Return whole frames, as predictions use them.

    Args:
        sample: Of which sample.
        steps: How many frames at most.
        until_ps: Leave out what was seen later; None = use all.

    Raises:
        ParameterError: There is no frame as early as that.
    """
    early = [
        number
        for number, frame in enumerate(sample.frames)
        if until_ps is None or frame.time_ps <= until_ps + TIME_TOLERANCE_PS
    ]
    if not early:
        raise ParameterError(
            f"no frame was seen by {until_ps:g} ps: the first one is at {sample.frames[0].time_ps:g} ps"
        )
    chosen = [early[number] for number in spread_frames(len(early), steps)]
    return Draw(
        tuple(sample.frames[number] for number in chosen),
        tuple(_listed(sample.correspondences(*pair), None, None) for pair in pairwise(chosen)),
        sample.pooled,
        sample.has_pooled and until_ps is None,
    )


class PatchPool:
    """Random connected patches of the frames of one sample, made once and drawn again and again.

    Patch n of a later frame starts from an atom that patch n of the first frame goes on to, where there is one.

    Args:
        sample: Of which sample.
        size: Atoms of a patch; frames with fewer atoms stay whole.
        count: Patches of every frame.
        seed: Of the random numbers.
    """

    def __init__(self, sample: EncodedSample, size: int, count: int, seed: Sequence[int]) -> None:
        self.sample, self.size, self.count = sample, size, count
        self._seed = seed
        self._atoms: dict[tuple[int, int], IntArray | None] = {}
        self._frames: dict[tuple[int, int], EncodedFrame] = {}
        self._correspondences: dict[tuple[int, int, int], Mapping[str, Edges]] = {}

    def frame(self, number: int, patch: int) -> EncodedFrame:
        """One patch of one frame."""
        if (number, patch) not in self._frames:
            atoms, frame = self._chosen(number, patch), self.sample.frames[number]
            self._frames[number, patch] = frame if atoms is None else cut_atoms(frame, atoms)
        return self._frames[number, patch]

    def correspondences(self, earlier: int, later: int, patch: int) -> Mapping[str, Edges]:
        """How far nodes of a patch go on from one frame to another: level -> edges."""
        key = earlier, later, patch
        if key not in self._correspondences:
            ends = self._chosen(earlier, patch), self._chosen(later, patch)
            self._correspondences[key] = _listed(self.sample.correspondences(earlier, later), *ends)
        return self._correspondences[key]

    def _chosen(self, number: int, patch: int) -> IntArray | None:
        key = number, patch
        if key not in self._atoms:
            frame = self.sample.frames[number]
            self._atoms[key] = None
            if len(frame.nodes.get("atom", ())) > self.size:
                rng = np.random.default_rng([*self._seed, number, patch])
                start = None
                if number and "atom" in (steps := self.sample.correspondences(0, number)):
                    start = _going_on(steps["atom"], self._chosen(0, patch), rng)
                self._atoms[key] = grow_patch(frame, self.size, rng, start=start)
        return self._atoms[key]


def draw(pool: PatchPool, augmentation: Augmentation, rng: np.random.Generator) -> Draw:
    """Return a random part of a sample."""
    sample = pool.sample
    count = len(sample.frames)
    chosen = np.sort(rng.choice(count, min(augmentation.dynamic_steps, count), replace=False)).tolist()
    patch = int(rng.integers(pool.count))
    frames = [pool.frame(number, patch) for number in chosen]
    correspondences = [pool.correspondences(*pair, patch) for pair in pairwise(chosen)]
    levels = sorted({name for frame in frames for name in frame.nodes})
    dropped = [name for name in levels if rng.random() < augmentation.drop_level]
    frames = [_shaken(_without(frame, dropped), augmentation.jitter, rng) for frame in frames]
    correspondences = [{name: step for name, step in entry.items() if name not in dropped} for entry in correspondences]
    has_pooled = sample.has_pooled and rng.random() >= augmentation.drop_pooled
    return Draw(tuple(frames), tuple(correspondences), sample.pooled, has_pooled, _later(sample, frames[-1]))


def grow_patch(frame: EncodedFrame, size: int, rng: np.random.Generator, *, start: int | None = None) -> IntArray:
    """Numbers of connected atoms around a random one (or `start`), int64, sorted: neighbours first, then theirs."""
    bonds = frame.edges["atom", "atom"]
    count = len(frame.nodes["atom"])
    joined = bonds.index[:, bonds.weight > 0]
    links = csr_array((np.ones(joined.shape[1], np.int8), (joined[0], joined[1])), shape=(count, count))
    centre = int(rng.integers(count)) if start is None else start
    order = breadth_first_order(links, centre, directed=True, return_predecessors=False)
    return np.sort(order[:size]).astype(np.int64)


def cut_atoms(frame: EncodedFrame, atoms: IntArray) -> EncodedFrame:
    """The frame with some of its atoms only.

    An atom at the rim of a patch has lost neighbours: it counts as far as the weight of its edges is left, squared,
    when the level is read out.
    """
    place = np.full(len(frame.nodes["atom"]), -1, np.int64)
    place[atoms] = np.arange(len(atoms))
    edges = {name: _cut(name, relation, place) for name, relation in frame.edges.items()}
    node_weight = frame.node_weight["atom"][atoms]
    if ("atom", "atom") in edges:
        whole, left = (
            np.bincount(entry.index[1], weights=entry.weight, minlength=count)
            for entry, count in ((frame.edges["atom", "atom"], len(place)), (edges["atom", "atom"], len(atoms)))
        )
        node_weight = node_weight * ((left + 1e-3) / (whole[atoms] + 1e-3)) ** 2
    return replace(
        frame,
        nodes={**frame.nodes, "atom": frame.nodes["atom"][atoms]},
        node_weight={**frame.node_weight, "atom": node_weight.astype(np.float32)},
        edges=edges,
    )


def _cut(name: RelationName, relation: Edges, place: IntArray) -> Edges:
    index = relation.index.copy()
    for row, level in enumerate(name):
        if level == "atom":
            index[row] = place[index[row]]
    kept = (index >= 0).all(axis=0)
    return Edges(index[:, kept], relation.weight[kept], relation.features[kept])


def _listed(steps: Mapping[str, csr_array], earlier: IntArray | None, later: IntArray | None) -> Mapping[str, Edges]:
    listed = {}
    for name, matrix in steps.items():
        if name == "atom":
            matrix = matrix if earlier is None else matrix[earlier, :]
            matrix = matrix if later is None else matrix[:, later]
        found = matrix.tocoo()
        index = np.stack(found.coords).astype(np.int64)
        listed[name] = Edges(index, found.data.astype(np.float32), np.zeros((index.shape[1], 0), np.float32))
    return listed


def _later(sample: EncodedSample, last: EncodedFrame) -> tuple[float, float] | None:
    after = np.flatnonzero(sample.times_ps > last.time_ps + TIME_TOLERANCE_PS)
    if not after.size or not np.isfinite(last.solid_fraction):
        return None
    moment = after[-1]
    return float(sample.times_ps[moment]), float(sample.solid_fractions[moment])


def _going_on(step: csr_array, earlier: IntArray | None, rng: np.random.Generator) -> int | None:
    reached = np.unique((step if earlier is None else step[earlier, :]).tocoo().coords[1])
    return int(rng.choice(reached)) if reached.size else None


def _without(frame: EncodedFrame, dropped: list[str]) -> EncodedFrame:
    if not dropped:
        return frame
    return replace(
        frame,
        nodes={name: table for name, table in frame.nodes.items() if name not in dropped},
        node_weight={name: table for name, table in frame.node_weight.items() if name not in dropped},
        edges={name: relation for name, relation in frame.edges.items() if not set(name) & set(dropped)},
    )


def _shaken(frame: EncodedFrame, jitter: float, rng: np.random.Generator) -> EncodedFrame:
    if not jitter or "atom" not in frame.nodes:
        return frame
    noise = rng.standard_normal(frame.nodes["atom"].shape, dtype=np.float32) * np.float32(jitter)
    return replace(frame, nodes={**frame.nodes, "atom": frame.nodes["atom"] + noise})
