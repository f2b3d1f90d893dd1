"""Tiny LAMMPS runs of bcc iron and hcp magnesium, and crystals that do not stay what they were stated to be."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.crystallography.lattices import IDEAL_AXIAL_RATIO, atomic_volume, build_crystal
from nakaya.md.campaigns.campaign import run_hash
from nakaya.md.growth import GrowthRun, half_melted_box
from nakaya.md.lammps.program import Log, read_log
from nakaya.md.lammps.workspace import FinishedRun
from nakaya.md.melting import MeltingRun
from nakaya.md.potentials import MATERIALS, Material, find_material
from nakaya.md.properties import PropertiesRun, bulk_crystal, quick_solid, stress_free_lattice
from nakaya.md.summary import properties_summary
from nakaya.md.tables import MaterialTable, tabulate
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import DRIVING_FORCE, Provenance, Record, single
from nakaya.records.store import check_record
from support.lammps import needs_lammps, skip_without_lammps

MAX_STRESS = 4000
"""Mean pressure, bar, of 200 atoms over 8 ps: 3 standard errors. One per cent in c/a is 10,000 bar."""


@pytest.fixture(scope="module", params=[("Fe", "110", 1350.0), ("Mg", "10-10", 830.0)], ids=["Fe", "Mg"])
def growth(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A small growth run, 14 x 14 x 100 A: too small and short for a velocity worth having."""
    skip_without_lammps()
    name, face, temperature = request.param
    folder = tmp_path_factory.mktemp(name)
    run = GrowthRun(
        MATERIALS[name], face, temperature, seed=1, width=13.0, length=100.0, equilibration_ps=4.0, duration_ps=11.0
    )
    return run.execute(folder, MaterialTable(name, MATERIALS[name].melting_point, math.nan)), folder


def test_iron_and_magnesium_grow(growth: tuple[Record, Path]) -> None:
    record, _ = growth
    check_record(record)
    assert record.quantities["growth_velocity"].value > 0  # 24 and 9 % below the melting point
    assert 0.1 < record.evidence["solid_fraction"].values[0] < 0.8
    assert not [flag for flag in record.flags if "looks" in flag or "crystal was left" in flag]
    assert record.provenance.settings["structure"] == MATERIALS[record.material].structure


def test_the_crystal_is_stress_free_along_every_axis(growth: tuple[Record, Path]) -> None:
    record, folder = growth
    log = read_log(folder / "lattice" / "log.lammps")
    assert abs(log.column("Press").mean()) < MAX_STRESS
    assert abs(log.column("Pzz").mean()) < MAX_STRESS
    edge = record.conditions["lattice_parameter"].value * 1e10
    if record.material == "Mg":
        assert record.conditions["axial_ratio"].value == pytest.approx(1.62, abs=0.02)
        assert edge == pytest.approx(3.24, abs=0.02)
        assert np.ptp(log.column("Lz") / log.column("Lx")) > 0  # c/a is free
        assert np.ptp(log.column("Ly") / log.column("Lx")) < 1e-6  # the basal plane stays hexagonal
    else:
        assert "axial_ratio" not in record.conditions
        assert edge == pytest.approx(2.90, abs=0.02)


@needs_lammps
def test_a_structure_that_a_potential_does_not_hold_is_named(tmp_path: Path) -> None:
    aluminium = find_material("Al", structure="bcc", lattice_parameter=3.25)
    found = quick_solid(tmp_path, aluminium, 300.0, cells=5)
    assert len(found.flags) == 1
    assert "bcc" in found.flags[0]


def finished(material: Material, positions: FloatArray, box: FloatArray) -> FinishedRun:
    """A run whose only frame has these atoms, and whose log has that box made a per cent longer along z."""
    frame = Frame(0, 0.0, positions, np.diag(box), np.full(len(positions), material.name))
    columns = dict(zip(("Lx", "Ly", "Lz"), np.outer(box * [1, 1, 1.01], [1, 1]), strict=True))
    log = Log(({**columns, "Volume": np.full(2, np.prod(box) * 1.01)},))
    return cast(FinishedRun, SimpleNamespace(material=material, log=log, frames=lambda: [frame]))


def test_the_lattice_of_hcp_is_read_from_both_sides_of_its_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    magnesium = replace(MATERIALS["Mg"], axial_ratio=1.6)
    monkeypatch.setattr("nakaya.md.properties.potential_file", lambda _: (Path("p"), ""))
    monkeypatch.setattr(
        "nakaya.md.properties.simulate", lambda _, material, positions, box, script: finished(material, positions, box)
    )
    found = quick_solid(tmp_path, magnesium, 700.0)
    assert found.a == pytest.approx(magnesium.lattice_parameter)
    assert found.axial_ratio == pytest.approx(1.6 * 1.01)
    positions, box = bulk_crystal(magnesium, 4)
    assert found.atomic_volume == pytest.approx(np.prod(box) / len(positions) * 1.01)
    assert found.flags == ()


