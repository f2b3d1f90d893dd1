"""Orientations: Euler angles, symmetry groups, disorientations, twins, colours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.crystallography.disorientation import (
    SIGMA3,
    brandon_tolerance,
    deviation_angle,
    disorientation_angle,
    is_sigma3,
    mean_orientations,
)
from nakaya.crystallography.inverse_pole_figure import colour_key, inverse_pole_figure_colours
from nakaya.crystallography.symmetry import LAUE_CLASSES, find_symmetry, to_sector
from nakaya.microscopy.ebsd.files import parse_ang

ROUNDING = 1e-7  # of an arc cosine near one
CUBIC = LAUE_CLASSES["m-3m"]
IDENTITY = Rotation.identity()
# The numbers of proper rotations of the Laue classes (International Tables).
ORDERS = {
    "-1": 1, "2/m": 2, "mmm": 4, "-3": 3, "-3m": 6, "4/m": 4, "4/mmm": 8, "6/m": 6, "6/mmm": 12, "m-3": 12, "m-3m": 24,
}  # fmt: skip


def random_rotations(number: int, seed: int = 0) -> Rotation:
    return Rotation.from_quat(np.random.default_rng(seed).standard_normal((number, 4)))


def about(axis: np.ndarray, angle: float | np.ndarray) -> Rotation:
    axis = np.asarray(axis, float)
    return Rotation.from_rotvec(axis / np.linalg.norm(axis, axis=-1, keepdims=True) * np.asarray(angle)[..., None])


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
    point = f"{phi1} {big_phi} {phi2} 0 0 100 1 1"
    header = "# Phase 1\n# Symmetry 43\n# XSTEP: 1\n# YSTEP: 1\n"
    found = parse_ang(header + point).orientations
    np.testing.assert_allclose(found.as_matrix()[0], expected, atol=1e-14)


def test_angles_are_accurate_when_small():
    small = about([1.0, 2.0, -1.0], np.array([1e-9]))
    assert deviation_angle(small, IDENTITY, CUBIC) == pytest.approx(1e-9, rel=1e-6)
    assert deviation_angle(small * SIGMA3, SIGMA3, CUBIC) == pytest.approx(1e-9, rel=1e-6)


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_every_laue_class_is_a_group_of_the_right_order(name, order):
    group = find_symmetry(name)
    assert group.order == order
    for operator in group.operators:
        products = (operator * group.operators).as_quat()
        assert (np.abs(products @ group.operators.as_quat().T).max(axis=1) > 1 - 1e-12).all()


@pytest.mark.parametrize("name", ORDERS)
def test_disorientation_counts_equivalent_orientations_as_one_and_is_symmetric(name):
    group = find_symmetry(name)
    rng = np.random.default_rng(1)
    first, second = random_rotations(40, 2), random_rotations(40, 3)
    angle = disorientation_angle(first, second, group)
    np.testing.assert_allclose(disorientation_angle(second, first, group), angle, atol=ROUNDING)
    chosen = group.operators[rng.integers(0, group.order, 40)]
    np.testing.assert_allclose(disorientation_angle(chosen * first, second, group), angle, atol=ROUNDING)
    turned = random_rotations(1, 4)  # turning the sample turns nothing of what lies between two crystals
    np.testing.assert_allclose(disorientation_angle(first * turned, second * turned, group), angle, atol=ROUNDING)


def test_the_closed_form_for_cubic_crystals_is_the_least_angle_over_all_operators():
    first, second = random_rotations(300, 5), random_rotations(300, 6)
    closed = disorientation_angle(first, second, CUBIC)
    brute = deviation_angle(second * first.inv(), IDENTITY, CUBIC)
    np.testing.assert_allclose(closed, brute, atol=ROUNDING)
    assert np.degrees(closed.max()) < 62.8  # Mackenzie 1958: 62.799 degrees
    assert np.degrees(closed.mean()) == pytest.approx(40.74, abs=1.5)  # ... and the mean of random pairs


def test_a_twin_is_sixty_degrees_about_a_cube_diagonal_within_brandons_tolerance():
    first = random_rotations(30, 7)
    twins = SIGMA3 * first
    np.testing.assert_allclose(np.degrees(disorientation_angle(first, twins, CUBIC)), 60.0, atol=1e-5)
    assert is_sigma3(first, twins, CUBIC).all()
    assert np.degrees(brandon_tolerance(3)) == pytest.approx(8.66, abs=0.01)
    rng = np.random.default_rng(8)
    for degrees, expected in ((8.5, True), (8.8, False)):
        off = about(rng.standard_normal((30, 3)), np.radians(degrees))
        assert (is_sigma3(first, off * twins, CUBIC) == expected).all()
    # The angle alone does not make a twin: 60 degrees about 110 is none.
    other = about([1.0, 1.0, 0.0], np.radians(60.0)) * first
    assert not is_sigma3(first, other, CUBIC).any()
    assert not is_sigma3(first, twins, LAUE_CLASSES["6/mmm"]).any()


def test_the_mean_of_one_crystals_points_does_not_depend_on_how_each_was_indexed():
    rng = np.random.default_rng(9)
    truth = random_rotations(2, 10)
    crystal = rng.integers(0, 2, 400)
    blur = about(rng.standard_normal((400, 3)), np.radians(2.0) * rng.standard_normal(400))
    points = CUBIC.operators[rng.integers(0, 24, 400)] * blur * truth[crystal]
    points = Rotation.from_quat(points.as_quat() * rng.choice([-1.0, 1.0], 400)[:, None])
    means, deviations = mean_orientations(points, crystal, CUBIC)
    assert np.degrees(disorientation_angle(means, truth, CUBIC)).max() < 0.5
    np.testing.assert_allclose(deviations, disorientation_angle(means[crystal], points, CUBIC), atol=ROUNDING)
    for number in range(2):  # all at once as one by one
        alone = Rotation.concatenate([(blur * truth[crystal])[crystal == number]]).mean()
        assert disorientation_angle(means[number : number + 1], alone, CUBIC)[0] < ROUNDING


def test_directions_fall_into_the_standard_triangle_and_colours_name_its_corners():
    rng = np.random.default_rng(11)
    directions = rng.standard_normal((200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x, y, z = to_sector(directions, CUBIC).T
    assert ((z >= x - 1e-12) & (x >= y - 1e-12) & (y >= -1e-12)).all()
    np.testing.assert_allclose(np.sort(np.abs(directions)), np.stack([y, x, z], axis=1), atol=1e-12)
    to_corner = {(0, 0, 1): (1, 0, 0), (1, 0, 1): (0, 1, 0), (1, 1, 1): (0, 0, 1)}
    for corner, colour in to_corner.items():
        found = inverse_pole_figure_colours(Rotation.identity(1), CUBIC, corner)
        np.testing.assert_allclose(found[0], colour, atol=1e-6)
    orientations = random_rotations(50, 12)
    colours = inverse_pole_figure_colours(orientations, CUBIC)
    same = inverse_pole_figure_colours(CUBIC.operators[7] * orientations, CUBIC)
    np.testing.assert_allclose(colours, same, atol=1e-7)


def test_the_key_shows_the_corners_in_their_colours():
    key = colour_key(CUBIC, 200)
    assert key[-1, 0].argmax() == 0  # 001, lower left, is red
    assert (key[-1, -4] > 0.9).tolist()[1]  # 101, lower right, is green
    assert (key[0, 0] == 1).all()  # outside the triangle it is white
