"""The fast solver equals the reference to the last bit, and with rest within stated bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field import cpu, kernel, reference
from nakaya.growth.solvers.phase_field.measures import heat, site_volumes, tip_position, tip_velocity
from nakaya.growth.solvers.phase_field.model import MODEL, MODEL_3D
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D, PureMelt
from nakaya.growth.solvers.phase_field.reference import initial_state

KEY = (5, 6)

HEAT_BOUND = 1e-3
"""Of the latent heat released, which rest may lose."""

TEMPERATURE_BOUND = 1e-4
"""Greatest error of u where heat rests below `DISTURBED`, 2e-5, and is not followed."""

TIP_BOUND = 0.01
"""Of a tip's place after it has grown by tens of W0, in W0."""

PLANAR_BOUND = 0.005
"""The thin-interface limit is exact to second order in V W0 / D, here .1; the first transient has died away."""


def setup_of(params: PureMelt, geometry: str = "full", **request: Any) -> GrowthSetup:
    model = MODEL if params.dimension == 2 else MODEL_3D
    return model.setup(geometry, **{"stop": model.stop(margin=3), **request})


@st.composite
def requests(draw: st.DrawFn) -> tuple[PureMelt, GrowthSetup]:
    """Points and setups, small: all edges, geometries, folds and orientations."""
    in_space = draw(st.booleans())
    values: dict[str, float] = {
        "undercooling": draw(st.floats(0.3, 1.2)),
        "noise": draw(st.sampled_from([0.0, 0.05, 0.5])),
        "spacing": draw(st.sampled_from([0.6, 0.8, 1.2])),
        "kinetic_coefficient": draw(st.sampled_from([0.0, 2.0])),
        "seed_radius": draw(st.floats(8, 12)),
        "anisotropy": draw(st.floats(-0.028, 0.028)),
    }
    geometry = draw(st.sampled_from(["full", "octant" if in_space else "quarter"]))
    if not in_space:
        values["fold"] = draw(st.sampled_from([4.0, 6.0]))
        values["orientation"] = draw(st.sampled_from([0.0, 90.0])) if geometry != "full" else draw(st.floats(-90, 90))
    params = PhaseField3D(**values) if in_space else PhaseField(**values)
    edges = draw(st.sampled_from(["insulated", "periodic"])) if geometry == "full" else "insulated"
    sides = st.integers(18, 22) if in_space else st.integers(20, 50)
    shape = tuple(draw(sides) for _ in range(params.dimension))
    initial = None
    if edges == "periodic":
        sites = st.tuples(*(st.integers(0, length - 1) for length in shape))
        initial = draw(st.lists(sites, min_size=1, max_size=3))
    model = MODEL_3D if in_space else MODEL
    stop = model.stop(margin=1, max_steps=draw(st.integers(1, 60)), no_growth=draw(st.integers(1, 60)))
    return params, model.setup(geometry, shape=shape, edges=edges, initial=initial, stop=stop)


@settings(max_examples=25, deadline=None)
@given(requests())
def test_dense_it_is_the_reference_to_the_last_bit(request_: tuple[PureMelt, GrowthSetup]) -> None:
    params, setup = request_
    expected, fields = reference.evolve(params, setup, KEY)
    grown, found = cpu.evolve(params, setup, KEY, is_dense=True)
    assert (grown.steps, grown.stopped_by) == (expected.steps, expected.stopped_by)
    assert (grown.arrival == expected.arrival).all()
    for name in ("psi", "phi", "u"):
        assert (getattr(found, name) == getattr(fields, name)).all(), name


RESTING = [
    (PhaseField(spacing=0.4, orientation=45), {"geometry": "quarter", "size": 110, "stop": MODEL.stop(margin=30)}),
    (PhaseField(), {"geometry": "quarter", "size": 90, "stop": MODEL.stop(margin=20)}),
    (PhaseField(noise=0.02, orientation=30, seed_radius=15), {"shape": (100, 120), "stop": MODEL.stop(margin=20)}),
    (
        PhaseField(fold=6, anisotropy=0.02, seed_radius=15, undercooling=0.8),
        {"size": 96, "edges": "periodic", "initial": [(3, 40), (60, 90)], "stop": MODEL.stop(max_steps=600)},
    ),
    (PhaseField3D(seed_radius=12, noise=0.05), {"geometry": "octant", "size": 40, "stop": MODEL.stop(margin=12)}),
]


