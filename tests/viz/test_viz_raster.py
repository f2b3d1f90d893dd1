"""From sites to pixels: the nearest site is the nearest, areas are right, symmetric crystals look symmetric."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nakaya.growth.lattice.lattice import HEXAGONAL, SQUARE
from nakaya.viz.colour import from_hex, linear_to_srgb
from nakaya.viz.crystals.lattice import nearest_site, site_positions
from nakaya.viz.crystals.renderer import Renderer, average_colours, frame_sites, sample_sites, to_display
from nakaya.viz.crystals.shading import site_colours
from nakaya.viz.crystals.view import view_crystal
from nakaya.viz.style import DARK, LIGHT

SYMMETRY = 1.5
"""Mean difference in display levels, of 255, between a symmetric crystal and itself turned by 60 degrees: what
turning the pixels of edges costs."""

LATTICES = {"hexagonal": (HEXAGONAL, np.sqrt(3) / 2), "square": (SQUARE, 1.0)}
"""With the area of a cell."""

places = st.floats(-40, 40)
lattices = st.sampled_from([lattice for lattice, _ in LATTICES.values()])


@settings(max_examples=200, deadline=None)
@given(places, places, lattices)
def test_no_site_is_nearer_than_the_nearest(x, y, lattice):
    row, column = nearest_site(np.array(x), np.array(y), lattice)
    around = np.arange(-2, 3)
    sites = site_positions(row + around[:, None], column + around[None, :], lattice=lattice)
    distances = np.hypot(sites[..., 0] - x, sites[..., 1] - y)
    assert distances[2, 2] <= distances.min() + 1e-12


@settings(max_examples=100, deadline=None)
@given(st.integers(-50, 50), st.integers(-50, 50), st.floats(0, 0.499), st.floats(0, 2 * np.pi), lattices)
def test_points_closer_than_half_a_spacing_belong_to_the_site(row, column, radius, angle, lattice):
    x, y = site_positions(np.array(row), np.array(column), lattice=lattice) + radius * np.array(
        [np.cos(angle), np.sin(angle)]
    )
    assert [int(value) for value in nearest_site(x, y, lattice)] == [row, column]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_the_pixel_at_a_sites_centre_has_its_colour(crystal, theme):
    renderer = Renderer.over(crystal, width=500)
    pixels = np.asarray(renderer.draw(crystal, theme))
    expected = to_display(site_colours(crystal, theme).at()[:-1].reshape(*crystal.arrival.shape, 3))
    rows, columns = np.nonzero(crystal.domain)
    x, y = np.floor(renderer.frame.pixel_of(rows, columns)).astype(int).T
    assert np.array_equal(pixels[y, x], expected[rows, columns])


@pytest.mark.parametrize("name", LATTICES)
def test_the_drawn_area_converges_to_that_of_the_cells(crystal, name):
    """The error of a pixel's share is bounded by its samples, so the area's falls with the number of pixels."""
    lattice, cell_area = LATTICES[name]
    attached = crystal.arrival >= 0
    colours = np.zeros((attached.size + 1, 3), np.float32)
    colours[:-1][attached.ravel()] = 1.0
    errors = []
    for width in (60, 240, 960):
        frame = frame_sites(crystal.domain, width=width, lattice=lattice)
        drawn = average_colours(sample_sites(attached.shape, frame), colours)[..., 0].sum(dtype=np.float64)
        errors.append(abs(drawn / (attached.sum() * cell_area * frame.scale**2) - 1))
    assert errors[0] < 0.05
    assert errors[1] < 0.01
    assert errors[2] < 0.002


def test_a_square_lattice_is_drawn_by_its_description_alone(crystal):
    view = replace(crystal, lattice=SQUARE, domain=np.ones(crystal.arrival.shape, np.bool_))
    renderer = Renderer.over(view, width=500)
    pixels = np.asarray(renderer.draw(view, DARK))
    colours = to_display(site_colours(view, DARK).at()[:-1].reshape(*view.arrival.shape, 3))
    rows, columns = np.indices(view.arrival.shape)
    x, y = np.floor(np.moveaxis(renderer.frame.pixel_of(rows, columns), -1, 0)).astype(int)
    assert np.array_equal(pixels[y, x], colours)
    assert (np.diff(x, axis=1) > 0).all()  # columns to the right
    assert (np.diff(y, axis=0) < 0).all()  # rows upwards
    assert pixels.shape[0] == pytest.approx(pixels.shape[1], abs=1)


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    image = Image.fromarray(picture).rotate(degrees, resample=Image.Resampling.BICUBIC)
    return np.asarray(image, np.float64)


def within_circle(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    y, x = np.indices((height, width))
    return np.hypot(x - (width - 1) / 2, y - (height - 1) / 2) < 0.48 * min(height, width)


@pytest.mark.parametrize("degrees", [60, 120, 180])
def test_a_symmetric_crystal_has_a_symmetric_picture(crystal, degrees):
    differences = []
    for width in (300, 900):
        picture = np.asarray(Renderer.over(crystal, width=width).draw(crystal, DARK))
        inside = within_circle(picture)
        differences.append(np.abs(turned(picture, degrees) - picture)[inside].mean())
    assert differences[1] < SYMMETRY
    assert differences[1] < 0.5 * differences[0]  # all of it is at edges, whose share of the pixels falls as 1 / width
    assert np.abs(turned(picture, 30) - picture)[inside].mean() > 10 * differences[1]


def test_mirrors_of_a_symmetric_crystal_are_mirrors_of_its_picture(crystal):
    picture = np.asarray(Renderer.over(crystal, width=600).draw(crystal, DARK), np.float64)
    inside = within_circle(picture)
    assert np.abs(picture[::-1] - picture)[inside].mean() < SYMMETRY
    assert np.abs(picture[:, ::-1] - picture)[inside].mean() < SYMMETRY


def test_rows_of_a_lattice_lie_aslant():
    """A row of sites is level, a column leans by 30 degrees from the upright: no sheared square array."""
    domain = np.ones((9, 9), np.bool_)
    frame = frame_sites(domain, width=300)
    row = frame.pixel_of(np.zeros(9), np.arange(9.0))
    column = frame.pixel_of(np.arange(9.0), np.zeros(9))
    assert np.ptp(row[:, 1]) == pytest.approx(0, abs=1e-9)
    along = column[-1] - column[0]
    assert np.rad2deg(np.arctan2(-along[1], along[0])) == pytest.approx(120)
    assert np.linalg.norm(along) == pytest.approx(8 * frame.scale)


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 40), st.integers(16, 300), st.floats(0, 5))
def test_a_frame_holds_every_hexagon(size, width, padding):
    frame = frame_sites(np.ones((size, size), np.bool_), width=width, padding=padding)
    rows, columns = np.indices((size, size))
    x, y = np.moveaxis(frame.pixel_of(rows, columns), -1, 0)
    margin_x, margin_y = 0.5 * frame.scale - 1e-6, frame.scale / np.sqrt(3) - 1e-6
    assert x.min() >= margin_x
    assert x.max() <= width - margin_x
    assert y.min() >= margin_y
    assert y.max() <= frame.height - margin_y


def test_beyond_the_array_is_ground():
    arrival = np.zeros((9, 9), np.int32)
    view = view_crystal(arrival, {"name": "full", "edges": "periodic"}, steps=1)
    picture = np.asarray(Renderer.over(view, width=200).draw(view, DARK))
    assert np.array_equal(picture[0, 0], np.rint(from_hex(DARK.background) * 255))
    assert np.array_equal(picture[-1, -1], picture[0, 0])


def test_many_sites_in_a_pixel_are_averaged_in_light():
    """Half of the sites white, half black, 50 sites to a pixel: half of the light, not half of the display value."""
    size = 400
    colours = np.zeros((size * size + 1, 3), np.float32)
    colours[:-1].reshape(size, size, 3)[np.random.default_rng(0).random((size, size)) < 0.5] = 1.0
    arrival = np.zeros((size, size), np.int32)
    renderer = Renderer.over(view_crystal(arrival, {"name": "full", "edges": "periodic"}, steps=1), width=60)
    middle = (slice(renderer.frame.height // 2 - 5, renderer.frame.height // 2 + 5), slice(25, 35))
    assert renderer.render(colours)[middle].mean() == pytest.approx(255 * linear_to_srgb(np.array(0.5)), abs=8)
    light = average_colours(renderer.sites, colours)[middle][..., 0]
    assert light.std() < 0.1  # 50 sites a pixel: 0.5 / sqrt(50), and a little for samples that miss a site


def test_the_transfer_table_is_exact_to_a_display_level():
    light = np.linspace(0, 1, 100_001, dtype=np.float32)
    assert np.abs(to_display(light) - 255 * linear_to_srgb(light.astype(np.float64))).max() <= 0.52
