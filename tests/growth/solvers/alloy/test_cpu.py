"""The fast solver equals the reference to the last bit, and with rest within stated bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nakaya
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import INITIAL
from nakaya.growth.solvers.alloy import cpu, reference
from nakaya.growth.solvers.alloy.frame import SHIFT
from nakaya.growth.solvers.alloy.measures import solute
from nakaya.growth.solvers.alloy.model import DIRECTIONAL, MODEL, DirectionalStop
from nakaya.growth.solvers.alloy.parameters import Alloy, DiluteAlloy, DirectionalAlloy

KEY = (5, 6)

REST_BOUND = 1e-3
"""Of U, where solute rests below `DISTURBED`, 2e-5, and is not followed; k multiplies it in the solid."""

WINDOW_BOUND = 5e-3
"""Of fields near a front whose boundary layer a window cuts off after 4.5 diffusion lengths, at 1 %."""

SOLUTE_BOUND = 1e-3
"""Of the solute rejected: float32 rounds a thousand steps of U, and rest loses what is below `DISTURBED`."""

ARRIVAL_BOUND = 2
"""Trajectory steps: fresh melt is exactly at its first concentration, the whole lattice's within `DISTURBED`."""


@st.composite
def requests(draw: st.DrawFn) -> tuple[DiluteAlloy, GrowthSetup]:
    """Points and setups, small: all models, edges and geometries."""
    values: dict[str, float] = {
        "partition": draw(st.sampled_from([0.14, 0.5])),
        "spacing": draw(st.sampled_from([0.6, 0.8, 1.1])),
        "anisotropy": draw(st.floats(-0.06, 0.06)),
        "antitrapping": draw(st.sampled_from([0.0, 1.0])),
    }
    steps = draw(st.integers(1, 40))
    shape = (draw(st.integers(24, 40)), draw(st.integers(17, 40)))
    geometry = draw(st.sampled_from(["full", "quarter", "planar", "seeds"]))
    if geometry in ("full", "quarter"):
        edges = draw(st.sampled_from(["insulated", "periodic"])) if geometry == "full" else "insulated"
        point = Alloy(**values, seed_radius=12, orientation=draw(st.floats(-90, 90)) if geometry == "full" else 45.0)
        stop = MODEL.stop(margin=1, max_steps=steps)
        return point, MODEL.setup(geometry, shape=shape, edges=edges, stop=stop)
    directional = DirectionalAlloy(
        **values,
        capillary_length=0.2,
        pulling_speed=0.015,
        gradient=draw(st.sampled_from([1e-4, 5e-3])),
        start_undercooling=draw(st.floats(0, 1)),
        perturbation=1,
        seed_radius=40,
        orientation=draw(st.floats(-90, 90)),
    )
    initial = [(2, 1), (5, 14)] if geometry == "seeds" else None
    stop = DirectionalStop(margin=2, max_steps=steps)
    return directional, DIRECTIONAL.setup(shape=(shape[0] + 16, shape[1]), initial=initial, stop=stop)


@settings(max_examples=20, deadline=None)
@given(requests())
def test_dense_it_is_the_reference_to_the_last_bit(request_: tuple[DiluteAlloy, GrowthSetup]) -> None:
    assert_alike(*request_)


def assert_alike(params: DiluteAlloy, setup: GrowthSetup) -> MemberGrowth:
    """Check that the dense fast solver equals the reference in everything, and return the crystal."""
    expected, fields = reference.evolve(params, setup, KEY)
    grown, found = cpu.evolve(params, setup, KEY, is_dense=True)
    assert (grown.steps, grown.stopped_by) == (expected.steps, expected.stopped_by)
    assert (grown.arrival == expected.arrival).all()
    for name in ("psi", "phi", "u"):
        assert (getattr(found, name) == getattr(fields, name)).all(), name
    assert all((grown.fields[name] == values).all() for name, values in expected.fields.items())
    return grown


