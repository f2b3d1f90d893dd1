"""PNS: where chance enters, its size beside the small CGNE's, and that it is trained and grown as the CGNE is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.core.errors import ParameterError  # noqa: E402
from nakaya.growth.emulators.cgne.config import CgneConfig  # noqa: E402
from nakaya.growth.emulators.cgne.family import CGNE  # noqa: E402
from nakaya.growth.emulators.pns.config import OWN_SIZE, PnsConfig, PnsLoop, PnsSchedule  # noqa: E402
from nakaya.growth.emulators.pns.family import PNS  # noqa: E402
from nakaya.growth.emulators.pns.package import PnsPackage  # noqa: E402
from nakaya.growth.emulators.stepwise.config import LossWeights, StepSchedule, TrainedFor  # noqa: E402
from nakaya.growth.emulators.stepwise.emulator import StepEmulator  # noqa: E402
from nakaya.growth.emulators.stepwise.family import StepFamily  # noqa: E402
from nakaya.growth.emulators.stepwise.fitting import Crystals, fit_network, network_parameters  # noqa: E402
from nakaya.growth.emulators.stepwise.loss import step_loss  # noqa: E402
from nakaya.growth.lattice.geometry import make_setup  # noqa: E402
from nakaya.growth.model.grower import Grower  # noqa: E402
from nakaya.growth.model.parameters import Conditions  # noqa: E402
from nakaya.growth.model.setup import GrowthSetup, StopRules  # noqa: E402
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath  # noqa: E402
from nakaya.learn.config import LoopConfig  # noqa: E402
from nakaya.learn.loop import DivergenceError  # noqa: E402
from nakaya.testing.grower_contract import GrowerContract  # noqa: E402

MATCHED = 0.05
OWN_MILLIONS = 127


def needed(family: StepFamily, config: Any, conditions: tuple[str, ...]) -> int:
    """Trainable values that growing needs; counted without making any."""
    told = replace(
        config, condition_mean=dict.fromkeys(conditions, 0.0), condition_scale=dict.fromkeys(conditions, 1.0)
    )
    with torch.device("meta"):
        network = family.network(told)
    counts = network_parameters(network, family.package)
    return sum(count for name, count in counts.items() if name in family.package.for_growing)


@pytest.mark.parametrize("conditions", [("rho",), ("rho", "sigma")])
def test_it_is_as_large_as_the_small_cgne(conditions: tuple[str, ...]) -> None:
    theirs, ours = needed(CGNE, CgneConfig(), conditions), needed(PNS, PnsConfig(), conditions)
    assert abs(ours / theirs - 1.0) < MATCHED


def test_its_own_size_can_be_made() -> None:
    assert needed(PNS, OWN_SIZE, ("rho", "sigma")) / 1e6 == pytest.approx(OWN_MILLIONS, rel=MATCHED)


def test_the_published_training_is_the_default() -> None:
    loop, schedule = PnsLoop(updates=100), PnsSchedule()
    assert (loop.optimiser, loop.learning_rate, loop.weight_decay, loop.average_decay) == ("adam", 1e-4, 1e-4, 0.0)
    assert (loop.warmup, loop.final_rate) == (0.0, 1.0)
    assert schedule.free_bits == 0.1
    assert schedule.dropout.at(0.0) == schedule.dropout.at(1.0) == 0.0
    assert schedule.weights == LossWeights(unattached=1.0, attached=1.0)
    assert PnsConfig().latent_channels == 64


def test_a_latent_for_every_site_is_no_pns() -> None:
    with pytest.raises(ParameterError, match="use model cgne"):
        PnsConfig(spatial_latent=True)


def test_chance_is_one_latent_for_all_sites_behind_the_forward_model(tiny_pns: Any) -> None:
    attached = torch.zeros(2, 1, 32, 32)
    attached[:, :, :5, :5] = 1.0
    seen = tiny_pns.read(attached, tiny_pns.features_of(torch.tensor([[0.0], [1.0]])))
    prior = tiny_pns.prior_at(seen)
    assert prior.mean.shape == prior.log_scale.shape == (2, 4, 1, 1)
    assert not torch.equal(seen.hidden[0], seen.hidden[1])  # the forward model is told the condition
    logits = tiny_pns.decode(seen, prior.mean)
    assert logits.shape == attached.shape
    assert (logits != tiny_pns.decode(seen, prior.mean + 1.0)).all()  # z reaches every site


def test_the_likelihood_is_that_of_two_classes(tiny_pns: Any) -> None:
    """The logit is the difference of two logits: its cross-entropy is that of a softmax over two classes."""
    attached = (torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    seen = tiny_pns.read(attached, tiny_pns.features_of(torch.zeros(2, 1)))
    kept: list[Any] = []
    hook = tiny_pns.decoder.classes.register_forward_hook(lambda _, __, found: kept.append(found))
    logits = tiny_pns.decode(seen, torch.zeros(2, 4, 1, 1))
    hook.remove()
    by_class = torch.nn.functional.cross_entropy(kept[0], attached[:, 0].long(), reduction="sum")
    by_logit = torch.nn.functional.binary_cross_entropy_with_logits(logits, attached, reduction="sum")
    assert float(by_logit.detach()) == pytest.approx(float(by_class.detach()), rel=1e-5)


def test_gradients_reach_every_weight(tiny_pns: Any) -> None:
    """But for biases that a normalisation right behind takes out again."""
    generator = torch.Generator().manual_seed(0)
    attached = (torch.rand(4, 1, 16, 16, generator=generator) < 0.3).float()
    following = torch.maximum(attached, (torch.rand(4, 1, 16, 16, generator=generator) < 0.2).float())
    loss = step_loss(
        tiny_pns,
        attached,
        following,
        torch.randn(4, 1, generator=generator),
        weights=LossWeights(1.0, 1.0),
        beta=1.0,
        dropout=0.0,
        generator=generator,
    )
    assert set(loss.terms) == {"loss", "unattached", "attached", "kl"}
    loss.terms["loss"].backward()
    for name, parameter in tiny_pns.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith(("first.bias", "second.bias")):
            assert float(parameter.grad.abs().max()) > 0.0, name


def train(family: StepFamily, discs: Any, config: Any, updates: int, **changes: Any) -> Any:
    crystals = Crystals(discs.arrival, discs.steps, {"rho": discs.rho})
    settings: dict[str, Any] = {"folder": None, "fingerprint": "f", "stop_after": None} | changes
    schedule = PnsSchedule(batch=8, max_unroll=3) if family is PNS else StepSchedule(batch=8, max_unroll=3)
    loop = LoopConfig(
        updates=updates, learning_rate=3e-3, average_decay=0.95, validate_every=10**6, checkpoint_every=3, seed=1
    )
    trained_for = TrainedFor(discs.size, discs.margin, {"rho": 0.3}, {"rho": 0.7}, {})
    return fit_network(
        family, crystals, crystals, config, schedule, loop, trained_for=trained_for, threads=1, **settings
    )


def test_it_learns_a_handful_of_sequences_by_heart(discs: Any, tiny_pns: Any) -> None:
    *_, fitted = train(PNS, discs, tiny_pns.config, 300)
    assert fitted.validation["iou"] > 0.85
    assert fitted.validation["steps_error"] < 0.15  # a stride is 10 to 20 % of a duration


def test_interrupted_training_equals_undisturbed_training(discs: Any, tiny_pns: Any, tmp_path: Path) -> None:
    whole, _, fitted = train(PNS, discs, tiny_pns.config, 8)
    for stop in (2, 5):
        train(PNS, discs, tiny_pns.config, 8, folder=tmp_path, stop_after=stop)
    parts, _, resumed = train(PNS, discs, tiny_pns.config, 8, folder=tmp_path)
    assert fitted.validation == resumed.validation
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name


@pytest.mark.parametrize("kind", ["cgne", "pns"])
def test_the_first_nan_stops_the_training_and_its_term_is_named(
    discs: Any, tiny_config: Any, tiny_pns: Any, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The divergence of the fifth step becomes NaN: no weight does, and the last checkpoint is kept."""
    from nakaya.growth.emulators.stepwise import task as task_module

    steps = 0

    def poisoned(*args: Any, **how: Any) -> Any:
        nonlocal steps
        steps += 1
        found = step_loss(*args, **how)
        if steps == 5:
            found.terms["kl"] = found.terms["kl"] * float("nan")
        return found

    monkeypatch.setattr(task_module, "step_loss", poisoned)
    family, config = (CGNE, tiny_config) if kind == "cgne" else (PNS, tiny_pns.config)
    with pytest.raises(DivergenceError, match=r"the term 'kl' of the loss is nan at update 5"):
        train(family, discs, config, 8, folder=tmp_path)
    assert (tmp_path / "checkpoint.pt").is_file()
    monkeypatch.undo()
    whole, parts = (train(family, discs, config, 8, folder=folder)[0] for folder in (None, tmp_path))
    assert all(torch.equal(value, parts.state_dict()[name]) for name, value in whole.state_dict().items())


