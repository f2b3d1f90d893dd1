"""Several processes that train one network together, as torchrun starts them: each computes a share of every batch.

    torchrun --nproc-per-node 2 -m nakaya train FILE --out FOLDER

All processes draw the same batch and the same noise, and each computes the losses of its own rows. Gradients are
averaged over the processes, so every update is the one that a single process would make with the whole batch, but for
the order of sums.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

__all__ = ["ALONE", "Ranks", "Share", "joined_ranks"]


@dataclass(frozen=True)
class Ranks:
    """The processes of one training.

    Attributes:
        rank: Number of this one; 0 writes files.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes checkpoints, logs and models."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes."""
        if self.count == 1:
            return values
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total / self.count

    def largest(self, value: int) -> int:
        """Return the greatest of the processes' numbers."""
        if self.count == 1:
            return value
        found = torch.tensor(value)
        distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
        return int(found)

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.count > 1:
            distributed.barrier()

    def average_gradients(self, network: nn.Module) -> None:
        """Put the mean over all processes in the place of every gradient; one that a process lacks counts as 0."""
        if self.count == 1:
            return
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        flat = torch.cat(
            [torch.zeros_like(p).reshape(-1) if p.grad is None else p.grad.reshape(-1) for p in parameters]
        )
        flat = self.mean(flat)
        start = 0
        for parameter in parameters:
            part = flat[start : start + parameter.numel()].reshape(parameter.shape)
            start += parameter.numel()
            if parameter.grad is None:
                parameter.grad = part.clone()
            else:
                parameter.grad.copy_(part)


ALONE = Ranks()
"""One process."""


@dataclass(frozen=True)
class Share:
    """The rows of a batch that this process computes.

    Attributes:
        mine: int64 [row], ascending; never empty.
        total: Rows of the batch.
        ranks: All processes.
        weight: What a mean over these rows is multiplied by, so that the mean over processes is that over the batch.
    """

    mine: Tensor
    total: int
    ranks: Ranks
    weight: float

    @classmethod
    def of(cls, owner: Tensor, ranks: Ranks) -> Share:
        """Return the rows that belong to this process; of none, the first one, without weight.

        Args:
            owner: Rank that each row of the batch belongs to, int64 [row].
            ranks: All processes.
        """
        mine = torch.nonzero(owner == ranks.rank)[:, 0]
        weight = len(mine) * ranks.count / len(owner)
        return cls(mine if len(mine) else torch.zeros(1, dtype=torch.int64), len(owner), ranks, weight)

    @classmethod
    def whole(cls, rows: int) -> Share:
        """Return all rows of a batch, for one process."""
        return cls(torch.arange(rows), rows, ALONE, 1.0)

    def rows_of(self, batch: Tensor) -> Tensor:
        """Return the rows of something that was drawn for the whole batch."""
        return batch if self.ranks.count == 1 else batch[self.mine]


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the processes that torchrun started together, for the body; alone where it did not."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or "RANK" not in os.environ or not distributed.is_available():
        yield ALONE
        return
    distributed.init_process_group("gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
