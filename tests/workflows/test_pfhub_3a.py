"""PFHub's dendrite: its own numbers at the start, files of its form, and what is extrapolated."""

from __future__ import annotations

from math import atanh, pi, sqrt

import numpy as np
import pytest

from nakaya.workflows.pfhub.parts import Computed
from nakaya.workflows.pfhub.problem_3a import SERIES, SIZES, compute, extrapolated, parts, point_of

SHORT = 2.0
"""tau0."""

ENERGY = 1e-5
"""Of the whole: half of the seed's surface energy."""


@pytest.fixture(scope="module")
def short() -> Computed:
    return compute(SIZES[0], end=SHORT)


def test_the_parameters_are_those_of_the_problem() -> None:
    for size in SIZES:
        point = point_of(size)
        assert point.coupling == pytest.approx(10 / 0.6267)
        assert point.diffusivity == pytest.approx(10)
        assert point.seed_width == pytest.approx(8)
        assert point.spacing * (size - 0.5) == pytest.approx(960)


def test_the_energy_begins_with_that_of_melt_and_seed(short: Computed) -> None:
    """f = -1/4 -+ 8/15 lambda U in pure phases, and 2 sqrt 2 / 3 for a unit of the seed's surface."""
    well = 10 / 0.6267 * 0.3 * 8 / 15
    seed, edge = pi * 8**2 / 4, pi * 8 / 2
    expected = (960**2) * (well - 0.25) - 2 * well * seed + 2 * sqrt(2) / 3 * edge
    assert short.summary["first_free_energy"] == pytest.approx(expected, rel=ENERGY)
    assert short.summary["free_energy"] < short.summary["first_free_energy"]


def test_the_solid_fraction_begins_with_that_of_the_seed(short: Computed) -> None:
    """A quarter of a disk, and pi^3 / 24 W0^2 for its smeared edge."""
    series = short.files["solid_fraction.csv"].decode().splitlines()
    first, last = (float(line.split(",")[1]) for line in (series[1], series[-1]))
    assert first * 960**2 == pytest.approx(pi * 8**2 / 4 + pi**3 / 24, rel=0.01)
    assert last == pytest.approx(short.summary["solid_fraction"])
    assert last > first


def test_both_tips_are_told(short: Computed) -> None:
    """phi = .5 lies sqrt 2 artanh .5 within phi = 0 at first, and a little more at the tip, where a = 1.05."""
    rows = [np.loadtxt(short.files[f"{name}.csv"].decode().splitlines(), delimiter=",", skiprows=1) for name in SERIES]
    assert rows[0][0, 1] == pytest.approx(8, abs=1e-6)
    assert rows[0][0, 1] - rows[1][0, 1] == pytest.approx(sqrt(2) * atanh(0.5), abs=1e-5)
    assert rows[0][-1, 0] == SHORT
    assert (rows[0][-1, 1] > 8) & (rows[0][-1, 1] - rows[1][-1, 1] > 0.77)


def test_the_contour_runs_from_axis_to_axis(short: Computed) -> None:
    contour = np.loadtxt(short.files["phase_field_1500.csv"].decode().splitlines(), delimiter=",", skiprows=1)
    ends = sorted([contour[0].tolist(), contour[-1].tolist()])
    assert ends[0] == pytest.approx([0, short.summary["tip_position"]], abs=1e-3)
    assert ends[1] == pytest.approx([short.summary["tip_position"], 0], abs=1e-3)
    assert np.hypot(*np.diff(contour, axis=0).T).max() < 1.5 * short.summary["dx"]


def test_errors_of_second_order_are_extrapolated_away() -> None:
    runs = [{"dx": dx, **dict.fromkeys(SERIES, 3 + dx**2)} for dx in (1.0, 0.7)]
    assert extrapolated(*runs)["tip_position"] == pytest.approx(3)


def test_rows_are_the_grids_and_their_limit() -> None:
    (part,) = parts(0)
    runs = [
        {"dx": dx, "first_free_energy": 10.0, "cpu_seconds": 5.0, **dict.fromkeys(SERIES, 3 + dx**2)}
        for dx in (1.2, 1.0, 0.8)
    ]
    rows = part.rows(runs)
    assert [row["dx"] for row in rows] == [1.2, 1.0, 0.8, 0.0]
    assert rows[-1]["cpu_seconds"] == 15
    assert rows[-1]["free_energy_drop"] == pytest.approx(7)
