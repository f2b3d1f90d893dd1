"""Laws that the equations obey, of the definition itself, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.solvers.alloy import reference
from nakaya.growth.solvers.alloy.measures import front_heights, solute
from nakaya.growth.solvers.alloy.model import DIRECTIONAL, MODEL, DirectionalStop
from nakaya.growth.solvers.alloy.parameters import Alloy, DirectionalAlloy

KEY = (1, 2)

ROUNDING = 1e-11
"""Of a sum over a thousand sites and a hundred steps in float64."""

STANDING = 0.01
"""W0 by which an interface may shift while its profile settles."""


@pytest.mark.parametrize(("geometry", "edges"), [("full", "insulated"), ("full", "periodic"), ("quarter", "insulated")])
def test_solute_is_neither_made_nor_lost(geometry: str, edges: str) -> None:
    params = Alloy(seed_radius=10, orientation=20.0 if geometry == "full" else 0.0)
    setup = MODEL.setup(geometry, shape=(26, 28), edges=edges, stop=MODEL.stop(max_steps=100, margin=2))
    first = reference.initial_state(params, setup, KEY, np.float64)
    _, last = reference.evolve(params, setup, KEY, dtype=np.float64)
    before, after = (solute(state.u, state.phi, params, setup) for state in (first, last))
    assert np.abs(last.u - first.u).max() > 0.1
    assert after == pytest.approx(before, rel=ROUNDING)


def test_solute_is_kept_in_a_gradient() -> None:
    params = DirectionalAlloy(start_undercooling=0.5, seed_radius=30, perturbation=1)
    setup = DIRECTIONAL.setup(shape=(40, 12), stop=DirectionalStop(max_steps=60, margin=2))
    first = reference.initial_state(params, setup, KEY, np.float64)
    _, last = reference.evolve(params, setup, KEY, dtype=np.float64)
    before, after = (solute(state.u, state.phi, params, setup) for state in (first, last))
    assert np.abs(last.u - first.u).max() > 0.01
    assert after == pytest.approx(before, rel=ROUNDING)


def test_crystals_have_the_symmetry_of_the_square_to_the_last_bit() -> None:
    setup = MODEL.setup(size=33, stop=MODEL.stop(max_steps=60, margin=2))
    grown, state = reference.evolve(Alloy(seed_radius=12), setup, KEY)
    assert (grown.arrival > 1).any()
    for field in (grown.arrival, state.u):
        for turned in (field[::-1], field[:, ::-1], field.T):
            assert (turned == field).all()


def test_a_quarter_is_a_quarter_of_the_whole() -> None:
    stop = MODEL.stop(max_steps=60, margin=2)
    whole, _ = reference.evolve(Alloy(seed_radius=12), MODEL.setup(size=33, stop=stop), KEY)
    quarter, _ = reference.evolve(Alloy(seed_radius=12), MODEL.setup("quarter", 17, stop=stop), KEY)
    assert (SQUARE.unfold(quarter.arrival) == whole.arrival).all()


def test_without_pulling_a_front_at_the_liquidus_stands_still() -> None:
    params = DirectionalAlloy(pulling_speed=1e-9, gradient=1e-3, perturbation=0, seed_radius=30)
    setup = DIRECTIONAL.setup(shape=(32, 4), stop=DirectionalStop(max_steps=100, margin=2))
    first = reference.initial_state(params, setup, KEY, np.float64)
    _, last = reference.evolve(params, setup, KEY, dtype=np.float64)
    heights = [front_heights(state.phi, params)[0] for state in (first, last)]
    assert heights[1] == pytest.approx(heights[0], abs=STANDING)


def test_the_first_interface_is_drawn_for_the_member() -> None:
    params = DirectionalAlloy(perturbation=0.5, seed_radius=30)
    setup = DIRECTIONAL.setup(shape=(32, 400), stop=DirectionalStop(margin=2))
    one, again, other = (reference.initial_state(params, setup, key).psi for key in (KEY, KEY, (3, 4)))
    height = one[10] - one[10].mean()
    assert (one == again).all()
    assert (one != other).any()
    assert np.abs(height).max() < 0.55
    assert height.std() == pytest.approx(0.5 / np.sqrt(3), rel=0.1)  # of 400 uniform draws


def test_requests_that_cannot_be_grown_are_refused() -> None:
    setup = MODEL.setup("quarter", 20, stop=MODEL.stop(margin=2))
    with pytest.raises(ParameterError, match="not mirrored"):
        reference.evolve(Alloy(orientation=20), setup, KEY)
    tall = DirectionalAlloy(seed_radius=200)
    with pytest.raises(ParameterError, match="stands at row 69 of 64"):
        reference.evolve(tall, DIRECTIONAL.setup(shape=(64, 8), stop=DirectionalStop(margin=2)), KEY)
    low = DIRECTIONAL.setup("window", shape=(80, 8), stop=DirectionalStop(margin=60, max_steps=9))
    with pytest.raises(ParameterError, match="keeps less than 32 rows"):
        reference.evolve(DirectionalAlloy(seed_radius=10), low, KEY)
    with pytest.raises(ParameterError, match="moves for ever"):
        reference.evolve(
            DirectionalAlloy(), DIRECTIONAL.setup("window", shape=(80, 8), stop=DirectionalStop(margin=2)), KEY
        )
