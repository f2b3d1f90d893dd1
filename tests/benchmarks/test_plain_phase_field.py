"""The plain scheme of PFHub's dendrite comes to where the solver's tip is."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from benchmarks.__main__ import app

NEAR = 0.02
"""Relative: both grids are coarse, and the tip has moved by a few sites."""


def test_two_schemes_that_share_no_line_agree() -> None:
    words = ["plain-phase-field", "--spacings", "1,0.8", "--until", "20", "--box", "40", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    plain = next(row for row in json.loads(result.stdout)["rows"] if "extrapolated" in row["scheme"])
    own = json.loads(result.stdout)["rows"][-1]
    for one, other in zip(plain["tips"], own["tips"], strict=True):
        assert abs(one / other - 1) < NEAR
    assert own["tips"][-1] > 17  # it has grown to twice its radius
