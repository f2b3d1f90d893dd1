"""The training of a posterior: batches of crystals, and how probable it makes held-out parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from nakaya.core.arrays import FloatArray
from nakaya.growth.inference.config import PosteriorSettings
from nakaya.growth.inference.network import CLIP, PosteriorNetwork
from nakaya.growth.inference.observing import SHADES, Observations
from nakaya.growth.inference.prior import Prior
from nakaya.growth.inference.regression import regress
from nakaya.learn.loop import Fitted, Report, fit
from nakaya.learn.threads import torch_threads

__all__ = ["Seen", "fit_posterior", "information"]

SHRINKAGE = 0.02
"""Added to the variance of standardised measures along every direction before these are made independent: directions in
which crystals hardly differ would decide over the distance."""

LEAST_SCALE = 1e-6


@dataclass(frozen=True)
class Seen:
    """Observations as tensors.

    Attributes:
        measures: float32 [observation, measure].
        told: What the network makes of them, float32 [observation, number]; set by the training.
        pictures: uint8 [observation, row, column], or None.
        unbounded: Parameters on the unbounded scale, float32 [observation, parameter].
    """

    measures: Tensor
    pictures: Tensor | None
    unbounded: Tensor
    told: Tensor | None = None

    @classmethod
    def of(cls, observed: Observations, values: FloatArray, prior: Prior) -> Seen:
        """Return observations with the parameters of their crystals, float64 [observation, parameter]."""
        return cls(
            torch.as_tensor(observed.measures, dtype=torch.float32),
            None if observed.pictures is None else torch.as_tensor(observed.pictures),
            torch.as_tensor(prior.to_unbounded(values), dtype=torch.float32),
        )

    def picture(self, index: Tensor | slice) -> Tensor | None:
        """Return occupied fractions of pixels, float32 [observation, row, column]."""
        return None if self.pictures is None else self.pictures[index].float() / SHADES


def information(log_density: Tensor, unbounded: Tensor) -> Tensor:
    """Return the log of posterior over prior density at the true parameters, in nats: [crystal].

    Args:
        log_density: On the unbounded scale, of every member: [member, crystal].
        unbounded: [crystal, parameter].
    """
    mixture = torch.logsumexp(log_density, dim=0) - math.log(len(log_density))
    return mixture - (nn.functional.logsigmoid(unbounded) + nn.functional.logsigmoid(-unbounded)).sum(dim=1)


class PosteriorTask:
    """Draws batches, computes minus the log density, and validates on crystals at other points.

    Args:
        training: To learn from.
        held_out: To validate on.
        batch: Crystals of an update.
    """

    def __init__(self, training: Seen, held_out: Seen, batch: int) -> None:
        self.training, self.held_out, self.batch = training, held_out, batch

    def losses(self, network: nn.Module, progress: float, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Yield the loss of one batch; see `nakaya.learn.loop.Task`."""
        assert isinstance(network, PosteriorNetwork)
        seen = self.training
        index = torch.randint(len(seen.measures), (self.batch,), generator=generator)
        picture = seen.picture(index)
        if picture is not None and bool(torch.rand((), generator=generator) < 0.5):
            picture = picture.transpose(-1, -2)  # both axes of the part are equal
        assert seen.told is not None
        log_density = network.log_density(seen.unbounded[index], seen.told[index], picture)
        yield {"loss": -log_density.mean()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the mean information in nats over the prior, and its standard error."""
        assert isinstance(network, PosteriorNetwork)
        parts, seen = [], self.held_out
        for start in range(0, len(seen.measures), 1024):
            part = slice(start, start + 1024)
            unbounded = seen.unbounded[part]
            log_density = network.log_density(unbounded, network.tell(seen.measures[part]), seen.picture(part))
            parts.append(information(log_density, unbounded))
        nats = torch.cat(parts)
        return {
            "nats_over_prior": float(nats.mean()),
            "standard_error": float(nats.std() / math.sqrt(len(nats))),
        }


def fit_posterior(
    training: Seen,
    held_out: Seen,
    settings: PosteriorSettings,
    *,
    folder: Path | None,
    fingerprint: str,
    report: Report | None = None,
    stop_after: int | None = None,
) -> tuple[PosteriorNetwork, Fitted]:
    """Train a posterior, or go on with its training; see `nakaya.learn.loop.fit`.

    Returns:
        The network with the averaged weights, in evaluation mode, and the run's figures.
    """
    with torch_threads(settings.threads):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.loop.seed)
            network = PosteriorNetwork(
                training.unbounded.shape[1], training.measures.shape[1], settings, len(training.measures)
            )
        _learn_scales(network, training.measures)
        training = replace(
            training,
            told=_learn_regression(network, training) if settings.regressed else network.tell(training.measures),
        )
        fitted = fit(
            network,
            PosteriorTask(training, held_out, settings.batch),
            settings.loop,
            folder=folder,
            fingerprint=fingerprint,
            report=report,
            stop_after=stop_after,
        )
    network.load_state_dict(fitted.weights)
    return network.eval(), fitted


def _learn_regression(network: PosteriorNetwork, training: Seen) -> Tensor:
    """Set the regression from the training crystals; return what all others say of each, [crystal, parameter]."""
    standard = network.standardise(training.measures).clamp(-CLIP, CLIP).double().numpy()
    targets = torch.sigmoid(training.unbounded.double()).numpy() - 0.5
    found = regress(standard, targets)
    spread = np.maximum(found.others.std(axis=0), LEAST_SCALE)
    for name in ("support", "dual", "lengths"):
        buffer = cast(Tensor, getattr(network, name))
        buffer.copy_(torch.as_tensor(getattr(found, name)))
    network.spread.copy_(torch.as_tensor(spread))
    return torch.as_tensor(found.others / spread, dtype=torch.float32)


def _learn_scales(network: PosteriorNetwork, measures: Tensor) -> None:
    """Set mean, scale and whitening from the training crystals."""
    told = measures.double().numpy()
    mean, scale = told.mean(axis=0), np.maximum(told.std(axis=0), LEAST_SCALE)
    covariance = np.cov((told - mean) / scale, rowvar=False) + SHRINKAGE * np.eye(len(mean))
    values, vectors = np.linalg.eigh(covariance)
    for name, found in (("mean", mean), ("scale", scale), ("whitening", vectors / np.sqrt(values))):
        cast(Tensor, getattr(network, name)).copy_(torch.as_tensor(found, dtype=torch.float32))
