"""Figures, grids and diagrams: every crystal at its place, at one scale, with what a reader needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.viz.canvas import DESIGN_WIDTH
from nakaya.viz.colour import from_hex
from nakaya.viz.crystals.diagram import Axis, morphology_diagram
from nakaya.viz.crystals.figure import best_columns, crystal_figure, share_clock
from nakaya.viz.crystals.renderer import Renderer
from nakaya.viz.crystals.view import view_crystal
from nakaya.viz.style import DARK, LIGHT


def crystal_image(view, theme, *, width):
    return Renderer.over(view, width=width).draw(view, theme)


def contains(picture: np.ndarray, part: np.ndarray) -> bool:
    """Whether `part` occurs in the picture, pixel by pixel."""
    return bool(places_of(picture, part))


def places_of(picture: np.ndarray, part: np.ndarray) -> list[tuple[int, int]]:
    """Upper left corners (row, column) at which the middle of `part` occurs in the picture."""
    height, width = part.shape[:2]
    core = part[height // 4 : -height // 4, width // 4 : -width // 4]
    rows, columns = np.nonzero((picture == core[0, 0]).all(axis=-1))
    inside = (rows + core.shape[0] <= picture.shape[0]) & (columns + core.shape[1] <= picture.shape[1])
    return [
        (int(row), int(column))
        for row, column in zip(rows[inside], columns[inside], strict=True)
        if np.array_equal(picture[row, column : column + core.shape[1]], core[0])
        and np.array_equal(picture[row : row + core.shape[0], column : column + core.shape[1]], core)
    ]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_a_figure_holds_the_crystal_once_on_its_background(crystal, theme):
    figure = np.asarray(crystal_figure([crystal], theme, title="ρ = 0.5", subtitle="seed 7", width=400))
    assert figure.shape[1] == 400
    assert np.array_equal(figure[0, 0], np.rint(from_hex(theme.background) * 255))
    crystal_width = round((DESIGN_WIDTH - 112) * 400 / DESIGN_WIDTH)
    assert len(places_of(figure, np.asarray(crystal_image(crystal, theme, width=crystal_width)))) == 1


def test_a_figure_of_an_earlier_step_shows_less(crystal):
    whole = np.asarray(crystal_figure([crystal], DARK, title="", width=300), np.int64)
    early = np.asarray(crystal_figure([crystal], DARK, title="", width=300, step=50), np.int64)
    assert early.shape == whole.shape
    crystal_rows = slice(40, 280)
    assert early[crystal_rows].sum() < 0.7 * whole[crystal_rows].sum()


def test_a_note_makes_the_figure_longer_and_is_set(crystal):
    said = replace(crystal, note="Unfolded from a 120° sector: three copies of what was grown.")
    plain, noted = (crystal_figure([view], DARK, title="x", width=400) for view in (crystal, said))
    assert noted.height > plain.height
    foot = np.asarray(noted)[plain.height :]
    assert (foot != np.rint(from_hex(DARK.background) * 255)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 20}, "width=20 is outside the range from 160 to 4096"),
        ({"step": -1}, "step=-1 does not exist: this crystal grew from step 0 to step"),
        ({"step": 10_000}, "step=10000 does not exist"),
    ],
)
def test_a_figure_refuses_what_it_cannot_show(crystal, options, message):
    with pytest.raises(ParameterError, match=message):
        crystal_figure([crystal], DARK, title="", **options)


def test_a_grid_holds_every_crystal_once_at_one_scale_on_one_clock(crystals):
    names = [f"member {number}" for number in range(5)]
    grid = np.asarray(crystal_figure(crystals, DARK, title="five", labels=names, columns=3, width=700))
    tile = round((DESIGN_WIDTH - 112 - 26 * 2) / 3 * 700 / DESIGN_WIDTH)
    renderer = Renderer.over(crystals[0], width=tile)
    corners = []
    for view in share_clock(crystals):
        (corner,) = places_of(grid, np.asarray(renderer.draw(view, DARK)))
        corners.append(corner)
    rows = [corner[0] for corner in corners]
    assert rows[0] == rows[1] == rows[2] < rows[3] == rows[4]
    columns = [corner[1] for corner in corners]
    assert columns[0] < columns[1] < columns[2]
    assert columns[3:] == columns[:2]


def test_one_clock_means_one_colour_for_one_step(crystals):
    shared = share_clock([replace(crystals[0], last=100), replace(crystals[1], last=250)])
    assert {view.last for view in shared} == {250}


@pytest.mark.parametrize("count", range(1, 40))
def test_columns_make_whole_grids(count):
    columns = best_columns(count)
    rows = -(-count // columns)
    assert 1 <= columns <= count
    assert rows * columns - count < columns


@pytest.mark.parametrize("clock", ["own", "shared"])
def test_a_diagram_holds_each_crystal_at_its_place(crystals, clock):
    views = [crystals[:2], crystals[2:4]]
    x, y = Axis("vapour density, ρ", (0.4, 0.5)), Axis("threshold, β", (1.1, 1.3))
    diagram = np.asarray(morphology_diagram(views, x, y, DARK, title="plane", width=600, clock=clock))
    flat = [view for row in views for view in row]
    shown = share_clock(flat) if clock == "shared" else flat
    widths = range(245, 258)
    corners = []
    for view in shown:
        found = []
        for width in widths:
            found = places_of(diagram, np.asarray(crystal_image(view, DARK, width=width)))
            if found:
                widths = range(width, width + 1)  # the others must be of the same scale
                break
        assert len(found) == 1
        corners.append(found[0])
    low_left, low_right, high_left, high_right = corners
    assert low_left[0] == low_right[0] > high_left[0] == high_right[0]  # y rises upwards
    assert low_left[1] == high_left[1] < low_right[1] == high_right[1]


def test_a_diagram_refuses_what_does_not_fit(crystals):
    axis = Axis("a", (0.0, 1.0))
    with pytest.raises(ParameterError, match="2 x 2 values needs that many crystals"):
        morphology_diagram([crystals[:2]], axis, axis, DARK, title="")
    with pytest.raises(UnknownNameError, match="unknown clock 'ones': did you mean 'own'"):
        morphology_diagram([crystals[:2]] * 2, axis, axis, DARK, title="", clock="ones")
    other = view_crystal(np.zeros((9, 9), np.int32), {"name": "full"}, steps=1)
    with pytest.raises(ParameterError, match="do not fit on one picture: they must share a size"):
        morphology_diagram([crystals[:2], [other, other]], axis, axis, DARK, title="")
    with pytest.raises(ParameterError, match="0 crystals do not fit"):
        crystal_figure([], DARK, title="")
