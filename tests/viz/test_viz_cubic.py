"""A cubic lattice seen along (1, 1, 1): what hides what, and where it is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.growth.lattice.lattice import CUBIC
from nakaya.viz.crystals.lattice import cell_under, site_positions
from nakaya.viz.crystals.renderer import Renderer
from nakaya.viz.crystals.shading import site_colours, visible_faces
from nakaya.viz.crystals.view import view_crystal
from nakaya.viz.style import DARK

FULL = {"name": "full", "edges": "reservoir"}
FACES, TRIANGLES = 3, 6


def seen_by_rays(attached: np.ndarray) -> dict[int, tuple[int, int]]:
    """Follow a ray through the middle of every triangle to the first attached site, and the face that it enters by."""
    layers, rows, columns = attached.shape
    found = {}
    for s in range(-layers, columns + 1):
        for t in range(-layers, rows + 1):
            for half, (ds, dt) in enumerate(((2 / 3, 1 / 3), (1 / 3, 2 / 3))):
                number = ((s + layers) * (rows + layers) + t + layers) * 2 + half
                # A point (layer, row, column) of the ray with column - layer = s + ds, row - layer = t + dt.
                start = np.array([0.0, t + dt, s + ds]) + 100.0
                for depth in np.arange(0, 400, 1 / 6) + 1 / 12:
                    point = start - depth / 2
                    site = np.floor(point + 0.5).astype(int)
                    if (site < 0).any() or (site >= attached.shape).any() or not attached[tuple(site)]:
                        continue
                    face = int(np.argmax(point - site))
                    found[number] = (int(np.ravel_multi_index(tuple(site), attached.shape)), face)
                    break
    return found


def test_visible_faces_are_those_that_rays_meet() -> None:
    attached = np.random.default_rng(3).random((3, 2, 4)) < 0.4
    site, face = visible_faces(attached)
    rays = seen_by_rays(attached)
    assert set(np.flatnonzero(site >= 0).tolist()) == set(rays)
    assert {number: (int(site[number]), int(face[number])) for number in rays} == rays


def test_one_site_is_a_hexagon_of_three_rhombs_at_its_place() -> None:
    attached = np.zeros((3, 3, 3), np.bool_)
    attached[2, 0, 1] = True
    site, face = visible_faces(attached)
    assert (site >= 0).sum() == TRIANGLES
    assert np.bincount(face[site >= 0], minlength=FACES).tolist() == [2, 2, 2]
    x, y = site_positions(np.array(2), np.array(0), np.array(1), lattice=CUBIC)
    around = np.deg2rad(np.arange(30, 390, 60) + 30)
    cells = cell_under(x + 0.5 * np.cos(around), y + 0.5 * np.sin(around), (3, 3, 3), CUBIC)
    assert set(cells.tolist()) == set(np.flatnonzero(site >= 0).tolist())


def test_a_crystal_appears_step_by_step_and_every_face_has_its_light() -> None:
    arrival = np.full((5, 5, 5), -1, np.int32)
    arrival[2, 2, 2], arrival[3, 2, 2], arrival[2, 3, 2], arrival[2, 2, 3] = 0, 4, 6, 8
    view = view_crystal(arrival, FULL, steps=8, lattice=CUBIC)
    colours = site_colours(view, DARK)
    changed = [np.flatnonzero((colours.at(step) != colours.at(-1)).any(axis=1)).size for step in (0, 4, 6, 8)]
    assert changed[0] == TRIANGLES
    assert changed == sorted(changed)
    assert np.array_equal(colours.at(8), colours.at())
    one = colours.at(0)[np.flatnonzero(visible_faces(arrival == 0)[0] >= 0)]
    assert len(np.unique(one.round(6), axis=0)) == FACES
    picture = np.asarray(Renderer.over(view, width=120).draw(view, DARK))
    assert picture.shape[1] == 120
    assert picture.std() > 0


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 5, 6)])
def test_an_array_of_another_dimension_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="none of a cubic lattice"):
        view_crystal(np.zeros(shape, np.int32), FULL, steps=1, lattice=CUBIC)
