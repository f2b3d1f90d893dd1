"""What is refused, flagged, filled in and counted at the border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.core.archives import pack_arrays
from nakaya.core.errors import FormatError, ParameterError, UnknownNameError
from nakaya.growth.coarsening.coarsening import coarsen, prepare_map
from nakaya.growth.coarsening.energies import MIN_CONTRAST, ReadShockley, pair_energies
from nakaya.growth.coarsening.files import open_coarsening
from nakaya.growth.coarsening.neighbours import count_neighbours
from nakaya.growth.coarsening.steps import WIDTH_VARIANCE, step_numbers

HALVES = (np.arange(32) // 16)[None].repeat(16, axis=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grain_map": np.zeros((16, 16), np.int32)}, "one grain"),
        ({"grain_map": HALVES * 0.5}, "whole numbers"),
        ({"grain_map": HALVES[:4]}, "at least 8 sites"),
        ({"grain_map": np.where(HALVES == 0, -1, np.where(np.arange(32) < 20, -1, 1))}, "have no grain"),
        ({"grain_map": np.arange(256).reshape(16, 16)}, "curvature is not"),
        ({"energy": -1.0}, "energy=-1"),
        ({"energy": np.array([[1.0, -1.0], [-1.0, 1.0]])}, "positive and finite"),
        ({"energy": np.ones((3, 3))}, r"for 2 grains"),
        ({"energy": ReadShockley(1.0)}, "an orientation for each"),
        ({"mobility": 0.0}, "mobility=0"),
        ({"spacing": float("nan")}, "spacing=nan"),
        ({"duration": None}, "needs an end"),
        ({"duration": -3.0}, "duration=-3"),
        ({"until_grains": 2}, "the map has 2 grains"),
        ({"edges": "open"}, "periodic"),
    ],
)
def test_bad_requests_are_refused_in_one_line(change, message) -> None:  # type: ignore[no-untyped-def]
    request = {"grain_map": HALVES, "spacing": 1.0, "mobility": 1.0, "duration": 1.0, "is_reference": True} | change
    with pytest.raises((ParameterError, UnknownNameError), match=message):
        coarsen(request.pop("grain_map"), **request)


def test_energies_too_far_apart_are_refused_and_weak_ones_by_angle_flagged() -> None:
    table = np.ones((3, 3))
    table[0, 1] = table[1, 0] = 0.9 * MIN_CONTRAST
    with pytest.raises(ParameterError, match="further apart"):
        pair_energies(table, 3)
    near = Rotation.from_euler("z", [[0.0], [0.1], [30.0]], degrees=True)
    found = pair_energies(ReadShockley(0.6), 3, near)
    assert found.greatest == 0.6
    assert found.relative is not None
    assert found.relative[0].tolist() == [1, MIN_CONTRAST, 1]
    assert "1 pairs" in found.flags[0]


def test_a_time_in_which_nothing_can_move_is_flagged() -> None:
    found = coarsen(HALVES, spacing=1.0, mobility=1.0, duration=0.1, is_reference=True)
    assert "nothing moved" in found.flags[-1]
    assert found.times.tolist() == pytest.approx([0, 0.1])


def test_gaps_go_to_the_nearest_grain_and_numbers_are_kept() -> None:
    gapped = np.where(HALVES == 0, 5, 9)
    gapped[3:6, 2:5], gapped[10, 20] = -1, -7
    filled, names, flags = prepare_map(gapped)
    assert (filled == HALVES).all()
    assert names.tolist() == [5, 9]
    assert flags == ["10 sites had no grain: each was given to the nearest one"]


def test_small_grains_are_flagged() -> None:
    speckled = HALVES.copy()
    speckled[4, 4], speckled[9, 25] = 2, 3
    found = coarsen(np.kron(speckled, np.ones((2, 2), int)), spacing=1.0, mobility=1.0, duration=0.1, is_reference=True)
    assert "2 of 4 grains have fewer than 12 sites" in found.flags[0]


def test_squares_that_meet_at_corners_and_bricks_have_six_neighbours_in_the_mean() -> None:
    rows, columns = np.indices((32, 32)) // 8
    squares = (4 * rows + columns).astype(np.int32)
    assert count_neighbours(squares, 16, is_periodic=True).mean() == 6
    bricks = (4 * rows + (np.indices((32, 32))[1] + 4 * rows) // 8 % 4).astype(np.int32)
    assert count_neighbours(bricks, 16, is_periodic=True).tolist() == [6] * 16
    cubes = np.arange(64, dtype=np.int32).reshape(4, 4, 4).repeat(8, 0).repeat(8, 1).repeat(8, 2)
    assert count_neighbours(cubes, 64, is_periodic=True).tolist() == [6] * 64


def test_the_two_kernels_give_each_boundary_its_slope_and_its_pull() -> None:
    table = np.array([[1.0, 0.5, 0.8], [0.5, 1.0, 1.0], [0.8, 1.0, 1.0]])
    step = step_numbers(4.0, pair_energies(table, 3))
    wide, narrow = (np.sqrt(2 * np.array([4.0, 2.0]) + WIDTH_VARIANCE) / np.sqrt(8.0)).tolist()
    p, q = step.wide_factors / wide, step.narrow_factors / narrow
    assert (p + q)[np.triu_indices(3, 1)] == pytest.approx(1, abs=1e-6)
    assert (p + 0.5 * q)[np.triu_indices(3, 1)] == pytest.approx([0.5, 0.8, 1.0], abs=1e-6)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(pack_arrays({"times": np.zeros(3)}, level=1))
    with pytest.raises(FormatError, match="lacks 'grain_maps'"):
        open_coarsening(path)
