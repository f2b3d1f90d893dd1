"""Dislocation loops: dark spots of known number and size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from nakaya.core.errors import ParameterError
from nakaya.microscopy.image_records import NO_SCALE, ImageSource
from nakaya.microscopy.images import without_bright_spots
from nakaya.microscopy.loops.counting import (
    LoopRules,
    Loops,
    calibrate_loops,
    come_in_pairs,
    count_interval,
    find_centres,
    find_hollows,
    find_loops,
    loops_of_mask,
    mask_of_loops,
)
from nakaya.microscopy.loops.record import loops_record, natural_neighbours

SIDE = 256
DIAMETER = 26.0
SIGMA = 15.0
"""Of a spot whose depth is 70 % of its greatest on a circle of 26 pixels, after the smoothing by 4 pixels."""
SIZE = 0.1  # noise at the outline, and the slope below it


def spotted_image(seed: int, *, spots: int = 6, depth: float = 0.45, noise: float = 0.08):
    """Dark spots, apart from each other and from the frame, on a slope: image, centres (x, y), inner discs."""
    rng = np.random.default_rng(seed)
    centres: list[np.ndarray] = []
    while len(centres) < spots:
        place = rng.uniform(25, SIDE - 25, 2)
        if all(np.hypot(*(place - other)) > 2.4 * DIAMETER for other in centres):
            centres.append(place)
    rows, columns = np.indices((SIDE, SIDE))
    image = 0.7 + 0.1 * rows / SIDE
    inside = np.zeros((SIDE, SIDE), np.bool_)
    spot = np.zeros((SIDE, SIDE))
    for x, y in centres:
        square = (columns - x) ** 2 + (rows - y) ** 2
        inside |= square <= (DIAMETER / 2) ** 2
        spot = np.maximum(spot, np.exp(-square / (2 * SIGMA**2)))
    image = image - depth * spot + noise * rng.standard_normal(image.shape)
    return (image - image.min()) / np.ptp(image), np.array(centres).reshape(-1, 2), inside


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("spots", [1, 6])
def test_spots_are_found_where_they_are_and_as_large_as_they_are(seed, spots):
    image, centres, _ = spotted_image(seed, spots=spots)
    found = find_loops(image)
    assert found.count == spots
    distance = np.linalg.norm(found.centres[:, None] - centres[None], axis=2)
    assert distance.min(axis=0).max() < DIAMETER / 2
    assert found.diameter.mean() == pytest.approx(DIAMETER, rel=SIZE)
    assert sorted(np.unique(found.labels)) == [-1, *range(spots)]


def test_a_smooth_field_and_noise_have_no_loops():
    rows, columns = np.indices((SIDE, SIDE))
    rng = np.random.default_rng(2)
    assert find_loops(0.5 + 0.2 * np.sin(rows / 150) + 0.1 * rng.standard_normal(rows.shape)).count == 0
    assert find_loops(columns / SIDE).count == 0


def test_two_spots_that_touch_are_two_and_a_shallow_dent_does_not_part_one():
    rows, columns = np.indices((SIDE, SIDE))

    def pair(apart: float) -> np.ndarray:
        image = 1 - sum(
            np.exp(-((columns - 128 - side * apart / 2) ** 2 + (rows - 128) ** 2) / (2 * 9.0**2)) for side in (-1, 1)
        )
        return (image - image.min()) / np.ptp(image)

    two = find_loops(pair(26.0))
    assert two.count == 2
    mask = mask_of_loops(two.labels)
    assert loops_of_mask(pair(26.0), two.labels >= 0).count == 1  # they touch
    assert loops_of_mask(pair(26.0), mask).count == 2
    assert mask.sum() > 0.9 * (two.labels >= 0).sum()
    assert find_loops(pair(20.0)).count == 1


@pytest.mark.parametrize(
    ("name", "ends"),
    [("contrast", (0.0, 1.0)), ("smoothing", (0.5, 100.0)), ("background", (2.0, 2000.0)), ("min_area", (0.0, 1e7))],
)
def test_the_ends_of_ranges_of_rules_are_allowed_and_nothing_beyond(name, ends):
    for end, outside in zip(ends, (-1e-6, 1e-6), strict=True):
        LoopRules(**{name: end})
        with pytest.raises(ParameterError, match=f"{name}=.* is outside"):
            LoopRules(**{name: end + outside})


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_a_loop_is_the_deepest_place_within_two_pixels_all_around(direction):
    rules = LoopRules(contrast=0.2, smoothing=1.0, min_area=1.0)
    for apart, count in ((1, 1), (2, 1), (3, 2)):
        depth = np.zeros((40, 40))
        deepest, other = np.array([20, 20]), np.array([20, 20]) + apart * np.array(direction)
        depth[tuple(deepest)], depth[tuple(other)] = 0.9, 0.8
        assert find_centres(depth, rules).tolist() == [deepest.tolist(), other.tolist()][:count]


def test_loops_at_the_frame_and_faint_and_small_ones_are_left_out():
    def count(row: int, column: int, *, depth: float = 0.9, side: int = 3, foot: float = 0.17) -> int:
        image = np.zeros((40, 50))
        image[max(row - side // 2, 0) : row + side // 2 + 1, max(column - side // 2, 0) : column + side // 2 + 1] = foot
        image[row, column] = depth
        return len(find_centres(image, LoopRules(contrast=0.2, smoothing=1.0, min_area=9.0)))

    assert count(4, 4) == count(4, 45) == count(35, 4) == count(35, 45) == 1
    assert count(3, 20) == count(36, 20) == count(20, 3) == count(20, 46) == 0
    assert (count(20, 20, depth=0.19), count(20, 20, depth=0.21)) == (0, 1)
    assert (count(20, 20, side=1), count(20, 20, foot=0.15)) == (0, 0)  # a foot is 0.8 of the contrast deep


def test_two_minima_are_two_loops_where_the_depth_between_them_falls_by_a_twelfth():
    """SPLIT is 0.08 of the fainter one."""
    rules = LoopRules(contrast=0.2, smoothing=1.0, min_area=1.0)
    for between, count in ((0.93, 1), (0.91, 2)):
        depth = np.zeros((40, 40))
        depth[20, 17:24] = [0.8, *[0.5 * between] * 5, 0.5]
        assert len(find_centres(depth, rules)) == count


def test_a_mask_that_a_person_drew_is_counted_as_it_is():
    image, _, inside = spotted_image(3)
    drawn = loops_of_mask(image, inside)
    assert drawn.count == 6
    assert drawn.area.sum() == inside.sum()
    assert drawn.diameter.mean() == pytest.approx(DIAMETER, rel=0.02)
    assert (np.diff(drawn.depth) <= 0).all()
    assert loops_of_mask(image, np.zeros_like(inside)).count == 0


def test_calibration_finds_a_contrast_that_counts_right_elsewhere():
    images = [spotted_image(seed, spots=spots, depth=0.3, noise=0.05)[0] for seed, spots in ((4, 3), (5, 6))]
    rules = calibrate_loops(images, [3, 6])
    assert find_loops(spotted_image(6, spots=5, depth=0.3, noise=0.05)[0], rules).count == 5
    blind = LoopRules(contrast=0.9)
    assert find_loops(images[0], blind).count == 0
    with pytest.raises(ParameterError, match="2 counts for 1 images"):
        calibrate_loops(images[:1], [1, 2])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 500))
def test_the_interval_of_a_count_is_garwoods(count):
    low, high = count_interval(count)
    assert low <= count <= high
    # Garwood: at either end, seeing what was seen or something more extreme has a probability of 2.5 %.
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025, abs=1e-9)
    if count:
        assert stats.poisson.sf(count - 1, low) == pytest.approx(0.025, abs=1e-9)


def test_neighbours_among_few_or_aligned_loops():
    assert natural_neighbours(np.zeros((1, 2))).shape == (0, 2)
    assert natural_neighbours(np.array([[0.0, 0], [5, 5]])).tolist() == [[0, 1]]
    assert natural_neighbours(np.array([[0.0, 0], [4, 0], [2, 0]])).tolist() == [[0, 2], [1, 2]]
    square = natural_neighbours(np.array([[0.0, 0], [1, 0], [0, 1], [1.1, 1.1]]))
    assert {(0, 1), (0, 2), (1, 3), (2, 3)} <= {tuple(pair) for pair in square.tolist()}


def test_records_have_units_only_with_a_pixel_size_and_an_empty_image_is_a_result():
    image, _, _ = spotted_image(7)
    found = find_loops(image)
    known = loops_record(ImageSource("tem.png", "0" * 64, 4e-10, "a test"), found, image.shape, {})
    assert known.record.status == "ok"
    density = known.record.quantities["loops_per_area"]
    assert density.value == pytest.approx(6 / (SIDE * 4e-10) ** 2)
    assert density.interval is not None
    assert density.interval.low < density.value < density.interval.high
    assert known.record.quantities["loop_diameter"].value == pytest.approx(found.diameter.mean() * 4e-10)
    unknown = loops_record(ImageSource("tem.png", "0" * 64), found, image.shape, {})
    assert NO_SCALE in unknown.record.flags
    assert set(unknown.record.quantities) == {"num_loops"}
    assert {feature.unit for feature in unknown.graph.nodes.values()} == {"pixel", "pixel^2", "1"}
    none = loops_record(
        ImageSource("tem.png", "0" * 64, 4e-10, "a test"),
        find_loops(image, LoopRules(contrast=1.0)),
        image.shape,
        {},
    )
    assert none.record.quantities["num_loops"].value == 0
    assert "no loop was found" in none.record.flags[0]
    assert none.graph.num_nodes == 0


def ringed_image(radius: float, width: float, *, lobes: float = 0.0, noise: float = 0.02) -> np.ndarray:
    """Sixteen dark rings on a slope; `lobes` = how much of the depth changes around the ring."""
    rng = np.random.default_rng(8)
    rows, columns = np.indices((400, 400))
    image = 0.7 + 0.05 * rows / 400
    for row in range(50, 400, 100):
        for column in range(50, 400, 100):
            y, x = rows - row - rng.uniform(-8, 8), columns - column - rng.uniform(-8, 8)
            rim = np.exp(-((np.hypot(x, y) - radius) ** 2) / (2 * width**2))
            image -= 0.4 * rim * (1 + lobes * np.cos(2 * np.arctan2(y, x) + rng.uniform(0, 6))) / (1 + lobes)
    image += noise * rng.standard_normal(image.shape)
    return (image - image.min()) / np.ptp(image)


@pytest.mark.parametrize("lobes", [0.0, 0.1])
@pytest.mark.parametrize("radius", [6.0, 8.0, 10.0, 13.0, 16.0])
def test_a_loop_that_shows_as_a_ring_is_one_with_its_inside(radius, lobes):
    width = 4.0
    found = find_loops(ringed_image(radius, width, lobes=lobes))
    assert found.count == 16
    if lobes == 0:
        # It reaches to where the smoothed rim has 70 % of its greatest depth.
        rows, columns = np.indices((101, 101)) - 50
        rim = np.exp(-((np.hypot(rows, columns) - radius) ** 2) / (2 * width**2))
        across = ndimage.gaussian_filter(rim, LoopRules().smoothing)[50, 50:]
        edge = np.flatnonzero(across > 0.7 * across.max()).max() + 0.5
        assert found.diameter.mean() == pytest.approx(2 * edge, rel=SIZE)
    assert not come_in_pairs(found)


def test_loops_that_touch_around_a_bright_place_are_as_many_as_they_are():
    rows, columns = np.indices((SIDE, SIDE))
    angles = 2 * np.pi * np.arange(3) / 3
    image = 1 - sum(
        np.exp(-((columns - 128 - 17 * np.cos(t)) ** 2 + (rows - 128 - 17 * np.sin(t)) ** 2) / (2 * 9.0**2))
        for t in angles
    )
    assert find_loops((image - image.min()) / np.ptp(image)).count == 3


def test_three_of_four_loops_in_pairs_that_nearly_touch_are_a_sign():
    def paired(pairs: int, singles: int, *, apart: float = 39.0) -> bool:
        """Of a diameter of 20 each."""
        places = [(200.0 * n + x, 0.0) for n in range(pairs) for x in (0.0, apart)]
        places += [(200.0 * n, 1000.0) for n in range(singles)]
        count = len(places)
        return come_in_pairs(
            Loops(
                np.array(places).reshape(-1, 2),
                np.full(count, np.pi * 10.0**2),
                np.ones(count),
                np.zeros((1, 1), np.int32),
            )
        )

    assert (paired(3, 0), paired(3, 2), paired(3, 3)) == (True, True, False)
    assert (paired(2, 1), paired(2, 0), paired(0, 0)) == (False, False, False)  # too few to tell
    assert (paired(3, 0, apart=39.9), paired(3, 0, apart=40.1)) == (True, False)


@pytest.mark.parametrize(("radius", "gap", "is_hollow"), [
    (9, 1.0, True), (11, 1.0, False),  # a diameter of at most ten standard deviations of the smoothing
    (6, 0.75, True), (6, 0.55, False),  # the rim's shallowest place over its deepest
])  # fmt: skip
def test_a_bright_place_is_the_inside_of_a_loop_where_its_rim_is_closed_and_no_wider_than_a_loop(
    radius, gap, is_hollow
):
    rules = LoopRules(contrast=0.2, smoothing=2.0, min_area=1.0)
    rows, columns = np.indices((60, 60)) - 30
    distance = np.hypot(rows, columns)
    depth = np.where((distance > radius) & (distance <= radius + 4), 0.8, 0.0)
    depth[(depth > 0) & (columns > 0) & (np.abs(rows) <= 2)] *= gap
    found = find_hollows(depth, rules)
    inside = distance <= radius
    assert (found[inside] >= 0).all() == (found >= 0).any() == is_hollow
    assert (found[~inside] < 0).all()


def test_loops_in_pairs_are_flagged_and_loops_at_random_are_not():
    rows, columns = np.indices((400, 400))
    image = np.full((400, 400), 0.7)
    rng = np.random.default_rng(9)
    for row in range(50, 400, 100):
        for column in range(50, 400, 100):
            y, x, turn = rows - row, columns - column, rng.uniform(0, np.pi)
            image -= 0.4 * np.exp(-((np.hypot(x, y) - 9) ** 2) / 32) * np.cos(np.arctan2(y, x) + turn) ** 2
    lobed = find_loops((image - image.min()) / np.ptp(image))
    assert lobed.count == 32
    record = loops_record(ImageSource("tem.png", "0" * 64, 4e-10, "a test"), lobed, image.shape, {}).record
    assert "come in pairs" in record.flags[0]
    assert not come_in_pairs(find_loops(spotted_image(1, spots=6)[0]))


def test_a_spot_far_brighter_than_all_else_makes_no_loop_faint():
    image, _, _ = spotted_image(1, depth=0.3, noise=0.03)
    sound, kept = without_bright_spots(image)
    assert kept == 1.0
    assert sound is image
    glaring = image.copy()
    glaring[200:209, 4:13] = 4.0
    glaring /= 4.0
    assert find_loops(glaring).count < find_loops(image).count == 6
    mended, shrunk = without_bright_spots(glaring)
    assert shrunk > 2
    assert find_loops(mended).count == 6
    assert (mended.min(), mended.max()) == (pytest.approx(0), 1.0)


def test_loops_without_number_are_refused_and_not_cut(monkeypatch):
    image, _, _ = spotted_image(0, spots=6)
    monkeypatch.setattr("nakaya.microscopy.loops.counting.MAX_LOOPS", 5)
    with pytest.raises(ParameterError, match="[0-9]+ places are darker than contrast .*, more than 5: that is noise"):
        find_loops(image)
