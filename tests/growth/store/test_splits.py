from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.growth.store.splits import split_points

FRACTIONS = {"train": 0.7, "validation": 0.2, "test": 0.1}


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 400), st.integers(0, 2**63 - 1))
def test_every_point_is_in_exactly_one_part(num_points: int, seed: int) -> None:
    parts = split_points(num_points, FRACTIONS, seed)
    assert list(parts) == list(FRACTIONS)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(num_points))
    for name, share in FRACTIONS.items():
        assert len(parts[name]) >= 1
        assert abs(len(parts[name]) - max(share * num_points, 1)) < 2
        assert np.array_equal(parts[name], np.sort(parts[name]))


def test_the_split_is_that_of_the_first_release() -> None:
    parts = split_points(12, FRACTIONS, seed=7)
    assert {name: part.tolist() for name, part in parts.items()} == {
        "train": [0, 1, 3, 5, 6, 8, 9, 11],
        "validation": [4, 7, 10],
        "test": [2],
    }


def test_the_seed_decides() -> None:
    one, same, other = (split_points(100, FRACTIONS, seed)["test"].tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_parts_are_spread_over_the_points() -> None:
    # of 10,000 points a random tenth has mean 4999.5 and a standard error of 91; five of these
    assert abs(split_points(10_000, FRACTIONS, seed=3)["test"].mean() - 4999.5) < 5 * 91


@pytest.mark.parametrize(
    ("num_points", "fractions", "message"),
    [
        (10, {"train": 0.5, "test": 0.4}, "sum to 1"),
        (10, {"train": 1.5, "test": -0.5}, "positive"),
        (10, {"train": float("nan"), "test": 0.5}, "positive"),
        (10, {}, "positive"),
        (1, {"train": 0.5, "test": 0.5}, "cannot be divided"),
        (0, {"train": 1.0}, "num_points"),
    ],
)
def test_impossible_splits_are_refused(num_points: int, fractions: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        split_points(num_points, fractions, seed=0)
