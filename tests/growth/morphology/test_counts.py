"""Counted measures on shapes whose counts are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nakaya.growth.lattice.lattice import D6, NEIGHBOURS, apply_symmetry, to_plane, unfold_sector
from nakaya.growth.morphology import area, boundary_sites, crofton_perimeter, disconnected_share, on_boundary, perimeter
from support.shapes import disc, hexaflake, hexagon, star

ROUNDING = 1e-12
"""Relative: measures that are whole numbers times one constant."""


@pytest.mark.parametrize("reach", [0, 1, 2, 7, 20])
def test_a_hexagon_has_its_known_counts(reach):
    crystal = np.pad(hexagon(reach), 1)
    assert area(crystal) == 3 * reach * (reach + 1) + 1
    assert boundary_sites(crystal) == 6 * (reach + 1)
    # Each of the 6 corners has three bonds to vapour, each other rim site two
    assert perimeter(crystal) * np.sqrt(3) == pytest.approx(12 * reach + 6, rel=ROUNDING)


def test_vapour_beyond_the_array_counts_to_the_perimeter_but_holds_no_boundary_site():
    assert perimeter(hexagon(3)) == perimeter(np.pad(hexagon(3), 2))
    assert boundary_sites(hexagon(3)) < boundary_sites(np.pad(hexagon(3), 1))


@settings(max_examples=40, deadline=None)
@given(arrays(np.bool_, (7, 6)), st.sampled_from(["reservoir", "periodic"]))
def test_the_perimeter_counts_every_bond_between_crystal_and_vapour_once(attached, edges):
    bonds = 0
    for row, column in zip(*np.nonzero(attached), strict=True):
        for row_step, column_step in NEIGHBOURS:
            there = row + row_step, column + column_step
            if edges == "periodic":
                there = there[0] % 7, there[1] % 6
            inside = 0 <= there[0] < 7 and 0 <= there[1] < 6
            bonds += not (inside and attached[there])
    assert perimeter(attached, edges=edges) * np.sqrt(3) == pytest.approx(bonds, rel=ROUNDING)


@settings(max_examples=30, deadline=None)
@given(arrays(np.bool_, (9, 9)), st.integers(0, 8), st.integers(0, 8))
def test_counts_do_not_move_with_a_periodic_crystal(attached, rows, columns):
    moved = np.roll(attached, (rows, columns), axis=(0, 1))
    for measure in (boundary_sites, perimeter, crofton_perimeter):
        assert measure(attached, edges="periodic") == pytest.approx(measure(moved, edges="periodic"), rel=ROUNDING)


@pytest.mark.parametrize("element", range(12))
def test_counts_are_the_same_for_turned_and_mirrored_crystals(element):
    rng = np.random.default_rng(element)
    crystals = (rng.random((20, 21, 21)) < 0.5) & np.pad(hexagon(9), 1)
    turned = np.asarray(apply_symmetry(crystals, D6[element], fill=0), np.bool_)
    assert (turned != crystals).any() or element == 0
    for measure in (area, boundary_sites, perimeter, crofton_perimeter):
        assert (measure(turned) == measure(crystals)).all()


CROFTON_DISC_ERROR = 0.18
"""Largest |estimate / (2 pi R) - 1| times R, among 100 discs per radius from 8 to 128."""

CROFTON_DISC_SPREAD = 0.075
"""The same as a root mean square, 0.053 to 0.068 at radii from 8 to 128: the relative error falls like 1 / R."""


@pytest.mark.parametrize("radius", [8, 16, 32, 64, 128])
def test_the_crofton_perimeter_converges_for_discs(radius):
    rng = np.random.default_rng(radius)
    radii = radius * (1 + 0.1 * rng.random(30))
    lengths = np.array([crofton_perimeter(disc(each, tuple(rng.random(2)))) for each in radii])
    errors = (lengths / (2 * np.pi * radii) - 1) * radius
    assert np.abs(errors).max() < 1.3 * CROFTON_DISC_ERROR
    assert np.sqrt((errors**2).mean()) < 1.3 * CROFTON_DISC_SPREAD
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(30)


def test_the_zigzag_outline_of_a_disc_stays_too_long_by_four_over_pi():
    assert float(perimeter(disc(200))) / (2 * np.pi * 200) == pytest.approx(4 / np.pi, rel=3e-3)


def straight_edge_ratio(angle):
    """Crofton length over true length of a large square turned by an angle, corners and all."""
    half = 150.0
    plane = to_plane(*(np.indices((501, 501)) - 250))
    along = plane @ np.array([np.cos(angle), np.sin(angle)])
    across = plane @ np.array([-np.sin(angle), np.cos(angle)])
    # A square has edges in two directions 90 degrees apart; with six lines 30 degrees apart both have the same error
    return float(crofton_perimeter((np.abs(along) < half) & (np.abs(across) < half))) / (8 * half)


def test_straight_edges_have_the_stated_crofton_error():
    """-2.3 % along the lines, +1.2 % halfway between them: sums of |sin| over six directions; 0.4 % for corners."""
    assert straight_edge_ratio(0.0) == pytest.approx(1 - 0.0229, abs=4e-3)
    assert straight_edge_ratio(np.pi / 12) == pytest.approx(1 + 0.0115, abs=4e-3)


def test_boundary_sites_of_a_sector_are_the_plain_counts_of_its_array():
    """The mirrors make no further boundary site: the unfolded crystal has the same ones where the sector lies in it."""
    size = 12
    far = np.indices((size, size)).max(axis=0) > 8
    sectors = (np.random.default_rng(5).random((30, size, size)) < 0.4) & ~far
    sectors |= np.swapaxes(sectors, 1, 2)  # equal edges, so that the unfolded crystal has no seam
    arrival = np.where(sectors, 0, -1).astype(np.int32)
    whole = unfold_sector(arrival) >= 0
    in_sector = on_boundary(whole)[:, size - 1 :, size - 1 :]
    assert (in_sector == on_boundary(sectors)).all()


def test_islands_are_disconnected_and_periodic_edges_connect():
    arrival = np.full((12, 12), -1, np.int32)
    arrival[6, 0:3] = [0, 1, 2]
    arrival[6, 11] = 5
    arrival[1, 5] = 7
    assert disconnected_share(arrival) == pytest.approx(2 / 5)
    assert disconnected_share(arrival, edges="periodic") == pytest.approx(1 / 5)


def test_shares_of_crystals_without_a_seed_are_marked():
    assert disconnected_share(np.full((4, 4), 3, np.int32)) == 1.0
    assert np.isnan(disconnected_share(np.full((4, 4), -1, np.int32)))
    assert disconnected_share(np.where(hexaflake(3), 0, -1).astype(np.int32)) == 0.0


def test_a_line_has_one_boundary_site_per_side_and_end():
    """Sites i and i + 1 of the line share their neighbours: 12 on either side of 11 sites, and one at either end."""
    line = np.pad(star(5, (0, 3)), 2)
    assert area(line) == 11
    assert boundary_sites(line) == 2 * 12 + 2
