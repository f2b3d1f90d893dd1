"""Another program's dendrite, where that program is installed, comes to where the solver's tip is."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app

NEAR = 0.02
"""Relative: all grids are coarse, and the tip has moved by a few sites."""


def study() -> tuple[list[dict[str, Any]], Any]:
    words = ["phase-field-peers", "--spacings", "0.8,1", "--peer-spacings", "0.4,0.6", "--until", "30", "--box", "32"]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    return answer["rows"], answer["equal_error"]


@pytest.mark.skipif(find_spec("pystencils") is not None, reason="is about where Pystencils is missing")
def test_without_the_peer_the_solver_stands_alone() -> None:
    rows, best = study()
    assert {row["program"] for row in rows} == {"nakaya", "nakaya, all sites"}
    assert best is None
    (limit,) = (row["tip"] for row in rows if row["spacing"] == 0)
    for row in rows:
        assert row["errors"] == [row["tip"] - limit]
    coarse = next(row for row in rows if row["program"] == "nakaya, all sites")
    resting = next(row for row in rows if row["program"] == "nakaya" and row["spacing"] == coarse["spacing"])
    assert coarse["tip"] == pytest.approx(resting["tip"], abs=0.01)  # W0, where heat is not followed


def test_two_programs_that_share_no_line_agree() -> None:
    pytest.importorskip("pystencils", reason="the peer")
    rows, _ = study()
    own, peer = (row["tip"] for row in rows if row["spacing"] == 0)
    assert abs(peer / own - 1) < NEAR
    assert own > 11  # from 8.3 W0


def test_a_single_spacing_is_refused() -> None:
    result = CliRunner().invoke(app, ["phase-field-peers", "--spacings", "0.8"])
    assert result.exit_code != 0
    assert "two numbers" in str(result.exception)
