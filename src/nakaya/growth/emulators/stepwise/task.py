"""What a stepwise emulator is trained on: unrolled steps along crystals, dropout and annealing on a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nakaya.core.arrays import ArrivalMap, IntArray
from nakaya.core.randomness import member_key
from nakaya.growth.emulators.constraints import joined_to
from nakaya.growth.emulators.stepwise.config import StepConfig, StepSchedule
from nakaya.growth.emulators.stepwise.data import FrameSequences, Windows
from nakaya.growth.emulators.stepwise.latent import latent_use
from nakaya.growth.emulators.stepwise.loss import step_loss
from nakaya.growth.emulators.stepwise.network import StepNetwork
from nakaya.growth.emulators.stepwise.rollout import roll_out
from nakaya.growth.model.trajectory import INITIAL
from nakaya.growth.morphology.crystal_samples import final_counts
from nakaya.learn.ranks import ALONE, Ranks, Share

__all__ = ["HeldOut", "StepTask"]


@dataclass(frozen=True)
class HeldOut:
    """Crystals at parameter points that the training does not see.

    Attributes:
        sequences: Their frames.
        arrival: int32 [crystal, row, column], in solver steps.
        steps: int64 [crystal].
        margin: The stop rule they were grown with.
        stream: Name of the random stream of the family.
        seed: Of the rollouts that are compared with them.
    """

    sequences: FrameSequences
    arrival: ArrivalMap
    steps: IntArray
    margin: int
    stream: str
    seed: int = 0


class StepTask:
    """Draws windows of sequences, unrolls the network along them, and validates by free rollouts.

    Args:
        training: Sequences to learn from.
        held_out: Sequences to validate on.
        schedule: Batch, unrolling, dropout, annealing, weights.
        config: The network's.
        ranks: The processes that share every batch.
    """

    def __init__(
        self,
        training: FrameSequences,
        held_out: HeldOut,
        schedule: StepSchedule,
        config: StepConfig,
        *,
        ranks: Ranks = ALONE,
    ) -> None:
        self.training, self.held_out, self.schedule, self.config = training, held_out, schedule, config
        self.ranks = ranks
        self.cut = float(np.log(config.threshold / (1.0 - config.threshold)))
        self.windows = Windows(training, config.lookahead)

    def losses(self, network: nn.Module, progress: float, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Yield the loss of every step of one unrolled batch; see `nakaya.learn.loop.Task`.

        Steps that are not detached give one loss together, the mean of theirs.
        """
        assert isinstance(network, StepNetwork)
        steps = self._unrolled(network, progress, generator)
        if self.schedule.detached:
            yield from steps
            return
        found = list(steps)
        yield {name: torch.stack([terms[name] for terms in found]).mean() for name in found[0]}

    def _unrolled(
        self, network: StepNetwork, progress: float, generator: torch.Generator
    ) -> Iterator[dict[str, Tensor]]:
        """Every process draws the whole batch, and has the crystals of its own rows in `attached`."""
        schedule, sequences = self.schedule, self.training
        unroll = int(torch.randint(1, schedule.max_unroll + 1, (), generator=generator))
        crystal, frame = self.windows.draw(schedule.batch, generator)
        owner = torch.arange(len(crystal)) % self.ranks.count
        attached: Tensor | None = None
        for _ in range(unroll):
            share = Share.of(owner, self.ranks)
            which, when = share.rows_of(crystal), share.rows_of(frame)
            window = self.windows.needed(crystal, frame, self._fronts(attached))
            attached = sequences.attached(which, when, window) if attached is None else _enlarge(attached, window)
            following = sequences.attached(which, when + 1, window)
            step = step_loss(
                network,
                attached,
                following,
                sequences.condition[which],
                weights=schedule.weights,
                beta=schedule.annealing.at(progress),
                dropout=schedule.dropout.at(progress),
                generator=generator,
                free_bits=schedule.free_bits,
                share=share,
            )
            yield step.terms
            attached = self._attach(attached, step.logits, share, generator)
            frame = frame + 1
            going_on = frame < sequences.num_frames[crystal]
            if not bool(going_on.any()):
                return
            mine = going_on if self.ranks.count == 1 else going_on[owner == self.ranks.rank]
            attached = attached[mine] if len(mine) == len(attached) else attached[:0]
            crystal, frame, owner = crystal[going_on], frame[going_on], owner[going_on]
            if not len(attached):  # this process has no row left, and computes one without weight
                attached = attached.new_zeros((1, *attached.shape[1:]))

    def _attach(self, attached: Tensor, logits: Tensor, share: Share, generator: torch.Generator) -> Tensor:
        """Return what is attached after a step, as a rollout attaches it."""
        if self.config.output == "draw":
            shape = (share.total, *logits.shape[1:])
            drawn = torch.rand(shape, generator=generator)
            found = torch.sigmoid(logits.detach()) > share.rows_of(drawn)
            crystal = attached.detach() > 0.0
            joined = joined_to(crystal[:, 0].numpy(), (found & ~crystal)[:, 0].numpy())
            new = torch.from_numpy(joined)[:, None].to(attached.dtype)
        else:
            new = (logits.detach() > self.cut).to(attached.dtype)
        if not self.schedule.detached:  # the value of what attached, with the gradient of its probability
            probability = torch.sigmoid(logits)
            new = new + (probability - probability.detach())
            return attached + (1.0 - attached) * new
        return torch.maximum(attached, new)

    def _fronts(self, attached: Tensor | None) -> list[int]:
        """The largest attached row or column of a whole batch, as a list of at most one."""
        if attached is None:
            return []
        reached = attached.detach().amax(dim=(0, 1))
        lines = torch.nonzero(torch.maximum(reached.amax(dim=0), reached.amax(dim=1)))
        return [self.ranks.largest(int(lines.max()) if len(lines) else 0)]

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return how freely grown crystals at held-out points compare with the solver's, and how z is used.

        `iou`, `area_error`, `boundary_error` and `steps_error` (relative; `..._bias` are signed) of one rollout for
        every held-out crystal; `stalled`: share of network steps in which nothing attaches; the rest: `latent_use`.
        """
        assert isinstance(network, StepNetwork)
        held = self.held_out
        keys = [member_key(held.seed, number, 0, stream=held.stream) for number in range(len(held.steps))]
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


def _enlarge(attached: Tensor, window: int) -> Tensor:
    """Return the batch in a window that is larger or, where the lost part is empty, smaller."""
    grown = attached.new_zeros((len(attached), 1, window, window)).contiguous(memory_format=torch.channels_last)
    rows = min(window, attached.shape[-1])
    grown[:, :, :rows, :rows] = attached[:, :, :rows, :rows]
    return grown