class TestTinyPns(GrowerContract):
    network: ClassVar[Any]

    @pytest.fixture(autouse=True)
    def _lively(self, tiny_pns: Any) -> None:
        with torch.no_grad():
            tiny_pns.prior.head.bias[:4] = 0.0
            tiny_pns.prior.head.bias[4:] = 2.0
            tiny_pns.decoder.first.weight.mul_(4.0)
        type(self).network = tiny_pns

    def make_points(self) -> list[Conditions]:
        return [GravnerGriffeath(rho=0.45), GravnerGriffeath(rho=0.6)]

    def make_grower(self) -> Grower:
        trained_for = TrainedFor(32, 5, {"rho": 0.35}, {"rho": 0.64}, {})
        family = GravnerGriffeath.family
        config = replace(self.network.config, output="draw")
        self.network.config = config
        return StepEmulator(PnsPackage("tiny", family, family, config, trained_for, {}, "0", {}), self.network)

    def make_setup(self) -> GrowthSetup:
        return make_setup("sector", 32, stop=StopRules(max_steps=80))


def test_its_crystals_differ(tiny_pns: Any) -> None:
    """Otherwise the contract above would be about nothing."""
    contract = TestTinyPns()
    with torch.no_grad():
        tiny_pns.prior.head.bias[4:] = 2.0
        tiny_pns.decoder.first.weight.mul_(4.0)
    TestTinyPns.network = tiny_pns
    crystals = contract.make_grower().grow(contract.make_points(), contract.make_setup(), members=range(8), seed=1)
    assert len({crystal.tobytes() for crystal in crystals.arrival.reshape(-1, 32, 32)}) == 16
    assert np.isin(crystals.arrival[crystals.arrival >= 0] % 16, 0).all()
