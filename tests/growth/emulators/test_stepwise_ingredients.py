"""Every ingredient of the CGNE can be left out, and is really gone then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.core.errors import ParameterError  # noqa: E402
from nakaya.core.randomness import member_key  # noqa: E402
from nakaya.growth.emulators.cgne.model import Cgne  # noqa: E402
from nakaya.growth.emulators.stepwise import rollout as rollout_module  # noqa: E402
from nakaya.growth.emulators.stepwise.config import LossWeights, StepSchedule, without_later_options  # noqa: E402
from nakaya.growth.emulators.stepwise.data import frame_sequences  # noqa: E402
from nakaya.growth.emulators.stepwise.loss import penalised_divergence, step_loss  # noqa: E402
from nakaya.growth.emulators.stepwise.network import num_parameters  # noqa: E402
from nakaya.growth.emulators.stepwise.noise import site_uniforms  # noqa: E402
from nakaya.growth.emulators.stepwise.rollout import roll_out  # noqa: E402
from nakaya.growth.emulators.stepwise.task import StepTask  # noqa: E402
from nakaya.growth.lattice.history import disconnected_share  # noqa: E402
from nakaya.learn.loop import WeightAverage  # noqa: E402
from nakaya.learn.ranks import Share  # noqa: E402
from nakaya.learn.schedules import Ramp  # noqa: E402
from nakaya.workflows.train_emulator import read_request  # noqa: E402

ROUNDING = 1e-12  # of float64 sums of a few numbers
FLOAT32 = 1e-6
FAR = 1e-4  # of float32 logits of order 1 through some forty layers


@pytest.fixture
def step() -> Any:
    """x, x' and y of three small crystals."""
    generator = torch.Generator().manual_seed(0)
    attached = (torch.rand(3, 1, 16, 16, generator=generator) < 0.3).float()
    following = torch.maximum(attached, (torch.rand(3, 1, 16, 16, generator=generator) < 0.2).float())
    return attached, following, torch.randn(3, 1, generator=generator)


