"""Tips that have split are noticed, and crystals stop on their greatest extent."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.growth.growing import grow
from nakaya.growth.lattice.geometry import stop_mask
from nakaya.growth.model.trajectory import NEVER
from nakaya.growth.solvers.phase_field import cpu
from nakaya.growth.solvers.phase_field.model import MODEL
from nakaya.growth.solvers.phase_field.notes import split_axes, split_tips
from nakaya.growth.solvers.phase_field.parameters import PhaseField
from nakaya.growth.solvers.phase_field.reference import lattice_of


def arms(tip: int, shoulder: int) -> np.ndarray:
    """A crystal around (20, 20) whose arm along +x ends at `tip` on its axis, and at `shoulder` beside it."""
    arrival = np.full((41, 41), NEVER, np.int32)
    arrival[20, 10 : tip + 1] = 1
    arrival[18, 12 : shoulder + 1] = arrival[22, 12 : shoulder + 1] = 1
    return arrival


@pytest.mark.parametrize(("tip", "shoulder", "found"), [(30, 28, []), (30, 33, []), (30, 34, ["+x"]), (24, 35, ["+x"])])
def test_a_tip_has_split_where_its_shoulders_lead(tip: int, shoulder: int, found: list[str]) -> None:
    assert split_axes(arms(tip, shoulder), (20, 20), 4) == found
    mirrored = ["-y"] if found else []
    assert split_axes(arms(tip, shoulder)[:, ::-1].T, (20, 20), 4) == mirrored


def test_noise_at_weak_anisotropy_splits_tips_and_grow_says_so() -> None:
    """At anisotropy 0 nothing holds a tip on its axis; without noise it cannot split."""
    stop = MODEL.stop(margin=12, max_steps=None)
    point = PhaseField(undercooling=0.7, anisotropy=0.001, noise=0.05, seed_radius=20)
    crystals = grow(point, model="phase-field", size=144, members=2, seed=1, stop=stop)
    lines = MODEL.notes_on(point, crystals)
    assert lines
    assert lines[0].startswith("member ")
    assert "noise has split the tip along" in lines[0]
    assert not split_tips(PhaseField(), crystals)


@pytest.mark.parametrize("orientation", [30.0, 45.0])
def test_a_crystal_stops_on_its_greatest_extent_not_on_the_axis(orientation: float) -> None:
    params = PhaseField(orientation=orientation, seed_radius=15, undercooling=0.7)
    setup = MODEL.setup("full", 97, stop=MODEL.stop(margin=12, max_steps=None))
    grown, _ = cpu.evolve(params, setup, (0, 0))
    solid, front = grown.arrival >= 0, stop_mask(setup, lattice_of(params))
    assert grown.stopped_by == "front"
    assert (solid & front).any()
    assert not (solid[48] & front[48]).any()
    assert not (solid[:, 48] & front[:, 48]).any()
