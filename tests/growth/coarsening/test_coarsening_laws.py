"""What is known about boundaries that move by their curvature."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.coarsening import junction_rate, shrinking_rate
from nakaya.growth.coarsening.coarsening import coarsen

BALL = 0.03
"""A kernel of .22 radii errs by its square, .05, over four; circles of radius 16 are .01 off, spheres of 10 too."""

ANGLE = 2.5
"""Degrees. The kernel is an eighth of the edge's length here, and the junction's error of first order in it; the rate
of 60 degrees' turning is 1 to 3 % off, angles of unequal energies a little more."""

CLASS_SLOPE, CLASS_ZERO, LINE_R2 = 0.10, 0.15, 0.95
"""The first is the error of junctions, 7 % in the study of 1,000 grains; zero is off by .02 there. R2 of .9995 in the
study needs its number of grains: one grain that vanishes early or late is a tenth of the scatter among the few here."""


@pytest.mark.parametrize(("radius", "dimension"), [(16.0, 2), (10.0, 3)])
def test_circles_and_spheres_shrink_by_their_curvature(radius: float, dimension: int) -> None:
    assert shrinking_rate(radius, dimension) == pytest.approx(1, abs=BALL)


@pytest.mark.parametrize(("column", "other"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.7)])
def test_angles_at_junctions_balance_the_energies(column: float, other: float) -> None:
    angle, law = junction_rate(24, column, other)
    assert angle == pytest.approx(law, abs=ANGLE)


def test_a_polycrystal_obeys_von_neumann_and_mullins(voronoi) -> None:  # type: ignore[no-untyped-def]
    found = coarsen(voronoi(200, (208, 208)), spacing=1.0, mobility=1.0, until_grains=66, frames=20)
    assert found.num_grains[-1] <= 66 < found.num_grains[-2]
    assert found.linear_fit()[1] > LINE_R2
    classes = [entry for entry in found.topological_classes() if 4 <= entry.neighbours <= 9]
    slope, shift = np.polyfit([entry.neighbours for entry in classes], [entry.growth_rate for entry in classes], 1)
    assert slope == pytest.approx(np.pi / 3, rel=CLASS_SLOPE)
    assert -shift / slope == pytest.approx(6, abs=CLASS_ZERO)


def test_a_polycrystal_in_space_coarsens(voronoi) -> None:  # type: ignore[no-untyped-def]
    start = voronoi(24, (24, 22, 20))
    found = coarsen(start, spacing=2.0, mobility=1.0, duration=120.0, frames=3)
    volume = start.size * 2.0**3
    assert found.sizes.sum(axis=1) == pytest.approx(np.full(4, volume), rel=1e-5)  # float32 fractions
    assert (np.diff(found.num_grains) <= 0).all()
    assert found.num_grains[-1] < found.num_grains[0]
    assert (np.diff(found.mean_size) >= 0).all()
    assert found.mean_size[-1] == pytest.approx(volume / found.num_grains[-1])
    gone = found.sizes[-1] < 1
    assert found.sizes[0][gone].mean() < found.sizes[0][~gone].mean()  # small grains vanish


def test_straight_boundaries_stand_still() -> None:
    stripes = (np.arange(32) // 8)[None].repeat(16, axis=0).astype(np.int32)
    found = coarsen(stripes, spacing=1.0, mobility=1.0, duration=20.0, frames=2, is_reference=True)
    assert (found.grain_maps == stripes).all()
    assert np.ptp(found.sizes) < 1e-3  # float32 sums


def test_a_moved_map_coarsens_to_the_moved_result_to_the_bit(voronoi) -> None:  # type: ignore[no-untyped-def]
    start = voronoi(20, (48, 40))
    plain, moved = (
        coarsen(grain_map, spacing=1.0, mobility=1.0, duration=30.0, frames=2)
        for grain_map in (start, np.roll(start, (5, -9), axis=(0, 1)))
    )
    assert (np.roll(plain.grain_maps, (5, -9), axis=(1, 2)) == moved.grain_maps).all()


def test_units_scale_time_alone(voronoi) -> None:  # type: ignore[no-untyped-def]
    start = voronoi(20, (48, 40))
    plain = coarsen(start, spacing=1.0, mobility=1.0, duration=30.0, frames=2)
    metal = coarsen(start, spacing=0.5e-6, mobility=2e-14, energy=0.5, duration=30.0 * 0.25e-12 / 1e-14, frames=2)
    assert (plain.grain_maps == metal.grain_maps).all()
    assert metal.sizes == pytest.approx(plain.sizes * 0.25e-12, rel=1e-4)
    assert metal.reduced_mobility == pytest.approx(1e-14)
    assert metal.mean_size * metal.density == pytest.approx(1)