def network_of(config: Any, **changes: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Cgne(replace(config, **changes))


def loss_of(network: Any, step: Any, **changes: Any) -> Any:
    settings: dict[str, Any] = {"weights": LossWeights(), "beta": 1.0, "dropout": 0.0} | changes
    return step_loss(network, *step, **settings, generator=torch.Generator().manual_seed(0))


def test_without_the_auxiliary_head_there_is_neither_network_nor_term(tiny_config: Any, step: Any) -> None:
    network = network_of(tiny_config, condition_head=False)
    assert set(network.parts()) == {"prior", "posterior", "decoder"}
    assert set(loss_of(network, step).terms) == {"loss", "unattached", "attached", "kl"}
    assert set(loss_of(network_of(tiny_config), step).terms) == {"loss", "unattached", "attached", "kl", "condition"}


def test_without_a_posterior_z_is_the_prior_s_and_no_divergence_is_left(tiny_config: Any, step: Any) -> None:
    network = network_of(tiny_config, posterior=False)
    assert "posterior" not in network.parts()
    found = loss_of(network, step)
    assert "kl" not in found.terms
    found.terms["loss"].backward()
    assert all(p.grad is not None for p in network.prior.parameters())  # the likelihood teaches it


def test_without_a_conditional_prior_z_is_standard_normal(tiny_config: Any, step: Any) -> None:
    with pytest.raises(ParameterError, match="set condition_decoder=true"):
        replace(tiny_config, conditional_prior=False)
    network = network_of(tiny_config, conditional_prior=False, condition_decoder=True)
    assert "prior" not in network.parts()
    attached, _, condition = step
    prior = network.prior_of(attached, condition)
    assert prior.mean.shape == (3, 4, 2, 2)
    assert not prior.mean.any()
    assert not prior.log_scale.any()


def test_a_decoder_that_sees_the_condition_uses_it_and_the_paper_s_does_not(tiny_config: Any, step: Any) -> None:
    attached, _, condition = step
    for sees in (False, True):
        network = network_of(tiny_config, condition_decoder=sees)
        latent = torch.zeros(3, 4, 2, 2)
        here, there = (
            network.decode(network.read(attached, network.features_of(y)), latent) for y in (condition, condition + 1)
        )
        assert torch.equal(here, there) != sees


def test_without_a_spatial_latent_all_sites_share_one_z(tiny_config: Any, step: Any) -> None:
    network = network_of(tiny_config, spatial_latent=False)
    attached, following, condition = step
    assert network.posterior_of(attached, following, condition).mean.shape == (3, 4, 1, 1)
    assert network.latent_rows(32) == 1
    assert network_of(tiny_config).latent_rows(32) == 4
    latent = torch.randn(3, 4, 1, 1, generator=torch.Generator().manual_seed(3))
    everywhere = latent.expand(3, 4, 2, 2).contiguous()
    torch.testing.assert_close(network.decoder(attached, latent), network.decoder(attached, everywhere))


def test_only_a_decoder_that_is_not_fully_convolutional_knows_where_a_site_is(tiny_config: Any) -> None:
    """An empty field and one z: whether sites that are 8 apart, farther from the edges than a decoder sees, differ."""
    empty, latent = torch.zeros(1, 1, 256, 256), torch.ones(1, 4, 32, 32)
    for convolutional in (True, False):
        logits = network_of(tiny_config, fully_convolutional=convolutional).decoder(empty, latent)[0, 0]
        same = torch.allclose(logits[120:128, 120:128], logits[128:136, 128:136], atol=FAR)
        assert same == convolutional


def test_the_dropout_of_every_epoch_is_the_paper_s() -> None:
    """max(.1, 1 - (epoch - 10) / 10): exactly 1 to epoch 10, down to .1 at epoch 19 of 100."""
    ramp = StepSchedule().dropout
    for epoch in range(101):
        expected = 1.0 if epoch <= 10 else max(0.1, 1.0 - (epoch - 10) / 10)
        assert ramp.at(epoch / 100) == pytest.approx(expected, abs=ROUNDING)
    assert [ramp.at(epoch / 100) for epoch in (0, 5, 10)] == [1.0, 1.0, 1.0]
    assert [ramp.at(epoch / 100) for epoch in (19, 50, 100)] == [0.1, 0.1, 0.1]


def test_annealing_takes_sixteen_epochs() -> None:
    ramp = StepSchedule().annealing
    for epoch in range(101):
        assert ramp.at(epoch / 100) == pytest.approx(min(1.0, epoch / 16), abs=ROUNDING)


def test_without_dropout_the_decoder_sees_every_sample(tiny_config: Any, step: Any) -> None:
    network = network_of(tiny_config)
    attached, following, condition = step
    context = network.read(attached, network.features_of(condition))
    noise = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    latent = network.posterior_at(context, following).sample(noise)
    never = Ramp(0.0, 0.0, 0.0, 0.0)
    logits = loss_of(network, step, dropout=never.at(0.0)).logits
    assert torch.equal(logits, network.decode(context, latent))


def test_free_bits_clamp_every_entry_of_the_batch_mean() -> None:
    """By hand: entries of mean .05, .3 and .0 nats; with .1 free, .1 + .3 + .1 are counted, and one has a gradient."""
    divergence = torch.tensor([[0.1, 0.2, 0.0], [0.0, 0.4, 0.0]])[:, :, None, None].requires_grad_()
    share = Share.whole(2)
    total = penalised_divergence(divergence, 0.1, share).mean()
    assert float(total.detach()) == pytest.approx(0.1 + 0.3 + 0.1)
    total.backward()
    assert divergence.grad is not None
    torch.testing.assert_close(divergence.grad[:, :, 0, 0], torch.tensor([[0.0, 0.5, 0.0]] * 2))
    plain = penalised_divergence(divergence.detach(), 0.0, share).mean()
    assert float(plain) == pytest.approx(0.05 + 0.3)


def unrolled(discs: Any, config: Any, **changes: Any) -> Any:
    condition = ((discs.rho - 0.5) / 0.1).astype(np.float32)[:, None]
    sequences = frame_sequences(discs.arrival, discs.steps, condition, stride=discs.stride, lookahead=config.lookahead)
    return StepTask(sequences, None, StepSchedule(batch=4, max_unroll=3, **changes), config)  # type: ignore[arg-type]


@pytest.mark.parametrize("detached", [True, False])
def test_gradients_reach_the_step_before_only_where_they_are_not_cut(
    discs: Any, tiny_config: Any, monkeypatch: pytest.MonkeyPatch, detached: bool
) -> None:
    """The gradient of the last step's loss with respect to the logits of the step before it."""
    from nakaya.growth.emulators.stepwise import task as task_module

    seen: list[Any] = []

    def watched(*args: Any, **how: Any) -> Any:
        found = step_loss(*args, **how)
        seen.append((args[1], found))
        return found

    monkeypatch.setattr(task_module, "step_loss", watched)
    task, network = unrolled(discs, tiny_config, detached=detached), network_of(tiny_config)
    generator = torch.Generator().manual_seed(2)
    while len(seen) < 2:
        seen.clear()
        rounds = list(task.losses(network, 0.5, generator))
    assert len(rounds) == (len(seen) if detached else 1)
    (_, before), (start, last) = seen[-2], seen[-1]
    assert start.requires_grad is not detached
    reached = torch.autograd.grad(last.terms["loss"], before.logits, allow_unused=True)[0]
    assert (reached is None) == detached
    if reached is not None:
        assert float(reached.abs().max()) > 0.0
        assert set(start.detach().unique().tolist()) == {0.0, 1.0}  # values are those of sites, not of chances
        mean = np.mean([float(found.terms["loss"].detach()) for _, found in seen])
        assert float(rounds[0]["loss"].detach()) == pytest.approx(mean, rel=FLOAT32)


def test_without_averaging_the_last_weights_are_kept() -> None:
    network = torch.nn.Linear(3, 2)
    average = WeightAverage(network, 0.0)
    for _ in range(3):
        with torch.no_grad():
            network.weight.add_(torch.randn(2, 3))
        average.update(network)
    assert torch.equal(average.weights["weight"], network.weight.detach())


def test_drawn_sites_attach_as_often_as_the_decoder_says(tiny_network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """P = .3 at all sites and one step: the share of 64 crystals' sites is within 4 sigma; cut at .5, none attaches.

    Sites that are drawn apart from the crystal count here, and not in the next test.
    """
    monkeypatch.setattr(rollout_module, "joined_to", lambda attached, new: new)
    with torch.no_grad():
        tiny_network.decoder.head.weight.zero_()
        tiny_network.decoder.head.bias.fill_(float(np.log(0.3 / 0.7)))
    keys = [member_key(1, 0, member, stream="test") for member in range(64)]
    shares = {}
    for output in ("draw", "threshold"):
        tiny_network.config = replace(tiny_network.config, output=output)
        grown = roll_out(
            tiny_network.eval(),
            np.zeros((64, 1), np.float32),
            keys,
            size=16,
            margin=2,
            step_limit=16,
            no_growth=100,
        )
        shares[output] = (grown.arrival == 16).sum() / (64 * (16 * 16 - 1))
    assert shares["threshold"] == 0.0
    assert abs(shares["draw"] - 0.3) < 4 * np.sqrt(0.3 * 0.7 / (64 * 255))


def test_drawn_crystals_are_of_one_piece(tiny_network: Any) -> None:
    with torch.no_grad():
        tiny_network.decoder.head.weight.zero_()
        tiny_network.decoder.head.bias.fill_(float(np.log(0.3 / 0.7)))
    tiny_network.config = replace(tiny_network.config, output="draw")
    keys = [member_key(1, 0, member, stream="test") for member in range(8)]
    rules = {"size": 32, "margin": 5, "step_limit": 48, "no_growth": 100}
    grown = roll_out(tiny_network.eval(), np.zeros((8, 1), np.float32), keys, **rules)  # type: ignore[arg-type]
    assert (grown.arrival >= 0).sum() > 8 * 10
    assert not disconnected_share(grown.arrival).any()


def test_numbers_of_sites_are_even_and_go_on_in_larger_windows() -> None:
    """Mean and variance of 64 x 64 numbers in (0, 1), within 4 sigma; another step has others."""
    key = member_key(1, 2, 3, stream="test")
    whole = site_uniforms(key, 5, 64)
    np.testing.assert_array_equal(whole[:16, :16], site_uniforms(key, 5, 16))
    assert whole.min() > 0.0
    assert whole.max() < 1.0
    assert abs(whole.mean() - 0.5) < 4 * np.sqrt(1 / 12 / whole.size)
    assert abs(whole.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / whole.size)
    assert not np.array_equal(whole, site_uniforms(key, 6, 64))


def test_an_option_at_its_default_does_not_change_what_a_run_was_begun_with(tiny_config: Any) -> None:
    plain = {name: getattr(tiny_config, name) for name in ("stride", "output", "condition_head")}
    assert without_later_options(tiny_config, plain) == {"stride": 16}
    assert without_later_options(replace(tiny_config, output="draw"), plain | {"output": "draw"}) == {
        "stride": 16,
        "output": "draw",
    }


SHIPPED = Path(__file__).parents[3] / "src/nakaya/shipped/trainings"
TRAININGS = sorted(path.stem for path in SHIPPED.glob("*.toml") if not path.stem.endswith("-sweep"))


@pytest.mark.parametrize("name", TRAININGS)
def test_shipped_trainings_can_be_read_by_name(name: str) -> None:
    request = read_request(Path(name))
    assert request.name == name
    assert request.sweep is not None
    assert request.sweep.is_file()


def test_an_ablation_differs_in_what_its_name_says() -> None:
    whole = read_request(Path("cgne-uncertain")).as_plain()
    for name, parts in {
        "cgne-uncertain-without-dropout": {("schedule", "dropout")},
        "cgne-uncertain-without-downsampling": {("network", "stride")},
        "cgne-uncertain-without-condition-head": {("network", "condition_head")},
        "cgne-faithful-uncertain": {("network", "output"), ("schedule", "weights")},
    }.items():
        other = read_request(Path(name)).as_plain()
        differ = {
            (table, key)
            for table in ("network", "schedule", "loop")
            for key in {*whole[table], *other[table]}
            if whole[table].get(key) != other[table].get(key)
        }
        assert differ == parts


def test_the_shared_count_of_parts_is_the_whole(tiny_network: Any) -> None:
    assert num_parameters(tiny_network) == sum(num_parameters(part) for part in tiny_network.parts().values())
