from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nakaya.growth.lattice.lattice import NEIGHBOURS, hexagonal_distance, to_plane

offsets = st.tuples(st.integers(-50, 50), st.integers(-50, 50))
ROUNDING = 1e-12
"""Positions are sums of two products of numbers below 100."""


def distance(site: tuple[int, int]) -> int:
    return int(hexagonal_distance(np.array(site[0]), np.array(site[1])))


def test_the_neighbours_are_the_six_sites_at_distance_one() -> None:
    near = {(i, j) for i in range(-2, 3) for j in range(-2, 3) if distance((i, j)) == 1}
    assert near == set(NEIGHBOURS)


def test_the_neighbours_lie_on_a_regular_hexagon_in_the_plane() -> None:
    positions = to_plane(*np.array(NEIGHBOURS).T)
    angles = np.sort(np.degrees(np.arctan2(positions[:, 1], positions[:, 0])) % 360)
    assert np.abs(np.hypot(*positions.T) - 1).max() < ROUNDING
    assert np.abs(np.diff(angles) - 60).max() < 1e-9


def test_there_are_6_d_sites_at_distance_d() -> None:
    rows, columns = np.indices((41, 41)) - 20
    counts = np.bincount(hexagonal_distance(rows, columns).ravel())
    assert counts[1:21].tolist() == [6 * d for d in range(1, 21)]


@given(offsets, offsets)
def test_distance_is_a_metric(a: tuple[int, int], b: tuple[int, int]) -> None:
    both = (a[0] + b[0], a[1] + b[1])
    assert distance(both) <= distance(a) + distance(b)
    assert distance(a) == distance((-a[0], -a[1]))
    assert (distance(a) == 0) == (a == (0, 0))


@given(offsets)
def test_the_plane_distance_lies_between_the_hexagons_radii(site: tuple[int, int]) -> None:
    length = float(np.hypot(*to_plane(np.array(site[0]), np.array(site[1]))))
    assert distance(site) * np.sqrt(3) / 2 - ROUNDING <= length <= distance(site) + ROUNDING
