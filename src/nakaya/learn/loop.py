"""The training loop: losses in, averaged weights out; resumable bit for bit, stopped by the first NaN.

It knows nothing of crystals: a `Task` yields losses, the loop does the rest. One loss, one optimiser update.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nakaya.core.errors import NakayaError
from nakaya.learn.averaging import WeightAverage
from nakaya.learn.checkpoints import load_state, save_state
from nakaya.learn.config import LoopConfig
from nakaya.learn.metrics import MetricsLog
from nakaya.learn.schedules import WarmupCosine

__all__ = ["DivergenceError", "Fitted", "Report", "Task", "fit"]

logger = logging.getLogger(__name__)

Report = Callable[[int, Mapping[str, float]], None]
"""Called after every update with the number of updates done and the latest terms, for a progress bar."""


class DivergenceError(NakayaError, ArithmeticError):
    """A loss or a gradient is NaN or infinite."""


class Task(Protocol):
    """What is trained: it draws batches, computes losses and says how good the network is."""

    def losses(self, network: nn.Module, progress: float, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Yield the terms of one loss after another; each is followed by one update of the network.

        Args:
            network: To be evaluated in the state that the updates so far have left it in.
            progress: Updates done over all updates, in [0, 1).
            generator: Source of every random draw, of data and of noise.

        Yields:
            Scalars by name; "loss" is what gradients are taken of, the others are logged.
        """
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return figures of merit on held-out data; must not draw from the training's generator."""
        ...


@dataclass(frozen=True)
class Fitted:
    """What a run leaves in memory.

    Attributes:
        weights: Averaged weights by name.
        updates: Updates done.
        seconds: Wall time of all parts of the run together.
        cpu_seconds: CPU time of all parts of the run together.
        validation: The last figures of merit.
    """

    weights: dict[str, Tensor]
    updates: int
    seconds: float
    cpu_seconds: float
    validation: dict[str, float]


@dataclass
class _Clock:
    """Wall and CPU time, counted on over restarts."""

    seconds_before: float = 0.0
    cpu_before: float = 0.0

    def __post_init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return (
            self.seconds_before + time.perf_counter() - self._wall,
            self.cpu_before + time.process_time() - self._cpu,
        )


def fit(
    network: nn.Module,
    task: Task,
    config: LoopConfig,
    *,
    folder: Path | None = None,
    fingerprint: str = "",
    report: Report | None = None,
    stop_after: int | None = None,
    fused: bool = False,
) -> Fitted:
    """Train a network, or go on where an earlier call stopped.

    AdamW with decoupled weight decay, gradient clipping, a moving average of the weights. The network is left with its
    last weights; the average is returned. On one machine with one number of threads, a run that was interrupted any
    number of times gives the same bits as one that was not.

    Args:
        network: Initialised by the caller, from `config.seed`.
        task: Yields the losses.
        config: How to train.
        folder: Where checkpoint.pt and metrics.jsonl are kept; None: nothing is written and nothing can be resumed.
        fingerprint: Identifies configuration and data; a checkpoint with another one is refused.
        report: Called after every update.
        stop_after: Return after this many updates in all, as if interrupted there; for tests and time slices.
        fused: Whether one kernel updates all weights: faster for many small ones, with other rounding.

    Raises:
        DivergenceError: A term of the loss or a gradient is not finite; the last checkpoint is kept.
        ConfigError: The folder holds a checkpoint of another configuration.
    """
    generator = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused
    )
    average = WeightAverage(network, config.average_decay)
    rate = WarmupCosine(config.learning_rate, config.warmup, config.final_rate)
    clock = _Clock()
    updates, validation = 0, dict[str, float]()
    metrics = MetricsLog(None if folder is None else folder / "metrics.jsonl")
    checkpoint = None if folder is None else folder / "checkpoint.pt"

    if checkpoint is not None and checkpoint.exists():
        state = load_state(checkpoint, fingerprint=fingerprint)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average.weights, average.num_updates = state["average"], state["updates"]
        generator.set_state(state["generator"])
        updates, validation = state["updates"], state["validation"]
        clock = _Clock(state["seconds"], state["cpu_seconds"])
        metrics.truncate(state["metrics_bytes"])
        logger.info("going on from update %d of %d", updates, config.updates)
    else:
        metrics.truncate(0)

    def save() -> None:
        if checkpoint is None:
            return
        seconds, cpu_seconds = clock.read()
        state: dict[str, Any] = {  # tensors and plain values of many kinds
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.weights,
            "generator": generator.get_state(),
            "updates": updates,
            "validation": validation,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "metrics_bytes": metrics.num_bytes,
        }
        save_state(checkpoint, state, fingerprint=fingerprint)

    target = config.updates if stop_after is None else min(stop_after, config.updates)
    saved_at = updates
    while updates < target:
        for terms in task.losses(network, updates / config.updates, generator):
            learning_rate = rate.at((updates + 0.5) / config.updates)
            norm = _update(network, optimiser, terms, learning_rate, config.clip_norm, updates)
            average.update(network)
            updates += 1
            latest = {name: float(value.detach()) for name, value in terms.items()} | {"gradient": norm}
            metrics.add({"update": updates, "learning_rate": learning_rate, **latest})
            if report is not None:
                report(updates, latest)
            if updates % config.validate_every == 0 or updates == config.updates:
                validation = _validate(network, average, task)
                metrics.add({"update": updates, "validation": validation})
                logger.info("update %d: %s", updates, validation)
            if updates == config.updates:
                break
        if updates - saved_at >= config.checkpoint_every or updates == config.updates:
            save()
            saved_at = updates
    seconds, cpu_seconds = clock.read()
    return Fitted(average.weights, updates, seconds, cpu_seconds, validation)


def _update(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    terms: Mapping[str, Tensor],
    learning_rate: float,
    clip_norm: float,
    updates: int,
) -> float:
    """Take one step down the gradient of `terms["loss"]`; return the gradient's norm before clipping."""
    for name, value in terms.items():
        if not bool(torch.isfinite(value)):
            raise DivergenceError(
                f"the term {name!r} of the loss is {float(value.detach()):g} at update {updates + 1}: training "
                "stopped, the last checkpoint is kept; lower learning_rate or look at the data"
            )
    optimiser.zero_grad(set_to_none=True)
    terms["loss"].backward()  # type: ignore[no-untyped-call]
    norm = float(nn.utils.clip_grad_norm_(network.parameters(), clip_norm))
    if not math.isfinite(norm):
        name = next(
            name
            for name, parameter in network.named_parameters()
            if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all())
        )
        raise DivergenceError(
            f"the gradient of {name!r} is not finite at update {updates + 1}: training stopped, the last checkpoint is "
            "kept; lower learning_rate or look at the data"
        )
    for group in optimiser.param_groups:
        group["lr"] = learning_rate
    optimiser.step()
    return norm


def _validate(network: nn.Module, average: WeightAverage, task: Task) -> dict[str, float]:
    """Validate with the averaged weights, then put the network's own back."""
    own = {name: value.detach().clone() for name, value in network.state_dict().items()}
    network.load_state_dict(average.weights)
    network.eval()
    try:
        with torch.no_grad():
            return task.validate(network)
    finally:
        network.load_state_dict(own)
        network.train()
