"""Runs that can be suggested: under which conditions, set up like which run of the records, at what cost.

A run at new conditions is set up as those of its material's records: times and solid fraction as of the nearest
temperature on the same side of the melting point, box as of the same orientation, where there are such. Its cost is
atoms x (equilibration + duration).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nakaya.core.errors import ParameterError
from nakaya.crystallography.miller import plane_family
from nakaya.kinetics.graphs.conditions import crystal_structure
from nakaya.md.growth import GrowthRun
from nakaya.md.potentials import MATERIALS, Material, find_material
from nakaya.md.stated_potentials import stated_potential
from nakaya.md.tables import MaterialTable
from nakaya.records.record import Record, fields_of

__all__ = [
    "Condition",
    "Setup",
    "condition_of",
    "nearest_setup",
    "planned_material",
    "setup_of",
]

ANGSTROM: Final = 1e-10


@dataclass(frozen=True, order=True)
class Condition:
    """What one run differs in from another, but for its seed.

    Attributes:
        material: Name.
        orientation: Miller indices of the growth direction, one name for each family.
        temperature: K.
    """

    material: str
    orientation: str
    temperature: float

    def __str__(self) -> str:
        return f"{self.material}-{self.orientation}-{self.temperature:g}K"


@dataclass(frozen=True)
class Setup:
    """How a run was made, as its record states it.

    Attributes:
        condition: At which conditions.
        num_atoms: In the box.
        area: Of one interface, m^2.
        duration_ps: After the equilibration.
        equilibration_ps: Before it.
        width: Of the interface, A, as asked for.
        length: Of the box, A, as asked for.
        solid_fraction: At the start.
    """

    condition: Condition
    num_atoms: float
    area: float
    duration_ps: float
    equilibration_ps: float
    width: float
    length: float
    solid_fraction: float

    @property
    def cost(self) -> float:
        """Atoms x picoseconds."""
        return self.num_atoms * (self.equilibration_ps + self.duration_ps)

    def run(self, material: Material, condition: Condition, seed: int) -> GrowthRun:
        """A run at other conditions, set up like this one.

        Raises:
            ParameterError: Outside the limits of runs.
        """
        return GrowthRun(
            material, condition.orientation, condition.temperature, seed, self.width, self.length, self.solid_fraction,
            self.equilibration_ps, self.duration_ps,
        )  # fmt: skip


def condition_of(record: Record) -> Condition:
    """Conditions of a growth run, whose orientation and temperature are stated.

    Raises:
        ParameterError: Its melt is sheared, or in a field: runs that are suggested are of melts at rest.
    """
    if fields := fields_of(record):
        raise ParameterError(
            f"record {record.id} has {', '.join(fields)} among its conditions: leave it out, for runs are suggested "
            "for melts at rest"
        )
    return Condition(record.material, plane_family(record.orientation or ""), record.conditions["temperature"].value)


def setup_of(record: Record) -> Setup | None:
    """How a growth run was set up; None = the record does not state it, as those of ingested trajectories."""
    names = ("duration_ps", "equilibration_ps", "width_A", "length_A", "initial_solid_fraction")
    try:
        stated = [float(record.provenance.settings[name]) for name in names]
    except (KeyError, ValueError):
        return None
    found = [record.constant("num_atoms") or math.nan, record.constant("front_area") or math.nan, *stated]
    if not all(0 < value < math.inf for value in found):
        return None
    return Setup(condition_of(record), *found)


def nearest_setup(condition: Condition, setups: Iterable[Setup], table: MaterialTable) -> Setup:
    """How a run at these conditions is set up; its `condition` is that of the run whose times it takes.

    Raises:
        ParameterError: No record of the material states how its run was set up.
    """
    own = [setup for setup in setups if setup.condition.material == condition.material]
    if not own:
        raise ParameterError(
            f"no record of {condition.material} states box and duration of its run, as those of nakaya md grow and of "
            "campaigns do: what another run costs is not known"
        )
    melts = condition.temperature > table.melting_temperature

    def apart(setup: Setup) -> tuple[bool, float]:
        there = setup.condition.temperature
        return (there > table.melting_temperature) != melts, abs(there - condition.temperature)

    def turned(setup: Setup) -> bool:
        return setup.condition.orientation != condition.orientation

    times = min(own, key=lambda setup: (*apart(setup), turned(setup)))
    box = min(own, key=lambda setup: (turned(setup), *apart(setup)))
    return replace(times, num_atoms=box.num_atoms, area=box.area)


def planned_material(name: str, records: Sequence[Record], table: MaterialTable) -> tuple[Material, str | None]:
    """The material of growth runs as a plan states it, and the sha256 of its potential's file where that is not ours.

    Args:
        name: Of the material.
        records: Its growth runs, at least one.
        table: Tells the melting point.

    Raises:
        ParameterError: The records were made with several potentials, or do not say with which.
    """
    stated = {potential for record in records if (potential := stated_potential(record)) is not None}
    if len({potential.sha256 for potential in stated}) > 1:
        raise ParameterError(
            f"records of {name} were made with several potentials, {' and '.join(sorted(map(str, stated)))}: keep "
            "those of one in a set"
        )
    potential = next(iter(stated), None)
    known = MATERIALS.get(name)
    if known is not None and (potential is None or potential.file == known.potential):
        return known, None
    first = max(records, key=lambda record: record.conditions["temperature"].value)
    pair_style, structure = first.provenance.settings.get("pair_style"), crystal_structure(first)
    edge = first.constant("lattice_parameter")
    if potential is None or pair_style is None or structure is None or edge is None:
        raise ParameterError(
            f"records of {name} do not state potential, pair style, structure and lattice parameter of their runs, as "
            "those of nakaya md grow and of campaigns do: no run can be planned"
        )
    material = find_material(
        name, pair_style=pair_style, potential=potential.file, structure=structure,
        lattice_parameter=round(edge / ANGSTROM, 4), melting_point=round(table.melting_temperature, 1),
    )  # fmt: skip
    return material, potential.sha256
