"""What is seen of a crystal, and what the picture says about it."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.geometry import make_setup, reservoir_mask
from nakaya.viz.crystals.view import view_crystal

SECTOR = {"name": "sector", "edges": "reservoir"}


def test_a_sector_is_unfolded_and_says_so():
    sector = np.full((9, 9), -1, np.int32)
    sector[0, :4] = sector[:4, 0] = [0, 3, 6, 9]
    view = view_crystal(sector, SECTOR, steps=9)
    assert view.arrival.shape == (17, 17)
    assert np.array_equal(view.arrival[8:, 8:], sector)
    assert view.note == "Unfolded from a 120° sector: three copies of what was grown."


def test_a_sector_whose_edges_differ_says_that_a_seam_can_show():
    sector = np.full((9, 9), -1, np.int32)
    sector[0, :4] = sector[:4, 0] = [0, 3, 6, 9]
    sector[0, 3] = 10
    note = view_crystal(sector, SECTOR, steps=10).note
    assert "seam" in note
    assert "two edges differ" in note


def test_grains_of_a_sector_are_unfolded_like_its_sites():
    sector = np.full((9, 9), -1, np.int32)
    sector[:3, :3] = 4
    view = view_crystal(sector, SECTOR, steps=4, grain=np.where(sector >= 0, 2, -1))
    assert view.grain is not None
    assert np.array_equal(view.grain >= 0, view.arrival >= 0)
    assert view.note.endswith(
        "three copies of what was grown. Each crystal has a hue of its own; lightness is its age."
    )


@pytest.mark.parametrize("size", [16, 17])
def test_a_full_lattice_is_shown_to_the_rim_of_its_reservoir(size):
    setup = make_setup("full", size)
    view = view_crystal(np.full((size, size), -1, np.int32), setup.as_metadata(), steps=0)
    rim = reservoir_mask(setup)
    assert view.note == ""
    assert (view.domain | rim).all()
    assert 0 < (view.domain & rim).sum() <= 6 * ((size - 1) // 2)


def test_a_periodic_lattice_is_shown_whole():
    view = view_crystal(np.zeros((8, 8), np.int32), {"name": "full", "edges": "periodic"}, steps=0)
    assert view.domain.all()
    assert "joined" in view.note


@pytest.mark.parametrize(
    ("arrival", "geometry", "message"),
    [
        (np.zeros((3, 4)), SECTOR, r"shape \(3, 4\) cannot be drawn"),
        (np.zeros((3, 3, 3)), SECTOR, "square arrays of a plane lattice"),
        (np.full((4, 4), -2), SECTOR, "not computed yet: let the campaign finish"),
        (np.zeros((4, 4)), {"name": "torus"}, "geometry 'torus' cannot be drawn: known are 'full' and 'sector'"),
    ],
)
def test_what_cannot_be_drawn_says_why(arrival, geometry, message):
    with pytest.raises(ParameterError, match=message):
        view_crystal(arrival, geometry, steps=1)
