"""From records of seeding, quenches and bulk to critical sizes, gamma(T) and nucleation rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

import numpy as np

from nakaya.core.elements import suggested_element
from nakaya.core.errors import ParameterError, UnstatedError
from nakaya.md.nucleation import nucleation_rate, rate_conditions
from nakaya.md.seeding.attachment import AttachmentRate, UnseenAttachmentError, attachment_rate
from nakaya.md.seeding.bulk import Bulk, bulk_of
from nakaya.md.seeding.critical_size import CriticalSize, NotBracketedError, critical_size
from nakaya.md.seeding.held_out import HeldOut, leave_one_out, seeding_alone
from nakaya.md.seeding.interfacial_energy import Exposure, InterfacialEnergy, SeenSize, fit_interfacial_energy
from nakaya.md.seeding.nuclei import Detector, SeededNucleus, seeded_nuclei
from nakaya.md.seeding.rate import SeedingRate, seeding_rate, with_detector
from nakaya.md.stated_potentials import stated_potential
from nakaya.md.statistics import Estimate
from nakaya.records.record import Record
from nakaya.theory import zeldovich_factor

__all__ = ["NucleationAnalysis", "SeededTemperature", "analyse_nucleation", "exposures_of", "seeded_temperature"]

DETECTORS: Final[tuple[Detector, ...]] = get_args(Detector)
"""The first is the one whose rate is stated; the others say how far it depends on the detector."""


@dataclass(frozen=True)
class SeededTemperature:
    """What the nuclei of one temperature tell, by one detector; None where they do not, with the reason.

    Attributes:
        temperature: K.
        detector: Of solid atoms.
        num_nuclei: Nuclei released.
        driving_force: delta-mu/kT.
        critical_size: n*.
        attachment: f+.
        rate: J and gamma.
        flags: What is odd, or why something is missing.
    """

    temperature: float
    detector: str
    num_nuclei: int
    driving_force: Estimate
    critical_size: CriticalSize | None
    attachment: AttachmentRate | None
    rate: SeedingRate | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class NucleationAnalysis:
    """All of one material.

    Attributes:
        bulk: Of crystal and melt.
        seeded: A row for each temperature and detector.
        exposures: Of quenches.
        posterior: gamma(T).
        held_out: Critical sizes and rates beside what other data say about them.
    """

    bulk: Bulk
    seeded: Sequence[SeededTemperature]
    exposures: Sequence[Exposure]
    posterior: InterfacialEnergy
    held_out: Sequence[HeldOut]


def seeded_temperature(
    nuclei: Sequence[SeededNucleus], detector: str, bulk: Bulk, *, rng: np.random.Generator
) -> SeededTemperature:
    """Critical size, attachment rate and rate of nuclei of one temperature.

    Args:
        nuclei: Of one material at one temperature.
        detector: By which their atoms were counted.
        bulk: Of the material.
        rng: Draws the bootstrap of f+.
    """
    temperature = nuclei[0].temperature
    drive = bulk.driving_force(temperature)
    size: CriticalSize | None = None
    attachment: AttachmentRate | None = None
    rate: SeedingRate | None = None
    flags: list[str] = []
    try:
        size = critical_size(nuclei)
        flags += size.flags
        zeldovich = float(zeldovich_factor(size.value, drive.value))
        attachment = attachment_rate(nuclei, size.value, zeldovich=zeldovich, rng=rng)
        rate = seeding_rate(
            temperature, size, drive, attachment, solid_volume=bulk.solid_volume(temperature),
            liquid_volume=bulk.liquid_volume(temperature),
        )  # fmt: skip
    except (NotBracketedError, UnseenAttachmentError) as error:
        flags.append(str(error))
    return SeededTemperature(temperature, detector, len(nuclei), drive, size, attachment, rate, tuple(flags))


def exposures_of(records: Sequence[Record], material: str) -> list[Exposure]:
    """What quenches of a material at rest saw at each temperature: crystals, and the volume and time that they had."""
    groups: dict[float, list[Record]] = {}
    for record in records:
        if record.material == material and "waiting_time" in record.quantities and record.status in ("ok", "censored"):
            _, temperature, shear_rate = rate_conditions(record)
            if shear_rate == 0:
                groups.setdefault(temperature, []).append(record)
    found = []
    for temperature, quenches in sorted(groups.items()):
        _, rate = nucleation_rate(quenches)
        volume = float(np.mean([record.conditions["volume"].value for record in quenches]))
        if rate.exposure > 0:
            found.append(Exposure(temperature, rate.counted, rate.exposure * volume))
    return found


def analyse_nucleation(
    records: Sequence[Record], *, known: Sequence[Record] = (), material: str | None = None, seed: int = 0
) -> NucleationAnalysis:
    """Analyse the seeding and the quenches of one material.

    Args:
        records: With seeding or quenches, and bulk properties and melting points unless `known` has them.
        known: Further records of bulk properties and melting points; their seeding and quenches do not count.
        material: Chemical symbol; may be None where there is only one.
        seed: Of all draws.

    Raises:
        ParameterError: Materials or potentials are several, something of the bulk is missing, or nothing can be fitted.
    """
    material = _material(records, material)
    everything = [record for record in [*records, *known] if record.material == material]
    _check_potentials(everything, material)
    bulk = bulk_of(everything, material)
    rng = np.random.default_rng(seed)
    seeded = []
    for detector in DETECTORS:
        nuclei = [nucleus for nucleus in seeded_nuclei(records, detector=detector) if nucleus.material == material]
        for temperature in sorted({nucleus.temperature for nucleus in nuclei}):
            bulk.check_undercooled(temperature)
            here = [nucleus for nucleus in nuclei if nucleus.temperature == temperature]
            seeded.append(seeded_temperature(here, detector, bulk, rng=rng))
    seeded = [_with_other_detectors(row, seeded) for row in seeded]
    exposures = exposures_of(records, material)
    seen = [_seen_size(row, row.critical_size) for row in seeded if row.critical_size is not None]
    if not seen and not exposures:
        reasons = "; ".join(flag for row in seeded for flag in row.flags)
        raise ParameterError(f"no critical size and no quench of {material} to fit: {reasons}")
    posterior = fit_interfacial_energy(seen, exposures, bulk, rng=rng)
    held_out: list[HeldOut] = []
    temperatures = {each.temperature for each in seen}
    if temperatures and (len(temperatures) > 1 or any(each.events for each in exposures)):
        held_out += leave_one_out(seen, exposures, bulk, rng=rng)
    if temperatures and exposures:
        held_out += seeding_alone(seen, exposures, bulk, rng=rng)
    return NucleationAnalysis(bulk, seeded, exposures, posterior, held_out)


def _material(records: Sequence[Record], material: str | None) -> str:
    known = {
        record.material
        for record in records
        if "waiting_time" in record.quantities or seeded_nuclei([record], detector=DETECTORS[0])
    }
    if material is None and len(known) == 1:
        return known.pop()
    if material is None or material not in known:
        has = f"has {', '.join(sorted(known))}" if known else "there are none at all"
        asked = "which material is not said"
        if material is not None:
            asked = f"no seeding and no quench of {material}{suggested_element(material)}"
        raise UnstatedError(f"{asked}: {has}; name one", "material")
    return material


def _check_potentials(records: Sequence[Record], material: str) -> None:
    stated = {potential for potential in map(stated_potential, records) if potential is not None}
    if len({potential.sha256 for potential in stated}) > 1:
        listing = ", ".join(sorted(map(str, stated)))
        raise ParameterError(f"the records of {material} are of several potentials, {listing}: take those of one")


def _with_other_detectors(row: SeededTemperature, rows: Sequence[SeededTemperature]) -> SeededTemperature:
    others = [
        other.rate
        for other in rows
        if other.temperature == row.temperature and other.detector != row.detector and other.rate is not None
    ]
    if row.rate is None or not others:
        return row
    return replace(row, rate=with_detector(row.rate, others[0]))


def _seen_size(row: SeededTemperature, size: CriticalSize) -> SeenSize:
    rate, error = math.nan, math.nan
    if row.attachment is not None:
        rate, error = row.attachment.value, row.attachment.log_error
    return SeenSize(row.temperature, row.detector, size.value, size.log_error, rate, error)
