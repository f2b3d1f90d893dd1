"""A perceptron of the conditions: trained with torch, evaluated without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import FloatArray

__all__ = ["Perceptron", "fit_perceptron"]


@dataclass(frozen=True)
class Perceptron:
    """Layers with a sigmoid-weighted unit, x sigmoid(x), between them, and a linear path beside them.

    Attributes:
        weights: float64 [input, output] of every layer.
        biases: float64 [output] of every layer.
        direct: float64 [condition, output]: the linear path.
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    direct: FloatArray

    def __call__(self, conditions: FloatArray) -> FloatArray:
        """See `nakaya.growth.emulators.arrival.regression.Regression`."""
        hidden = conditions
        for weights, biases in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = hidden @ weights + biases
            hidden = hidden / (1 + np.exp(-hidden))
        return np.asarray(hidden @ self.weights[-1] + self.biases[-1] + conditions @ self.direct)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """See `nakaya.growth.emulators.arrival.regression.Regression`."""
        layers = {f"weights_{layer}": values for layer, values in enumerate(self.weights)}
        return {
            **layers,
            **{f"biases_{layer}": values for layer, values in enumerate(self.biases)},
            "direct": self.direct,
        }


def fit_perceptron(
    conditions: FloatArray,
    outputs: FloatArray,
    noise: FloatArray,
    scales: FloatArray,
    *,
    width: int = 64,
    updates: int = 500,
    learning_rate: float = 5e-3,
    weight_decay: float = 0.1,
    seed: int = 0,
) -> Perceptron:
    """Train on all points at once, with AdamW and a learning rate that falls to zero as a cosine.

    Args:
        conditions: Standardised, float64 [point, condition].
        outputs: float64 [point, output].
        noise: Standard deviation of every point over the mean one, float64 [point].
        scales: What errors of every output are measured in, float64 [output]: their noise.
        width: Units of each of two hidden layers.
        updates: Of the weights.
        learning_rate: At the start.
        weight_decay: Of the hidden layers.
        seed: Of the first weights.
    """
    import torch
    from torch import nn

    from nakaya.learn.threads import torch_threads

    with torch_threads(1), torch.random.fork_rng():
        torch.manual_seed(seed)
        x = torch.tensor(conditions, dtype=torch.float32)
        centre, spread = outputs.mean(axis=0), scales
        y = torch.tensor((outputs - centre) / spread, dtype=torch.float32)
        weight = torch.tensor(noise**-2 / np.mean(noise**-2), dtype=torch.float32)[:, None]
        layers = nn.Sequential(
            nn.Linear(x.shape[1], width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, y.shape[1])
        )
        direct = nn.Linear(x.shape[1], y.shape[1], bias=False)
        nn.init.zeros_(direct.weight)
        parameters = [*layers.parameters(), *direct.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
        for _ in range(updates):
            optimiser.zero_grad(set_to_none=True)
            loss = (weight * (layers(x) + direct(x) - y) ** 2).mean()
            loss.backward()
            optimiser.step()
            schedule.step()
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        weights = [layer.weight.detach().double().numpy().T.copy() for layer in linear]
        biases = [layer.bias.detach().double().numpy().copy() for layer in linear]
        weights[-1], biases[-1] = weights[-1] * spread, biases[-1] * spread + centre
        return Perceptron(tuple(weights), tuple(biases), direct.weight.detach().double().numpy().T * spread)
