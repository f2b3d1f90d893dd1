"""The loss of one network step: a weighted evidence lower bound, and the condition read back from the latent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nakaya.growth.emulators.stepwise.config import LossWeights
from nakaya.growth.emulators.stepwise.gaussian import kl_divergence
from nakaya.growth.emulators.stepwise.network import StepNetwork
from nakaya.learn.ranks import Share

__all__ = ["StepLoss", "penalised_divergence", "reconstruction", "step_loss"]


@dataclass(frozen=True)
class StepLoss:
    """One step's loss and what the network proposes.

    Attributes:
        terms: Scalars by name; "loss" is their weighted sum.
        logits: float32 [batch, 1, row, column], of being attached after the step.
    """

    terms: dict[str, Tensor]
    logits: Tensor


def reconstruction(logits: Tensor, attached: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy in nats per sample, summed over the unattached and over the attached sites: [batch] each.

    Args:
        logits: float32 [batch, 1, row, column].
        attached: float32, the same shape: 1 = attached before the step.
        following: float32, the same shape: 1 = attached after the step.
    """
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, following, reduction="none")
    on_attached = (cross_entropy * attached).sum(dim=(1, 2, 3))
    return cross_entropy.sum(dim=(1, 2, 3)) - on_attached, on_attached


def penalised_divergence(divergence: Tensor, free_bits: float, share: Share) -> Tensor:
    """Return what of the divergence is penalised: nats per sample, [batch].

    An entry of the latent whose divergence, averaged over the whole batch, is below the free bits counts as that many
    nats and has no gradient: max(mean KL, free bits), entry by entry.

    Args:
        divergence: KL of every entry, float32 [batch, latent, row, column].
        free_bits: Nats per entry; 0 = all is penalised.
        share: The rows of the batch that these are.
    """
    if free_bits > 0.0:
        mean = share.ranks.mean(divergence.detach().mean(dim=0) * share.weight)
        divergence = torch.where(mean < free_bits, torch.full_like(divergence, free_bits), divergence)
    return divergence.sum(dim=(1, 2, 3))


def step_loss(
    network: StepNetwork,
    attached: Tensor,
    following: Tensor,
    condition: Tensor,
    *,
    weights: LossWeights,
    beta: float,
    dropout: float,
    generator: torch.Generator,
    free_bits: float = 0.0,
    share: Share | None = None,
) -> StepLoss:
    """Return the loss of one network step.

    Cross-entropies and divergence are in nats per site of the window and averaged over the batch, so that a small
    crystal weighs as much as a large one; the condition's error is in squared standard deviations. A network without
    posterior has no term "kl", one that reads no condition back no term "condition".

    Args:
        network: The networks.
        attached: x, float32 [batch, 1, row, column].
        following: x', the same shape.
        condition: y, standardised, float32 [batch, condition].
        weights: Of the terms.
        beta: Present fraction of the final weight of the divergence (annealing), in [0, 1].
        dropout: Probability with which a sample's x is hidden from the decoder as a whole, in [0, 1]. The prior and
            the posterior see it always.
        generator: Source of the latent noise and the dropout.
        free_bits: Nats of every entry of the latent that are not penalised.
        share: Which rows of the batch these are, where other processes have the others; draws are for the whole batch.
    """
    share = Share.whole(len(attached)) if share is None else share
    context = network.read(attached, network.features_of(condition))
    prior = network.prior_at(context)
    posterior = network.posterior_at(context, following)
    source = prior if posterior is None else posterior
    noise = torch.randn((share.total, *source.mean.shape[1:]), generator=generator)
    latent = source.sample(share.rows_of(noise))
    shown = (torch.rand(share.total, 1, 1, 1, generator=generator) >= dropout).to(attached.dtype)
    logits = network.decode(context, latent, share.rows_of(shown))
    unattached_nats, attached_nats = reconstruction(logits, attached, following)
    sites = attached.shape[-1] * attached.shape[-2]
    terms = {"unattached": unattached_nats.mean() / sites, "attached": attached_nats.mean() / sites}
    if posterior is not None:
        divergence = penalised_divergence(kl_divergence(posterior, prior), free_bits, share)
        terms["kl"] = divergence.mean() / sites
    told = network.told_condition(latent)
    if told is not None:
        terms["condition"] = (told - condition).square().mean()
    if share.weight != 1.0:
        terms = {name: share.weight * value for name, value in terms.items()}
    factors = {
        "unattached": weights.unattached,
        "attached": weights.attached,
        "kl": weights.kl * beta,
        "condition": weights.condition,
    }
    first, *others = (factors[name] * value for name, value in terms.items())
    loss = first
    for term in others:
        loss = loss + term
    return StepLoss({"loss": loss, **terms}, logits)
