"""Shapes of grains: ellipses, whose moments are known in closed form, and sizes whose errors replicates show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from nakaya.microscopy.grains.grain_size import grain_size_from_intercept, mean_intercept
from nakaya.microscopy.grains.measures import (
    PAIR_AREA,
    PAIR_LENGTH,
    Boundaries,
    GrainTable,
    boundary_pairs,
    collect_boundaries,
    measure_grains,
    pixels_beside,
    shape_from_moments,
)
from nakaya.microscopy.grains.record import GrainMeasures, grain_graph
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from nakaya.microscopy.image_records import ImageSource
from nakaya.microscopy.loops.counting import Loops
from nakaya.microscopy.loops.record import loops_record

REPLICATES = 4000
STATED = 0.05
"""Relative, of a stated error against the standard deviation of 4,000 replicates, which know it to 1.1 %: 4 sigma."""

ANGLES = [-80.0, -45.0, -30.0, 0.0, 20.0, 45.0, 70.0, 90.0]
"""Degrees, from x (columns) towards y (rows)."""


def same_direction(found: float, expected: float) -> float:
    """How far two directions without an arrow lie apart, degrees."""
    return abs((found - expected + 90) % 180 - 90)


@given(st.floats(0.1, 50), st.floats(1.05, 20), st.floats(-89.9, 90))
def test_moments_of_an_ellipse_give_its_axes_and_their_direction(minor: float, ratio: float, degrees: float) -> None:
    """Second moments of a filled ellipse: a^2/4 along and b^2/4 across its longer axis."""
    turn, long, short = math.radians(degrees), (ratio * minor) ** 2 / 4, minor**2 / 4
    xx = long * math.cos(turn) ** 2 + short * math.sin(turn) ** 2
    yy = long * math.sin(turn) ** 2 + short * math.cos(turn) ** 2
    xy = (long - short) * math.sin(turn) * math.cos(turn)
    found, angle = shape_from_moments(np.array([xx]), np.array([yy]), np.array([xy]))
    assert found[0] == pytest.approx(ratio, rel=1e-6)
    assert same_direction(np.degrees(angle[0]), degrees) < 1e-5
    assert -np.pi / 2 < angle[0] <= np.pi / 2


@pytest.mark.parametrize("degrees", ANGLES)
def test_a_tilted_ellipse_of_pixels_has_its_direction_its_axes_and_its_area(degrees: float) -> None:
    long, short, turn = 60.0, 24.0, math.radians(degrees)
    rows, columns = np.indices((140, 150)).astype(np.float64)
    x, y = columns - 75.3, rows - 68.8
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    labels = np.where((along / long) ** 2 + (across / short) ** 2 <= 1, 0, -1)
    table = measure_grains(labels.ravel(), (columns.ravel(), rows.ravel()), np.zeros(labels.size, np.bool_))
    assert same_direction(math.degrees(table.axis_angle[0]), degrees) < 0.2
    assert table.aspect_ratio[0] == pytest.approx(long / short, rel=0.005)
    assert table.area[0] == pytest.approx(math.pi * long * short, rel=0.005)
    np.testing.assert_allclose(table.centroid[0], [75.3, 68.8], atol=0.1)
    assert table.equivalent_diameter[0] == pytest.approx(2 * math.sqrt(long * short), rel=0.0025)


def test_a_rectangle_of_points_with_cells_is_the_rectangle() -> None:
    """3 x 5 cells of 2 x 0.5: 6 by 2.5, long along x; the cells' own moments make it exact."""
    x, y = np.meshgrid(2.0 * np.arange(3), 0.5 * np.arange(5))
    table = measure_grains(np.zeros(15, np.int64), (x.ravel(), y.ravel()), np.zeros(15, np.bool_), cell=(2.0, 0.5))
    assert (table.area[0], table.aspect_ratio[0]) == pytest.approx((15.0, 6 / 2.5))
    assert table.extent[0].tolist() == [6.0, 2.5]
    assert table.axis_angle[0] == pytest.approx(0.0, abs=1e-12)


