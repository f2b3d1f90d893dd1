"""The loss of the CGNE: a weighted evidence lower bound, and the condition read back from the latent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nakaya.growth.emulators.cgne.config import LossWeights
from nakaya.growth.emulators.cgne.model import Cgne, Gaussian

__all__ = ["StepLoss", "kl_divergence", "reconstruction", "step_loss"]


@dataclass(frozen=True)
class StepLoss:
    """One step's loss and what the network proposes.

    Attributes:
        terms: Scalars by name; "loss" is their weighted sum.
        logits: float32 [batch, 1, row, column], of being attached after the step.
    """

    terms: dict[str, Tensor]
    logits: Tensor


def kl_divergence(posterior: Gaussian, prior: Gaussian) -> Tensor:
    """KL(q || p) of diagonal Gaussians for every latent entry, in nats; shape of the means.

    log(s_p / s_q) + (s_q^2 + (m_q - m_p)^2) / (2 s_p^2) - 1/2.
    """
    log_ratio = prior.log_scale - posterior.log_scale
    spread = torch.exp(-2.0 * log_ratio)
    shift = ((posterior.mean - prior.mean) * torch.exp(-prior.log_scale)).square()
    return log_ratio + 0.5 * (spread + shift - 1.0)


def reconstruction(logits: Tensor, attached: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy in nats per sample, summed over the unattached and over the attached sites: [batch] each.

    Args:
        logits: float32 [batch, 1, row, column].
        attached: float32, the same shape: 1 = attached before the step.
        following: float32, the same shape: 1 = attached after the step.
    """
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, following, reduction="none")
    on_attached = (cross_entropy * attached).sum(dim=(1, 2, 3))
    return cross_entropy.sum(dim=(1, 2, 3)) - on_attached, on_attached


def step_loss(
    network: Cgne,
    attached: Tensor,
    following: Tensor,
    condition: Tensor,
    *,
    weights: LossWeights,
    beta: float,
    dropout: float,
    generator: torch.Generator,
) -> StepLoss:
    """Return the loss of one network step.

    Cross-entropies and divergence are in nats per site of the window and averaged over the batch, so that a small
    crystal weighs as much as a large one; the condition's error is in squared standard deviations.

    Args:
        network: The CGNE.
        attached: x, float32 [batch, 1, row, column].
        following: x', the same shape.
        condition: y, standardised, float32 [batch, condition].
        weights: Of the terms.
        beta: Present fraction of the final weight of the divergence (annealing), in [0, 1].
        dropout: Probability with which a sample's x is hidden from the decoder as a whole, in [0, 1]. The prior and
            the posterior see it always.
        generator: Source of the latent noise and the dropout.
    """
    prior = network.prior_of(attached, condition)
    posterior = network.posterior_of(attached, following, condition)
    noise = torch.randn(posterior.mean.shape, generator=generator)
    latent = posterior.sample(noise)
    shown = (torch.rand(len(attached), 1, 1, 1, generator=generator) >= dropout).to(attached.dtype)
    logits = network.decoder(attached * shown, latent)
    unattached_nats, attached_nats = reconstruction(logits, attached, following)
    divergence = kl_divergence(posterior, prior).sum(dim=(1, 2, 3))
    condition_error = (network.condition_head(latent) - condition).square().mean()
    sites = attached.shape[-1] * attached.shape[-2]
    terms = {
        "unattached": unattached_nats.mean() / sites,
        "attached": attached_nats.mean() / sites,
        "kl": divergence.mean() / sites,
        "condition": condition_error,
    }
    loss = (
        weights.unattached * terms["unattached"]
        + weights.attached * terms["attached"]
        + weights.kl * beta * terms["kl"]
        + weights.condition * terms["condition"]
    )
    return StepLoss({"loss": loss, **terms}, logits)
