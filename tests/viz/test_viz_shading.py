"""The colour of a site: its age, its relief, its grain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.growth.lattice.lattice import D6, apply_symmetry, hexagonal_distance
from nakaya.viz.colour import from_hex, linear_to_srgb, srgb_to_oklab
from nakaya.viz.crystals.shading import relief_of, site_colours
from nakaya.viz.crystals.view import view_crystal
from nakaya.viz.style import DARK, LIGHT


def lab_of(view, theme, **options) -> np.ndarray:
    light = site_colours(view, theme, **options).at()[:-1].reshape(*view.arrival.shape, 3)
    return srgb_to_oklab(linear_to_srgb(light.astype(np.float64)))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(range(12)))
def test_the_relief_of_a_turned_crystal_is_the_turned_relief(seed, element):
    rng = np.random.default_rng(seed)
    size = 21
    rows, columns = np.indices((size, size)) - size // 2
    inside = hexagonal_distance(rows, columns) < size // 2 - 1
    arrival = np.where(inside & (rng.random((size, size)) < 0.7), rng.integers(0, 500, (size, size)), -1)
    arrival = arrival.astype(np.int32)
    there = relief_of(np.asarray(apply_symmetry(arrival, D6[element])), 500)
    here = apply_symmetry(relief_of(arrival, 500), D6[element], fill=0.0)
    assert there == pytest.approx(here, abs=1e-12)


def test_ridges_rise_and_grooves_fall():
    arrival = np.full((21, 21), -1, np.int32)
    arrival[8:13, 2:19] = 100 + 40 * np.abs(np.arange(8, 13) - 10)[:, None]  # oldest along row 10
    ridge = relief_of(arrival, 400)
    assert (ridge[10, 4:17] > 0.1).all()
    assert np.abs(ridge).max() < 1
    assert (ridge[arrival < 0] == 0).all()
    assert (relief_of(np.where(arrival < 0, -1, 300 - arrival).astype(np.int32), 400)[10, 4:17] < -0.1).all()


def test_flat_growth_has_no_relief():
    assert np.abs(relief_of(np.full((9, 9), 7, np.int32), 100)).max() == 0


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_younger_sites_are_lighter_where_the_relief_is_flat(crystal, theme):
    lightness = lab_of(crystal, theme, relief=0.0)[..., 0][crystal.arrival >= 0]
    arrival = crystal.arrival[crystal.arrival >= 0]
    order = np.argsort(arrival, kind="stable")
    rises = np.diff(lightness[order])
    later = np.diff(arrival[order]) > 0
    assert (rises[later] > 0).all()
    assert np.abs(rises[~later]).max() < 1e-6


def test_a_site_keeps_its_colour_from_the_step_at_which_it_appears(crystal):
    colours = site_colours(crystal, DARK)
    whole = colours.at()
    for step in (0, 40, 90):
        shown = colours.at(step)
        there = np.append(((crystal.arrival >= 0) & (crystal.arrival <= step)).ravel(), True)
        assert np.array_equal(shown[there], whole[there])
        vapour = shown[:-1][~there[:-1] & crystal.domain.ravel()]
        assert len(np.unique(vapour, axis=0)) == 1


def test_sites_without_crystal_are_vapour_or_ground(crystal):
    srgb = linear_to_srgb(site_colours(crystal, LIGHT).at().astype(np.float64))
    empty = (crystal.arrival < 0).ravel()
    inside = crystal.domain.ravel()
    assert srgb[:-1][empty & inside] == pytest.approx(np.tile(from_hex(LIGHT.vapour), ((empty & inside).sum(), 1)))
    assert srgb[:-1][~inside] == pytest.approx(np.tile(from_hex(LIGHT.background), ((~inside).sum(), 1)))
    assert srgb[-1] == pytest.approx(from_hex(LIGHT.background))


def test_grains_differ_in_hue_and_keep_their_ages(crystal):
    rows, _ = np.indices(crystal.arrival.shape)
    grain = np.where(crystal.arrival >= 0, (rows > 20).astype(np.int32), -1)
    view = replace(crystal, grain=grain)
    lab = lab_of(view, DARK, relief=0.0)
    hues = [np.arctan2(*np.moveaxis(lab[grain == number][:, [2, 1]], -1, 0)) for number in (0, 1)]
    assert abs(np.median(hues[0]) - np.median(hues[1])) > 0.5
    ages, counts = np.unique(crystal.arrival[crystal.arrival > 0], return_counts=True)
    same_age = crystal.arrival == ages[counts.argmax()]
    assert same_age.sum() > 1
    assert np.ptp(lab[same_age][:, 0]) < 0.02


def test_the_shading_of_an_unfolded_sector_is_that_of_the_whole(symmetric_arrival):
    size = symmetric_arrival.shape[0]
    sector = symmetric_arrival[size // 2 :, size // 2 :]
    unfolded = view_crystal(sector, {"name": "sector"}, steps=300)
    whole = view_crystal(symmetric_arrival, {"name": "full"}, steps=300)
    assert np.array_equal(unfolded.arrival, whole.arrival)
    assert np.array_equal(site_colours(unfolded, DARK).at(), site_colours(whole, DARK).at())
