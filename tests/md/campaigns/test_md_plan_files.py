"""Plans that are written are read as the runs that they were made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakaya.core.errors import FormatError, MissingExtraError
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.campaigns.plan_files import plan_text
from nakaya.md.growth import GrowthRun
from nakaya.md.potentials import MATERIALS, find_material

NICKEL = {"pair_style": "eam/alloy", "structure": "fcc", "lattice_parameter": 3.6, "melting_point": 1700.0}
RUNS = [
    GrowthRun(MATERIALS["Cu"], "111", 1009.37, 3, 20.0, 240.0, 0.6, 3.0, 22.5),
    GrowthRun(MATERIALS["Si"], "100", 1300.0, shear_rate=2e10),
    GrowthRun(find_material("Ni", potential='a folder/N"i\\é😀.eam', **NICKEL), "110", 1500.0, 1),
    GrowthRun(find_material("Cu", potential="Cu_u3.eam", pair_style="eam"), "100", 1009.0, 3),
]


def test_a_plan_gives_the_runs_that_it_was_made_from(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(plan_text(RUNS), encoding="utf-8")
    # Seed by seed, each seed in the order of the sections.
    assert read_plan(tmp_path / "plan.toml") == [RUNS[1], RUNS[2], RUNS[0], RUNS[3]]
    assert read_plan(tmp_path / "plan.toml") != RUNS


def test_another_version_of_a_potential_is_refused_where_its_hash_is_stated(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(plan_text(RUNS[1:2], {"Si": "0" * 64, "Cu": "1" * 64}))
    with pytest.raises((FormatError, MissingExtraError), match="expected 0000|nakaya\\[md\\]"):
        read_plan(tmp_path / "plan.toml")
