"""Laws of maps of grains: Voronoi statistics, Euler's relation, known intercepts, and what the frame does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nakaya.core.errors import ParameterError
from nakaya.microscopy.grains.grain_size import (
    grain_size_from_intercept,
    mean_intercept,
    planimetric_density,
)
from nakaya.microscopy.grains.measures import PAIR_LENGTH, boundary_pairs, collect_boundaries, solidity
from nakaya.microscopy.grains.record import measure_map, without_specks
from nakaya.microscopy.grains.topology import neighbours_with_corners, split_disconnected
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from support.boundary_net import boundary_net
from support.voronoi import exact_neighbours

POISSON_SECOND_MOMENT = 1.7808
"""Variance of the number of neighbours in a Poisson-Voronoi map (Tanemura 2003)."""

SECOND_MOMENT = 0.1  # four standard errors of the variance of 12,000 cells
LENGTH = 0.02  # scatter of the boundary length of 3 x 600 cells, and the grid
WINDOWS = 0.02  # windows 16 pixels apart are not all windows

maps = hnp.arrays(np.int32, st.tuples(st.integers(2, 12), st.integers(2, 12)), elements=st.integers(-1, 4))
full_maps = hnp.arrays(np.int32, st.tuples(st.integers(2, 12), st.integers(2, 12)), elements=st.integers(0, 4))


def boundary_length(labels, *, periodic: bool = False) -> float:
    return len(boundary_pairs(labels, periodic=periodic)) * PAIR_LENGTH


def poisson_boundary_length(density: float) -> float:
    """Boundary length per area of a Poisson-Voronoi map (Okabe et al., table 5.5.1)."""
    return 2 * np.sqrt(density)


def poisson_mean_intercept(density: float) -> float:
    """Pi/2 over the boundary length per area, for straight test lines (Cauchy and Crofton)."""
    return np.pi / 2 / poisson_boundary_length(density)


def poisson_map(seed: int, *, cells: int = 600, side: int = 600):
    return voronoi_map(scatter_points(cells, (side, side), np.random.default_rng(seed)), (side, side))


def test_cells_of_a_periodic_voronoi_map_have_six_neighbours_with_the_known_variance():
    counts = []
    for seed in range(20):
        found = poisson_map(seed, side=60)  # the pixels do not matter here
        edges = exact_neighbours(found)
        number = np.bincount(edges.ravel(), minlength=600)
        assert number.mean() == 6.0
        counts.append(number)
    assert np.concatenate(counts).var() == pytest.approx(POISSON_SECOND_MOMENT, abs=SECOND_MOMENT)


def test_the_pixels_of_a_periodic_map_give_six_neighbours_too_once_corners_are_counted():
    found = poisson_map(1)
    assert neighbours_with_corners(found.labels, periodic=True).num_neighbours(600).mean() == 6.0


def test_boundary_length_and_mean_intercept_of_voronoi_maps_are_the_known_ones():
    density = 600 / 600**2
    lengths = [boundary_length(poisson_map(seed).labels, periodic=True) / 600**2 for seed in range(3)]
    assert np.mean(lengths) == pytest.approx(poisson_boundary_length(density), rel=LENGTH)
    chords = [mean_intercept(poisson_map(seed).labels).value for seed in range(3)]
    assert np.mean(chords) == pytest.approx(poisson_mean_intercept(density), rel=LENGTH)


@settings(max_examples=80, deadline=None)
@given(maps)
def test_eulers_relation_holds_for_every_map(labels):
    assert boundary_net(labels).euler_excess == 1


@settings(max_examples=60, deadline=None)
@given(full_maps)
def test_every_boundary_is_counted_once_from_either_side_and_the_map_turned_measures_the_same(labels):
    pairs = boundary_pairs(labels)
    found, turned = collect_boundaries(pairs), collect_boundaries(boundary_pairs(np.rot90(labels)))
    np.testing.assert_array_equal(found.edges, turned.edges)
    np.testing.assert_allclose(found.length, turned.length)
    number = int(labels.max()) + 1
    assert found.perimeter(number).sum() == pytest.approx(2 * boundary_length(labels))
    assert found.num_neighbours(number).sum() == 2 * len(found.edges)


@settings(max_examples=60, deadline=None)
@given(full_maps)
def test_pieces_of_a_map_are_connected_and_specks_go_to_a_neighbour(labels):
    pieces = split_disconnected(labels)
    assert (split_disconnected(pieces) == pieces).all()
    cleaned = without_specks(labels)
    size = np.bincount(cleaned.ravel())
    assert size.sum() == labels.size
    if (np.bincount(pieces.ravel()) >= 4).any():
        assert size.min() >= 4


def test_a_brick_wall_measures_what_it_is():
    labels = np.kron(np.arange(12, dtype=np.int32).reshape(3, 4), np.ones((10, 20), np.int32))
    measured = measure_map(labels)
    table = measured.table
    assert measured.num_grains == 12
    np.testing.assert_array_equal(table.area, 200.0)
    np.testing.assert_allclose(table.aspect_ratio, 2.0)
    np.testing.assert_allclose(np.abs(table.axis_angle), 0.0, atol=1e-12)
    np.testing.assert_array_equal(table.extent, np.tile([20.0, 10.0], (12, 1)))
    np.testing.assert_allclose(table.centroid[5], [29.5, 14.5])
    assert measured.num_whole == 2
    np.testing.assert_array_equal(table.on_frame, ~np.isin(np.arange(12), [5, 6]))
    # Two directions of test line only: 9 steps of crossings down and 3 across, times the Crofton factor.
    assert boundary_length(labels) == pytest.approx((2 * 80 + 3 * 30) * np.pi / 4)
    np.testing.assert_allclose(solidity(labels), 1.0)
    assert planimetric_density(labels) == pytest.approx((2 + 6 / 2 + 1) / labels.size)


def test_the_mean_intercept_of_stripes_is_known_in_every_direction():
    labels = np.repeat(np.arange(30, dtype=np.int32), 10)[None].repeat(300, axis=0)
    found = mean_intercept(labels)
    assert found.by_direction["0"] == pytest.approx(10.0, rel=0.04)  # the two cut ends of each line
    assert found.by_direction["45"] == pytest.approx(10 * np.sqrt(2), rel=0.04)
    assert found.by_direction["90"] == np.inf
    assert found.low < found.value < found.high


def test_the_interval_of_the_mean_intercept_holds_the_truth_as_often_as_it_says():
    truth = poisson_mean_intercept(600 / 600**2)
    hits = 0
    for seed in range(50):
        # The number of cells is random too: it is a window of an endless map that is looked at.
        cells = int(np.random.default_rng(seed).poisson(150))
        found = mean_intercept(poisson_map(100 + seed, cells=cells, side=300).labels)
        hits += found.low <= truth <= found.high
    # 95 % of 50: fewer than 43 has a probability of 1 in 500.
    assert hits >= 43


def test_leaving_out_cells_on_the_frame_biases_sizes_and_the_weights_undo_it():
    # Windows at every place of one periodic map, so that each cell is inside in its due share of them.
    truth = 200**2 / 100
    big = poisson_map(200, cells=100, side=200).labels
    plain, weighted = [], []
    for rows in range(0, 200, 16):
        for columns in range(0, 200, 16):
            measured = measure_map(np.roll(big, (rows, columns), axis=(0, 1))[:80, :80])
            whole = ~measured.table.on_frame
            plain.append([measured.table.area[whole].sum(), whole.sum()])
            weighted.append([(measured.weights * measured.table.area).sum(), measured.weights.sum()])
    (plain_sum, plain_count), (sum_, count) = np.sum(plain, axis=0), np.sum(weighted, axis=0)
    assert plain_sum / plain_count < 0.93 * truth
    assert sum_ / count == pytest.approx(truth, rel=WINDOWS)


def test_the_grain_size_number_is_that_of_the_standard():
    # ASTM E112-13, table 4: G 8 is 20.0 um mean intercept; G 0 is 0.32 mm.
    assert grain_size_from_intercept(20.0e-6) == pytest.approx(8.0, abs=0.02)
    assert grain_size_from_intercept(0.32e-3) == pytest.approx(0.0, abs=0.02)
    assert grain_size_from_intercept(10e-6) - grain_size_from_intercept(20e-6) == pytest.approx(2.0, abs=1e-3)
    with pytest.raises(ParameterError, match="not a length above zero"):
        grain_size_from_intercept(0.0)


def test_one_grain_has_no_mean_intercept():
    with pytest.raises(ParameterError, match="fewer than two grains"):
        measure_map(np.zeros((40, 40), np.int32))


def test_a_bay_lowers_the_solidity():
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 5:15] = 1
    assert solidity(labels)[1] == 1.0
    labels[5:10, 8:12] = 0
    assert solidity(labels)[1] == pytest.approx(0.8)