def measures(area: NDArray[np.float64], weights: NDArray[np.float64]) -> GrainMeasures:
    number = len(area)
    zeros = np.zeros(number)
    table = GrainTable(
        area.astype(np.int64), area, np.zeros((number, 2)), zeros + 1, zeros, np.ones((number, 2)), weights == 0
    )
    labels = np.zeros((2, 2), np.int32)
    labels[1] = 1
    none = Boundaries(np.zeros((0, 2), np.int64), np.zeros(0))
    return GrainMeasures(labels, table, none, mean_intercept(labels), 1.0, weights)


@pytest.mark.parametrize("name", ["mean_area", "mean_diameter"])
def test_the_error_of_a_mean_size_is_what_replicates_show(name: str) -> None:
    """200 sizes of a lognormal distribution, with weights like those against the bias of the frame."""
    rng = np.random.default_rng(1)
    weights = rng.uniform(1.0, 2.0, 200)
    drawn = np.exp(rng.normal(5.0, 0.4, (REPLICATES, 200)))
    values, stated = np.array([getattr(measures(area, weights), name) for area in drawn]).T
    assert math.sqrt((stated**2).mean()) == pytest.approx(values.std(ddof=1), rel=STATED)


def test_the_error_of_a_mean_size_in_closed_form() -> None:
    found = measures(np.array([1.0, 2.0, 6.0, 100.0]), np.array([1.0, 1.0, 2.0, 0.0]))
    assert found.mean_area[0] == pytest.approx(15 / 4)
    assert found.mean_area[1] == pytest.approx(math.sqrt(2.75**2 + 1.75**2 + 4 * 2.25**2) / 4)
    assert math.isnan(measures(np.array([5.0, 7.0]), np.array([1.0, 0.0])).mean_area[1])


def test_the_error_of_the_mean_intercept_is_what_windows_of_one_map_show() -> None:
    """The interval is Student's t over the fields of one window, in crossings per length; 1,024 windows of one map.

    Their standard deviation is known to 2.2 %.
    """
    side, windows = 60, 32
    shape = (side * windows, side * windows)
    labels = voronoi_map(scatter_points(shape[0] ** 2 // 75, shape, np.random.default_rng(2)), shape).labels
    tiles = labels.reshape(windows, side, windows, side).swapaxes(1, 2).reshape(-1, side, side)
    found = [mean_intercept(tile) for tile in tiles]
    values, lows, highs, fields = np.array([(entry.value, entry.low, entry.high, entry.fields) for entry in found]).T
    stated = (1 / lows - 1 / highs) / 2 / stats.t.ppf(0.975, fields - 1)
    assert (fields >= 4).all()
    assert math.sqrt((stated**2).mean()) == pytest.approx((1 / values).std(ddof=1), rel=STATED)


@pytest.mark.parametrize(
    ("number", "micrometres"),
    [
        (0.0, 320.0), (0.5, 269.1), (1.0, 226.3), (1.5, 190.3), (2.0, 160.0), (2.5, 134.5), (3.0, 113.1), (3.5, 95.1),
        (4.0, 80.0), (4.5, 67.3), (5.0, 56.6), (5.5, 47.6), (6.0, 40.0), (6.5, 33.6), (7.0, 28.3), (7.5, 23.8),
        (8.0, 20.0), (8.5, 16.8), (9.0, 14.1), (9.5, 11.9), (10.0, 10.0), (10.5, 8.4), (11.0, 7.1), (12.0, 5.0),
        (14.0, 2.5),
    ],
)  # fmt: skip
def test_the_grain_size_numbers_are_those_of_the_table(number: float, micrometres: float) -> None:
    """ASTM E112-13, table 4, mean lineal intercept; the table has steps of 0.1 um, half a step either way."""
    rounding = 6.643856 * 0.05 / micrometres / math.log(10)
    assert grain_size_from_intercept(micrometres * 1e-6) == pytest.approx(number, abs=rounding + 0.002)


def spots(diameter: NDArray[np.float64]) -> Loops:
    number = len(diameter)
    centres = np.stack([np.arange(number), np.arange(number) ** 2], axis=1).astype(np.float64)
    return Loops(centres, np.pi / 4 * diameter**2, np.ones(number), np.full((100, 100), -1, np.int32))


def test_loops_have_the_error_of_their_mean_diameter_and_their_density_that_of_the_count() -> None:
    source = ImageSource("tem.png", "0" * 64, 2e-9, "a test")
    found = loops_record(source, spots(np.array([10.0, 12.0, 17.0])), (100, 200), {}).record.quantities
    assert found["loop_diameter"].value == pytest.approx(26e-9)
    assert found["loop_diameter"].standard_error == pytest.approx(2e-9 * math.sqrt(13 / 3))
    interval = found["loops_per_area"].interval
    assert interval is not None
    # Garwood, 95 %: three events are compatible with means from 0.6187 to 8.7673.
    assert float(interval.low) * 100 * 200 * 4e-18 == pytest.approx(0.6187, abs=1e-4)
    assert float(interval.high) * 100 * 200 * 4e-18 == pytest.approx(8.7673, abs=1e-4)
    assert math.isnan(
        loops_record(source, spots(np.array([10.0])), (9, 9), {}).record.quantities["loop_diameter"].standard_error
    )


STRIPES = np.repeat(np.array([0, 1, 2, 1], np.int32), 3)[None].repeat(5, axis=0)
"""Three columns each of grains 0, 1, 2 and 1 again, five rows."""


def test_perimeters_and_neighbours_of_stripes() -> None:
    found = collect_boundaries(boundary_pairs(STRIPES))
    assert found.edges.tolist() == [[0, 1], [1, 2]]
    np.testing.assert_allclose(found.length, PAIR_LENGTH * np.array([5, 10]))
    np.testing.assert_allclose(found.perimeter(3), PAIR_LENGTH * np.array([5, 15, 10]))
    assert found.num_neighbours(3).tolist() == [1, 2, 1]


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 5))
def test_a_periodic_map_has_the_same_boundaries_wherever_it_is_cut(down: int, across: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, (7, 9)).astype(np.int32)
    whole = collect_boundaries(boundary_pairs(labels, periodic=True))
    moved = collect_boundaries(boundary_pairs(np.roll(labels, (down, across), axis=(0, 1)), periodic=True))
    np.testing.assert_array_equal(whole.edges, moved.edges)
    np.testing.assert_allclose(whole.length, moved.length)


