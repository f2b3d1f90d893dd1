from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field import reference
from nakaya.growth.solvers.phase_field.measures import heat, site_volumes
from nakaya.growth.solvers.phase_field.model import REFERENCE, REFERENCE_3D
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D, PureMelt
from nakaya.growth.solvers.phase_field.reference import (
    MAX_PSI,
    Neighbours,
    State,
    curvature_in_plane,
    curvature_in_space,
    evolve,
    initial_state,
    neighbours,
    phase_of,
    step,
)

KEY = (3, 4)
SMALL = 12.0
"""Radius of seeds in d0: a few sites, so that small lattices do."""

HEAT_BOUND = {np.float64: 1e-10, np.float32: 1e-5}
"""Of the latent heat released, after hundreds of steps: rounding alone."""


def setup_of(params: PureMelt, geometry: str = "full", **request: Any) -> GrowthSetup:
    model = REFERENCE if params.dimension == 2 else REFERENCE_3D
    return model.setup(geometry, **{"stop": model.stop(margin=3), **request})


def latent_heat(state: State, start: State, params: PureMelt, setup: GrowthSetup) -> float:
    return float((site_volumes(params, setup) * (state.phi - start.phi.astype(np.float64)) / 2).sum())


CASES = [
    (PhaseField(seed_radius=SMALL), {"geometry": "quarter", "size": 24}),
    (PhaseField(seed_radius=SMALL, orientation=20), {"shape": (40, 31)}),
    (PhaseField(seed_radius=SMALL, noise=0.05), {"size": 30, "edges": "periodic", "initial": [(2, 3), (17, 20)]}),
    (PhaseField(seed_radius=SMALL, noise=0.05), {"geometry": "quarter", "size": 24}),
    (PhaseField3D(seed_radius=SMALL, noise=0.05), {"geometry": "octant", "size": 14}),
    (PhaseField3D(seed_radius=SMALL), {"shape": (18, 16, 20), "edges": "periodic"}),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("params", "request_"), CASES)
def test_latent_heat_is_all_the_heat_there_is(params: PureMelt, request_: dict[str, Any], dtype: type) -> None:
    setup = setup_of(params, **request_)
    setup = setup_of(params, **request_, stop=type(setup.stop)(margin=3, max_steps=400))
    start = initial_state(params, setup, dtype)
    _, state = evolve(params, setup, KEY, dtype=dtype)
    released = latent_heat(state, start, params, setup)
    assert released > 0
    error = heat(state.u, state.phi, params, setup) - heat(start.u, start.phi, params, setup)
    assert abs(error) < HEAT_BOUND[dtype] * released


def test_a_step_that_loses_heat_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reference.SITE_WEIGHTS, 2, (4.0, 20.00001))
    with pytest.raises(AssertionError):
        test_latent_heat_is_all_the_heat_there_is(*CASES[0], np.float32)


@pytest.mark.parametrize("fold", [4, 6])
def test_a_crystal_without_noise_has_its_symmetry_to_the_last_bit(fold: int) -> None:
    """Four-fold crystals have that of the square; six-fold ones two mirrors, which the grid leaves them."""
    params = PhaseField(seed_radius=SMALL, fold=fold, anisotropy=0.025)
    grown, state = evolve(params, setup_of(params, size=33), KEY)
    for field in (grown.arrival, state.u, state.psi):
        assert (field == field[::-1]).all()
        assert (field == field[:, ::-1]).all()
        if fold == 4:
            assert (field == field.T).all()


def test_a_crystal_in_space_has_the_symmetry_of_the_cube_to_the_last_bit() -> None:
    params = PhaseField3D(seed_radius=SMALL)
    grown, state = evolve(params, setup_of(params, size=17), KEY)
    for field in (grown.arrival, state.u, state.psi):
        assert (field == field[::-1]).all()
        for order in permutations(range(3)):
            assert (field == field.transpose(order)).all()


def test_a_turned_crystal_is_four_fold_and_turned_back_its_mirror_image() -> None:
    turned, back = (PhaseField(seed_radius=SMALL, orientation=angle) for angle in (20, -20))
    one, other = (evolve(params, setup_of(params, size=33), KEY)[0].arrival for params in (turned, back))
    assert (one == np.rot90(one)).all()
    assert (one == other[::-1]).all()
    assert (one != one[::-1]).any()