def front(**values: Any) -> DirectionalAlloy:
    """A planar front that begins as the steady one."""
    chosen = {
        "partition": 0.3,
        "capillary_length": 0.25,
        "pulling_speed": 0.0156,
        "gradient": 0.0156 / 10,
        "start_undercooling": 1.0,
        "perturbation": 0.5,
        "seed_radius": 48.0,
    }
    return DirectionalAlloy(**(chosen | values))


def test_a_window_moves_in_both_alike() -> None:
    params = front(capillary_length=0.2, seed_radius=122, anisotropy=0.05)
    stop = DirectionalStop(max_steps=300, margin=29)
    grown = assert_alike(params, DIRECTIONAL.setup("window", shape=(62, 17), stop=stop))
    assert not (grown.arrival == INITIAL).any()  # the first rows, which are seeded, are given up


def test_a_window_shows_what_the_whole_lattice_shows() -> None:
    params, rows = front(gradient=0.0156 / 1.1), 128  # stable: no groove is cut off at the foot of the window
    whole = DIRECTIONAL.setup(shape=(2 * rows, 40), stop=DirectionalStop(max_steps=4000, margin=2))
    window = DIRECTIONAL.setup("window", shape=(rows, 40), stop=DirectionalStop(max_steps=4000, margin=90))
    expected, _ = cpu.evolve(params, whole, KEY)
    grown, _ = cpu.evolve(params, window, KEY)
    theta = np.asarray(grown.fields["temperature"])[0, 0] - np.asarray(expected.fields["temperature"])[0, 0]
    moved = round(float(theta) * params.thermal_length / params.spacing)
    assert moved >= SHIFT
    assert moved % SHIFT == 0
    never = grown.steps + 1
    found, wanted = (np.where(map_ < 0, never, map_) for map_ in (grown.arrival, expected.arrival))
    apart = found[: rows - 8] - wanted[moved : moved + rows - 8]
    assert (grown.arrival > 0).mean() > 0.05
    assert np.abs(apart).max() <= ARRIVAL_BOUND
    for name in ("concentration", "phase"):
        part = np.asarray(expected.fields[name])[moved : moved + rows // 2]  # beyond, the layer ends at the last row
        assert np.abs(np.asarray(grown.fields[name])[: rows // 2] - part).max() < WINDOW_BOUND, name


@pytest.mark.parametrize("kind", ["crystal", "front"])
def test_rest_changes_little_and_solute_is_kept(kind: str) -> None:
    if kind == "crystal":
        params: DiluteAlloy = Alloy(seed_radius=12)
        setup = MODEL.setup("quarter", 120, stop=MODEL.stop(max_steps=400, margin=8))
    else:
        params = front(anisotropy=0.05)
        setup = DIRECTIONAL.setup(shape=(220, 48), stop=DirectionalStop(max_steps=1500, margin=8))
    first = reference.initial_state(params, setup, KEY)
    _, dense = cpu.evolve(params, setup, KEY, is_dense=True)
    _, found = cpu.evolve(params, setup, KEY)
    assert np.abs(found.u - dense.u).max() < REST_BOUND
    assert np.abs(found.phi - dense.phi).max() < REST_BOUND
    frozen = ((found.phi > 0).sum() - (first.phi > 0).sum()) * params.spacing**2
    amounts = [solute(each.u, each.phi, params, setup) for each in (first, found, dense)]
    assert frozen > 100
    assert abs(amounts[2] - amounts[0]) < SOLUTE_BOUND * frozen
    assert abs(amounts[1] - amounts[0]) < SOLUTE_BOUND * frozen


def test_crystals_do_not_depend_on_workers() -> None:
    stop = DirectionalStop(max_steps=100, margin=2)
    grown = [
        nakaya.grow(
            front(), model="alloy-directional", shape=(64, 40), members=3, seed=1, workers=workers, stop=stop
        ).arrival
        for workers in (1, 3)
    ]
    assert (grown[0] == grown[1]).all()
