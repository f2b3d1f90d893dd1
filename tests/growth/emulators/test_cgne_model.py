"""The networks: what reaches what, and what must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.core.errors import ParameterError  # noqa: E402
from nakaya.growth.emulators.cgne.config import CgneConfig  # noqa: E402
from nakaya.growth.emulators.stepwise.blocks import condition_features  # noqa: E402
from nakaya.growth.emulators.stepwise.config import LossWeights, StepSchedule  # noqa: E402
from nakaya.growth.emulators.stepwise.gaussian import Gaussian, kl_divergence  # noqa: E402
from nakaya.growth.emulators.stepwise.loss import reconstruction, step_loss  # noqa: E402
from nakaya.growth.emulators.stepwise.network import num_parameters  # noqa: E402

PARTS = ("prior", "posterior", "decoder", "condition_head")


@pytest.fixture
def step() -> Any:
    """x, x' and y of three small crystals."""
    generator = torch.Generator().manual_seed(0)
    attached = (torch.rand(3, 1, 16, 16, generator=generator) < 0.3).float()
    following = torch.maximum(attached, (torch.rand(3, 1, 16, 16, generator=generator) < 0.2).float())
    return attached, following, torch.randn(3, 1, generator=generator)


def test_what_is_not_said_is_as_in_the_papers_code() -> None:
    """Epochs of 100: x is hidden always up to the tenth, of a tenth of the samples from the 19th on; the divergence
    grows over 16."""
    assert LossWeights() == LossWeights(unattached=1.0, attached=0.1, kl=1.0, condition=1.0)
    schedule = StepSchedule()
    assert [schedule.dropout.at(epoch / 100) for epoch in (0, 10, 19, 100)] == [1.0, 1.0, 0.1, 0.1]
    assert [schedule.annealing.at(epoch / 100) for epoch in (0, 8, 16, 100)] == [0.0, 0.5, 1.0, 1.0]


def loss_of(network: Any, step: Any, *, seed: int = 0, **changes: Any) -> Any:
    settings = {"weights": LossWeights(), "beta": 1.0, "dropout": 0.0} | changes
    return step_loss(network, *step, **settings, generator=torch.Generator().manual_seed(seed))


def test_gradients_reach_every_weight_of_every_part(tiny_network: Any, step: Any) -> None:
    """But for biases that a normalisation right behind takes out again, whose gradients are zero but for rounding."""
    loss_of(tiny_network, step).terms["loss"].backward()
    for name, parameter in tiny_network.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith(("first.bias", "second.bias")):
            assert float(parameter.grad.abs().max()) > 0.0, name


@pytest.mark.parametrize(
    ("weights", "reached"),
    [
        (LossWeights(1.0, 0.1, 0.0, 0.0), {"posterior", "decoder"}),
        (LossWeights(0.0, 0.0, 1.0, 0.0), {"prior", "posterior"}),
        (LossWeights(0.0, 0.0, 0.0, 1.0), {"posterior", "condition_head"}),
    ],
    ids=["reconstruction", "divergence", "condition"],
)
def test_each_term_teaches_its_own_parts(tiny_network: Any, step: Any, weights: Any, reached: set[str]) -> None:
    loss_of(tiny_network, step, weights=weights).terms["loss"].backward()
    moved = {
        part
        for part in PARTS
        if any(p.grad is not None and float(p.grad.abs().max()) > 0.0 for p in getattr(tiny_network, part).parameters())
    }
    assert moved == reached


def test_the_decoder_sees_the_condition_through_the_latent_alone(tiny_network: Any, step: Any) -> None:
    attached, _, condition = step
    latent = tiny_network.prior_of(attached, condition).mean
    other = tiny_network.prior_of(attached, condition + 1.0).mean
    assert not torch.equal(latent, other)  # the condition does reach the latent
    condition.requires_grad_()
    logits = tiny_network.decoder(attached, latent)
    assert logits.grad_fn is not None
    assert torch.autograd.grad(logits.sum(), condition, allow_unused=True)[0] is None
    assert not torch.equal(logits, tiny_network.decoder(attached, other))  # and the latent the sites


def test_the_latent_enters_the_decoder_at_all_four_levels(tiny_network: Any, step: Any) -> None:
    attached, _, condition = step
    latent = tiny_network.prior_of(attached, condition).mean
    before = tiny_network.decoder(attached, latent)
    for projection in tiny_network.decoder.latents:
        kept = projection.weight.detach().clone()
        with torch.no_grad():
            projection.weight.zero_()
        assert not torch.equal(before, tiny_network.decoder(attached, latent))
        with torch.no_grad():
            projection.weight.copy_(kept)
    assert torch.equal(before, tiny_network.decoder(attached, latent))


