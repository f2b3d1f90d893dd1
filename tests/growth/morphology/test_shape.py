"""Measures of shape: known answers, invariance under the lattice's symmetry, convergence with size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from nakaya.growth.lattice.lattice import D6, apply_symmetry, hexagonal_distance, to_plane
from nakaya.growth.morphology import (
    arcs_on_rings,
    branch_count,
    fractal_dimension,
    gyration_radius,
    mass_within,
    reach,
    sixfold_order,
    tip_radius,
)
from support.shapes import disc, hexaflake, hexagon, sierpinski_star, star

ROUNDING = 1e-12
"""Relative or absolute, for a few thousand float64 sums of order one."""

ALL_MEASURES = (gyration_radius, tip_radius, reach, branch_count, sixfold_order, fractal_dimension)


@pytest.mark.parametrize("element", range(12))
def test_turned_and_mirrored_crystals_measure_the_same(element):
    rng = np.random.default_rng(element)
    shares = rng.random((20, 1, 1))
    crystals = (rng.random((20, 25, 25)) < shares) & hexagon(12)
    turned = np.asarray(apply_symmetry(crystals, D6[element], fill=0), np.bool_)
    assert (turned != crystals).any() or element == 0
    for measure in ALL_MEASURES:
        exact = measure is not sixfold_order
        assert measure(turned) == pytest.approx(measure(crystals), rel=0 if exact else ROUNDING, abs=0, nan_ok=True)


@pytest.mark.parametrize("measure", ALL_MEASURES)
def test_a_batch_is_its_crystals_one_by_one(measure):
    crystals = (np.random.default_rng(7).random((2, 3, 25, 25)) < 0.4) & hexagon(12)
    together = measure(crystals)
    assert together.shape == (2, 3)
    for index in np.ndindex(2, 3):
        assert measure(crystals[index]) == pytest.approx(together[index], rel=ROUNDING)


@pytest.mark.parametrize("radius", [1, 2, 9, 40])
def test_the_gyration_radius_of_a_hexagon_is_known(radius):
    """Sum of r^2 over the hexagon of k steps: k (k + 1) (5 k^2 + 5 k + 2) / 4."""
    k = radius
    mean_square = k * (k + 1) * (5 * k * k + 5 * k + 2) / 4 / (3 * k * (k + 1) + 1)
    assert gyration_radius(hexagon(k)) == pytest.approx(np.sqrt(mean_square), rel=ROUNDING)
    moved = np.pad(hexagon(k), ((0, 9), (4, 0)))
    assert gyration_radius(moved) == gyration_radius(hexagon(k))


def test_the_gyration_radius_of_a_disc_converges():
    """R / sqrt 2 in the continuum."""
    for radius in (10, 40, 160):
        assert gyration_radius(disc(radius)) * np.sqrt(2) / radius == pytest.approx(1, abs=0.3 / radius)


def test_distances_equal_those_in_the_plane():
    crystals = (np.random.default_rng(1).random((50, 15, 15)) < 0.05) & hexagon(7)
    offsets = np.indices((15, 15)) - np.array([3, 9])[:, None, None]
    away = np.linalg.norm(to_plane(*offsets), axis=-1)
    for crystal in crystals[crystals.any(axis=(1, 2))]:
        assert tip_radius(crystal, origin=(3, 9)) == pytest.approx(away[crystal].max(), rel=ROUNDING)
        assert reach(crystal, origin=(3, 9)) == hexagonal_distance(*offsets)[crystal].max()
        assert mass_within(crystal, origin=(3, 9))[-1] == crystal.sum()


def test_empty_crystals_are_marked():
    empty = np.zeros((9, 9), np.bool_)
    assert reach(empty) == -1
    assert branch_count(empty) == 0
    for measure in (gyration_radius, tip_radius, sixfold_order, fractal_dimension):
        assert np.isnan(measure(empty))


@pytest.mark.parametrize("arms", [(0,), (0, 3), (0, 2, 4), (0, 1, 2, 3, 4, 5)])
def test_branches_are_the_arms_of_a_star(arms):
    crystal = star(12, arms)
    expected = np.full(13, len(arms))
    expected[0] = 1
    expected[1] = {1: 1, 2: 2, 3: 3, 6: 1}[len(arms)]  # six arms fill the first ring
    assert arcs_on_rings(crystal)[:13].tolist() == expected.tolist()
    assert branch_count(crystal) == len(arms)


def test_a_compact_crystal_has_one_branch_and_rings_are_closed():
    assert branch_count(hexagon(9)) == 1
    assert arcs_on_rings(hexagon(9)).tolist() == [1] * 10 + [0] * 9  # the array's far corners are 18 steps away
    gap = hexagon(9)
    gap[9, 9 + 4] = False
    assert arcs_on_rings(gap)[4] == 1  # one run, from the gap round to the gap
    gap[9 + 4, 9] = False
    assert arcs_on_rings(gap)[4] == 2


def test_side_branches_count_where_they_cross_the_ring():
    crystal = star(20)
    for element in D6[::2]:
        row, column = element @ np.array([1, 0])
        side_row, side_column = element @ D6[2] @ np.array([1, 0])
        along = np.arange(1, 7)
        crystal[20 + 12 * row + along * side_row, 20 + 12 * column + along * side_column] = True
    assert branch_count(crystal, at=0.5) == 6
    assert branch_count(crystal, at=0.75) == 12


def test_the_ring_of_the_branches_is_rounded_half_upwards():
    """Reach 5, half of it 2.5: ring 3, where this star has lost three arms."""
    crystal = star(5, (0, 2, 4))
    crystal |= np.pad(star(2), 3)
    assert branch_count(crystal) == 3
    assert branch_count(crystal, at=0.49) == 6


def test_rings_see_vapour_beyond_the_array():
    """The corner of a full array sees a third of each ring, from arm to arm."""
    quarter = np.ones((8, 8), np.bool_)
    assert arcs_on_rings(quarter, origin=(0, 0)).tolist() == [1] * 8
    assert branch_count(quarter, origin=(0, 0)) == 1
    walls = np.zeros((8, 8), np.bool_)
    walls[0], walls[:, 0] = True, True
    assert arcs_on_rings(walls, origin=(0, 0)).tolist() == [1] + [2] * 7


def between_arms(reach, distances):
    """Sites in the six directions halfway between the arms, at multiples of sqrt 3 from the centre."""
    crystal = np.zeros((2 * reach + 1, 2 * reach + 1), np.bool_)
    for element in D6[::2]:
        row, column = element @ np.array([2, 1])
        for distance in distances:
            crystal[reach + distance * row, reach + distance * column] = True
    return crystal


def test_sixfold_order_of_known_shapes():
    """Arms have phase +1, sites between them -1; the origin has none and is not counted."""
    assert sixfold_order(star(10)) == pytest.approx(1, abs=ROUNDING)
    assert sixfold_order(between_arms(10, [1, 3])) == pytest.approx(1, abs=ROUNDING)
    both = star(6) | between_arms(6, [1, 2, 3])
    assert sixfold_order(both) == pytest.approx((36 - 18) / (36 + 18), abs=ROUNDING)
    single = np.zeros((5, 5), np.bool_)
    single[2, 2] = True
    assert np.isnan(sixfold_order(single))


def test_sixfold_order_of_scattered_sites_is_noise():
    """A mean of n random phases: its square has mean 1 / n. Four standard errors over 1000 samples."""
    crystals = (np.random.default_rng(4).random((1000, 41, 41)) < 0.02) & disc(16)
    squares = sixfold_order(crystals) ** 2 * crystals.sum(axis=(1, 2))
    assert abs(squares.mean() - 1) < 4 * squares.std() / np.sqrt(1000)


def hexagon_order():
    """psi_6 of the continuous hexagon, whose r(phi) is proportional to 1 / cos(phi - 30 degrees) in the first sixth."""
    weight = lambda phi: np.cos(phi - np.pi / 6) ** -2  # noqa: E731
    return quad(lambda phi: np.cos(6 * phi) * weight(phi), 0, np.pi / 3)[0] / quad(weight, 0, np.pi / 3)[0]


def test_sixfold_order_converges():
    """Quadratically for the hexagon, to 0.0586; to zero for discs."""
    assert hexagon_order() == pytest.approx(0.0586, abs=1e-4)
    errors = [float(sixfold_order(hexagon(k))) - hexagon_order() for k in (20, 40, 80, 160)]
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert ((ratios > 3.7) & (ratios < 4.3)).all()
    for radius in (8, 32, 128):
        assert sixfold_order(disc(radius)) < 0.15 / radius


FLAKE_OSCILLATION = 0.08
"""Largest error on the hexaflake: 0.072, 0.057, 0.063 at orders 3, 4, 5. It oscillates and does not vanish."""


@pytest.mark.parametrize("radius", [8, 16, 40, 100])
def test_the_dimension_of_a_line_is_one(radius):
    assert fractal_dimension(star(radius, (0, 3))) == pytest.approx(1, abs=ROUNDING)


def test_the_dimension_of_a_hexagon_converges_to_two_quadratically():
    errors = [2 - float(fractal_dimension(hexagon(k))) for k in (16, 32, 64, 128)]
    assert errors[0] < 0.011
    assert all(first / second > 3.3 for first, second in itertools.pairwise(errors))


def test_the_dimension_of_a_star_converges_to_one():
    for radius in (16, 32, 64, 128):
        error = float(fractal_dimension(star(radius))) - 1
        assert 1.2 < error * radius < 1.5


def test_the_dimension_of_self_similar_sets():
    for order in (3, 4, 5):
        assert fractal_dimension(hexaflake(order)) == pytest.approx(np.log(7) / np.log(3), abs=FLAKE_OSCILLATION)
    errors = [float(fractal_dimension(sierpinski_star(order))) - np.log2(3) for order in (5, 6, 7, 8)]
    assert 0 < errors[-1] < 0.05
    assert all(later < 0.7 * earlier for earlier, later in itertools.pairwise(errors))


def test_the_sets_have_their_known_masses():
    assert hexaflake(4).sum() == 7**4
    masses = mass_within(hexaflake(4))
    assert [masses[(3**k - 1) // 2] for k in range(5)] == [7**k for k in range(5)]
    assert sierpinski_star(6).sum() == 6 * (3**6 - 2**6) + 1