def test_pixels_beside_a_boundary_are_those_of_its_two_grains() -> None:
    columns = np.flatnonzero(pixels_beside(STRIPES, np.array([[1, 2]])).all(axis=0))
    assert columns.tolist() == [5, 6, 8, 9]
    assert np.flatnonzero(pixels_beside(STRIPES, np.array([[0, 1]])).any(axis=0)).tolist() == [2, 3]
    assert pixels_beside(STRIPES, np.array([[0, 1], [1, 2]])).sum() == 5 * 6
    assert not pixels_beside(STRIPES, np.array([[0, 2]])).any()


def test_the_graph_of_grains_has_the_dimension_of_every_feature() -> None:
    """In a unit half as long all lengths double, areas are four times as large, and numbers stay."""
    rows, columns = np.indices(STRIPES.shape).reshape(2, -1).astype(np.float64)
    frame = np.zeros(STRIPES.size, dtype=np.bool_)
    table = measure_grains(STRIPES.ravel(), (columns, rows), frame)
    boundaries = collect_boundaries(boundary_pairs(STRIPES))
    one, half = (grain_graph("id", table, boundaries, unit="m", scale=scale) for scale in (1.0, 2.0))
    factor = {"1": 1.0, "m": 2.0, "m^2": 4.0}
    for before, after in ((one.nodes, half.nodes), (one.boundaries, half.boundaries)):
        assert list(before) == list(after)
        for name, feature in before.items():
            assert after[name].unit == feature.unit
            np.testing.assert_allclose(after[name].values, factor[feature.unit] * feature.values, err_msg=name)
    assert half.positions is not None
    assert one.positions is not None
    np.testing.assert_allclose(half.positions, 2.0 * one.positions)
    np.testing.assert_allclose(one.boundaries["length"].values, boundaries.length)


def test_boundaries_in_space_have_the_area_of_a_ball() -> None:
    """Within 3 % at a radius of 20 voxels: mean over directions of a sphere."""
    offsets = np.indices((51, 51, 51)) - 25
    ball = (np.sqrt((offsets**2).sum(axis=0)) < 20).astype(np.int32)
    found = collect_boundaries(boundary_pairs(ball, periodic=True), PAIR_AREA)
    assert found.edges.tolist() == [[0, 1]]
    assert found.length[0] == pytest.approx(4 * np.pi * 20**2, rel=0.03)
