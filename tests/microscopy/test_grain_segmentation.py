"""Etched micrographs made from maps that are known: what comes back, and how far masks survive a round trip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nakaya.core.errors import FormatError, ParameterError

pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')

from nakaya.microscopy.grains.doubts import brightness_steps, count_straight_lines
from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.grain_size import mean_intercept
from nakaya.microscopy.grains.masks import grains_from_mask, mask_of_boundaries
from nakaya.microscopy.grains.measures import solidity
from nakaya.microscopy.grains.record import measure_map
from nakaya.microscopy.grains.segmentation import _fraction_on_lines, _typical_solidity, segment_grains
from nakaya.microscopy.grains.topology import split_disconnected
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from support.boundary_net import boundary_net

SIDE, CELLS = 300, 75
SAME_PLACE = 2.0  # pixels: half a line's width
CLEAN = 0.02  # of the mean intercept, from the pixels of the lines
ASKED = 0.10  # what unmarked, noisy, broken boundaries may cost


def known_map(seed: int, *, cells: int = CELLS, side: int = SIDE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = scatter_points(cells, (side, side), rng, relaxations=2)
    return voronoi_map(points, (side, side), periodic=False).labels


def matched_share(truth: np.ndarray, found: np.ndarray) -> float:
    """Share of the true grains that one found grain covers by half, which is covered by half in return."""
    number = int(found.max()) + 1
    overlap = np.bincount(truth.ravel().astype(np.int64) * number + found.ravel(), minlength=0)
    overlap = np.pad(overlap, (0, (int(truth.max()) + 1) * number - len(overlap))).reshape(-1, number)
    best = overlap.argmax(axis=1)
    shared = overlap[np.arange(len(best)), best]
    good = (shared > 0.5 * overlap.sum(axis=1)) & (shared > 0.5 * overlap.sum(axis=0)[best])
    return float(good.mean())


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("line_width", (0.5, 50.0)),
        *((name, (0.0, 1.0)) for name in ("contrast", "noise", "unmarked", "broken")),
        *((name, (0.0, 1.0)) for name in ("grey_deviation", "shading", "pits")),
    ],
)
def test_the_ends_of_ranges_of_an_etching_are_allowed_and_nothing_beyond(name, ends):
    for end, outside in zip(ends, (-1e-9, 1e-9), strict=True):
        Etching(**{name: end})
        with pytest.raises(ParameterError, match=f"{name}=.* is outside"):
            Etching(**{name: end + outside})


def test_an_etched_image_is_what_its_parts_say():
    one, halves = np.zeros((40, 60), np.int32), np.repeat([[0] * 30 + [1] * 30], 40, axis=0).astype(np.int32)

    def image(labels: np.ndarray, **etching: float) -> np.ndarray:
        return etched_image(labels, Etching(**etching), np.random.default_rng(0))

    assert np.unique(image(one)).tolist() == [0.75]
    shaded = image(one, shading=0.2)
    np.testing.assert_allclose(shaded, np.broadcast_to(np.linspace(0.65, 0.85, 60), shaded.shape), atol=1e-6)
    for line_width in (3.0, 6.0):
        lined = image(halves, contrast=0.4, line_width=line_width)
        depth = 0.4 * 0.5 ** ((2 * np.arange(29) / line_width) ** 2)  # half as deep at half the width
        np.testing.assert_allclose(0.75 - lined[:, 30:59], np.broadcast_to(depth, (40, 29)), atol=1e-6)
        assert (lined == lined[:, ::-1]).all()
        bright = image(halves, contrast=0.4, line_width=line_width, bright_lines=True)
        np.testing.assert_allclose(bright - 0.75, (0.75 - lined) / 4, atol=1e-6)
    assert image(one, noise=0.05).std() == pytest.approx(0.05, rel=0.1)  # of 2,400 pixels: 1.4 %


def test_a_clean_micrograph_gives_back_the_map_it_was_made_from():
    truth = known_map(0)
    found = segment_grains(etched_image(truth, Etching(noise=0.02), np.random.default_rng(1)).astype(float))
    assert found.polarity == "dark"
    assert found.marked_fraction > 0.95
    assert matched_share(truth, found.labels) == 1.0
    assert mean_intercept(found.labels).value == pytest.approx(mean_intercept(truth).value, rel=CLEAN)
    # Every boundary found lies where a true one is.
    from scipy import ndimage

    distance = ndimage.distance_transform_edt(~mask_of_boundaries(truth))
    assert np.quantile(distance[mask_of_boundaries(found.labels)], 0.98) <= SAME_PLACE


@pytest.mark.parametrize(
    "etching",
    [
        Etching(noise=0.1, unmarked=0.1, broken=0.15),
        Etching(noise=0.12, unmarked=0.15, broken=0.15, grey_deviation=0.05, shading=0.2, pits=0.5),
        Etching(contrast=1.0, noise=0.04, unmarked=0.1, broken=0.1, bright_lines=True),
    ],
    ids=["gaps", "gaps, shading, pits", "bright"],
)
@pytest.mark.parametrize("seed", [2, 3])
def test_unmarked_noisy_broken_boundaries_cost_less_than_a_tenth(etching, seed):
    truth = known_map(seed)
    found = segment_grains(etched_image(truth, etching, np.random.default_rng(seed + 10)).astype(float))
    assert found.polarity == ("bright" if etching.bright_lines else "dark")
    measured = measure_map(found.labels)
    assert measured.intercept.value == pytest.approx(mean_intercept(truth).value, rel=ASKED)
    assert measured.num_grains == pytest.approx(CELLS, rel=2 * ASKED)  # area goes as the square of the intercept
    assert matched_share(truth, found.labels) > 0.8
    assert boundary_net(measured.labels).euler_excess == 1


def test_noise_alone_is_one_grain():
    found = segment_grains(np.random.default_rng(4).random((200, 200)))
    assert found.num_grains == 1
    assert found.marked_fraction == 0.0


def test_negative_and_upside_down_images_give_the_same_grains():
    image = etched_image(known_map(5, cells=25, side=160), Etching(noise=0.05), np.random.default_rng(6)).astype(float)
    dark, bright = segment_grains(image), segment_grains(1 - image)
    assert (dark.polarity, bright.polarity) == ("dark", "bright")
    assert matched_share(dark.labels, bright.labels) == 1.0
    turned = segment_grains(image[::-1])
    assert mean_intercept(turned.labels).value == pytest.approx(mean_intercept(dark.labels).value, rel=CLEAN)


def test_images_that_show_nothing_are_refused():
    with pytest.raises(ParameterError, match="at least 32 x 32"):
        segment_grains(np.zeros((20, 40)))
    with pytest.raises(ParameterError, match="nothing to see"):
        segment_grains(np.full((40, 40), 0.5))


def test_what_is_seen_across_edges_is_known_for_a_step_a_line_and_nothing():
    columns = np.indices((60, 60))[1]
    assert brightness_steps(np.full((60, 60), 0.3), 4.0) == (0.0, 0.0)
    step, depth = brightness_steps(np.where(columns < 30, 0.2, 0.7), 4.0)
    assert step == pytest.approx(0.5, abs=0.01)
    assert depth == pytest.approx(0.0, abs=0.01)


def test_a_negative_shows_the_same_steps_and_lines():
    """Though what lies on either side differs: a slope here, a plateau there."""
    columns = np.indices((60, 80))[1]
    image = np.where(columns < 40, 0.2, 0.5 + 0.005 * (columns - 40)) - 0.15 * np.exp(-(((columns - 40) / 2.0) ** 2))
    np.testing.assert_allclose(brightness_steps(image, 4.0), brightness_steps(1 - image, 4.0), atol=1e-4)


def test_grains_are_as_convex_as_the_middle_one_of_those_that_are_large_enough_to_tell():
    assert _typical_solidity(np.zeros((1, 29), np.int32)) == 0.0
    assert _typical_solidity(np.zeros((1, 30), np.int32)) == 1.0
    corner = np.zeros((10, 10), np.int32)
    corner[:5, :5] = 1  # too few to tell, though square
    assert _typical_solidity(corner) == solidity(corner)[0] < 1.0
    halves = np.repeat([0, 1, 2], 10)[:, None] + np.zeros(10, np.int32)
    halves[:10, 5:], halves[3:10, :5] = 1, 1
    assert _typical_solidity(halves.astype(np.int32)) == np.median(solidity(halves.astype(np.int32))[1:])


@pytest.mark.parametrize("turn", range(4))
def test_the_marked_fraction_is_that_of_the_length_of_boundaries(turn):
    labels, near = np.array([[0, 0, 1, 1]] * 10), np.zeros((10, 4), np.bool_)
    near[:3, 1] = near[3:5, 2] = near[:, 0] = True
    assert _fraction_on_lines(np.rot90(labels, turn), np.rot90(near, turn)) == 0.5
    assert _fraction_on_lines(np.zeros((10, 4), int), np.rot90(near, turn).reshape(10, 4)) == 0.0


def test_a_mask_of_boundaries_gives_back_its_grains():
    truth = known_map(7)
    mask = mask_of_boundaries(truth).astype(np.uint8) * 255
    labels, flags = grains_from_mask(mask, truth.shape)
    assert matched_share(truth, labels) == 1.0
    assert flags == []
    # Whichever colour the person drew in, and in whichever format.
    for drawn in (255 - mask, np.stack([mask] * 3, axis=-1), mask > 0):
        again, _ = grains_from_mask(drawn, truth.shape)
        assert (again == labels).all()
    # Drawing programs soften lines: grey rims are no grains.
    from scipy import ndimage

    soft, _ = grains_from_mask(np.rint(ndimage.gaussian_filter(mask.astype(float), 0.5)).astype(np.uint8), truth.shape)
    assert matched_share(truth, soft) == 1.0
    assert int(soft.max()) == int(truth.max())


def test_a_mask_of_grains_in_numbers_or_colours_gives_them_back():
    truth = known_map(8, cells=20, side=80)
    numbered, _ = grains_from_mask((truth + 1).astype(np.uint16), truth.shape)
    colours = np.random.default_rng(9).integers(10, 255, (20, 3)).astype(np.uint8)
    coloured, _ = grains_from_mask(colours[truth], truth.shape)
    assert (numbered == truth).all()
    assert matched_share(truth, coloured) == 1.0
    assert len(np.unique(coloured)) == 20


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(hnp.integer_dtypes(endianness="=") | st.just(np.bool_) | hnp.floating_dtypes(sizes=32), (9, 11)))
def test_any_picture_is_a_mask_of_all_its_pixels_or_refused(pixels):
    try:
        labels, _ = grains_from_mask(pixels, (9, 11))
    except FormatError:
        return
    assert labels.shape == (9, 11)
    assert set(np.unique(labels)) == set(range(int(labels.max()) + 1))
    assert labels.max() >= 1


def test_masks_that_fit_nothing_are_refused():
    truth = known_map(8, cells=20, side=80)
    with pytest.raises(FormatError, match="80 x 80 pixels, the image 80 x 60"):
        grains_from_mask(mask_of_boundaries(truth), (60, 80))
    with pytest.raises(FormatError, match="one value only"):
        grains_from_mask(np.zeros((80, 80), np.uint8), (80, 80))
    open_line = np.zeros((80, 80), np.uint8)
    open_line[40, :60] = 255
    with pytest.raises(FormatError, match="are its boundaries closed"):
        grains_from_mask(open_line, (80, 80))


def test_a_palette_used_in_turn_is_flagged_and_one_of_its_own_for_every_grain_is_not():
    truth = known_map(8, cells=20, side=80)
    palette = np.random.default_rng(9).integers(10, 255, (20, 3)).astype(np.uint8)
    assert grains_from_mask(palette[truth], truth.shape)[1] == []
    _, (flag,) = grains_from_mask(palette[truth % 7], truth.shape)
    pieces = int(split_disconnected((truth % 7).astype(np.int32)).max()) + 1
    assert flag.startswith(f"7 colours or values of the mask lie in {pieces} separate areas")
    _, (numbered,) = grains_from_mask((truth % 5 + 1).astype(np.uint8), truth.shape)
    assert "cannot be told apart" in numbered
    # Black belongs to no grain, however many places it has.
    outlined = np.where(mask_of_boundaries(truth)[..., None], 0, palette[truth]).astype(np.uint8)
    assert not any("separate areas" in flag for flag in grains_from_mask(outlined, truth.shape)[1])


def scratched(image: np.ndarray, width: float, seed: int) -> np.ndarray:
    """Five dark straight lines from side to side."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(image.shape)
    for _ in range(5):
        left, right = rng.uniform(10, image.shape[0] - 10, 2)
        distance = np.abs(rows - left - (right - left) * columns / image.shape[1])
        image = image - 0.5 * np.exp(-np.log(2) * (2 * distance / width) ** 2)
    return np.clip(image, 0, 1)


