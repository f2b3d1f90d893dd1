"""What the CGNE is trained on: unrolled steps along simulated crystals, dropout and annealing on a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nakaya.core.arrays import ArrivalMap, IntArray
from nakaya.core.randomness import member_key
from nakaya.growth.emulators.cgne.config import CgneSchedule
from nakaya.growth.emulators.cgne.data import FrameSequences, Windows
from nakaya.growth.emulators.cgne.latent import latent_use
from nakaya.growth.emulators.cgne.loss import step_loss
from nakaya.growth.emulators.cgne.model import Cgne
from nakaya.growth.emulators.cgne.noise import STREAM
from nakaya.growth.emulators.cgne.rollout import roll_out
from nakaya.growth.model.trajectory import INITIAL
from nakaya.growth.morphology.crystal_samples import final_counts

__all__ = ["CgneTask", "HeldOut"]


@dataclass(frozen=True)
class HeldOut:
    """Crystals at parameter points that the training does not see.

    Attributes:
        sequences: Their frames.
        arrival: int32 [crystal, row, column], in solver steps.
        steps: int64 [crystal].
        margin: The stop rule they were grown with.
        seed: Of the rollouts that are compared with them.
    """

    sequences: FrameSequences
    arrival: ArrivalMap
    steps: IntArray
    margin: int
    seed: int = 0


class CgneTask:
    """Draws windows of sequences, unrolls the network along them, and validates by free rollouts.

    Args:
        training: Sequences to learn from.
        held_out: Sequences to validate on.
        schedule: Batch, unrolling, dropout, annealing, weights.
        lookahead: The network's.
        threshold: The network's.
    """

    def __init__(
        self, training: FrameSequences, held_out: HeldOut, schedule: CgneSchedule, *, lookahead: int, threshold: float
    ) -> None:
        self.training, self.held_out, self.schedule = training, held_out, schedule
        self.lookahead = lookahead
        self.cut = float(np.log(threshold / (1.0 - threshold)))
        self.windows = Windows(training, lookahead)

    def losses(self, network: nn.Module, progress: float, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Yield the loss of every step of one unrolled batch; see `nakaya.learn.loop.Task`."""
        assert isinstance(network, Cgne)
        schedule, sequences = self.schedule, self.training
        unroll = int(torch.randint(1, schedule.max_unroll + 1, (), generator=generator))
        crystal, frame = self.windows.draw(schedule.batch, generator)
        attached: Tensor | None = None
        for _ in range(unroll):
            window = self.windows.needed(crystal, frame, _fronts(attached))
            attached = sequences.attached(crystal, frame, window) if attached is None else _enlarge(attached, window)
            following = sequences.attached(crystal, frame + 1, window)
            step = step_loss(
                network,
                attached,
                following,
                sequences.condition[crystal],
                weights=schedule.weights,
                beta=schedule.annealing.at(progress),
                dropout=schedule.dropout.at(progress),
                generator=generator,
            )
            yield step.terms
            attached = torch.maximum(attached, (step.logits.detach() > self.cut).to(attached.dtype))
            frame = frame + 1
            going_on = frame < sequences.num_frames[crystal]
            if not bool(going_on.any()):
                return
            crystal, frame, attached = crystal[going_on], frame[going_on], attached[going_on]

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return how freely grown crystals at held-out points compare with the solver's, and how z is used.

        `iou`, `area_error`, `boundary_error` and `steps_error` (relative; `..._bias` are signed) of one rollout for
        every held-out crystal; `stalled`: share of network steps in which nothing attaches; the rest: `latent_use`.
        """
        assert isinstance(network, Cgne)
        held = self.held_out
        keys = [member_key(held.seed, number, 0, stream=STREAM) for number in range(len(held.steps))]
        grown = roll_out(
            network,
            held.sequences.condition.numpy(),
            keys,
            size=held.sequences.size,
            margin=held.margin,
            step_limit=2 * int(held.steps.max()),
            no_growth=int(held.steps.max()),
        )
        theirs, ours = held.arrival >= INITIAL, grown.arrival >= INITIAL
        both = (theirs & ours).sum(axis=(1, 2))
        either = (theirs | ours).sum(axis=(1, 2))
        (area, boundary), (our_area, our_boundary) = final_counts(held.arrival).T, final_counts(grown.arrival).T
        return {
            "iou": float(np.mean(both / either)),
            "area_error": float(np.mean(np.abs(our_area / area - 1.0))),
            "area_bias": float(np.mean(our_area / area - 1.0)),
            "boundary_error": float(np.mean(np.abs(our_boundary / boundary - 1.0))),
            "boundary_bias": float(np.mean(our_boundary / boundary - 1.0)),
            "steps_error": float(np.mean(np.abs(grown.steps / held.steps - 1.0))),
            "steps_bias": float(np.mean(grown.steps / held.steps - 1.0)),
            "stalled": float(grown.stalled.sum() / (grown.steps.sum() / network.config.stride)),
            **latent_use(network, held.sequences),
        }


def _fronts(attached: Tensor | None) -> list[int]:
    """The largest attached row or column of a batch, float32 [batch, 1, row, column], as a list of at most one."""
    if attached is None:
        return []
    reached = attached.amax(dim=(0, 1))
    lines = torch.nonzero(torch.maximum(reached.amax(dim=0), reached.amax(dim=1)))
    return [int(lines.max())]


def _enlarge(attached: Tensor, window: int) -> Tensor:
    """Return the batch in a window that is larger or, where the lost part is empty, smaller."""
    grown = attached.new_zeros((len(attached), 1, window, window)).contiguous(memory_format=torch.channels_last)
    rows = min(window, attached.shape[-1])
    grown[:, :, :rows, :rows] = attached[:, :, :rows, :rows]
    return grown
