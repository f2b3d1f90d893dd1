"""What the network is trained on: random parts of the evidence in, labels of other seeds and later moments out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nakaya.kinetics.models.msgnn.augmentation import Augmentation, PatchPool, draw
from nakaya.kinetics.models.msgnn.batching import Batch, collate
from nakaya.kinetics.models.msgnn.encoding import Encoding
from nakaya.kinetics.models.msgnn.network import Member, MsgnnNetwork, Output

__all__ = ["KineticTask", "beta_likelihood", "forecast_error"]

BETA = 0.5
"""Power of the predicted variance by which samples are weighed: 0 is the likelihood, 1 plain squared errors."""

FORECAST_FRACTION = 0.1
FORECAST_UNIT_PS = 3.0
MAX_FORECAST_ERROR = 10.0
FREE_STEPS = 2


class KineticTask:
    """Samples with labels of one target, for `nakaya.learn.loop.fit`.

    Args:
        pools: Patches of the encoded samples.
        labels: On the scale of the target, float32 [sample].
        excess: Variance of the noise of each label beyond that of a usual one, float32 [sample].
        rows: What the law needs of the samples.
        encoding: Of the samples.
        augmentation: How evidence is thinned.
        batch_size: Samples of one update.
    """

    def __init__(
        self,
        pools: Sequence[PatchPool],
        labels: Tensor,
        excess: Tensor,
        rows: Tensor,
        encoding: Encoding,
        augmentation: Augmentation,
        batch_size: int,
    ) -> None:
        self.pools, self.labels, self.excess, self.rows = pools, labels, excess, rows
        self.encoding, self.augmentation = encoding, augmentation
        self.batch_size = min(batch_size, len(pools))

    def losses(self, network: nn.Module, progress: float, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Yield the loss of one batch after another, once through all samples; an incomplete last batch is left out."""
        del progress
        assert isinstance(network, Member)
        network.train()
        order = torch.randperm(len(self.pools), generator=generator)
        rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        for start in range(0, len(order) - self.batch_size + 1, self.batch_size):
            chosen = order[start : start + self.batch_size]
            draws = [draw(self.pools[number], self.augmentation, rng) for number in chosen.tolist()]
            batch = collate(draws, self.encoding)
            mean, spread, output = network(batch, self.rows[chosen])
            scale = network.law.scale
            label = beta_likelihood(
                mean / scale, spread / scale, self.excess[chosen] / scale**2, self.labels[chosen] / scale
            )
            forecast = forecast_error(network.network, batch, output)
            yield {"loss": label + FORECAST_FRACTION * forecast, "label": label, "forecast": forecast}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Nothing is held out here: models are chosen by cross-validation, outside."""
        del network
        return {}


def beta_likelihood(mean: Tensor, spread: Tensor, excess: Tensor, label: Tensor) -> Tensor:
    """Mean of a normal's negative log-likelihood, weighed by the predicted variance to the power beta.

    After Seitzer, Tavakoli, Antic & Martius (2022): otherwise samples with a wide spread are hardly learned. What is
    known of the noise of a single label beyond the usual (`excess`, a variance) widens, and does not weigh: a noisier
    label says less.
    """
    variance = spread**2 + excess
    likelihood = 0.5 * ((mean - label) ** 2 / variance + torch.log(variance))
    return (likelihood * spread.detach() ** (2 * BETA)).mean()


def forecast_error(network: MsgnnNetwork, batch: Batch, output: Output) -> Tensor:
    """Mean error of forecasts of the solid fraction: from every frame to the next one, and freely beyond the last.

    Errors are in units of what the fraction changes in 3 ps in a typical run.
    """
    errors = []
    for number, moment in enumerate(batch.moments):
        last = number + 1 == len(batch.moments)
        following = None if last else batch.moments[number + 1]
        step = batch.later_ps if following is None else following.step_ps
        came = batch.later_fraction if following is None else following.solid_fraction
        change = came - moment.solid_fraction
        known = torch.isfinite(change) & (moment.present > 0) & (step > 0)
        if not known.any():
            continue
        steps = FREE_STEPS if last else 1
        said = network.forecast(
            output.states[number][known], output.conditions[known], moment.line[known], step[known] / steps, steps=steps
        )[:, -1]
        error = (said - change[known]) / (network.slope * FORECAST_UNIT_PS)
        errors.append(nn.functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none"))
    if not errors:
        return torch.zeros(())
    return torch.cat(errors).clamp_max(MAX_FORECAST_ERROR).mean()