@pytest.mark.parametrize("width", [2.0, 3.0])
@pytest.mark.parametrize("seed", [11, 12])
def test_scratches_among_the_boundaries_are_seen_and_boundaries_are_no_scratches(seed, width):
    truth = known_map(seed, cells=120)
    image = etched_image(truth, Etching(noise=0.03), np.random.default_rng(seed)).astype(float)
    for picture, least, most in ((image, 0, 0), (scratched(image, width, seed), 2, 6)):
        labels = segment_grains(picture).labels
        assert least <= count_straight_lines(labels, mean_intercept(labels).value) <= most
    assert count_straight_lines(truth, mean_intercept(truth).value) == 0


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.08])
def test_grains_that_differ_in_brightness_alone_show_steps_and_etched_ones_lines(noise):
    truth, rng = known_map(13), np.random.default_rng(14)
    for etching in (
        Etching(noise=noise),
        Etching(noise=noise, grey_deviation=0.1),
        Etching(noise=noise, line_width=6.0),
    ):
        step, line = brightness_steps(etched_image(truth, etching, rng).astype(float), etching.line_width)
        assert step < line
    grey = Etching(contrast=0.0, noise=noise, grey_deviation=0.15)
    step, line = brightness_steps(etched_image(truth, grey, rng).astype(float), 3.0)
    assert step > 5 * line
    phases = np.where(np.random.default_rng(15).random(CELLS) < 0.4, 0.3, 0.8)[truth]
    step, line = brightness_steps(phases + noise * rng.standard_normal(truth.shape), 3.0)
    assert step == pytest.approx(0.5, abs=0.1)
    assert step > 5 * line
