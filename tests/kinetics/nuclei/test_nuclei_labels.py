"""Labels of nuclei: known answers, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.nuclei.labels import fate, size_change
from nakaya.md.seeding.nuclei import SeededNucleus

TIMES: FloatArray = np.arange(21.0) * 0.5e-12


def nucleus(sizes: FloatArray, times: FloatArray = TIMES) -> SeededNucleus:
    return SeededNucleus("Al", 640.0, "sphere", times, sizes)


def test_the_change_is_the_mean_of_the_last_picosecond_per_atom_of_the_surface() -> None:
    sizes = np.full((2, 21), 125.0)
    sizes[0, 14:17] = 149.0, 150.0, 151.0  # 7.0, 7.5 and 8.0 ps
    sizes[1, 14:17] = 100.0
    sizes[:, 17:] = 999.0  # later than asked
    change = size_change(nucleus(sizes))
    np.testing.assert_allclose(change.later, [150.0, 100.0])
    np.testing.assert_allclose(change.changes, [1.0, -1.0])  # 125^(2/3) = 25
    np.testing.assert_allclose(change.last, [999.0, 999.0])
    assert change.mean == 0.0
    assert change.standard_error == pytest.approx(1.0)


def test_frames_at_uneven_steps_are_found_by_the_nearest_one() -> None:
    times: FloatArray = np.arange(17.0) * 0.498e-12  # the last frame is at 7.97 ps
    sizes: FloatArray = np.full((1, 17), 8.0) + np.arange(17.0)
    assert size_change(nucleus(sizes, times)).later[0] == pytest.approx(8.0 + 15.0)  # frames 14 to 16


def test_a_branch_that_ended_early_is_no_label() -> None:
    sizes = np.full((3, 21), 125.0)
    sizes[1, 10:] = np.nan
    with pytest.raises(ParameterError, match="1 of 3 branches ended before 8 ps"):
        size_change(nucleus(sizes))
    with pytest.raises(ParameterError, match="followed for 5 ps"):
        size_change(nucleus(sizes[:, :11], TIMES[:11]))
    with pytest.raises(ParameterError, match="no solid atoms"):
        size_change(nucleus(np.zeros((2, 21))))
    with pytest.raises(ParameterError, match="window"):
        size_change(nucleus(sizes), window_ps=9.0)


def test_a_branch_that_went_on_is_judged_by_its_own_end() -> None:
    sizes = np.full((2, 21), 125.0)
    sizes[0, 17:] = 126.0, 200.0, 300.0, 400.0
    sizes[1, 18:] = np.nan  # decided at 8.5 ps
    change = size_change(nucleus(sizes))
    np.testing.assert_allclose(change.later, [125.0, 125.0])
    np.testing.assert_allclose(change.last, [300.0, 125.0])


def test_fates_are_against_the_critical_size() -> None:
    assert [fate(size, 90.0) for size in (181.0, 180.0, 45.0, 44.0)] == ["grown", "undecided", "undecided", "dissolved"]
