"""From the raw numbers of a network to a quantity: a law of physics with a residual, or nothing but numbers.

A law is a part of the network: what it was fitted to in advance (an efficiency, a scale) is saved with the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.elements import ATOMIC_NUMBERS
from nakaya.kinetics.models.assimilation import (
    MEASUREMENTS,
    USUAL_GAINS,
    assimilated,
    fitted_gains,
    held_out_law,
    measurements,
)
from nakaya.kinetics.models.nucleation import MATERIAL_SPREAD, MISFIT, nucleation_posterior
from nakaya.kinetics.models.physics import MECHANISMS, nucleation_physics, velocity_physics
from nakaya.kinetics.samples.sample import Sample

__all__ = ["NUM_RAW", "Law", "NucleationLaw", "PlainLaw", "VelocityLaw", "make_law"]

NUM_RAW = 5
"""Numbers of a network that a law is given."""

MAX_RESIDUAL = 2.0
"""Bound of |r|: exp(r) between 1/7 and 7."""

MAX_LOG_SPREAD = 0.5
"""Bound of the logarithm of the spread over that about the law: of a few dozen rows learned by heart, all spreads are
small."""

MAX_SHIFT = 0.05
"""Bound of the shift of the melting point, as a fraction of it."""


MAX_DECADES = 1.0
MAX_BARRIER_RESIDUAL = 0.5
"""Bounds of the residuals of a nucleation rate: p, and |r| on the barrier."""

MAX_MATERIALS = 8
"""With a term of their own in the prefactor of nucleation; further ones are strangers to the law."""


def _soft(values: Tensor, bound: float) -> Tensor:
    return bound * torch.tanh(values / bound)


NUM_CONSTANTS = 5
"""Columns of the velocity's rows before what was measured."""

EARLY = tuple(name == "early" for name in MEASUREMENTS)


