"""Lower bounds of log probabilities, against cases in which the probability itself can be computed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.core.errors import ParameterError  # noqa: E402
from nakaya.growth.emulators.cgne.config import CgneConfig  # noqa: E402
from nakaya.growth.emulators.pns.config import PnsConfig  # noqa: E402
from nakaya.growth.emulators.stepwise.data import frame_sequences  # noqa: E402
from nakaya.growth.emulators.stepwise.elbo import Elbo, check_comparable, trajectory_elbo  # noqa: E402
from nakaya.growth.emulators.stepwise.gaussian import Gaussian, kl_divergence, log_density  # noqa: E402
from nakaya.growth.emulators.stepwise.network import StepNetwork  # noqa: E402
from nakaya.growth.model.trajectory import occupancy_at  # noqa: E402

SUMS = 1e-5
"""Relative tolerance of float32 sums over sites in another order."""

SIGMAS = 4.0


class Coin(StepNetwork):
    """One latent number z for a crystal, and the logit a + b z at all sites: its likelihood is an integral over z."""

    def __init__(self, a: float, b: float, prior: tuple[float, float], posterior: tuple[float, float]) -> None:
        super().__init__()
        self.config = PnsConfig(latent_channels=1, lookahead=6, stride=16)
        self.a, self.b, self.p, self.q = a, b, prior, posterior

    @staticmethod
    def gaussian(count: int, which: tuple[float, float]) -> Gaussian:
        mean, scale = (torch.full((count, 1, 1, 1), value) for value in which)
        return Gaussian(mean, torch.log(scale))

    def read(self, attached: Any, features: Any) -> Any:
        return attached

    def prior_at(self, context: Any) -> Gaussian:
        return self.gaussian(len(context), self.p)

    def posterior_at(self, context: Any, following: Any) -> Gaussian:
        return self.gaussian(len(context), self.q)

    def decode(self, context: Any, latent: Any, shown: Any = None) -> Any:
        return (self.a + self.b * latent).expand_as(context)


@pytest.fixture
def discs(discs: Any) -> Any:
    """Two crystals: what is estimated by sampling is sampled often."""
    return replace(discs, rho=discs.rho[2:], arrival=discs.arrival[2:], steps=discs.steps[2:])


@pytest.fixture
def sequences(discs: Any) -> Any:
    condition = ((discs.rho - 0.5) / 0.1).astype(np.float32)[:, None]
    return frame_sequences(discs.arrival, discs.steps, condition, stride=discs.stride, lookahead=6)


def sites_of(sequences: Any, discs: Any) -> list[list[tuple[int, int]]]:
    """Attached sites after every step and sites of its window, crystal by crystal, from the arrival maps."""
    from nakaya.growth.emulators.constraints import front_of, window_of

    found = []
    for number, frames in enumerate(sequences.num_frames.tolist()):
        steps = []
        for frame in range(frames):
            before, after = (occupancy_at(discs.arrival[number], k * discs.stride) for k in (frame, frame + 1))
            window = int(window_of(front_of(before[None]), discs.size, 6)[0])
            assert int(after.sum()) == int(after[:window, :window].sum())
            steps.append((int(after.sum()), window**2))
        found.append(steps)
    return found


def log_likelihood(a: float, b: float, prior: tuple[float, float], steps: list[tuple[int, int]]) -> float:
    """By quadrature over z, on 20,001 points within 10 sigma of the prior."""
    mean, scale = prior
    z = np.linspace(mean - 10 * scale, mean + 10 * scale, 20_001)
    log_prior = -0.5 * ((z - mean) / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))
    logit = a + b * z
    total = 0.0
    for attached, sites in steps:
        nats = -attached * np.logaddexp(0, -logit) - (sites - attached) * np.logaddexp(0, logit) + log_prior
        total += float(nats.max() + np.log(np.exp(nats - nats.max()).sum() * (z[1] - z[0])))
    return total


def test_of_a_latent_without_effect_the_bound_is_the_log_likelihood(sequences: Any, discs: Any) -> None:
    """b = 0 and q = p: no draw matters, and every bound is exact."""
    coin = Coin(-1.0, 0.0, (0.0, 1.0), (0.0, 1.0))
    exact = [
        sum(k * -np.logaddexp(0, 1.0) + (n - k) * -np.logaddexp(0, -1.0) for k, n in steps)
        for steps in sites_of(sequences, discs)
    ]
    for samples in (1, 5):
        found = trajectory_elbo(coin, sequences, draws=3, importance_samples=samples)
        np.testing.assert_allclose(found.by_trajectory, exact, rtol=SUMS)
        np.testing.assert_allclose(found.monte_carlo, 0.0, atol=SUMS)
        assert found.nats == pytest.approx(np.mean(exact), rel=SUMS)


def test_a_posterior_that_tells_nothing_costs_its_divergence(sequences: Any) -> None:
    """b = 0 and another q: the ELBO is less by KL(q || p) for every step, in closed form."""
    same = trajectory_elbo(Coin(-1.0, 0.0, (0.0, 1.0), (0.0, 1.0)), sequences)
    other = trajectory_elbo(Coin(-1.0, 0.0, (0.0, 1.0), (0.7, 0.5)), sequences)
    divergence = np.log(1 / 0.5) + (0.5**2 + 0.7**2) / 2 - 0.5
    expected = sequences.num_frames.numpy() * divergence
    np.testing.assert_allclose(other.divergence, expected, rtol=SUMS)
    np.testing.assert_allclose(same.by_trajectory - other.by_trajectory, expected, rtol=1e-3)  # of large sums


def test_bounds_lie_below_the_log_likelihood_and_rise_with_the_samples(sequences: Any, discs: Any) -> None:
    """A coin whose bias is drawn, with a posterior that is a little off."""
    a, b, prior, posterior = -1.0, 0.3, (0.0, 1.0), (0.2, 0.4)
    exact = float(np.mean([log_likelihood(a, b, prior, steps) for steps in sites_of(sequences, discs)]))
    coin = Coin(a, b, prior, posterior)
    bounds = [trajectory_elbo(coin, sequences, draws=20, importance_samples=k, seed=2) for k in (1, 4, 32)]
    for bound in bounds:
        assert bound.nats < exact + SIGMAS * bound.monte_carlo_error
        assert bound.monte_carlo_error > 0.0
    for loose, tight in pairwise(bounds):
        assert tight.nats > loose.nats + SIGMAS * np.hypot(loose.monte_carlo_error, tight.monte_carlo_error)


def test_the_weighted_bound_approaches_the_log_likelihood(sequences: Any, discs: Any) -> None:
    """A latent of little effect and a wide posterior: with 100 samples what is missing is within the error."""
    a, b, prior = -1.0, 0.002, (0.0, 1.0)
    exact = float(np.mean([log_likelihood(a, b, prior, steps) for steps in sites_of(sequences, discs)]))
    bound = trajectory_elbo(Coin(a, b, prior, (0.0, 1.2)), sequences, draws=10, importance_samples=100)
    assert bound.nats == pytest.approx(exact, abs=SIGMAS * bound.monte_carlo_error + SUMS * abs(exact))


def test_the_error_is_that_of_the_draws(sequences: Any) -> None:
    """Means of 8 draws with 40 seeds scatter as one of them says; 40 values tell a spread to 11 %, at 4 sigma 45 %."""
    coin = Coin(-1.0, 0.3, (0.0, 1.0), (0.2, 0.4))
    found = [trajectory_elbo(coin, sequences, draws=8, seed=seed) for seed in range(40)]
    scatter = np.std([bound.nats for bound in found], ddof=1)
    said = np.sqrt(np.mean([bound.monte_carlo_error**2 for bound in found]))
    assert scatter == pytest.approx(said, rel=0.45)


@pytest.mark.parametrize("importance_samples", [1, 3])
def test_the_batch_does_not_matter(sequences: Any, tiny_network: Any, tiny_pns: Any, importance_samples: int) -> None:
    for network in (tiny_network.eval(), tiny_pns.eval()):
        found = [
            trajectory_elbo(network, sequences, draws=2, importance_samples=importance_samples, batch=batch)
            for batch in (1, 3, 64)
        ]
        for other in found[1:]:
            np.testing.assert_allclose(other.by_trajectory, found[0].by_trajectory, rtol=SUMS)


def test_weights_of_the_loss_and_free_bits_have_no_say(sequences: Any, tiny_pns: Any) -> None:
    """The divergence is that of the definition, not what a training would penalise."""
    found = trajectory_elbo(tiny_pns.eval(), sequences, draws=1)
    assert found.divergence.min() > 0.0
    penalised_at_least = 0.1 * tiny_pns.config.latent_channels * sequences.num_frames.numpy()
    assert (found.divergence < penalised_at_least).all()  # an untrained network tells less than free bits would count


def test_divergence_is_the_mean_of_the_ratio_of_densities() -> None:
    """KL(q || p) = E_q [log q - log p], with 200,000 draws."""
    q, p = (Gaussian(torch.tensor([m]), torch.log(torch.tensor([s]))) for m, s in ((0.3, 0.5), (-0.2, 1.5)))
    latent = q.sample(torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    ratio = log_density(q, latent) - log_density(p, latent)
    error = float(ratio.std()) / np.sqrt(len(ratio))
    assert float(ratio.mean()) == pytest.approx(float(kl_divergence(q, p)), abs=SIGMAS * error)


def test_other_clocks_are_not_compared() -> None:
    check_comparable(CgneConfig(), PnsConfig())
    for changed in (replace(PnsConfig(), stride=16), replace(PnsConfig(), lookahead=16)):
        with pytest.raises(ParameterError, match="cannot be compared"):
            check_comparable(CgneConfig(), changed)


def test_a_single_draw_tells_no_error() -> None:
    elbo = Elbo(np.array([-5.0]), np.array([np.nan]), np.array([1.0]), 1)
    assert elbo.as_plain() == {"nats": -5.0, "divergence": 1.0, "trajectories": 1, "importance_samples": 1}
