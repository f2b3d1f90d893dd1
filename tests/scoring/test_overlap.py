"""IoU: pairs, expectations, diversity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nakaya.scoring import diversity, expected_iou, iou, iou_of_pairs

ROUNDING = 1e-12

CRYSTALS = arrays(np.bool_, st.tuples(st.integers(1, 5), st.just(4), st.just(3)))


@settings(max_examples=50, deadline=None)
@given(CRYSTALS, CRYSTALS)
def test_all_pairs_are_the_single_pairs(first, second):
    pairs = iou_of_pairs(first, second)
    assert pairs.shape == (len(first), len(second))
    for x, y in np.ndindex(pairs.shape):
        one = float(iou(first[x], second[y]))
        assert pairs[x, y] == pytest.approx(one, rel=ROUNDING)
        assert 0 <= one <= 1
        assert (one == 1) == (first[x] == second[y]).all()
    assert expected_iou(first, second) == pytest.approx(expected_iou(second, first), rel=ROUNDING)
    assert expected_iou(first, second) == pytest.approx(expected_iou(first[::-1], second), rel=ROUNDING)


def test_known_overlaps():
    left, right = np.zeros((2, 4), np.bool_), np.zeros((2, 4), np.bool_)
    left[:, :3], right[:, 1:] = True, True
    assert iou(left, right) == 0.5
    assert iou(np.zeros((2, 2), np.bool_), np.zeros((2, 2), np.bool_)) == 1
    assert iou(np.stack([left, left]), np.stack([left, right])).tolist() == [1.0, 0.5]


def test_diversity_counts_different_members_only():
    left, right = np.zeros((2, 4), np.bool_), np.zeros((2, 4), np.bool_)
    left[:, :3], right[:, 1:] = True, True
    assert diversity(np.stack([left, left, left])) == 0
    assert diversity(np.stack([left, right])) == pytest.approx(0.5)
    assert diversity(np.stack([left, left, right])) == pytest.approx(1 / 3)
    assert np.isnan(diversity(left[None]))
