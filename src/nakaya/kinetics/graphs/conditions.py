"""What holds for the whole graph: conditions of the record, and properties of the material at its temperature.

Results never come in here. The properties are those of the material in bulk (T_m, L, D, a), measured apart from any
growth run; every baseline gets them too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.crystallography.elements import ATOMIC_NUMBERS
from nakaya.crystallography.lattices import ATOMS_PER_CELL
from nakaya.crystallography.miller import is_four_index, orientation_invariants
from nakaya.md.order.bond_order import CLASSIFIERS
from nakaya.md.potentials import MASSES, MATERIALS
from nakaya.md.tables import AVOGADRO, BOLTZMANN_SI, MaterialTable
from nakaya.records.record import DRIVING_FORCE, Quantity, Record

__all__ = ["GLOBALS", "TARGETS", "check_no_target", "crystal_structure", "global_values"]

TARGETS: Final = frozenset(
    {
        "growth_velocity",
        "growth_velocity_averaged_rule",
        "growth_rate",
        "kinetic_coefficient",
        "nucleation_rate",
        "nucleation_density",
        "nucleation_density_per_area",
        "characteristic_length",
        "induction_time",
        "waiting_time",
    }
)
"""What models predict: refused among the conditions and the evidence of a record."""

_CONDITIONS = (
    "temperature",
    DRIVING_FORCE,
    "pressure",
    "shear_rate",
    "electric_field",
    "cooling_rate",
    "supersaturation",
    "concentration",
    "stirring_rate",
)
GLOBALS: Final = (
    *_CONDITIONS,
    "orientation_quartic",
    "orientation_sextic",
    "mean_atomic_number",
    "mean_atomic_mass",
    "coordination_number",
    "melting_temperature",
    "homologous_temperature",
    "latent_heat",
    "entropy_of_fusion",
    "diffusivity",
    "log10_diffusivity",
    "lattice_parameter",
)
"""Names of the globals, SI units; docs/graphs.md says what each one is."""

_SHELL = {"fcc": 12.0, "bcc": 8.0, "diamond": 4.0}


def check_no_target(record: Record) -> None:
    """Refuse a record whose conditions or evidence hold what is to be predicted.

    Raises:
        ParameterError: Which name, and where.
    """
    for place, entries in (("conditions", record.conditions), ("evidence", record.evidence)):
        if found := sorted(TARGETS & set(entries)):
            raise ParameterError(
                f"record {record.id} has {', '.join(found)} among its {place}: what is to be predicted must not be a "
                "feature; file it under quantities"
            )


def crystal_structure(record: Record) -> str | None:
    """Structure of the crystal: as the record's settings say, or that of a known material; None = not known."""
    stated = record.provenance.settings.get("structure")
    if stated not in CLASSIFIERS:
        stated = MATERIALS[record.material].structure if record.material in MATERIALS else None
    return stated if stated in ATOMS_PER_CELL else None  # graphs know cubic cells only


def global_values(record: Record, *, time: float, table: MaterialTable | None) -> FloatArray:
    """The globals of a record at one time, float64 [global], in the order of `GLOBALS`; NaN = not known.

    Args:
        record: Only its conditions, composition, orientation and material are read.
        time: s; conditions that are series are interpolated there, and held beyond their ends.
        table: Properties of the material; None = not known.
    """
    found: dict[str, float] = {
        name: _at(record.conditions[name], time) for name in _CONDITIONS if name in record.conditions
    }
    if record.orientation is not None and not is_four_index(record.orientation):
        found["orientation_quartic"], found["orientation_sextic"] = orientation_invariants(record.orientation)
    found["mean_atomic_number"] = _mean(record.composition, ATOMIC_NUMBERS)
    found["mean_atomic_mass"] = _mean(record.composition, MASSES)
    structure = crystal_structure(record)
    if structure is not None:
        found["coordination_number"] = _SHELL[structure]
    if table is not None:
        found |= _properties(table, found.get("temperature", math.nan))
    return np.array([found.get(name, math.nan) for name in GLOBALS])


def _at(condition: Quantity, time: float) -> float:
    if condition.axis is None:
        return condition.value
    known = np.isfinite(condition.values)
    if condition.times is None or not known.any():
        return math.nan
    return float(np.interp(time, condition.times[known], condition.values[known]))


def _mean(composition: Mapping[str, float], table: Mapping[str, float]) -> float:
    if any(symbol not in table for symbol in composition):
        return math.nan
    return sum(share * table[symbol] for symbol, share in composition.items())


def _properties(table: MaterialTable, temperature: float) -> dict[str, float]:
    melting, heat = table.melting_temperature, table.at("latent_heat", temperature)
    diffusivity = table.at("diffusivity", temperature)
    return {
        "melting_temperature": melting,
        "homologous_temperature": temperature / melting,
        "latent_heat": heat,
        "entropy_of_fusion": heat / (AVOGADRO * BOLTZMANN_SI * melting),
        "diffusivity": diffusivity,
        "log10_diffusivity": math.log10(diffusivity) if diffusivity > 0 else math.nan,
        "lattice_parameter": table.at("lattice_parameter", temperature),
    }
