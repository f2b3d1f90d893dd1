"""The training loop: losses in, averaged weights out; resumable bit for bit, stopped by the first NaN.

It knows nothing of crystals: a `Task` yields losses, the loop does the rest. One loss, one optimiser update.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from nakaya.core.documents import plain
from nakaya.core.errors import NakayaError, StoppedError
from nakaya.core.files import open_log
from nakaya.core.signals import postponed_stop
from nakaya.learn.checkpoints import load_state, save_state
from nakaya.learn.config import LoopConfig
from nakaya.learn.ranks import ALONE, Ranks
from nakaya.learn.schedules import WarmupCosine

__all__ = ["CHECKPOINT_FILE", "DivergenceError", "Fitted", "MetricsLog", "Report", "Task", "WeightAverage", "fit"]

logger = logging.getLogger(__name__)

CHECKPOINT_FILE: Final = "checkpoint.pt"

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


class WeightAverage:
    """Follows a network's parameters and buffers: average <- decay * average + (1 - decay) * weights.

    The decay starts low, (1 + n) / (10 + n) after n updates, so that the random initial weights are soon forgotten.

    Args:
        network: What to follow; its present weights are the start.
        decay: Weight of the past in the long run, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.num_updates = 0
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take one step towards the network's present weights."""
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        self.num_updates += 1
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.weights[name].lerp_(value, 1.0 - decay)
            else:
                self.weights[name].copy_(value)


