"""Which boundaries of an over-segmentation stay: hand-made landscapes whose answers are exact."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.microscopy.grains.merging import MergingRules, merge_regions

RULES = MergingRules(marked_fraction=0.3, neck=0.5, smallest_radius=1.0, line_reach=0.0)


def regions_left(labels, depth, marked=None, rules: MergingRules = RULES) -> int:
    labels = np.atleast_2d(np.asarray(labels, np.int32))
    depth = np.atleast_2d(np.asarray(depth, np.float64))
    marked = np.zeros(labels.shape, np.bool_) if marked is None else np.atleast_2d(np.asarray(marked, np.bool_))
    found = merge_regions(labels, depth, marked, rules)
    assert sorted(np.unique(found)) == list(range(int(found.max()) + 1))
    return int(found.max()) + 1


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("unit", [1.0, 0.125])
def test_a_neck_is_as_wide_as_the_narrower_side_of_its_widest_place(turn: int, unit: float) -> None:
    """Kept up to neck x the inner radius of the smaller region, which is 4 here: an opening of 2."""
    rules = MergingRules(marked_fraction=0.3, neck=0.5, smallest_radius=unit, line_reach=0.0)

    def count(*pairs: tuple[float, float]) -> int:
        depth = unit * np.array([[6.0, 6.0, left, right, 4.0, 4.0] for left, right in pairs])
        labels = np.array([[0, 0, 0, 1, 1, 1]] * len(pairs))
        return regions_left(np.rot90(labels, turn), np.rot90(depth, turn), rules=rules)

    assert count((2.0, 3.9)) == count((3.9, 2.0)) == 2
    assert count((2.1, 3.9)) == count((3.9, 2.1)) == 1
    assert count((0.0, 0.0), (2.0, 2.0)) == 2
    assert count((0.0, 0.0), (2.1, 2.1)) == 1  # the widest place counts


@pytest.mark.parametrize("turn", range(4))
def test_a_boundary_is_kept_where_enough_of_its_length_lies_on_a_line(turn: int) -> None:
    """Either side of a pair of pixels may be the one on the line."""
    labels, depth = np.array([[0, 0, 1, 1]] * 10), np.full((10, 4), 4.0)
    for side in (1, 2):
        for number, left in ((2, 1), (3, 2), (10, 2)):
            marked = np.zeros(labels.shape, np.bool_)
            marked[:number, side] = True
            assert regions_left(*(np.rot90(grid, turn) for grid in (labels, depth, marked))) == left


def test_the_ends_of_a_boundary_which_lie_on_other_lines_do_not_count() -> None:
    """Lines of 2 x reach cross at both ends: 8 / pi x reach pairs of pixels that every boundary has for nothing."""
    rules = MergingRules(marked_fraction=0.5, neck=0.5, smallest_radius=1.0, line_reach=2 * np.pi)  # 16 pairs

    def left(pairs: int, on_line: int) -> int:
        labels = np.array([[0, 0, 1, 1]] * pairs)
        marked = np.zeros(labels.shape, np.bool_)
        marked[:on_line, 1] = True
        return regions_left(labels, np.full(labels.shape, 4.0), marked, rules)

    assert (left(40, 27), left(40, 28)) == (1, 2)  # (28 - 16) / (40 - 16) is one half
    # Of a boundary that is all but ends, these are all that there is.
    assert (left(32, 15), left(32, 16)) == (1, 2)
    assert (left(10, 4), left(10, 5)) == (1, 2)


@pytest.mark.parametrize("unit", [1.0, 8.0])
def test_a_region_that_is_not_resolved_is_merged_whatever_speaks_for_it(unit: float) -> None:
    labels = [0, 0, 0, 1, 1]
    everywhere = np.ones(5)
    rules = MergingRules(marked_fraction=0.3, neck=0.5, smallest_radius=unit, line_reach=0.0)
    for narrow, left in ((0.9, 1), (1.0, 2)):
        assert regions_left(labels, unit * np.array([4.0, 4.0, 0.0, 0.0, narrow]), everywhere, rules) == left


@pytest.mark.parametrize("marked", [[0, 1], [3, 4]])
def test_what_is_not_resolved_goes_where_no_line_is(marked: list[int]) -> None:
    labels = np.array([[0, 0, 2, 1, 1]] * 3, np.int32)
    depth = np.array([[4.0, 4.0, 0.5, 4.0, 4.0]] * 3)
    on_line = np.zeros(labels.shape, np.bool_)
    on_line[:, marked] = True
    found = merge_regions(labels, depth, on_line, RULES)
    assert found[0].tolist() == ([0, 0, 1, 1, 1] if marked == [0, 1] else [0, 0, 0, 1, 1])


@pytest.mark.parametrize(
    ("openings", "on_line", "left"),
    [
        ((3.0, 3.0), (0, 3), 2),  # 3 of 10 pairs are on a line, though of the upper region's own none is
        ((3.0, 3.0), (0, 2), 1),
        ((1.0, 3.0), (0, 2), 1),  # the neck closed the upper region alone
        ((1.0, 2.0), (0, 2), 2),
    ],
)
def test_regions_that_merge_put_their_boundaries_together(openings, on_line, left) -> None:
    """Regions 0 and 1, one above the other, are one; what keeps it from 2 is what both bring."""
    labels = np.array([[0, 0, 0, 2, 2, 2]] * 5 + [[1, 1, 1, 2, 2, 2]] * 5)
    depth = np.full(labels.shape, 4.0)
    marked = np.zeros(labels.shape, np.bool_)
    for half, (opening, number) in enumerate(zip(openings, on_line, strict=True)):
        depth[5 * half : 5 * half + 5, 2:4] = opening
        marked[5 * half + 1 : 5 * half + 1 + number, 3] = True
    assert regions_left(labels, depth, marked) == left