def test_90_degrees_are_the_same_crystal() -> None:
    turned, upright = (PhaseField(seed_radius=SMALL, orientation=angle) for angle in (90, 0))
    one, other = (evolve(params, setup_of(params, size=25), KEY)[0].arrival for params in (turned, upright))
    assert (one == other).all()


@pytest.mark.parametrize("orientation", [0, 45])
def test_a_quarter_is_a_quarter_of_the_whole(orientation: float) -> None:
    params = PhaseField(seed_radius=SMALL, orientation=orientation)
    stop = REFERENCE.stop(margin=3, max_steps=600)
    part, part_state = evolve(params, setup_of(params, "quarter", size=20, stop=stop), KEY)
    whole, whole_state = evolve(params, setup_of(params, size=39, stop=stop), KEY)
    assert (whole.arrival[19:, 19:] == part.arrival).all()
    assert (whole_state.u[19:, 19:] == part_state.u).all()


def test_an_octant_is_an_eighth_of_the_whole() -> None:
    params = PhaseField3D(seed_radius=SMALL)
    part, part_state = evolve(params, setup_of(params, "octant", size=11), KEY)
    whole, whole_state = evolve(params, setup_of(params, size=21), KEY)
    assert (whole.arrival[10:, 10:, 10:] == part.arrival).all()
    assert (whole_state.u[10:, 10:, 10:] == part_state.u).all()


def test_a_periodic_lattice_has_no_place() -> None:
    params = PhaseField(seed_radius=SMALL)
    request = {"shape": (30, 26), "edges": "periodic", "stop": REFERENCE.stop(max_steps=200)}
    one, other = (evolve(params, setup_of(params, initial=[site], **request), KEY)[1].u for site in ((15, 13), (1, 2)))
    assert (np.roll(one, (-14, -11), (0, 1)) == other).all()


def test_phase_is_the_hyperbolic_tangent() -> None:
    psi = np.linspace(-MAX_PSI, MAX_PSI, 2001)
    np.testing.assert_allclose(phase_of(psi), np.tanh(psi / np.sqrt(2)), atol=1e-12)
    np.testing.assert_allclose(phase_of(psi.astype(np.float32)), np.tanh(psi / np.sqrt(2)), atol=3e-7)


def test_a_planar_interface_at_melting_temperature_stands_still() -> None:
    """phi = tanh(x / (a sqrt 2)) is the exact profile at u = 0, and on the grid as well, for psi is linear there."""
    params = PhaseField(undercooling=0.1)
    a = 1 + params.anisotropy
    setup = setup_of(params, shape=(1, 64), stop=REFERENCE.stop(margin=None))
    psi = ((31.3 - np.arange(64.0)) * params.spacing / a).clip(-MAX_PSI, MAX_PSI)[None]
    state = start = State(psi, phase_of(psi), np.zeros_like(psi))
    for _ in range(200):
        state = step(state, params, setup)
    near = abs(psi) < 3
    np.testing.assert_allclose(state.psi[near], start.psi[near], atol=1e-4)
    np.testing.assert_allclose(state.u, 0, atol=1e-5)


def test_curvatures_are_second_derivatives_of_the_energy() -> None:
    """sum_ij f_ij psi_ij of a parabola, for which differences on the grid are exact.

    It is so flat that f_ij is nearly the same in all of a site, of which the balance of its faces is the mean.
    """
    small = 1e-3
    for params, shape in (
        (PhaseField(spacing=0.2, anisotropy=0.05, orientation=17), (9, 9)),
        (PhaseField(spacing=0.2, anisotropy=0.02, orientation=17, fold=6), (9, 9)),
        (PhaseField3D(spacing=0.2, anisotropy=-0.04), (9, 9, 9)),
    ):
        x = np.moveaxis(np.indices(shape) * params.spacing, 0, -1)
        rng = np.random.default_rng(1)
        slope, bend = rng.normal(size=params.dimension), rng.normal(size=(params.dimension,) * 2)
        bend = 0.05 * (bend + bend.T)
        psi = x @ slope + np.einsum("...i,ij,...j->...", x, bend, x) / 2
        setup = setup_of(params, shape=shape, stop=REFERENCE.stop(margin=None))
        around = neighbours(psi, setup)
        curvature = curvature_in_plane if params.dimension == 2 else curvature_in_space
        found = curvature(params, around)
        at = (4,) * params.dimension
        gradient = slope + bend @ x[at]

        def energy(g: np.ndarray, params: PureMelt = params) -> float:
            eps, square = params.anisotropy, float(g @ g)
            if isinstance(params, PhaseField):
                a = 1 + eps * np.cos(params.fold * (np.arctan2(g[0], g[1]) - np.deg2rad(params.orientation)))
            else:
                a = 1 - 3 * eps + 4 * eps * (g**4).sum() / square**2
            return float(a**2 * square / 2)

        axes = np.eye(params.dimension) * small
        second = [
            [
                (
                    energy(gradient + e + f)
                    - energy(gradient + e - f)
                    - energy(gradient - e + f)
                    + energy(gradient - e - f)
                )
                / (4 * small**2)
                for f in axes
            ]
            for e in axes
        ]
        assert found[0][at] * found[1][at] == pytest.approx(2 * energy(gradient), rel=1e-9)
        assert found[2][at] == pytest.approx((np.array(second) * bend).sum(), rel=1e-4)


