"""What is stated about materials is what runs of theirs measured."""

from __future__ import annotations

import pytest

from nakaya.md.ingest import known_records
from nakaya.md.potentials import MATERIALS
from nakaya.md.tables import tabulate
from nakaya.records.record import Record

NEAR_MELTING = 0.05  # of T_m: as far apart as records lie
LATTICE = 0.005  # of a(T_m): thermal expansion over that distance is a fifth of it
MELTING = 0.015  # of T_m: a first guess is measured anew in every campaign
EXPANSION = 0.02  # of the volume: expansions of melt and crystal differ by a fifth of it over that distance


def nearest_bulk(records: list[Record], material: str, temperature: float) -> Record:
    bulk = [
        record for record in records if record.material == material and "liquid_volume_per_atom" in record.quantities
    ]
    return min(bulk, key=lambda record: abs(record.conditions["temperature"].value - temperature))


@pytest.mark.parametrize("material", ["Al", "Cu", "Si"])
def test_first_guesses_agree_with_records(material: str) -> None:
    records = list(known_records())
    stated, melting = MATERIALS[material], tabulate(material, records).melting_temperature
    assert stated.melting_point == pytest.approx(melting, rel=MELTING)
    record = nearest_bulk(records, material, melting)
    assert record.conditions["temperature"].value == pytest.approx(melting, rel=NEAR_MELTING)
    measured = record.quantities
    assert stated.lattice_parameter * 1e-10 == pytest.approx(measured["lattice_parameter"].value, rel=LATTICE)
    expansion = measured["liquid_volume_per_atom"].value / measured["solid_volume_per_atom"].value
    assert stated.expansion_on_melting == pytest.approx(expansion, abs=EXPANSION)
