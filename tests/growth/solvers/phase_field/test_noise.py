from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field.measures import site_volumes
from nakaya.growth.solvers.phase_field.model import REFERENCE, REFERENCE_3D
from nakaya.growth.solvers.phase_field.noise import (
    BLOCK,
    REACH,
    VARIANCE,
    draw_fluxes,
    near_interface,
    thermal_kick,
)
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D, PureMelt
from nakaya.growth.solvers.phase_field.reference import State, diffuse, initial_state

KEY = (3, 4)

SIGMAS = 5
"""Standard errors that a mean of draws may be off by."""


def setup_of(params: PureMelt, geometry: str = "full", **request: Any) -> GrowthSetup:
    model = REFERENCE if params.dimension == 2 else REFERENCE_3D
    return model.setup(geometry, **{"stop": model.stop(margin=1), **request})


@pytest.mark.parametrize("shape", [(60, 70), (14, 16, 18)])
def test_draws_have_no_mean_the_stated_variance_and_no_correlation(shape: tuple[int, ...]) -> None:
    draws = np.stack([draw_fluxes(KEY, block, shape) for block in range(4)], axis=1).reshape(len(shape), -1)
    count = draws.shape[1]
    assert abs(draws.mean(axis=1)).max() < SIGMAS * np.sqrt(VARIANCE / count)
    # The fourth moment of the sum of two equal uniforms is 2.4 variances squared.
    assert abs(draws.var(axis=1) / VARIANCE - 1).max() < SIGMAS * np.sqrt(1.4 / count)
    between = np.corrcoef(draws)[np.triu_indices(len(shape), 1)]
    assert abs(between).max() < SIGMAS / np.sqrt(count)
    assert abs(np.corrcoef(draws[0, 1:], draws[0, :-1])[0, 1]) < SIGMAS / np.sqrt(count)


def test_blocks_and_keys_draw_differently() -> None:
    first = draw_fluxes(KEY, 0, (9, 9))
    assert (first == draw_fluxes(KEY, 0, (9, 9))).all()
    assert (first != draw_fluxes(KEY, 1, (9, 9))).mean() > 0.9
    assert (first != draw_fluxes((3, 5), 0, (9, 9))).mean() > 0.9


CASES = [
    (PhaseField(noise=0.1), {"size": 12, "edges": "periodic"}),
    (PhaseField(noise=0.1), {"shape": (12, 9)}),
    (PhaseField(noise=0.1), {"geometry": "quarter", "size": 12}),
    (PhaseField3D(noise=0.1), {"geometry": "octant", "size": 8}),
    (PhaseField3D(noise=0.1), {"size": 8, "edges": "periodic"}),
]


@pytest.mark.parametrize(("params", "request_"), CASES)
def test_what_leaves_a_site_enters_another(params: PureMelt, request_: dict[str, Any]) -> None:
    setup = setup_of(params, **request_)
    near = np.random.default_rng(0).random(setup.shape) < 0.8
    kick = thermal_kick(params, setup, KEY, 0, near, np.float64)
    assert abs(kick).max() > 0
    assert (kick[~near] == 0).all()
    assert abs((kick * site_volumes(params, setup)).sum()) < 1e-12 * abs(kick).sum()


def test_noise_acts_near_the_interface_alone() -> None:
    """Within `REACH` along both axes of sites where 1 - phi^2 > 1e-3, which lie within 5.9 W0 of phi = 0."""
    params = PhaseField(noise=0.1)
    setup = setup_of(params, "quarter", size=60)
    near = near_interface(initial_state(params, setup).phi, params, setup)
    distance = np.arange(60) * params.spacing - params.seed_width
    assert near[0][distance < REACH + 5.9 - params.spacing].all()
    assert not near[0][distance > REACH + 5.9 + params.spacing].any()
    assert (near == near.T).all()


def test_near_reaches_across_a_periodic_edge() -> None:
    params = PhaseField(noise=0.1)
    request = {"shape": (40, 80), "edges": "periodic"}
    near = [
        near_interface(initial_state(params, setup).phi, params, setup)
        for setup in (setup_of(params, initial=[site], **request) for site in ((20, 40), (20, 2)))
    ]
    assert (np.roll(near[0], 42, axis=1) == near[1]).all()


def spectrum(params: PhaseField, size: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Variance of every mode of u over F at the end of blocks, in melt with noise everywhere, and D dt K of each."""
    setup = setup_of(params, size=size, edges="periodic")
    melt, near = np.full(setup.shape, -1.0), np.ones(setup.shape, np.bool_)
    u, power = np.zeros(setup.shape), np.zeros(setup.shape)
    for block in range(blocks):
        kick = thermal_kick(params, setup, KEY, block, near, np.float64)
        for _ in range(BLOCK):
            u = diffuse(State(melt, melt, u), params, setup, melt, kick)
        if block >= blocks // 5:
            power += abs(np.fft.fft2(u)) ** 2
    power *= params.spacing**2 / size**2 / (blocks - blocks // 5) / params.noise_in_width
    wave = 2 * np.pi * np.fft.fftfreq(size)
    x, y = np.cos(wave), np.cos(wave)[:, None]
    decay = (20 - 8 * (x + y) - 4 * x * y) / 6 * params.diffusivity * params.time_step / params.spacing**2
    return power, decay


def test_the_spectrum_of_heat_is_that_of_equilibrium() -> None:
    """The law of held draws for all modes, and F / (1 - D dt K / 2), that of single ones, for long waves.

    Fluxes run along axes, so their Laplacian is -K0, while heat spreads by the isotropic one: K0 / K goes with F.
    """
    size, blocks = 20, 1500
    power, x = spectrum(PhaseField(noise=0.05), size, blocks)
    wave = 2 * np.pi * np.fft.fftfreq(size)
    k = np.hypot(*np.meshgrid(wave, wave))
    plain = (4 - 2 * np.cos(wave) - 2 * np.cos(wave)[:, None]) * x.max() * 6 / 32
    x[0, 0] = plain[0, 0] = 1
    g = 1 - x
    law = plain / x * (1 - g**BLOCK) / (1 + g**BLOCK) / (2 * x)
    for low, high in ((0.2, 0.5), (0.5, 1), (1, 2), (2, 4.5)):
        ring = (k > low) & (k < high)
        # Modes come in equal pairs; those of long waves forget within 20 blocks.
        error = SIGMAS * np.sqrt(2 / ring.sum() / (0.8 * blocks / 20))
        assert (power[ring] / law[ring]).mean() == pytest.approx(1, abs=error)
        if high == 0.5:
            assert (power[ring] * (1 - x[ring] / 2)).mean() == pytest.approx(1, abs=error + 0.03)