def waves(params: PureMelt, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Wave vectors times dx, up to the edges of the zone, and directions of the interface."""
    rng, dimension = np.random.default_rng(2), params.dimension
    corners = np.stack(np.meshgrid(*[np.linspace(-np.pi, np.pi, 9)] * dimension), axis=-1).reshape(-1, dimension)
    special = np.vstack([np.eye(dimension), np.ones(dimension), [1, 1] + [0] * (dimension - 2)])
    directions = np.vstack([special, special + 0.02, rng.normal(size=(count, dimension))])
    return corners, directions / np.linalg.norm(directions, axis=1)[:, None]


EXTREME = [
    PhaseField(anisotropy=0, capillary_length=1),
    *(PhaseField(anisotropy=eps, capillary_length=1) for eps in (0.066, -0.066)),
    *(PhaseField(anisotropy=eps, fold=6, capillary_length=1) for eps in (0.028, -0.028)),
    *(PhaseField3D(anisotropy=eps, capillary_length=1) for eps in (0.066, -0.066)),
]


@pytest.mark.parametrize("params", EXTREME)
def test_no_wave_grows_on_an_interface_of_any_direction(params: PureMelt) -> None:
    """A small wave on a planar psi neither grows nor overshoots in one step: the scheme's own amplification factor."""
    corners, directions = waves(params, 60)
    k, n = corners[:, None, :], directions[None, :, :]
    small = 1e-5

    def around(amplitude: float) -> Neighbours:
        def at(*offset: int) -> np.ndarray:
            return n @ np.array(offset) * params.spacing + amplitude * np.cos(k @ np.array(offset, float))

        axes = np.eye(params.dimension, dtype=int)
        corners = {
            (i, j): (at(*-e - f), at(*f - e), at(*e - f), at(*e + f))
            for i, e in enumerate(axes)
            for j, f in enumerate(axes)
            if i < j
        }
        near, far = ([(at(*-n * axis), at(*n * axis)) for axis in axes] for n in (1, 2))
        return Neighbours(at(*0 * axes[0]), near, far, corners)

    curvature = curvature_in_plane if params.dimension == 2 else curvature_in_space
    (a2, _, waved), (_, _, flat) = curvature(params, around(small)), curvature(params, around(0))
    factor = 1 + (waved - flat) / small / a2 * params.time_step
    assert factor.max() < 1 + 1e-3
    assert factor.min() > -1


@pytest.mark.parametrize(
    ("params", "request_", "message"),
    [
        (PhaseField(), {"size": 24}, r"a seed of 11 sites' radius .* around \(12, 12\) reaches the far edge"),
        (PhaseField(), {"size": 40, "initial": [(20, 8)]}, r"around \(20, 8\) reaches the far edge"),
        (
            PhaseField(orientation=10, seed_radius=SMALL),
            {"geometry": "quarter", "size": 24},
            r"orientation=10 is not mirrored in the edges of a quarter: use a multiple of 45 degrees",
        ),
    ],
)
def test_what_does_not_fit_is_refused(params: PureMelt, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        evolve(params, setup_of(params, **request_), KEY)


def test_a_small_seed_in_a_weak_undercooling_melts_and_its_history_stays() -> None:
    """Below the critical radius d0 / undercooling."""
    params = PhaseField(undercooling=0.02, seed_radius=SMALL)
    setup = setup_of(params, size=24, stop=REFERENCE.stop(margin=2, no_growth=2000))
    grown, state = evolve(params, setup, KEY)
    assert grown.stopped_by == "no-growth"
    assert state.phi.max() < 0
    assert (grown.arrival >= 0).sum() > 20