class Law(nn.Module):
    """Raw numbers [sample, 5] to mean and standard deviation.

    The third raw number is the logarithm of the spread, over that of the labels about the law before training; the
    fourth and the fifth correct the weights of what was measured, in laws that have a place for it.
    """

    spread: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("spread", torch.tensor(1.0))
        self.register_buffer("scale", torch.tensor(1.0))

    def rows(self, samples: Sequence[Sample]) -> Tensor:
        """What the law needs of samples, float32 [sample, .].

        Raises:
            ParameterError: A property of a material is not known.
        """
        return torch.zeros(len(samples), 0)

    def settle(self, samples: Sequence[Sample], labels: FloatArray) -> None:
        """Fix the constants of the law before training."""
        self._settle(samples, labels)
        self.scale.fill_(max(float(labels.std()), 1e-3 * float(np.abs(labels).mean()), 1e-12))
        with torch.no_grad():
            every = torch.ones(len(samples))
            misfit = self._held_out(samples, labels, every) - labels
        self.spread.fill_(max(float(np.sqrt((misfit**2).mean())), 1e-2 * float(self.scale)))

    def _settle(self, samples: Sequence[Sample], labels: FloatArray) -> None:
        raise AssertionError("every law settles its own constants")

    def _held_out(self, samples: Sequence[Sample], labels: FloatArray, seen: Tensor) -> FloatArray:
        """What the law says of samples before training, fitted without them where that is cheap, float64 [sample]."""
        said = self.mean(torch.zeros(len(samples), NUM_RAW), self.rows(samples), seen)
        return said.double().numpy()

    def mean(self, raw: Tensor, rows: Tensor, seen: Tensor) -> Tensor:
        """Mean, on the scale of the target, [sample]; `seen` is 1 where the pooled evidence may be looked at."""
        raise AssertionError("every law has its own mean")

    def forward(self, raw: Tensor, rows: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return (mean, standard deviation), each [sample], on the scale of the target."""
        return self.mean(raw, rows, seen), self.spread * torch.exp(_soft(raw[:, 2], MAX_LOG_SPREAD))


class VelocityLaw(Law):
    """v = w + sum_i g_i (x_i - w), w = M(T) exp(r) [1 - exp(-delta-mu(T; T_m + shift)/kT)], x_i what was measured.

    M is the mobility of `nakaya.kinetics.models.physics`. The gains g_i are fitted before training
    (`nakaya.kinetics.models.assimilation`): shares of a mean, of which 1 - sum g is left to the law. The network
    corrects logarithms of their ratios to it, of the early velocity by one number and of known faces by another; what
    was not measured leaves its share to the law.
    """

    log_efficiency: Tensor
    activation: Tensor
    gains: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("log_efficiency", torch.zeros(len(MECHANISMS)))
        self.register_buffer("activation", torch.zeros(len(MECHANISMS)))
        self.register_buffer("gains", torch.tensor(USUAL_GAINS))

    def rows(self, samples: Sequence[Sample]) -> Tensor:
        """Mechanism, ln M_0, T, T_m, L/(R T); what was measured (0 where it was not); whether it was."""
        found = velocity_physics(samples)
        measured = measurements(samples)
        columns = [
            found.mechanism.astype(np.float64), np.log(found.prefactor), found.temperature, found.melting_temperature,
            found.entropy, *np.nan_to_num(measured).T, *np.isfinite(measured).astype(np.float64).T,
        ]  # fmt: skip
        return torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))

    def _settle(self, samples: Sequence[Sample], labels: FloatArray) -> None:
        mobility = velocity_physics(samples).fitted(labels)
        self.log_efficiency.copy_(torch.tensor([math.log(value) for value in mobility.efficiency]))
        self.activation.copy_(torch.tensor(mobility.activation))
        self.gains.copy_(torch.from_numpy(fitted_gains(samples, labels)))

    def _held_out(self, samples: Sequence[Sample], labels: FloatArray, seen: Tensor) -> FloatArray:
        found = assimilated(held_out_law(samples, labels), measurements(samples), self.gains.double().numpy())
        return np.where(np.isfinite(found), found, super()._held_out(samples, labels, seen))

    def mean(self, raw: Tensor, rows: Tensor, seen: Tensor) -> Tensor:
        """Mean, m/s."""
        mechanism, log_prefactor, temperature, melting, entropy = rows[:, :NUM_CONSTANTS].unbind(dim=1)
        measured, known = rows[:, NUM_CONSTANTS:].chunk(2, dim=1)
        moved = melting * (1 + _soft(0.02 * raw[:, 1], MAX_SHIFT))
        reduced_driving_force = entropy * (moved - temperature) / moved
        kind = mechanism.long()
        mobility = log_prefactor + self.log_efficiency[kind] - self.activation[kind] * (melting / temperature - 1)
        law = torch.exp(mobility + _soft(raw[:, 0], MAX_RESIDUAL)) * -torch.expm1(-reduced_driving_force)
        early = torch.tensor(EARLY)
        known = known * torch.where(early, seen[:, None], 1.0)
        shares = self.gains * known
        moved_shares = shares * torch.exp(_soft(torch.where(early, raw[:, 3:4], raw[:, 4:5]), MAX_RESIDUAL))
        whole = 1 - shares.sum(dim=1) + moved_shares.sum(dim=1)
        return law + (moved_shares * (measured - law[:, None])).sum(dim=1) / whole


class NucleationLaw(Law):
    """log10 J = log10 J0 + a + a_m + p - c exp(r) W*/(kT ln 10), a, a_m and c by Bayesian linear regression.

    The spread is at least that of the regression: away from the training it grows by decades, whatever the network says
    (`nakaya.kinetics.models.nucleation`).
    """

    numbers: Tensor
    means: Tensor
    covariance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.zeros(MAX_MATERIALS))
        self.register_buffer("means", torch.zeros(2 + MAX_MATERIALS))
        self.register_buffer("covariance", torch.zeros(2 + MAX_MATERIALS, 2 + MAX_MATERIALS))

    def rows(self, samples: Sequence[Sample]) -> Tensor:
        """log10 J0, the barrier, and the atomic number of the material (0 where it is no element)."""
        found = nucleation_physics(samples)
        numbers = [float(ATOMIC_NUMBERS.get(sample.material, 0)) for sample in samples]
        return torch.from_numpy(np.stack([found.log10_prefactor, found.barrier, numbers], axis=1).astype(np.float32))

    def _settle(self, samples: Sequence[Sample], labels: FloatArray) -> None:
        found = nucleation_posterior(samples, labels)
        known = [
            (place, number) for place, name in enumerate(found.materials) if (number := ATOMIC_NUMBERS.get(name, 0))
        ][:MAX_MATERIALS]
        kept = [0, 1, *(2 + place for place, _ in known)]
        self.numbers[: len(known)] = torch.tensor([float(number) for _, number in known])
        self.means[: len(kept)] = torch.from_numpy(found.mean[kept].astype(np.float32))
        covariance = found.covariance[np.ix_(kept, kept)].astype(np.float32)
        self.covariance[: len(kept), : len(kept)] = torch.from_numpy(covariance)

    def mean(self, raw: Tensor, rows: Tensor, seen: Tensor) -> Tensor:
        """Mean of log10 J, J in 1/(m^3 s)."""
        design = self._design(rows)
        shift = _soft(raw[:, 1], MAX_DECADES)
        scale = torch.exp(_soft(raw[:, 0], MAX_BARRIER_RESIDUAL)) - 1
        return rows[:, 0] + design @ self.means + shift + scale * design[:, 1] * self.means[1]

    def forward(self, raw: Tensor, rows: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return (mean, standard deviation) of log10 J, each [sample]."""
        mean, learned = super().forward(raw, rows, seen)
        design = self._design(rows)
        known = torch.einsum("ij,jk,ik->i", design, self.covariance, design).clamp_min(0.0)
        strange = design[:, 2:].sum(dim=1) < 1
        return mean, torch.sqrt(learned**2 + known + MISFIT**2 + strange * MATERIAL_SPREAD**2)

    def _design(self, rows: Tensor) -> Tensor:
        own = (rows[:, 2:3] == self.numbers) & (self.numbers > 0)
        return torch.cat([torch.ones_like(rows[:, :1]), -rows[:, 1:2], own.to(rows.dtype)], dim=1)


class PlainLaw(Law):
    """No law: mean of the labels, plus a number in units of their spread."""

    centre: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(0.0))

    def _settle(self, samples: Sequence[Sample], labels: FloatArray) -> None:
        self.centre.fill_(float(labels.mean()))

    def mean(self, raw: Tensor, rows: Tensor, seen: Tensor) -> Tensor:
        """Mean, on the scale of the target."""
        return self.centre + self.scale * raw[:, 0]


def make_law(target: str, *, physics: bool) -> Law:
    """The law of a target; a plain one where there is none, or none is wanted."""
    if physics and target == "growth_velocity":
        return VelocityLaw()
    if physics and target == "nucleation_rate":
        return NucleationLaw()
    return PlainLaw()
