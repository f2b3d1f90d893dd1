"""Training crystals as sequences of frames in physical time, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nakaya.core.arrays import ArrivalMap, Float32Array, IntArray
from nakaya.core.errors import ParameterError
from nakaya.growth.emulators.constraints import front_of, window_of
from nakaya.growth.model.trajectory import occupancy_at

__all__ = ["FrameSequences", "Windows", "frame_sequences"]


@dataclass(frozen=True)
class FrameSequences:
    """Crystals, the frames that a network with a given stride sees of them, and their conditions.

    Frame k is the crystal after min(k stride, steps) solver steps: the last frame is the finished crystal, and the
    network learns to stop where the solver stopped, within its last stride.

    Attributes:
        arrival: int16 [crystal, row, column]: frame in which the site is first attached; -1 = never.
        num_frames: int64 [crystal]: frames after the initial one.
        front: int64 [crystal, frame]: largest attached row or column; the last value is repeated.
        condition: float32 [crystal, condition], standardised.
        stride: Solver steps between frames.
    """

    arrival: Tensor
    num_frames: Tensor
    front: IntArray
    condition: Tensor
    stride: int

    @property
    def size(self) -> int:
        """Rows and columns of the lattice."""
        return int(self.arrival.shape[-1])

    def transitions(self) -> tuple[IntArray, IntArray]:
        """All transitions: crystal and frame before it, int64 [transition] each."""
        frames = self.num_frames.numpy()
        crystal = np.repeat(np.arange(len(frames)), frames)
        return crystal, np.arange(len(crystal)) - np.repeat(np.cumsum(frames) - frames, frames)

    def attached(self, crystal: Tensor, frame: Tensor, window: int) -> Tensor:
        """Return frames: float32 [batch, 1, window, window], 1 = attached, in channels-last memory.

        Args:
            crystal: int64 [batch].
            frame: int64 [batch].
            window: Rows and columns of the corner.
        """
        arrival = self.arrival[crystal, :window, :window]
        attached = (arrival >= 0) & (arrival <= frame[:, None, None])
        return attached[:, None].to(torch.float32).contiguous(memory_format=torch.channels_last)


def frame_sequences(
    arrival: ArrivalMap, steps: IntArray, condition: Float32Array, *, stride: int, lookahead: int
) -> FrameSequences:
    """Return the frames of finished crystals.

    Args:
        arrival: int32 [crystal, row, column], in solver steps.
        steps: int64 [crystal]: solver steps until each stopped.
        condition: float32 [crystal, condition], standardised.
        stride: Solver steps between frames.
        lookahead: Free rows and columns that the network's window keeps in front of the crystal.

    Raises:
        ParameterError: A crystal's front advances by more than the lookahead within a stride.
    """
    frame_of = np.where(arrival >= 0, -(-arrival // stride), -1).astype(np.int16)
    num_frames = -(-steps // stride)
    last = int(num_frames.max())
    front = np.stack([front_of(occupancy_at(frame_of.astype(np.int32), frame)) for frame in range(last + 1)], axis=1)
    advance = int(np.diff(front, axis=1).max())
    if advance > lookahead:
        raise ParameterError(
            f"a crystal advances by {advance} columns within stride={stride}, lookahead={lookahead} hides that from "
            f"the network: set lookahead to {advance} or more, or use a smaller stride"
        )
    return FrameSequences(
        torch.from_numpy(frame_of),
        torch.from_numpy(num_frames.astype(np.int64)),
        front,
        torch.from_numpy(condition),
        stride,
    )


class Windows:
    """All transitions of some sequences, sorted by the window through which the network sees them.

    A batch comes from one window, so that small crystals are not convolved with large empty lattices.

    Args:
        sequences: The crystals.
        lookahead: As for `frame_sequences`.
    """

    def __init__(self, sequences: FrameSequences, lookahead: int) -> None:
        self.sequences = sequences
        self.lookahead = lookahead
        crystal, frame = sequences.transitions()
        window = window_of(sequences.front[crystal, frame], sequences.size, lookahead)
        self._groups: list[tuple[Tensor, Tensor]] = []
        for value in np.unique(window):
            chosen = window == value
            self._groups.append((torch.from_numpy(crystal[chosen]), torch.from_numpy(frame[chosen])))
        self._sizes = torch.tensor([len(group[0]) for group in self._groups], dtype=torch.float64)

    def draw(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw a window, with the share of transitions that it has, and `batch` of its transitions.

        Returns:
            Crystals and their frames before the transition, int64 [batch] each.
        """
        group = int(torch.multinomial(self._sizes, 1, generator=generator))
        crystal, frame = self._groups[group]
        chosen = torch.randint(len(crystal), (batch,), generator=generator)
        return crystal[chosen], frame[chosen]

    def needed(self, crystal: Tensor, frame: Tensor, attached_fronts: Sequence[int]) -> int:
        """Return the window that holds these frames of the crystals, and fronts that lie elsewhere, with lookahead."""
        front = max([int(self.sequences.front[crystal.numpy(), frame.numpy()].max()), *attached_fronts])
        return int(window_of(np.array(front), self.sequences.size, self.lookahead))
