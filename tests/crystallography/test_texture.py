"""The texture index against orientation distributions whose index is known, and against random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.crystallography.symmetry import find_symmetry
from nakaya.crystallography.texture import cubic_texture, planar_texture

ROUNDING = 1e-12
"""Sums of a few hundred products of numbers below 10."""

SIGMAS = 5.0
"""Of a mean over draws with a fixed seed; one in 10^6 by chance."""


def fibre(direction: tuple[int, int, int], number: int = 40) -> Rotation:
    """A crystal direction along z, and all turns about it: sample to crystal."""
    upright = Rotation.align_vectors([np.array(direction) / np.linalg.norm(direction)], [[0.0, 0.0, 1.0]])[0]
    return upright * Rotation.from_euler("Z", np.arange(number)[:, None] * 360 / number, degrees=True)


def everywhere(number: int) -> tuple[Rotation, FloatArray]:
    """A grid over all orientations and its weights, exact for harmonics up to degree 8 from six nodes on."""
    nodes, weights = np.polynomial.legendre.leggauss(number)
    around = np.arange(2 * number) * 180 / number
    angles = np.stack(np.meshgrid(around, np.degrees(np.arccos(nodes)), around, indexing="ij"), axis=-1)
    of_nodes = np.broadcast_to(weights[None, :, None], angles.shape[:-1]).ravel()
    return Rotation.from_euler("ZXZ", angles.reshape(-1, 3), degrees=True), of_nodes


def test_all_orientations_have_one_and_a_single_one_has_ten() -> None:
    assert cubic_texture(*everywhere(6)).index == pytest.approx(1, abs=ROUNDING)
    found = cubic_texture(Rotation.from_euler("ZXZ", [[12, 34, 56]], degrees=True), [3.0])
    assert found.index == pytest.approx(10, abs=10 * ROUNDING)
    assert (found.random, found.standard_deviation, found.single) == (10, 0, 10)
    angles = np.arange(10.0, 100.0, 9.0)
    assert planar_texture(angles, np.ones(10)).index == pytest.approx(1, abs=ROUNDING)
    assert planar_texture([33.0], [0.1]).index == pytest.approx(3, abs=ROUNDING)


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 1, 1), (0, 1, 1), (1, 2, 3)])
def test_a_fibre_has_the_square_of_the_cubic_harmonic_of_its_direction(direction: tuple[int, int, int]) -> None:
    unit = np.array(direction) / np.linalg.norm(direction)
    harmonic = 5 * np.sqrt(21) / 4 * ((unit**4).sum() - 3 / 5)  # of mean square 1 over the sphere
    found = cubic_texture(fibre(direction), np.ones(40)).index
    assert found == pytest.approx(1 + harmonic**2, abs=10 * ROUNDING)
    known = {(0, 0, 1): 25 / 4, (1, 1, 1): 10 / 3}
    assert found == pytest.approx(known.get(direction, found), abs=10 * ROUNDING)


@given(seed=st.integers(0, 2**20), number=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_neither_turning_the_sample_nor_the_names_of_axes_change_it(seed: int, number: int) -> None:
    rng = np.random.default_rng(seed)
    turns, sizes = Rotation.random(number, random_state=rng), rng.exponential(size=number) + 0.01
    found = cubic_texture(turns, sizes)
    operators = find_symmetry("m-3m").operators
    same = operators[rng.integers(0, 24, number)] * turns * Rotation.random(random_state=rng)
    assert cubic_texture(same, 7 * sizes).index == pytest.approx(found.index, abs=100 * ROUNDING)
    assert 1 - ROUNDING < found.index < 10 + 100 * ROUNDING
    # A crystal in two halves of one orientation is one crystal to the index, and more grains to chance.
    halves = cubic_texture(turns[np.repeat(np.arange(number), 2)], np.repeat(sizes / 2, 2))
    assert halves.index == pytest.approx(found.index, abs=100 * ROUNDING)
    assert halves.random - 1 == pytest.approx((found.random - 1) / 2)


def test_random_orientations_have_the_stated_mean_and_deviation() -> None:
    rng = np.random.default_rng(7)
    sizes, draws = rng.exponential(size=9), 4000
    in_space = [cubic_texture(Rotation.random(9, random_state=rng), sizes) for _ in range(draws)]
    in_plane = [planar_texture(rng.uniform(0, 90, 9), sizes) for _ in range(draws)]
    for found in (in_space, in_plane):
        index, stated = np.array([each.index for each in found]), found[0]
        assert abs(index.mean() - stated.random) < SIGMAS * stated.standard_deviation / np.sqrt(draws)
        kurtosis = ((index - index.mean()) ** 4).mean() / index.var() ** 2
        error = index.var() * np.sqrt((kurtosis - 1) / draws)
        assert abs(index.var() - stated.standard_deviation**2) < SIGMAS * error


def test_sizes_that_say_nothing_are_refused() -> None:
    turns = Rotation.identity(2)
    with pytest.raises(ParameterError, match=r"2 orientations came with sizes of shape \(3,\)"):
        cubic_texture(turns, [1.0, 2.0, 3.0])
    for sizes in ([0.0, 0.0], [1.0, -1.0], [1.0, np.nan]):
        with pytest.raises(ParameterError, match="not negative, and not all zero"):
            cubic_texture(turns, sizes)
    with pytest.raises(ParameterError, match="needs crystals"):
        planar_texture([], [])
