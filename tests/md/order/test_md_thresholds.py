"""Thresholds between two phases: as much of either is on the wrong side, and moving them makes one of both worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nakaya.core.errors import ParameterError
from nakaya.crystallography.lattices import build_crystal
from nakaya.md.order.bond_order import FCC, environment, ranked_bond, solid_atoms, solid_like_bonds
from nakaya.md.order.thresholds import equal_mislabelling, order_parameters

VALUES = st.lists(st.floats(0, 1, width=16), min_size=1, max_size=40).map(np.array)


@given(VALUES, VALUES)
def test_no_threshold_is_nearer_to_equal(solid: np.ndarray, melt: np.ndarray) -> None:
    def unequal(threshold: float) -> float:
        return abs(float((solid <= threshold).mean() - (melt > threshold).mean()))

    found = equal_mislabelling(solid, melt)
    atom = max(1 / len(solid), 1 / len(melt)) * max(np.unique(np.r_[solid, melt], return_counts=True)[1])
    best = min(unequal(value) for value in [-1.0, *solid, *melt])
    assert unequal(found.threshold) <= best + atom  # values that coincide cannot be told apart
    assert 0 <= found.fraction <= 1


def test_separate_samples_are_divided_in_the_middle_of_the_gap() -> None:
    found = equal_mislabelling(np.array([0.6, 0.9]), np.array([0.1, 0.2, 0.3]))
    assert found.threshold == pytest.approx(0.45)
    assert found.fraction == 0


def test_two_normal_distributions_are_divided_where_theory_says() -> None:
    rng = np.random.default_rng(0)
    solid, melt = rng.normal(1.0, 0.1, 100_000), rng.normal(0.0, 0.3, 100_000)
    found = equal_mislabelling(solid, melt)
    # (1 - t) / .1 = t / .3: t = .75, and 2.5 sigma off either mean.
    assert found.threshold == pytest.approx(0.75, abs=0.005)  # some 600 atoms of either are beyond it
    assert found.fraction == pytest.approx(stats.norm.sf(2.5), rel=0.1)


def test_what_does_not_differ_is_half_wrong() -> None:
    same = np.linspace(0, 1, 101)
    assert equal_mislabelling(same, same).fraction == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ParameterError, match="some of both"):
        equal_mislabelling(same, np.array([]))


def test_order_parameters_are_what_the_two_rules_compare() -> None:
    rng = np.random.default_rng(1)
    positions, box = build_crystal("fcc", "100", 4.1, (6, 6, 6))
    positions = positions + rng.normal(0, 0.35, positions.shape)  # hot: neither all solid nor all liquid
    around = environment(positions, np.diag(box), neighbours=12)
    bonds, averaged = order_parameters(around, FCC)
    for rule, values, threshold in (("bonds", bonds, FCC.coherence), ("averaged", averaged, FCC.averaged_q6)):
        expected = solid_atoms(around, FCC, rule=rule)
        np.testing.assert_array_equal(values > threshold, expected)
    assert 0 < (bonds > FCC.coherence).mean() < 1
    for rank in (1, 12):
        counts = solid_like_bonds(around, threshold=0.6)
        np.testing.assert_array_equal(ranked_bond(around, rank) > 0.6, counts >= rank)
