"""Orientations: quaternions, symmetry groups, disorientations, twins, colours."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.crystallography.disorientation import (
    SIGMA3,
    brandon_tolerance,
    deviation_angle,
    disorientation_angle,
    is_sigma3,
    mean_orientation,
)
from nakaya.crystallography.inverse_pole_figure import colour_key, inverse_pole_figure_colours
from nakaya.crystallography.quaternions import (
    angle_between,
    conjugate,
    from_axis_angle,
    from_euler,
    mean_rotation,
    multiply,
    rotate,
)
from nakaya.crystallography.symmetry import LAUE_CLASSES, find_symmetry, to_sector

ROUNDING = 1e-7  # of an arc cosine near one
CUBIC = LAUE_CLASSES["m-3m"]
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
# The numbers of proper rotations of the Laue classes (International Tables).
ORDERS = {
    "-1": 1, "2/m": 2, "mmm": 4, "-3": 3, "-3m": 6, "4/m": 4, "4/mmm": 8, "6/m": 6, "6/mmm": 12, "m-3": 12, "m-3m": 24,
}  # fmt: skip


def random_rotations(number: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((number, 4))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def matrix(quaternion: np.ndarray) -> np.ndarray:
    return np.stack([rotate(quaternion, axis) for axis in np.eye(3)], axis=1)


def test_bunge_angles_give_the_matrix_of_the_textbook():
    phi1, big_phi, phi2 = 0.3, 1.1, -0.7
    c1, s1, c2, s2, c, s = np.cos(phi1), np.sin(phi1), np.cos(phi2), np.sin(phi2), np.cos(big_phi), np.sin(big_phi)
    expected = np.array(  # Bunge (1982), eq. 2.50: passive, sample to crystal
        [
            [c1 * c2 - s1 * s2 * c, s1 * c2 + c1 * s2 * c, s2 * s],
            [-c1 * s2 - s1 * c2 * c, -s1 * s2 + c1 * c2 * c, c2 * s],
            [s1 * s, -c1 * s, c],
        ]
    )
    np.testing.assert_allclose(matrix(from_euler(np.array([phi1, big_phi, phi2]))), expected, atol=1e-14)


def test_rotations_multiply_as_matrices_do_and_angles_are_accurate_when_small():
    first, second = random_rotations(2)
    np.testing.assert_allclose(matrix(multiply(first, second)), matrix(first) @ matrix(second), atol=1e-14)
    small = from_axis_angle(np.array([1.0, 2.0, -1.0]), 1e-9)
    assert angle_between(IDENTITY, small) == pytest.approx(1e-9, rel=1e-6)


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_every_laue_class_is_a_group_of_the_right_order(name, order):
    group = find_symmetry(name)
    assert group.order == order
    products = multiply(group.operators[:, None], group.operators[None]).reshape(-1, 4)
    assert (np.abs(products @ group.operators.T).max(axis=1) > 1 - 1e-12).all()


@pytest.mark.parametrize("name", ORDERS)
def test_disorientation_counts_equivalent_orientations_as_one_and_is_symmetric(name):
    group = find_symmetry(name)
    rng = np.random.default_rng(1)
    first, second = random_rotations(40, 2), random_rotations(40, 3)
    angle = disorientation_angle(first, second, group)
    np.testing.assert_allclose(disorientation_angle(second, first, group), angle, atol=ROUNDING)
    chosen = group.operators[rng.integers(0, group.order, 40)]
    np.testing.assert_allclose(disorientation_angle(multiply(chosen, first), second, group), angle, atol=ROUNDING)
    turned = random_rotations(1, 4)  # turning the sample turns nothing of what lies between two crystals
    np.testing.assert_allclose(
        disorientation_angle(multiply(first, turned), multiply(second, turned), group), angle, atol=ROUNDING
    )


def test_the_closed_form_for_cubic_crystals_is_the_least_angle_over_all_operators():
    first, second = random_rotations(300, 5), random_rotations(300, 6)
    closed = disorientation_angle(first, second, CUBIC)
    relative = multiply(second, conjugate(first))
    brute = deviation_angle(relative, IDENTITY, CUBIC)
    np.testing.assert_allclose(closed, brute, atol=ROUNDING)
    assert np.degrees(closed.max()) < 62.8  # Mackenzie 1958: 62.799 degrees
    assert np.degrees(closed.mean()) == pytest.approx(40.74, abs=1.5)  # ... and the mean of random pairs


def test_a_twin_is_sixty_degrees_about_a_cube_diagonal_within_brandons_tolerance():
    first = random_rotations(30, 7)
    twins = multiply(SIGMA3, first)
    np.testing.assert_allclose(np.degrees(disorientation_angle(first, twins, CUBIC)), 60.0, atol=1e-5)
    assert is_sigma3(first, twins, CUBIC).all()
    assert np.degrees(brandon_tolerance(3)) == pytest.approx(8.66, abs=0.01)
    rng = np.random.default_rng(8)
    for degrees, expected in ((8.5, True), (8.8, False)):
        off = from_axis_angle(rng.standard_normal((30, 3)), np.radians(degrees))
        assert (is_sigma3(first, multiply(off, twins), CUBIC) == expected).all()
    # The angle alone does not make a twin: 60 degrees about 110 is none.
    other = multiply(from_axis_angle(np.array([1.0, 1.0, 0.0]), np.radians(60.0)), first)
    assert not is_sigma3(first, other, CUBIC).any()
    assert not is_sigma3(first, twins, LAUE_CLASSES["6/mmm"]).any()


def test_the_mean_of_one_crystals_points_does_not_depend_on_how_each_was_indexed():
    rng = np.random.default_rng(9)
    truth = random_rotations(1, 10)[0]
    blur = from_axis_angle(rng.standard_normal((200, 3)), np.radians(2.0) * rng.standard_normal(200))
    points = multiply(CUBIC.operators[rng.integers(0, 24, 200)], multiply(blur, truth))
    points *= rng.choice([-1.0, 1.0], 200)[:, None]
    mean = mean_orientation(points, CUBIC)
    assert np.degrees(disorientation_angle(mean[None], truth[None], CUBIC)[0]) < 0.5
    with_signs = mean_rotation(multiply(blur, truth) * rng.choice([-1.0, 1.0], 200)[:, None])
    assert np.degrees(angle_between(with_signs, truth)) < 0.5


def test_directions_fall_into_the_standard_triangle_and_colours_name_its_corners():
    rng = np.random.default_rng(11)
    directions = rng.standard_normal((200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x, y, z = to_sector(directions, CUBIC).T
    assert ((z >= x - 1e-12) & (x >= y - 1e-12) & (y >= -1e-12)).all()
    np.testing.assert_allclose(np.sort(np.abs(directions)), np.stack([y, x, z], axis=1), atol=1e-12)
    to_corner = {(0, 0, 1): (1, 0, 0), (1, 0, 1): (0, 1, 0), (1, 1, 1): (0, 0, 1)}
    for corner, colour in to_corner.items():
        found = inverse_pole_figure_colours(IDENTITY[None], CUBIC, corner)
        np.testing.assert_allclose(found[0], colour, atol=1e-6)
    orientations = random_rotations(50, 12)
    colours = inverse_pole_figure_colours(orientations, CUBIC)
    same = inverse_pole_figure_colours(multiply(CUBIC.operators[7], orientations), CUBIC)
    np.testing.assert_allclose(colours, same, atol=1e-7)


def test_the_key_shows_the_corners_in_their_colours():
    key = colour_key(CUBIC, 200)
    assert key[-1, 0].argmax() == 0  # 001, lower left, is red
    assert (key[-1, -4] > 0.9).tolist()[1]  # 101, lower right, is green
    assert (key[0, 0] == 1).all()  # outside the triangle it is white
