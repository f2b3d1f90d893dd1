"""Diagonal Gaussians over a latent, and how far they are apart."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Gaussian", "bounded_log_scale", "kl_divergence", "log_density"]

LOG_SCALE_BOUND = 5.0
HALF_LOG_TWO_PI = 0.9189385332046727


class Gaussian(NamedTuple):
    """A diagonal Gaussian over the latent: mean and log sigma, float32 [batch, latent, row, column]."""

    mean: Tensor
    log_scale: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Return mean + sigma noise, with standard normal `noise`."""
        return self.mean + torch.exp(self.log_scale) * noise


def bounded_log_scale(raw: Tensor) -> Tensor:
    """Keep log sigma within +-5, smoothly: a standard deviation of exactly 0 or infinity has no gradient."""
    return LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)


def kl_divergence(posterior: Gaussian, prior: Gaussian) -> Tensor:
    """KL(q || p) of diagonal Gaussians for every latent entry, in nats; shape of the means.

    log(s_p / s_q) + (s_q^2 + (m_q - m_p)^2) / (2 s_p^2) - 1/2.
    """
    log_ratio = prior.log_scale - posterior.log_scale
    spread = torch.exp(-2.0 * log_ratio)
    shift = ((posterior.mean - prior.mean) * torch.exp(-prior.log_scale)).square()
    return log_ratio + 0.5 * (spread + shift - 1.0)


def log_density(gaussian: Gaussian, latent: Tensor) -> Tensor:
    """Log N(z; m, s^2) of every latent entry, in nats; shape of the latent."""
    distance = (latent - gaussian.mean) * torch.exp(-gaussian.log_scale)
    return -0.5 * distance.square() - gaussian.log_scale - HALF_LOG_TWO_PI