def test_full_dropout_hides_x_from_the_decoder(tiny_network: Any, step: Any) -> None:
    """With the same latent, another x gives the same proposal; without dropout it does not."""
    attached, following, condition = step
    latent = tiny_network.posterior_of(attached, following, condition).mean

    class FixedLatent(type(tiny_network)):  # type: ignore[misc]
        """The tiny network with a latent that does not depend on its input."""

        def posterior_at(self, context: Any, following: Any) -> Gaussian:
            return Gaussian(latent, torch.zeros_like(latent))

    tiny_network.__class__ = FixedLatent

    other = 1.0 - attached
    for dropout, same in ((1.0, True), (0.0, False)):
        proposals = [
            step_loss(
                tiny_network,
                x,
                following,
                condition,
                weights=LossWeights(),
                beta=1.0,
                dropout=dropout,
                generator=torch.Generator().manual_seed(0),
            ).logits
            for x in (attached, other)
        ]
        assert torch.equal(*proposals) == same


def test_dropout_hides_whole_samples(tiny_network: Any) -> None:
    """At one half, each sample of equal input gives one of two proposals, not a mixture."""
    attached = torch.zeros(64, 1, 16, 16)
    attached[:, :, :4, :4] = 1.0
    with torch.no_grad():
        tiny_network.posterior.head.weight.zero_()
        tiny_network.posterior.head.bias[:4] = 0.0
        tiny_network.posterior.head.bias[4:] = -50.0  # sigma e^-5: the noise does not matter
    logits = loss_of(tiny_network, (attached, attached, torch.zeros(64, 1)), dropout=0.5).logits.detach()
    shown, hidden = tiny_network.decoder(attached[:1], latent := torch.zeros(1, 4, 2, 2)), None
    hidden = tiny_network.decoder(torch.zeros(1, 1, 16, 16), latent)
    to_shown = (logits - shown).abs().amax(dim=(1, 2, 3))
    to_hidden = (logits - hidden).abs().amax(dim=(1, 2, 3))
    gap = float((shown - hidden).abs().max().detach())
    assert bool((torch.minimum(to_shown, to_hidden) < 0.2 * gap).all())
    assert 16 < int((to_hidden < to_shown).sum()) < 48  # 64 draws at one half: 4 sigma


def test_divergence_of_equal_distributions_is_zero_and_known_values() -> None:
    zero, one = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    gaussian = Gaussian(torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4))
    assert torch.equal(kl_divergence(gaussian, gaussian), torch.zeros(2, 3, 4, 4))
    shifted = kl_divergence(Gaussian(2.0 * one, zero), Gaussian(zero, zero))
    assert float(shifted) == pytest.approx(2.0)  # shift squared / 2
    wider = kl_divergence(Gaussian(zero, one), Gaussian(zero, zero))
    assert float(wider) == pytest.approx(-1.0 + np.exp(2.0) / 2.0 - 0.5)


def test_cross_entropies_by_hand() -> None:
    """P = 3/4 everywhere; of the free sites one attaches and one does not, one site is attached already."""
    logits = torch.full((1, 1, 1, 3), float(np.log(3.0)))
    attached, following = torch.tensor([[[[1.0, 0.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0, 0.0]]]])
    free, held = reconstruction(logits, attached, following)
    assert float(held) == pytest.approx(-np.log(0.75))
    assert float(free) == pytest.approx(-np.log(0.75) - np.log(0.25))


def test_the_loss_is_the_weighted_sum_of_its_terms(tiny_network: Any, step: Any) -> None:
    weights = LossWeights(2.0, 0.3, 5.0, 7.0)
    terms = {name: v.detach() for name, v in loss_of(tiny_network, step, weights=weights, beta=0.5).terms.items()}
    expected = 2.0 * terms["unattached"] + 0.3 * terms["attached"] + 2.5 * terms["kl"] + 7.0 * terms["condition"]
    assert float(terms["loss"]) == pytest.approx(float(expected), rel=1e-6)


def test_condition_features_are_sines_and_cosines() -> None:
    features = condition_features(torch.tensor([[0.5]]), 2)[0]
    expected = [0.5, np.sin(np.pi / 4), np.cos(np.pi / 4), np.sin(np.pi / 2), np.cos(np.pi / 2)]
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_parameters_are_counted_by_part(tiny_network: Any) -> None:
    whole = num_parameters(tiny_network)
    assert whole == sum(num_parameters(getattr(tiny_network, part)) for part in PARTS)
    assert num_parameters(torch.nn.Linear(3, 2)) == 8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": (8, 8, 8)}, "3 levels, expected 4"),
        ({"widths": (8, 12, 8, 8)}, "not a multiple of groups=8"),
        ({"stride": 0}, "stride=0"),
        ({"groups": 0}, "groups=0"),
        ({"threshold": 1.0}, "it is a probability"),
    ],
)
def test_impossible_networks_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        CgneConfig(**wrong)