@pytest.mark.parametrize(("params", "request_"), RESTING)
def test_rest_changes_little(params: PureMelt, request_: dict[str, Any]) -> None:
    """Few sites attach at other times, none by more than two steps, and the fields agree at the end."""
    setup = setup_of(params, **request_)
    limited = setup_of(
        params, **request_ | {"stop": MODEL.stop(margin=1, max_steps=cpu.evolve(params, setup, KEY)[0].steps)}
    )
    dense, fields = cpu.evolve(params, limited, KEY, is_dense=True)
    resting, found = cpu.evolve(params, limited, KEY)
    both = (dense.arrival >= 0) & (resting.arrival >= 0)
    assert abs(dense.arrival - resting.arrival)[both].max() <= 2
    assert (dense.arrival != resting.arrival).mean() < 0.02
    assert abs(fields.u - found.u).max() < TEMPERATURE_BOUND
    start = initial_state(params, setup)
    released = (site_volumes(params, setup) * (found.phi - start.phi.astype(np.float64)) / 2).sum()
    lost = heat(found.u, found.phi, params, setup) - heat(start.u, start.phi, params, setup)
    assert abs(lost) < HEAT_BOUND * released
    if setup.geometry == "quarter":
        tips = [tip_position(state.phi, params, (0, 0)) for state in (fields, found)]
        assert abs(tips[1] - tips[0]) < TIP_BOUND


@pytest.mark.parametrize("beside", [(0, 8), (2, 1)])
def test_neighbours_that_are_not_looked_at_are_noticed(
    monkeypatch: pytest.MonkeyPatch, beside: tuple[int, int]
) -> None:
    """Growth along rows would stop where a run ends."""
    monkeypatch.setattr(kernel, "BESIDE", beside)
    with pytest.raises(AssertionError):
        test_rest_changes_little(*RESTING[1])


@pytest.mark.parametrize("undercooling", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("family", [PhaseField, PhaseField3D])
def test_a_fast_interface_on_a_coarse_grid_overshoots_nowhere(family: type[PureMelt], undercooling: float) -> None:
    """Where nothing melts u stays between its first value and melting; longer time steps end in noise of order one."""
    params = family(undercooling=undercooling, capillary_length=0.22 * undercooling, spacing=1.2, seed_radius=23)
    setup = setup_of(params, size=44 if params.dimension == 2 else 34, stop=MODEL.stop(margin=3, max_steps=200))
    _, state = cpu.evolve(params, setup, KEY, is_dense=True)
    assert state.u.min() > -undercooling - 1e-3
    assert state.u.max() < 0.05


def test_a_crystal_without_noise_is_symmetric() -> None:
    params = PhaseField(seed_radius=15)
    grown, state = cpu.evolve(params, setup_of(params, size=97, stop=MODEL.stop(margin=12)), KEY)
    assert abs(state.u - state.u[:, ::-1]).max() < 1e-5
    assert abs(state.u - state.u.T).max() < 1e-5
    assert (abs(grown.arrival - grown.arrival.T) <= 1).all()


def test_a_planar_interface_with_kinetics_moves_and_heats_as_theory_says() -> None:
    """Above unit undercooling V = (undercooling - 1) / beta, and u = -undercooling + exp(-V x / D) ahead of it."""
    params = PhaseField(undercooling=1.2, kinetic_coefficient=4, capillary_length=0.5, anisotropy=0, spacing=0.4)
    stop = MODEL.stop(margin=None, max_steps=18_000)
    setup = setup_of(params, shape=(1, 1500), initial=[(0, 0)], stop=stop)
    grown, state = cpu.evolve(params, setup, KEY)
    velocity = 0.2 / 4 * params.diffusivity / params.capillary_length
    assert tip_velocity(grown.arrival, params, (0, 0), sites=100) == pytest.approx(velocity, rel=PLANAR_BOUND)
    x = np.arange(1500) * params.spacing - tip_position(state.phi, params, (0, 0))
    ahead = (x > 3) & (x < 40)
    expected = -params.undercooling + np.exp(-velocity * x / params.diffusivity)
    np.testing.assert_allclose(state.u[0, ahead], expected[ahead], atol=PLANAR_BOUND)
    behind = (x < -5) & (x > -20)
    np.testing.assert_allclose(state.u[0, behind], 1 - params.undercooling, atol=PLANAR_BOUND)


def test_a_circle_in_equilibrium_has_the_temperature_of_gibbs_and_thomson() -> None:
    """u = -d0 / R, in a box so small that the circle neither grows nor melts away."""
    params = PhaseField(anisotropy=0, undercooling=0.083, seed_radius=36)
    stop = MODEL.stop(margin=2, max_steps=40_000, no_growth=40_000)
    setup = setup_of(params, "quarter", size=31, stop=stop)
    _, state = cpu.evolve(params, setup, KEY)
    radius = tip_position(state.phi, params, (0, 0))
    assert np.ptp(state.u) < 1e-4
    assert radius != pytest.approx(params.seed_width, rel=0.05)
    # Corrections are of the order (W0 / R)^2, of the interface's width and of the grid.
    assert state.u.mean() == pytest.approx(-params.capillary_length / radius, rel=0.02)
