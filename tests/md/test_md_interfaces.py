"""The velocity of two interfaces from the number of solid atoms: value, unit and error."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nakaya.md.interfaces import SlabHistory, fit_velocity, lost_crystal

AREA, VOLUME, ATOMS = 256.0, 12.0, 4400  # A^2, A^3; a box of 206 A
FRAMES = 61  # of 1 ps
REPLICATES = 3000
STATED = 0.05
"""Relative, of a stated error against the standard deviation of 3,000 replicates, which know it to 1.3 %: 4 sigma."""


def history(thickness: np.ndarray) -> SlabHistory:
    """A run without thermal noise in which the crystal had this thickness, float64 [frame], A."""
    frames = len(thickness)
    solid = thickness * AREA / VOLUME
    none = np.zeros((frames, 3))
    return SlabHistory(
        times_ps=np.arange(float(frames)),
        solid=np.stack([solid, solid], axis=1),
        second_crystal=np.zeros(frames, np.int64),
        num_atoms=ATOMS,
        area=AREA,
        lengths=np.full(frames, ATOMS * VOLUME / AREA),
        deep_solid=none,
        deep_liquid=none,
        volumes=(VOLUME, VOLUME),
        pooled={},
        profile_distance=np.zeros(0),
        temperature_profile=np.zeros(0),
    )


def test_each_of_two_interfaces_moves_half_as_fast_as_the_crystal_thickens() -> None:
    found = fit_velocity(history(70 + 0.5 * np.arange(FRAMES)), VOLUME, VOLUME)
    assert found.velocity.value == pytest.approx(25.0)  # 0.25 A/ps in m/s
    assert found.velocity.standard_error == pytest.approx(0.0, abs=1e-9)
    assert found.flags == ()


@pytest.mark.parametrize(("atoms", "is_lost"), [(0, True), (49, True), (50, False)])
def test_a_run_that_begins_without_its_crystal_names_the_structure(atoms: int, is_lost: bool) -> None:
    said = lost_crystal(history(np.full(3, atoms * VOLUME / AREA)), "bcc")
    assert ("bcc crystal" in said) == is_lost
    assert bool(said) == is_lost


def test_the_error_of_a_velocity_is_what_replicates_show() -> None:
    """The thickness is a random walk with a drift of 0.04 A/ps: 2 m/s for each interface."""
    steps = np.random.default_rng(0).normal(0.04, 0.6, (REPLICATES, FRAMES - 1))
    walks = 70 + np.concatenate([np.zeros((REPLICATES, 1)), np.cumsum(steps, axis=1)], axis=1)
    found = [fit_velocity(history(walk), VOLUME, VOLUME).velocity for walk in walks]
    values, stated = np.array([(entry.value, entry.standard_error) for entry in found]).T
    assert values.mean() == pytest.approx(2.0, abs=4 * values.std() / math.sqrt(REPLICATES))
    assert math.sqrt((stated**2).mean()) == pytest.approx(values.std(ddof=1), rel=STATED)
    # Least squares of a walk of n steps: 6/5 of the variance of the end-to-end slope, s^2 / n.
    assert values.std(ddof=1) == pytest.approx(50 * 0.6 * math.sqrt(1.2 / (FRAMES - 1)), rel=STATED)