@pytest.mark.parametrize(("stated", "seen"), [("bcc", "fcc"), ("hcp", "fcc"), ("fcc", "bcc")])
def test_bulk_crystals_are_held_against_the_stated_structure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str, seen: str
) -> None:
    stated_material = find_material("Fe", structure=stated, lattice_parameter=3.0)
    other = build_crystal(seen, "100", 3.0, (4, 4, 4))
    monkeypatch.setattr("nakaya.md.properties.potential_file", lambda _: (Path("p"), ""))
    monkeypatch.setattr(
        "nakaya.md.properties.simulate", lambda _, material, positions, box, script: finished(material, *other)
    )
    (flag,) = quick_solid(tmp_path, stated_material, 700.0).flags
    assert f"looks {seen}, but was counted as {stated}" in flag


def test_a_bulk_crystal_that_melted_names_its_structure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    positions, box = build_crystal("hcp", "0001", 3.2, (6, 4, 4))
    positions = positions + np.random.default_rng(0).normal(0, 1.2, positions.shape)
    monkeypatch.setattr("nakaya.md.properties.potential_file", lambda _: (Path("p"), ""))
    monkeypatch.setattr("nakaya.md.properties.simulate", lambda _, material, *rest: finished(material, positions, box))
    (flag,) = quick_solid(tmp_path, MATERIALS["Mg"], 700.0).flags
    assert "the hcp crystal ended with" in flag


def test_a_table_with_c_over_a_needs_no_run(tmp_path: Path) -> None:
    table = MaterialTable(
        "Mg", 914.0, 1.0, lattice_parameter=lambda _: 3.25e-10, axial_ratio=lambda kelvin: 1.62 + kelvin * 1e-5
    )
    found = stress_free_lattice(tmp_path, MATERIALS["Mg"], 500.0, table)
    assert (found.a, found.axial_ratio) == pytest.approx((3.25, 1.625))
    cubic = stress_free_lattice(tmp_path, MATERIALS["Fe"], 500.0, replace(table, material="Fe"))
    assert cubic.axial_ratio is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("face", ["0001", "10-10", "11-20"])
def test_the_half_melted_box_of_hcp_has_its_c_over_a(face: str) -> None:
    positions, box, num_solid = half_melted_box(
        MATERIALS["Mg"], face, 3.2, width=16.0, length=150.0, solid_fraction=0.4, axial_ratio=1.6
    )
    solid_height = (
        box[2] * num_solid / (num_solid + (len(positions) - num_solid) * MATERIALS["Mg"].expansion_on_melting)
    )
    assert num_solid * atomic_volume("hcp", 3.2, axial_ratio=1.6) == pytest.approx(box[0] * box[1] * solid_height)
    assert box[2] >= 150


def test_boxes_of_bulk_hcp_are_nearly_cubes() -> None:
    for cells in (4, 5, 10):
        _, box = bulk_crystal(MATERIALS["Mg"], cells)
        assert box.max() / box.min() < 1.25
    _, cube = bulk_crystal(MATERIALS["Al"], 5)
    assert cube == pytest.approx(np.full(3, 5 * MATERIALS["Al"].lattice_parameter))


def test_equivalent_faces_are_one_run() -> None:
    ids = {GrowthRun(MATERIALS["Mg"], face, 800.0).id for face in ("10-10", "0 1 -1 0", "(1 0 -1 0)")}
    assert ids == {"growth-Mg-10-10-800K-s0"}
    assert MeltingRun(MATERIALS["Fe"], "1 -1 2").id == "melting-Fe-211-200A-s0"
    with pytest.raises(ParameterError, match="0001, 10-10, 11-20"):
        MeltingRun(MATERIALS["Mg"])


@needs_lammps
def test_c_over_a_is_part_of_what_a_run_is() -> None:
    run = PropertiesRun(MATERIALS["Mg"], 800.0)
    other = replace(run, material=replace(run.material, axial_ratio=IDEAL_AXIAL_RATIO))
    assert run_hash(run) != run_hash(other)


def test_properties_of_hcp_are_tabulated() -> None:
    record = Record(
        id="p", kind="md", material="Mg", provenance=Provenance("made up"),
        conditions={"temperature": single(800.0, "K"), DRIVING_FORCE: single(math.nan, "1")},
        quantities={"axial_ratio": single(1.62, "1", uncertainty=0.001)},
    )  # fmt: skip
    known = tabulate("Mg", [record]).axial_ratio
    assert known is not None
    assert known(800.0) == pytest.approx(1.62)
    assert tabulate("Mg", []).axial_ratio is None
    assert properties_summary([record])[0]["axial_ratio"] == 1.62


def test_rock_salt_is_refused_with_what_is_missing() -> None:
    with pytest.raises(ParameterError, match=r"two.*charges"):
        find_material(
            "Na", pair_style="eam", potential="p", structure="rocksalt", lattice_parameter=5.6, melting_point=1074.0
        )
    with pytest.raises(ParameterError, match="only hcp"):
        find_material("Al", axial_ratio=1.6)
