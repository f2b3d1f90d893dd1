"""Nucleation rates by classical theory, from what seeding and quenches said of the interfacial energy.

A record "interfacial-energy-MATERIAL" holds draws of gamma(T) and of all else that theory needs (`nakaya.md.seeding`).
Here they become draws of log10 J at a temperature, of the rate of particles on which crystals appear more easily, and
of the number of crystals to be expected in a volume and a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.bulk import bulk_of
from nakaya.md.seeding.interfacial_energy import InterfacialEnergy
from nakaya.md.seeding.posterior_record import POSTERIOR, posterior_from_record
from nakaya.md.stated_potentials import StatedPotential, stated_potential
from nakaya.records.record import Record

__all__ = [
    "CLASSICAL",
    "WARMEST",
    "NucleationConditions",
    "RateDraws",
    "interfacial_energies",
    "is_seen",
    "rate_draws",
    "theory_refusal",
    "theory_warnings",
]

CLASSICAL: Final = "classical-theory"
"""What an answer names as the model of its nucleation rate."""

COLDEST: Final = 0.45
"""Of the melting point. Below, a critical nucleus is a fluctuation of the melt: theory does not define it."""

WARMEST: Final = 0.8
"""Of the melting point. Above, a rate says less than the number of events in a volume and a time."""

_REPEATS: Final = 10
"""How often each draw of the posterior is taken: what theory misses at one temperature is drawn anew."""


@dataclass(frozen=True)
class NucleationConditions:
    """What a user states about the melt beside material and temperature.

    Attributes:
        contact_angle: Between crystal and the particles in the melt, degrees; None = there are none.
        site_density: Particles per volume, 1/m^3, each of which holds one crystal; None = there are none.
        site_area: Area of a particle on which a crystal may appear, m^2.
        volume: In which events are expected, m^3; None = 1 cm^3.
        time: In which they are, s; None = 1 s.

    Raises:
        ParameterError: A value is out of range, or one of angle and density is missing.

    >>> NucleationConditions(contact_angle=40, site_density=1e12).has_sites
    True
    """

    contact_angle: float | None = None
    site_density: float | None = None
    site_area: float = 1e-12
    volume: float | None = None
    time: float | None = None

    def __post_init__(self) -> None:
        for name in ("site_density", "site_area", "volume", "time"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ParameterError(f"{name}={value}: expected a positive number")
        if self.contact_angle is not None and not 0 < self.contact_angle <= 180:
            raise ParameterError(
                f"contact_angle={self.contact_angle:g} is outside (0, 180] degrees: at 0 crystals need no nucleus, "
                "at 180 particles do not help"
            )
        if (self.contact_angle is None) != (self.site_density is None):
            raise ParameterError(
                "contact_angle and site_density go together: how well particles are wetted, and how many there are"
            )

    @property
    def has_sites(self) -> bool:
        """Whether there are particles."""
        return self.site_density is not None

    @property
    def asks_for_events(self) -> bool:
        """Whether a volume or a time is stated."""
        return self.volume is not None or self.time is not None


@dataclass(frozen=True)
class RateDraws:
    """A nucleation rate as draws, on the scale of log10.

    Attributes:
        log10_rate: log10 J, J in 1/(m^3 s), float64 [draw].
        log10_site_rate: log10 of the rate of one particle, 1/s, float64 [draw]; None without particles.
        errors: Standard deviation of log10 J by cause, decades; None is what is not known.
    """

    log10_rate: FloatArray
    log10_site_rate: FloatArray | None
    errors: Mapping[str, float | None]

    def expected_events(self, conditions: NucleationConditions) -> dict[str, Any]:
        """The number of crystals in a volume and a time if none got in the way of another.

        Returns:
            {"value": median, "unit": "1", "interval90": [low, high], "volume": m^3, "time": s}
        """
        volume, time = conditions.volume or 1e-6, conditions.time or 1.0
        events = 10.0 ** np.minimum(self.log10_rate + math.log10(volume * time), 300.0)
        if self.log10_site_rate is not None and conditions.site_density is not None:
            fired = -np.expm1(-(10.0 ** np.minimum(self.log10_site_rate, 300.0)) * time)
            events = events + conditions.site_density * volume * fired
        low, middle, high = np.quantile(events, [0.05, 0.5, 0.95]).tolist()
        return {"value": middle, "unit": "1", "interval90": [low, high], "volume": volume, "time": time}


def interfacial_energies(
    records: Sequence[Record], known: Sequence[Record], potentials: Mapping[str, StatedPotential | None]
) -> tuple[dict[str, InterfacialEnergy], list[str]]:
    """Posteriors of gamma(T) by material, and why others were not taken.

    Args:
        records: Among them those of posteriors.
        known: With bulk properties and melting points.
        potentials: Of the training, by material.
    """
    found, notes = {}, []
    for record in records:
        if not record.id.startswith(POSTERIOR):
            continue
        stated, trained = stated_potential(record), potentials.get(record.material)
        if stated is not None and trained is not None and stated.sha256 != trained.sha256:
            notes.append(
                f"nucleation rate: the interfacial energy of {record.material} is of another potential, {stated}, than "
                f"the training, {trained}: it is not used"
            )
            continue
        try:
            found[record.material] = posterior_from_record(record, bulk_of(known, record.material))
        except ParameterError as error:
            notes.append(f"nucleation rate: {record.id} is not used: {error}")
    return found, notes


def theory_refusal(posterior: InterfacialEnergy, temperature: float) -> str | None:
    """Say why theory gives no rate at a temperature below the melting point; None = it does."""
    lowest = min(COLDEST * posterior.bulk.melting_point.value, posterior.seen[0])
    if temperature >= lowest:
        return None
    return (
        f"{temperature:g} K is below {lowest:.0f} K ({COLDEST:g} T_m, or where crystals were seen to nucleate): a "
        "nucleus is no more than a fluctuation of the melt there"
    )


def is_seen(posterior: InterfacialEnergy, temperature: float) -> bool:
    """Whether a temperature is among those of the seeding and the quenches."""
    low, high = posterior.seen
    return low - 0.5 <= temperature <= high + 0.5


def theory_warnings(posterior: InterfacialEnergy, temperature: float) -> list[str]:
    """What the interval of a rate does not hold, or holds by extrapolation."""
    found = ["nucleation rate: of one interatomic potential; what another would say is not in the interval"]
    if not is_seen(posterior, temperature):
        low, high = posterior.seen
        found.append(
            f"nucleation rate: {temperature:g} K is beyond the seeding and the quenches of {posterior.bulk.material}, "
            f"{low:g} to {high:g} K: the interfacial energy is taken to be linear in the temperature"
        )
    return found


def rate_draws(posterior: InterfacialEnergy, temperature: float, conditions: NucleationConditions) -> RateDraws:
    """Draws of the rate at a temperature; the same ones whenever asked.

    A particle's rate is its area times the rate per area of a wall with its contact angle.

    Args:
        posterior: Of the material.
        temperature: K.
        conditions: Particles.

    Raises:
        ParameterError: The temperature is no undercooling.
    """
    rates = _drawn(posterior, temperature, None)
    sites = None
    if conditions.has_sites:
        sites = _drawn(posterior, temperature, conditions.contact_angle) + math.log10(conditions.site_area)
    parts = posterior.log_rates([temperature], np.random.default_rng(0))
    errors = {
        "statistical": float(parts.statistical[0]),
        "detector": float(parts.detector[0]) if posterior.offsets else 0.0,  # quenches alone count no atoms
        "theory": float(parts.discrepancy[0]),
    }
    return RateDraws(rates, sites, {name: error / math.log(10) for name, error in errors.items()} | {"potential": None})


def _drawn(posterior: InterfacialEnergy, temperature: float, contact_angle: float | None) -> FloatArray:
    # One generator, begun anew: the melt and the particles in it miss the theory by the same.
    rng = np.random.default_rng(0)
    drawn = [np.add(*posterior.log_rate_draws(temperature, rng, contact_angle=contact_angle)) for _ in range(_REPEATS)]
    return np.asarray(np.concatenate(drawn) / math.log(10))
