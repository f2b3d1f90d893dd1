"""Overlays: what is drawn lies where it was found."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.viz.colour import from_hex
from nakaya.viz.overlays import (
    BOUNDARY,
    MIN_SIDE,
    TWIN,
    Caption,
    Segment,
    domain_overlay,
    grain_overlay,
    orientation_overlay,
    spot_overlay,
)

SHAPE = (40, 60)


def pixels(picture) -> np.ndarray:
    return np.array(picture).astype(int)


def places(picture, colour: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of this colour."""
    return np.nonzero(np.abs(pixels(picture) - np.rint(255 * from_hex(colour))).max(axis=-1) <= 1)


def halves() -> np.ndarray:
    return (np.arange(SHAPE[1]) >= 20)[None].repeat(SHAPE[0], axis=0).astype(np.int32)


def test_the_boundary_lies_where_the_grains_meet_and_cut_grains_stay_grey():
    labels = halves()
    picture = grain_overlay(np.full(SHAPE, 0.5), labels, np.array([False, True]), Caption("two grains"))
    factor = -(-MIN_SIDE // SHAPE[1])
    rows, columns = places(picture, BOUNDARY)
    drawn = rows[columns > 0]
    counts = np.bincount(columns)
    line = np.flatnonzero(counts > SHAPE[0] * factor * 0.9)  # the legend's patch is not that tall
    assert len(line) == 2
    left = int(line[0]) + 1 - 20 * factor  # of the image in the picture
    assert drawn.size
    inside = pixels(picture)[rows[columns == line[0]].min() + 50]
    tinted, grey = inside[left + 10 * factor], inside[left + 40 * factor]
    assert np.ptp(grey) == 0
    assert np.ptp(tinted) > 5


def test_captions_say_when_there_is_no_scale():
    labels = halves()
    with_scale = grain_overlay(np.full(SHAPE, 0.5), labels, np.zeros(2, bool), Caption("t", pixel_size=1e-6))
    without = grain_overlay(np.full(SHAPE, 0.5), labels, np.zeros(2, bool), Caption("t"))
    assert with_scale.size == without.size
    assert (pixels(with_scale) != pixels(without)).any()


def test_twins_stand_out_from_other_boundaries():
    labels = (np.arange(SHAPE[1]) // 20)[None].repeat(SHAPE[0], axis=0).astype(np.int32)
    twins = np.zeros(SHAPE, bool)
    twins[:, 19:21] = True
    colours = np.full((*SHAPE, 3), 0.8)
    key = (np.ones((20, 20, 3)), ("001", "101", "111"))
    picture = orientation_overlay(colours, colours, labels, twins, Caption("map"), key=key)
    for colour in (TWIN, "#000000"):
        rows, columns = places(picture, colour)
        tall = np.flatnonzero(np.bincount(columns) > 0.9 * SHAPE[0] * 8)
        assert len(tall) == 4  # two lines of two pixels: one in each map
        assert rows.size


def test_spots_are_outlined_where_they_are():
    rows, columns = np.indices((64, 64))
    labels = np.where(np.hypot(rows - 20, columns - 40) < 9, 0, -1).astype(np.int32)
    picture = spot_overlay(np.full((64, 64), 0.5), labels, np.array([[40.0, 20.0]]), Caption("one"))
    y, x = places(picture, BOUNDARY)
    factor = -(-MIN_SIDE // 64)
    ring = y < picture.height * 0.8  # above the legend
    assert np.ptp(x[ring]) == pytest.approx(18 * factor, abs=2 * factor)
    assert np.ptp(y[ring]) == pytest.approx(18 * factor, abs=2 * factor)


def test_domains_and_faults_are_drawn():
    fault = Segment((5.0, 5.0), (5.0, 35.0), TWIN)
    picture = domain_overlay(
        np.full(SHAPE, 0.5), halves(), [[(1.0, 0.0)], [(0.0, 1.0)]], [fault], Caption("two lattices")
    )
    assert len(places(picture, TWIN)[0]) > 30 * 15
    assert len(places(picture, BOUNDARY)[0]) > 40 * 15
    empty = domain_overlay(np.full(SHAPE, 0.5), np.zeros(SHAPE, np.int32), [[], []], [], Caption("one is empty"))
    assert empty.width == picture.width


def test_large_images_are_not_enlarged_and_shapes_must_agree():
    labels = np.zeros((1200, 900), np.int32)
    picture = grain_overlay(np.zeros((1200, 900)), labels, np.array([True]), Caption("large"))
    assert 900 < picture.width < 1100
    with pytest.raises(ParameterError, match="do not lie on each other"):
        grain_overlay(np.zeros((10, 10)), labels, np.array([True]), Caption("wrong"))
