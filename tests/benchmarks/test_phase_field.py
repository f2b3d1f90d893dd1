"""The study of dendrites' tips, on coarse grids."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import run
from benchmarks.phase_field import convergence_order, equilibrium_shape, steady_tip, tip_errors
from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.phase_field.parameters import PhaseField

TURNED = 0.01
"""Of the time a tip takes: at 0.8 W0 it is early by .4 % along rows and late by .3 % along the diagonal."""


def test_errors_fall_with_the_spacing_and_the_grid_turns_no_crystal() -> None:
    rows = tip_errors([1.2, 0.8, 1.0], PhaseField())
    assert [row["spacing"] for row in rows] == [0.8, 1.0, 1.2] * 2
    for orientation in (0, 45):
        errors = [abs(row["time_error"]) for row in rows if row["orientation"] == orientation]
        assert errors == sorted(errors)
        assert errors[0] < 0.02
    along, across = (row["time"] for row in rows if row["spacing"] == 0.8)
    assert across == pytest.approx(along, rel=TURNED)


def test_requests_that_cannot_be_measured_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParameterError, match="fewer than two"):
        tip_errors([0.8], PhaseField())
    assert run(["phase-field", "--spacings", "fine"]) == 2
    assert "--spacings 'fine' is not a list of numbers" in capsys.readouterr().err


def test_a_crystal_in_equilibrium_has_the_shape_of_wulff() -> None:
    """Within a thousandth of its radius, where the anisotropy makes a tenth."""
    shape = equilibrium_shape()
    assert shape["spread_of_u"] < 1e-5
    assert shape["axis"] == pytest.approx(1, abs=2e-3)
    assert shape["diagonal"] == pytest.approx(1, abs=2e-3)


def test_a_steady_tip_has_the_velocity_of_solvability_theory() -> None:
    """On one coarse grid within 3 %, and drifting by less than 1 % in D / V^2."""
    row = steady_tip(0.55, 0.1385, 0.8, 0.0)
    assert abs(row["drift"]) < 0.01
    assert row["velocity"] == pytest.approx(row["published"], rel=0.03)


def test_what_lacks_to_solvability_at_a_greater_undercooling_is_the_width_of_the_interface() -> None:
    """The published d0 / W0 of .554 is 4 % slow on any grid; one 1.4 times thinner is within 3 %."""
    published, thinner = (steady_tip(0.65, 0.554, 0.8, 0.0, factor) for factor in (1.0, 1.4))
    assert abs(thinner["drift"]) < 0.01
    assert published["velocity"] < thinner["velocity"]
    assert thinner["velocity"] == pytest.approx(thinner["published"], rel=0.03)


@pytest.mark.parametrize("order", [1.0, 2.0, 4.0])
def test_a_power_of_the_spacing_is_found(order: float) -> None:
    spacings = [0.4, 0.8, 1.2]
    assert convergence_order(spacings, [2 - h**order for h in spacings]) == pytest.approx(order)
