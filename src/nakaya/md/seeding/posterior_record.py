"""The posterior of gamma(T) as a record, and back: draws along an axis of their own, and rates against temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.bulk import Bulk
from nakaya.md.seeding.interfacial_energy import InterfacialEnergy, LogRates
from nakaya.md.stated_potentials import INGESTED, common_potential
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record, single
from nakaya.records.store import hash_records

__all__ = ["OFFSET", "POSTERIOR", "posterior_from_record", "posterior_record"]

POSTERIOR: Final = "interfacial-energy-"
"""Before the material in the id of a posterior's record."""

OFFSET: Final = "size_offset_"
"""Before the name of a detector: its delta, in ln n*."""

_NAMES: Final = {
    "energy": ("interfacial_energy", "J/m^2"),
    "slope": ("interfacial_energy_slope", "1"),
    "driving": ("driving_force_deviation", "1"),
    "attachment": ("log_attachment_prefactor", "1"),
    "discrepancy": ("size_discrepancy", "1"),
}
"""Attribute of `InterfacialEnergy` -> quantity and unit."""


DIGITS: Final = 6

_SEEN: Final = ("lowest_temperature", "highest_temperature")


def posterior_record(
    posterior: InterfacialEnergy, rates: LogRates, sources: Sequence[Record], *, seed: int, command: str = ""
) -> Record:
    """Return the record "interfacial-energy-<material>".

    Args:
        posterior: What was found.
        rates: ln J that it predicts, at rising temperatures.
        sources: Records that it was found from, all of one potential.
        seed: Of all draws.
        command: That makes it again.
    """
    draws = Axis("draw", "1", np.arange(len(posterior.energy), dtype=np.float64))
    quantities = {
        name: Quantity(_short(getattr(posterior, attribute)), unit, axis=draws)
        for attribute, (name, unit) in _NAMES.items()
    }
    for detector, offsets in posterior.offsets.items():
        quantities[OFFSET + detector] = Quantity(_short(offsets), "1", axis=draws)
    if len(rates.temperatures):
        axis = Axis("temperature", "K", rates.temperatures)
        for name in ("median", "low", "high", "statistical", "detector", "discrepancy"):
            quantities[f"log_rate_{name}"] = Quantity(getattr(rates, name), "1", axis=axis)
    quantities["reference_temperature"] = single(posterior.reference_temperature, "K")
    quantities["effective_draws"] = single(posterior.effective_draws, "1")
    for name, kelvin in zip(_SEEN, posterior.seen, strict=True):
        quantities[name] = single(kelvin, "K")
    potential = common_potential(posterior.bulk.material, sources)
    return Record(
        id=POSTERIOR + posterior.bulk.material,
        kind="md",
        material=posterior.bulk.material,
        conditions={"pressure": single(0.0, "Pa"), DRIVING_FORCE: single(math.nan, "1")},
        quantities=quantities,
        provenance=Provenance(
            source="posterior of the interfacial energy, from seeding and quenches",
            files={} if potential is None else {INGESTED: potential.sha256},
            seeds=(seed,),
            commands=(command,) if command else (),
            settings={
                "num_records": str(len(sources)),
                "records_sha256": hash_records(sources),
                "log_rate": "natural logarithm of J in 1/(m^3 s), its 90 % interval, standard deviations by cause",
            },
        ),
    )


def _short(draws: FloatArray) -> FloatArray:
    """Draws to `DIGITS` significant digits: a file says no more than they know."""
    return np.array([float(f"{draw:.{DIGITS}g}") for draw in draws])


def posterior_from_record(record: Record, bulk: Bulk) -> InterfacialEnergy:
    """The posterior that `posterior_record` wrote.

    Args:
        record: As written.
        bulk: Of the same material: `bulk_of` of the records that it was found from.

    Raises:
        ParameterError: It is another kind of record, or of another material.
    """
    names = {name for name, _ in _NAMES.values()} | {"reference_temperature", "effective_draws", *_SEEN}
    if missing := sorted(names - set(record.quantities)):
        raise ParameterError(
            f"record {record.id} is no posterior of an interfacial energy: it lacks {', '.join(missing)}"
        )
    if record.material != bulk.material:
        raise ParameterError(f"record {record.id} is of {record.material}, the bulk properties are of {bulk.material}")
    parameters: dict[str, FloatArray] = {
        attribute: record.quantities[name].values for attribute, (name, _) in _NAMES.items()
    }
    return InterfacialEnergy(
        bulk=bulk,
        reference_temperature=record.quantities["reference_temperature"].value,
        offsets={
            name.removeprefix(OFFSET): entry.values
            for name, entry in record.quantities.items()
            if name.startswith(OFFSET)
        },
        effective_draws=record.quantities["effective_draws"].value,
        seen=(record.quantities[_SEEN[0]].value, record.quantities[_SEEN[1]].value),
        **parameters,
    )
