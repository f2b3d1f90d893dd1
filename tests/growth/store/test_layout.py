from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.growth.model.trajectory import FinalField
from nakaya.growth.store import layout as layouts
from nakaya.growth.store.layout import StoreLayout, make_layout


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 200), st.integers(1, 30))
def test_every_crystal_lies_in_exactly_one_shard(points: int, members: int, size: int, per_shard: int) -> None:
    layout = make_layout(points, members, (size, size), ("rho",), crystals_per_shard=per_shard)
    count = np.zeros((points, members), int)
    for index in layout.shards():
        count[np.ix_(layout.points_of(index), layout.members_of(index))] += 1
        assert 1 <= len(layout.points_of(index)) * len(layout.members_of(index)) <= per_shard
    assert (count == 1).all()
    assert layout.count_crystals(layout.shards()) == layout.num_crystals == points * members
    assert len(list(layout.shards())) == layout.num_shards
    assert layout.shard_members % layout.chunk_members == 0


LIMITS = [
    ({"num_points": layouts.MAX_POINTS, "shard_points": 2**10}, {"num_points": layouts.MAX_POINTS + 1}),
    ({"num_points": 10**4, "num_members": 10**4, "shard_points": 10**4}, {"num_members": 10**4 + 1}),
    ({"lattice_shape": (2**14, 2**13), "shard_points": 8}, {"shard_points": 9}),
    ({"num_points": 10**6, "shard_points": 1}, {"num_points": 10**6 + 1}),
    ({"parameters": tuple(f"p{n}" for n in range(256))}, {"parameters": tuple(f"p{n}" for n in range(257))}),
    ({"parameters": ("p" * 64,)}, {"parameters": ("p" * 65,)}),
    (
        {"fields": tuple(FinalField(f"f{n}", "1", "") for n in range(16))},
        {"fields": tuple(FinalField(f"f{n}", "1", "") for n in range(17))},
    ),
]


@pytest.mark.parametrize(("largest", "beyond"), LIMITS)
def test_limits_are_the_last_values_that_are_allowed(largest: dict[str, Any], beyond: dict[str, Any]) -> None:
    least = {"num_members": 1, "lattice_shape": (1, 1), "shard_members": 1, "chunk_members": 1, "parameters": ("rho",)}
    sound = {"num_points": 10, "shard_points": 1, **least, **largest}
    StoreLayout(**sound)
    with pytest.raises(ParameterError):
        StoreLayout(**(sound | beyond))


def test_points_stay_whole_where_they_fit_a_shard() -> None:
    layout = make_layout(100, 16, (64, 64), ("rho",), crystals_per_shard=100)
    assert (layout.shard_points, layout.shard_members) == (6, 16)
    assert make_layout(100, 16, (64, 64), ("rho",), crystals_per_shard=5).shard_members == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_points": 0}, "parameter points"),
        ({"num_points": 10**7, "num_members": 10**7}, "crystals"),
        ({"lattice_shape": (4,)}, "two or three"),
        ({"lattice_shape": (0, 4)}, "positive"),
        ({"lattice_shape": (2**20, 2**20)}, "larger than"),
        ({"shard_points": 7}, "does not fit"),
        ({"chunk_members": 3}, "do not divide"),
        ({"parameters": ()}, "parameters"),
        ({"parameters": ("rho", "rho")}, "different"),
        ({"parameters": ("../../etc/passwd",)}, "letters"),
        ({"has_point_axis": False}, "point axis"),
        ({"num_points": 10**7, "num_members": 1, "shard_members": 1, "chunk_members": 1}, "shards are more"),
    ],
)
def test_impossible_layouts_are_refused(changes: dict[str, object], message: str) -> None:
    sound = {
        "num_points": 6,
        "num_members": 4,
        "lattice_shape": (8, 8),
        "shard_points": 2,
        "shard_members": 4,
        "chunk_members": 4,
        "parameters": ("rho",),
    }
    StoreLayout(**sound)
    with pytest.raises(ParameterError, match=message):
        StoreLayout(**(sound | changes))
