"""The study of dendrites' tips, on coarse grids."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import run
from benchmarks.phase_field import tip_errors
from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.phase_field.parameters import PhaseField


def test_errors_fall_with_the_spacing_and_the_grid_turns_no_crystal() -> None:
    rows = tip_errors([1.2, 0.8, 1.0], PhaseField())
    assert [row["spacing"] for row in rows] == [0.8, 1.0, 1.2] * 2
    for orientation in (0, 45):
        errors = [abs(row["time_error"]) for row in rows if row["orientation"] == orientation]
        assert errors == sorted(errors)
        assert errors[0] < 0.02
    along, across = (row["time"] for row in rows if row["spacing"] == 0.8)
    assert across == pytest.approx(along, rel=0.005)


def test_requests_that_cannot_be_measured_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParameterError, match="fewer than two"):
        tip_errors([0.8], PhaseField())
    assert run(["phase-field", "--spacings", "fine"]) == 2
    assert "--spacings 'fine' is not a list of numbers" in capsys.readouterr().err
