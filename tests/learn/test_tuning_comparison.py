"""Who wins a comparison of samplers: counts of known courses."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("optuna", reason='studies need the extra "ml"')

from nakaya.learn.tuning.comparison import SamplerComparison

COURSES = {
    "gp": np.array([[3.0, 1.0], [2.0, 0.0], [5.0, 2.0], [1.0, 0.5]]),
    "random": np.array([[3.0, 2.0], [1.0, 0.0], [4.0, 1.0], [0.0, 0.5]]),
}
"""Regret by repeat and trial; only the last trial counts."""


def test_a_tie_is_no_win() -> None:
    found = SamplerComparison(COURSES, 1.0, {})
    assert (found.wins("gp", "random"), found.ties("gp", "random"), found.wins("random", "gp")) == (1, 2, 1)
    assert (found.wins("gp", "gp"), found.ties("gp", "gp")) == (0, 4)
