"""How probable a stepwise emulator holds crystals that it has not seen: evidence lower bounds, in nats per trajectory.

    log p(x_1 ... x_T | x_0, y) = sum_t log p(x_t | x_t-1, y)

    log p(x' | x, y) >= E_q [ log P(x' | c, z) ] - KL(q || p)                              one sample of z (ELBO)
    log p(x' | x, y) >= E_q [ log 1/K sum_k P(x' | c, z_k) p(z_k | c) / q(z_k | c, x') ]   K samples of it

P(x' | c, z) is the product over all sites of the network's window, attached ones too, of what the decoder says; outside
of the window nothing attaches, by construction and in the crystals. The divergence has weight 1, no term has a weight,
no nats are free, nothing is hidden from the decoder. Bounds of two emulators may be compared where stride and lookahead
are the same: then frames, sites and support are (`check_comparable`).

A lower bound: an emulator whose posterior is poor may be better than its figure. The second bound is the tighter, the
larger K (Burda, Grosse & Salakhutdinov 2016, arXiv 1509.00519).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.core.randomness import member_key
from nakaya.growth.emulators.constraints import window_of
from nakaya.growth.emulators.stepwise.config import StepConfig
from nakaya.growth.emulators.stepwise.data import FrameSequences
from nakaya.growth.emulators.stepwise.gaussian import kl_divergence, log_density
from nakaya.growth.emulators.stepwise.loss import reconstruction
from nakaya.growth.emulators.stepwise.network import StepNetwork
from nakaya.growth.emulators.stepwise.noise import latent_noise

__all__ = ["Elbo", "check_comparable", "trajectory_elbo"]

STREAM = "evidence lower bound"


@dataclass(frozen=True)
class Elbo:
    """A lower bound of the logarithm of the probability of trajectories.

    Attributes:
        by_trajectory: Nats of every trajectory, the mean over draws, float64 [trajectory].
        monte_carlo: Standard error of every one from the draws of z, float64 [trajectory]; NaN of a single draw.
        divergence: Nats of KL(q || p) in every one, float64 [trajectory].
        importance_samples: K.
    """

    by_trajectory: FloatArray
    monte_carlo: FloatArray
    divergence: FloatArray
    importance_samples: int

    @property
    def nats(self) -> float:
        """Mean over the trajectories."""
        return float(self.by_trajectory.mean())

    @property
    def monte_carlo_error(self) -> float:
        """Standard error of `nats` from the draws of z alone, for these trajectories."""
        return float(np.sqrt(np.square(self.monte_carlo).sum()) / len(self.monte_carlo))

    @property
    def sampling_error(self) -> float:
        """Standard error of `nats` from which trajectories these are; NaN for one."""
        count = len(self.by_trajectory)
        return float(self.by_trajectory.std(ddof=1) / math.sqrt(count)) if count > 1 else float("nan")

    def as_plain(self) -> dict[str, float | int]:
        """The figures as JSON values; an error that a single draw or trajectory cannot tell is left out."""
        found = {
            "nats": self.nats,
            "monte_carlo_error": self.monte_carlo_error,
            "sampling_error": self.sampling_error,
            "divergence": float(self.divergence.mean()),
        }
        return {
            **{name: value for name, value in found.items() if math.isfinite(value)},
            "trajectories": len(self.by_trajectory),
            "importance_samples": self.importance_samples,
        }


@torch.no_grad()
def trajectory_elbo(
    network: StepNetwork,
    sequences: FrameSequences,
    *,
    draws: int = 4,
    importance_samples: int = 1,
    seed: int = 0,
    batch: int = 16,
) -> Elbo:
    """Return a lower bound of the log probability of whole trajectories.

    Noise depends on (seed, trajectory, frame, draw) alone: the batch changes the last digits only.

    Args:
        network: In evaluation mode, with its posterior.
        sequences: The crystals.
        draws: Independent estimates of every step, for the mean and its error.
        importance_samples: K; 1 = the ELBO with its divergence in closed form.
        seed: Of the draws.
        batch: Transitions in one call of the network.

    Raises:
        ParameterError: A number is out of range.
    """
    check_count("draws", draws, 1, 10**6)
    check_count("importance_samples", importance_samples, 1, 10**6)
    check_count("batch", batch, 1, 65_536)
    config = network.config
    crystal, frame = sequences.transitions()
    windows = window_of(sequences.front[crystal, frame], sequences.size, config.lookahead)
    estimates = np.zeros((draws, len(crystal)))
    divergence = np.zeros(len(crystal))
    for window in np.unique(windows):
        places = np.flatnonzero(windows == window)
        for start in range(0, len(places), batch):
            chosen = places[start : start + batch]
            step = _Step.of(network, sequences, crystal[chosen], frame[chosen], int(window))
            divergence[chosen] = step.divergence.numpy()
            for draw in range(draws):
                estimates[draw, chosen] = step.bound(draw, importance_samples, seed).numpy()
    count = len(sequences.num_frames)
    by_draw = np.stack([np.bincount(crystal, weights=row, minlength=count) for row in estimates])
    spread = by_draw.std(axis=0, ddof=1) / math.sqrt(draws) if draws > 1 else np.full(count, np.nan)
    nats = np.asarray(np.bincount(crystal, weights=divergence, minlength=count), np.float64)
    return Elbo(by_draw.mean(axis=0), spread, nats, importance_samples)


@dataclass(frozen=True)
class _Step:
    """Transitions that share a window, read by the network once for all draws."""

    network: StepNetwork
    crystal: list[int]
    frame: list[int]
    attached: Tensor
    following: Tensor
    context: object
    divergence: Tensor  # float32 [transition]

    @classmethod
    def of(
        cls, network: StepNetwork, sequences: FrameSequences, crystal: np.ndarray, frame: np.ndarray, window: int
    ) -> _Step:
        which, when = torch.from_numpy(crystal), torch.from_numpy(frame)
        attached = sequences.attached(which, when, window)
        following = sequences.attached(which, when + 1, window)
        context = network.read(attached, network.features_of(sequences.condition[which]))
        prior = network.prior_at(context)
        posterior = network.posterior_at(context, following) or prior
        divergence = kl_divergence(posterior, prior).double().sum(dim=(1, 2, 3))
        return cls(network, crystal.tolist(), frame.tolist(), attached, following, context, divergence)

    def bound(self, draw: int, importance_samples: int, seed: int) -> Tensor:
        """One estimate for every transition, float64 [transition]."""
        prior = self.network.prior_at(self.context)
        posterior = self.network.posterior_at(self.context, self.following) or prior
        _, channels, rows, _ = posterior.mean.shape
        weights = []
        for sample in range(importance_samples):
            keys = [
                member_key(seed, number, draw * importance_samples + sample, stream=STREAM) for number in self.crystal
            ]
            noise = [latent_noise(key, when + 1, channels, rows) for key, when in zip(keys, self.frame, strict=True)]
            latent = posterior.sample(torch.from_numpy(np.stack(noise)))
            nats = sum(reconstruction(self.network.decode(self.context, latent), self.attached, self.following))
            if importance_samples == 1:
                return -torch.as_tensor(nats).double() - self.divergence
            ratio = (log_density(prior, latent) - log_density(posterior, latent)).double().sum(dim=(1, 2, 3))
            weights.append(ratio - torch.as_tensor(nats).double())
        return torch.logsumexp(torch.stack(weights), dim=0) - math.log(importance_samples)


def check_comparable(first: StepConfig, second: StepConfig) -> None:
    """Check that the bounds of two emulators are about the same frames, sites and support.

    Raises:
        ParameterError: They are not.
    """
    for name in ("stride", "lookahead"):
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours != theirs:
            raise ParameterError(
                f"{name} is {ours} for one emulator and {theirs} for the other: their likelihoods are of different "
                "frames or sites, and cannot be compared"
            )
