"""Which potential a record was made with."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.md.potentials import MATERIALS
from nakaya.md.stated_potentials import StatedPotential, common_potential, stated_potential
from nakaya.records.record import DRIVING_FORCE, Kind, Provenance, Quantity, Record
from nakaya.records.store import load_records

A, B, C = "a" * 64, "b" * 64, "c" * 64


def record(files: dict[str, str], material: str = "Cu", kind: Kind = "md") -> Record:
    driving = {DRIVING_FORCE: Quantity(np.array(0.1), "1")}
    return Record("r", kind, material, driving, {}, Provenance("test", files=files))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Cu.eam": A, "growth/in.lammps": B}, StatedPotential("Cu.eam", A)),
        ({"Cu.eam": A, "solid/in.lammps": B, "liquid/in.lammps": C}, StatedPotential("Cu.eam", A)),
        ({"dump.gz": A, "potential": B}, StatedPotential("potential", B)),
        ({"dump.gz": A}, None),
        ({"in.lammps": A}, None),
        ({"a": A, "b": B}, None),
        ({}, None),
    ],
)
def test_the_potential_is_told_from_scripts_and_trajectories(
    files: dict[str, str], expected: StatedPotential | None
) -> None:
    assert stated_potential(record(files)) == expected


def test_other_kinds_of_records_have_none() -> None:
    assert stated_potential(record({"Cu.eam": A, "in.lammps": B}, kind="reactor")) is None


def test_the_potential_of_most_records_counts() -> None:
    ours, other = {"x.eam": A, "in.lammps": B}, {"y.eam": C, "in.lammps": B}
    records = [record(other), record(ours), record(ours), record(other, "Al"), record(other, "Al"), record({})]
    assert common_potential("Cu", records) == StatedPotential("x.eam", A)
    assert common_potential("Al", records) == StatedPotential("y.eam", C)
    assert common_potential("Si", records) is None


def test_shipped_records_state_the_known_potentials() -> None:
    records = load_records("al-cu-si")
    for material in ("Al", "Cu", "Si"):
        found = common_potential(material, records)
        assert found is not None
        assert found.file == MATERIALS[material].potential
        assert {stated_potential(entry) for entry in records if entry.material == material} == {found}
