"""Rollouts: monotone, reproducible to the bit, stopped by the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from nakaya.core.randomness import member_key  # noqa: E402
from nakaya.growth.emulators.cgne.package import CgnePackage  # noqa: E402
from nakaya.growth.emulators.stepwise.noise import latent_noise  # noqa: E402
from nakaya.growth.emulators.stepwise.rollout import Rollout, roll_out  # noqa: E402
from nakaya.growth.model.setup import STOP_REASONS  # noqa: E402

KEYS = [member_key(5, point, member, stream=CgnePackage.stream) for point in range(5) for member in range(4)]
CONDITION = np.repeat(np.linspace(-1.5, 1.5, 5, dtype=np.float32), 4)[:, None]


def grow(network: Any, chosen: list[int] | None = None, **changes: Any) -> Rollout:
    places = list(range(len(KEYS))) if chosen is None else chosen
    rules = {"size": 32, "margin": 5, "step_limit": 16 * 12, "no_growth": 16 * 4} | changes
    return roll_out(network.eval(), CONDITION[places], [KEYS[i] for i in places], **rules)


@pytest.fixture
def lively_network(tiny_network: Any) -> Any:
    """An untrained network whose crystals grow at a moderate, noisy pace: its output is spread about the threshold."""
    with torch.no_grad():
        tiny_network.decoder.head.weight.mul_(6.0)
        tiny_network.decoder.head.bias.fill_(-1.0)
    return tiny_network


def test_the_crystals_of_the_test_network_differ(lively_network: Any) -> None:
    """Otherwise the laws below would be about nothing."""
    grown = grow(lively_network)
    assert len({crystal.tobytes() for crystal in grown.arrival}) > 10
    assert (grown.arrival > 0).any(axis=(1, 2)).all()


@settings(max_examples=6, deadline=None)
@given(chosen=st.lists(st.integers(0, len(KEYS) - 1), min_size=1, max_size=len(KEYS), unique=True))
def test_a_crystal_does_not_depend_on_its_company(chosen: list[int]) -> None:
    network = _network()
    whole, some = grow(network), grow(network, chosen)
    np.testing.assert_array_equal(some.arrival, whole.arrival[chosen])
    np.testing.assert_array_equal(some.steps, whole.steps[chosen])
    np.testing.assert_array_equal(some.stalled, whole.stalled[chosen])


_CACHE: dict[str, Any] = {}


def _network() -> Any:
    """The lively network, once for all examples (fixtures of a test are not made anew for each example)."""
    return _CACHE["network"]


@pytest.fixture(autouse=True)
def _keep_network(lively_network: Any) -> None:
    _CACHE["network"] = lively_network


def test_growth_is_monotone_and_in_multiples_of_the_stride(lively_network: Any) -> None:
    """An arrival map is monotone by nature; what can fail is a site that is written twice, or after the end."""
    grown = grow(lively_network)
    assert (grown.arrival[:, 0, 0] == 0).all()
    assert (grown.arrival[grown.arrival > 0] % 16 == 0).all()
    assert (grown.arrival <= grown.steps[:, None, None]).all()
    longer = grow(lively_network, step_limit=16 * 20)
    for short, long, steps in zip(grown.arrival, longer.arrival, grown.steps, strict=True):
        np.testing.assert_array_equal(short, np.where(long <= steps, long, -1))


def test_the_front_stops_a_crystal_where_it_reaches_the_margin(lively_network: Any) -> None:
    with torch.no_grad():
        lively_network.decoder.head.bias.fill_(50.0)  # everything in the window attaches at once
    grown = grow(lively_network)
    assert {STOP_REASONS[code] for code in grown.stop_codes} == {"front"}
    assert (grown.steps == 32).all()  # the first window has 16 columns, the second all 32
    assert (grown.arrival[:, :16, :16].reshape(len(KEYS), -1)[:, 1:] == 16).all()


def test_a_crystal_without_growth_is_stopped(lively_network: Any) -> None:
    with torch.no_grad():
        lively_network.decoder.head.bias.fill_(-1000.0)
    grown = grow(lively_network)
    assert {STOP_REASONS[code] for code in grown.stop_codes} == {"no-growth"}
    assert (grown.steps == 64).all()
    assert (grown.stalled == 4).all()
    limited = grow(lively_network, step_limit=40)
    assert {STOP_REASONS[code] for code in limited.stop_codes} == {"steps"}
    assert (limited.steps == 32).all()  # the last multiple of 16 within 40
    none = grow(lively_network, step_limit=15)
    assert {STOP_REASONS[code] for code in none.stop_codes} == {"steps"}
    assert not none.steps.any()
    assert ((none.arrival == 0).sum(axis=(1, 2)) == 1).all()


def test_the_noise_depends_on_key_step_and_site_alone() -> None:
    whole = latent_noise(KEYS[0], 3, 5, 8)
    np.testing.assert_array_equal(whole[:, :4, :4], latent_noise(KEYS[0], 3, 5, 4))
    np.testing.assert_array_equal(whole[:4], latent_noise(KEYS[0], 3, 4, 8))
    assert not np.array_equal(whole, latent_noise(KEYS[0], 4, 5, 8))
    assert not np.array_equal(whole, latent_noise(KEYS[1], 3, 5, 8))


def test_the_noise_is_standard_normal() -> None:
    """4 sigma for mean and variance of 64,000 draws; no correlation between the channels of a pair."""
    draws = np.stack([latent_noise(KEYS[0], step, 16, 8) for step in range(1, 63)])
    count = draws.size
    assert abs(draws.mean()) < 4 / np.sqrt(count)
    assert abs(draws.var() - 1.0) < 4 * np.sqrt(2.0 / count)
    assert abs((draws[:, 0::2] * draws[:, 1::2]).mean()) < 4 / np.sqrt(count / 2)
    assert np.abs(draws).max() < 7.0
