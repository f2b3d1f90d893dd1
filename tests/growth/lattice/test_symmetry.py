from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nakaya.growth.lattice.lattice import D6, NEIGHBOURS, apply_symmetry, hexagonal_distance, to_plane, unfold_sector

elements = st.sampled_from(range(12))


def hexagon(size: int) -> np.ndarray:
    rows, columns = np.indices((size, size)) - size // 2
    return hexagonal_distance(rows, columns) <= (size - 1) // 2


def test_d6_has_twelve_elements_and_is_closed() -> None:
    group = {tuple(element.ravel()) for element in D6}
    assert len(group) == 12
    assert {tuple((a @ b).ravel()) for a in D6 for b in D6} == group


def test_d6_maps_neighbours_to_neighbours_and_keeps_lengths() -> None:
    offsets = np.array(NEIGHBOURS)
    for element in D6:
        moved = offsets @ element.T
        assert set(map(tuple, moved.tolist())) == set(NEIGHBOURS)
        assert np.allclose(np.linalg.norm(to_plane(*moved.T), axis=-1), 1)


def test_the_even_elements_are_rotations_by_sixty_degrees() -> None:
    start = to_plane(np.array(0), np.array(1))
    for turn in range(6):
        moved = to_plane(*(D6[2 * turn] @ np.array([0, 1])))
        angle = np.degrees(np.arctan2(moved[1], moved[0]) - np.arctan2(start[1], start[0])) % 360
        assert abs(angle - 60 * turn) < 1e-9


@given(hnp.arrays(np.int32, (9, 9), elements=st.integers(0, 99)), elements, elements)
def test_applying_two_symmetries_is_applying_their_product(field: np.ndarray, a: int, b: int) -> None:
    field = np.where(hexagon(9), field, -1)
    twice = apply_symmetry(apply_symmetry(field, D6[a]), D6[b])
    assert (twice == apply_symmetry(field, D6[b] @ D6[a])).all()


@given(hnp.arrays(np.int32, (6, 6), elements=st.integers(-1, 9)))
def test_an_unfolded_sector_shows_the_sector_and_turns_into_itself(sector: np.ndarray) -> None:
    sector[0] = sector[:, 0]  # the two mirror walls are the same sites of the whole crystal
    whole = unfold_sector(sector)
    assert whole.shape == (11, 11)
    assert (whole[5:, 5:] == sector).all()
    for turn in (D6[4], D6[8]):
        assert (apply_symmetry(whole, turn) == whole).all()


def test_unfolding_keeps_leading_axes_and_counts_a_hexagon() -> None:
    whole = unfold_sector(np.zeros((2, 3, 8, 8), np.int32))
    assert whole.shape == (2, 3, 15, 15)
    assert ((whole == 0).sum(axis=(-1, -2)) == 1 + 3 * 7 * 8).all()