class MetricsLog:
    """The log of a training run, one JSON object per line; without a file it does nothing.

    A checkpoint remembers the length of the file; a run that goes on from it cuts off what came later, so that the log
    of an interrupted run equals that of an undisturbed one.

    Args:
        path: The file; None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.num_bytes = 0

    def truncate(self, num_bytes: int) -> None:
        """Keep only the first `num_bytes` bytes."""
        if self.path is not None and self.path.exists():
            with open_log(self.path) as stream:
                stream.truncate(num_bytes)
        self.num_bytes = num_bytes

    def add(self, entry: Mapping[str, Any]) -> None:
        """Append one line."""
        line = (json.dumps(plain(entry)) + "\n").encode()
        self.num_bytes += len(line)
        if self.path is not None:
            with open_log(self.path) as stream:
                stream.write(line)


class _Run:
    """Everything that changes in the course of a training, and the checkpoint that holds it."""

    def __init__(
        self,
        network: nn.Module,
        config: LoopConfig,
        folder: Path | None,
        fingerprint: str,
        *,
        fused: bool,
        ranks: Ranks,
    ) -> None:
        self.network, self.config, self.fingerprint, self.ranks = network, config, fingerprint, ranks
        self.checkpoint = None if folder is None else folder / CHECKPOINT_FILE
        self.metrics = MetricsLog(None if folder is None or not ranks.writes else folder / "metrics.jsonl")
        self.generator = torch.Generator().manual_seed(config.seed)
        kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
        self.optimiser = kind(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused
        )
        self.average = WeightAverage(network, config.average_decay)
        self.rate = WarmupCosine(config.learning_rate, config.warmup, config.final_rate)
        self.updates, self.validation = 0, dict[str, float]()
        self._saved_at, self._saved_clock = 0, time.monotonic()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def times(self) -> tuple[float, float]:
        """Wall and CPU time of all parts of the run together, s."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu

    def resume(self) -> None:
        """Go on from the checkpoint where there is one; otherwise begin a new log."""
        if self.checkpoint is None or not self.checkpoint.exists():
            self.metrics.truncate(0)
            return
        state = load_state(self.checkpoint, fingerprint=self.fingerprint)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.weights, self.average.num_updates = state["average"], state["updates"]
        self.generator.set_state(state["generator"])
        if "torch_generator" in state:  # earlier versions did not keep it
            torch.set_rng_state(state["torch_generator"])
        self.updates, self.validation = state["updates"], state["validation"]
        self._wall -= state["seconds"]
        self._cpu -= state["cpu_seconds"]
        self.metrics.truncate(state["metrics_bytes"])
        self._saved_at = self.updates
        logger.info("going on from update %d of %d", self.updates, self.config.updates)

    def is_due(self) -> bool:
        """Whether so many updates were done, or so much time has passed, that a checkpoint is due."""
        if self.updates - self._saved_at >= self.config.checkpoint_every:
            return True
        return time.monotonic() - self._saved_clock >= 60.0 * self.config.checkpoint_minutes

    def save(self) -> None:
        """Write the checkpoint, where there is a folder."""
        self._saved_at, self._saved_clock = self.updates, time.monotonic()
        if self.checkpoint is None or not self.ranks.writes:
            return
        seconds, cpu_seconds = self.times()
        state: dict[str, Any] = {  # tensors and plain values of many kinds
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),  # of dropout, which takes no other
            "updates": self.updates,
            "validation": self.validation,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "metrics_bytes": self.metrics.num_bytes,
        }
        save_state(self.checkpoint, state, fingerprint=self.fingerprint)

    def update(self, terms: Mapping[str, Tensor]) -> dict[str, float]:
        """Take one step down the gradient of `terms["loss"]`; return the terms and the gradient's norm before clipping.

        Raises:
            DivergenceError: One of them is not finite.
        """
        values = self.ranks.mean(torch.stack([value.detach() for value in terms.values()]))
        latest = dict(zip(terms, values.tolist(), strict=True))
        for name, value in latest.items():
            if not math.isfinite(value):
                raise self._divergence(f"the term {name!r} of the loss is {value:g}")
        self.optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        self.ranks.average_gradients(self.network)
        latest["gradient"] = float(nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm))
        if not math.isfinite(latest["gradient"]):
            gradients = ((name, parameter.grad) for name, parameter in self.network.named_parameters())
            name = next(name for name, grad in gradients if grad is not None and not bool(torch.isfinite(grad).all()))
            raise self._divergence(f"the gradient of {name!r} is not finite")
        learning_rate = self.rate.at((self.updates + 0.5) / self.config.updates)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.step()
        self.average.update(self.network)
        self.updates += 1
        self.metrics.add({"update": self.updates, "learning_rate": learning_rate, **latest})
        return latest

    def _divergence(self, what: str) -> DivergenceError:
        return DivergenceError(
            f"{what} at update {self.updates + 1}: training stopped, the last checkpoint is kept; lower learning_rate "
            "or look at the data"
        )

    def validate(self, task: Task) -> None:
        """Find figures of merit of the averaged weights, then put the network's own back."""
        own = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average.weights)
        self.network.eval()
        try:
            with torch.no_grad():
                self.validation = task.validate(self.network)
        finally:
            self.network.load_state_dict(own)
            self.network.train()
        self.metrics.add({"update": self.updates, "validation": self.validation})
        logger.info("update %d: %s", self.updates, self.validation)


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
    ranks: Ranks = ALONE,
) -> Fitted:
    """Train a network, or go on where an earlier call stopped.

    AdamW with decoupled weight decay (or Adam), gradient clipping, a moving average of the weights. The network is left
    with its last weights; the average is returned. On one machine with one number of threads, a run that was
    interrupted any number of times gives the same bits as one that was not.

    Args:
        network: Initialised by the caller, from `config.seed`.
        task: Yields the losses.
        config: How to train.
        folder: Where checkpoint.pt and metrics.jsonl are kept; None: nothing is written and nothing can be resumed.
        fingerprint: Identifies configuration and data; a checkpoint with another one is refused.
        report: Called after every update.
        stop_after: Return after this many updates in all, as if interrupted there; for tests and time slices.
        fused: Whether one kernel updates all weights: faster for many small ones, with other rounding.
        ranks: The processes that train together; the task yields each its share of every loss, and all of them call
            this function alike. The first of them writes.

    Raises:
        DivergenceError: A term of the loss or a gradient is not finite; the last checkpoint is kept.
        ConfigError: The folder holds a checkpoint of another configuration.
        StoppedError: SIGINT or SIGTERM came while there is a folder; a checkpoint was written, and the same call goes
            on from there.
    """
    target = config.updates if stop_after is None else min(stop_after, config.updates)
    # Going on puts torch's own random numbers where they were; what the caller draws afterwards shall not depend on it.
    with postponed_stop(wanted=folder is not None) as request, torch.random.fork_rng(devices=[]):
        run = _Run(network, config, folder, fingerprint, fused=fused, ranks=ranks)
        run.resume()
        ranks.wait()  # until all have read the checkpoint
        stopped_by = 0  # the signal that one of the processes was sent, if any
        while run.updates < target and not stopped_by:
            for terms in task.losses(network, run.updates / config.updates, run.generator):
                latest = run.update(terms)
                if report is not None:
                    report(run.updates, latest)
                if run.updates % config.validate_every == 0 or run.updates == config.updates:
                    run.validate(task)
                if run.updates == config.updates:
                    break
            # Here, and not inside: a round of losses has a state of its own, which is in no checkpoint.
            stopped_by = ranks.largest(request.signal or 0)
            if run.is_due() or run.updates == config.updates or stopped_by:
                run.save()
        if stopped_by:
            raise StoppedError(f"stopped at update {run.updates}; the same command goes on from there", stopped_by)
        seconds, cpu_seconds = run.times()
        return Fitted(run.average.weights, run.updates, seconds, cpu_seconds, run.validation)
