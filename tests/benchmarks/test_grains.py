"""The study of grains, on few lattices."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.grains import column_rows, envelope_rows, passed_fraction
from nakaya.growth.grower_model import MemberGrowth

FRONT_BOUND = 0.03
"""Of the undercooling of a front."""


def test_envelopes_and_columns_are_what_the_law_says() -> None:
    rows = envelope_rows(1)
    assert [row["dimension"] for row in rows] == [2, 3]
    assert all(abs(row["size_error_worst"]) < 0.005 for row in rows)
    for row in column_rows()[:2]:
        assert row["undercooling"] == pytest.approx(row["expected"], rel=FRONT_BOUND)


def test_sites_apart_from_their_grain_are_counted() -> None:
    grain = np.array([[0, 0, 1, 0], [0, 0, 1, 1], [2, 2, 1, 0]], np.int32)
    grown = MemberGrowth(np.ones_like(grain), 1, "no-growth", grain)
    assert passed_fraction(grown) == pytest.approx(2 / 12)
