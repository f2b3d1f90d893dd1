"""The nucleation rate that a critical size tells, with what each part adds to its error.

Classical theory, as in the seeding of Espinosa, Vega, Valeriani & Sanz (J. Chem. Phys. 144, 034501, 2016): from n*,
delta-mu, f+ and the volumes per atom follow the barrier W* = n* delta-mu/2, the Zeldovich factor Z, gamma, and
J = rho f+ Z exp(-W*/kT). The barrier is linear in n*: 9 % in n* are 9 % of W*/kT in ln J, or 2.5 at 28 kT. What counts
as solid moves n* by more than that, so two detectors of solid atoms should be asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from nakaya.md.seeding.attachment import AttachmentRate
from nakaya.md.seeding.critical_size import CriticalSize
from nakaya.md.statistics import Estimate
from nakaya.theory import (
    characteristic_length,
    interfacial_energy,
    log_nucleation_rate,
    nucleation_barrier,
    zeldovich_factor,
)

__all__ = [
    "RateErrors",
    "SeedingRate",
    "expected_events",
    "expected_grain_length",
    "seeding_rate",
    "with_detector",
]


@dataclass(frozen=True)
class RateErrors:
    """Standard errors of ln J by their causes; independent, so that the whole is the root of the sum of squares.

    Attributes:
        critical_size: By n*.
        attachment_rate: By f+.
        driving_force: By delta-mu.
        detector: By what counts as solid: NaN where one detector alone was asked.
    """

    critical_size: float
    attachment_rate: float
    driving_force: float
    detector: float = math.nan

    @property
    def statistical(self) -> float:
        """All but the detector's."""
        return math.hypot(self.critical_size, self.attachment_rate, self.driving_force)

    @property
    def total(self) -> float:
        """All together; without the detector's where it is not known."""
        return math.hypot(self.statistical, 0.0 if math.isnan(self.detector) else self.detector)


@dataclass(frozen=True)
class SeedingRate:
    """What the nuclei of one temperature tell.

    Attributes:
        temperature: K.
        critical_size: n*, atoms.
        driving_force: delta-mu/kT.
        attachment_rate: f+, 1/s.
        zeldovich: Z.
        barrier: W*/kT.
        interfacial_energy: gamma, J/m^2, with the errors of n* and delta-mu.
        log_rate: ln J, J in 1/(m^3 s).
        errors: Of ln J.
    """

    temperature: float
    critical_size: CriticalSize
    driving_force: Estimate
    attachment_rate: AttachmentRate
    zeldovich: float
    barrier: float
    interfacial_energy: Estimate
    log_rate: float
    errors: RateErrors


def seeding_rate(
    temperature: float,
    critical_size: CriticalSize,
    driving_force: Estimate,
    attachment_rate: AttachmentRate,
    *,
    solid_volume: float,
    liquid_volume: float,
) -> SeedingRate:
    """J and gamma from the parts.

    With h = delta-mu/kT: d ln J = -(1/2 + W*/kT) d ln n* + d ln f+ + (1/2 - W*/kT) d ln h.

    Args:
        temperature: K.
        critical_size: n*.
        driving_force: h.
        attachment_rate: f+.
        solid_volume: Per atom of the crystal, m^3.
        liquid_volume: Per atom of the melt, m^3.
    """
    size, drive = critical_size.value, driving_force.value
    barrier = float(nucleation_barrier(size, drive))
    energy = float(interfacial_energy(size, drive, temperature=temperature, atomic_volume=solid_volume))
    by_drive = driving_force.standard_error / drive
    return SeedingRate(
        temperature=temperature,
        critical_size=critical_size,
        driving_force=driving_force,
        attachment_rate=attachment_rate,
        zeldovich=float(zeldovich_factor(size, drive)),
        barrier=barrier,
        interfacial_energy=Estimate(energy, energy * math.hypot(critical_size.log_error / 3, by_drive)),
        log_rate=float(log_nucleation_rate(size, drive, attachment_rate.value, number_density=1 / liquid_volume)),
        errors=RateErrors(
            critical_size=(barrier + 0.5) * critical_size.log_error,
            attachment_rate=attachment_rate.log_error,
            driving_force=abs(barrier - 0.5) * by_drive,
        ),
    )


def with_detector(rate: SeedingRate, other: SeedingRate) -> SeedingRate:
    """The rate with the detector's error: how far the rate by another detector lies away, over sqrt(2).

    That is the standard deviation of two results, of which neither is known to be the better one.
    """
    detector = abs(rate.log_rate - other.log_rate) / math.sqrt(2)
    return replace(rate, errors=replace(rate.errors, detector=detector))


def expected_events(log_rate: float, *, volume: float, duration: float) -> float:
    """Nuclei that are to be expected in a volume, m^3, within a time, s: J V t. Where it is below one, none is likely.

    >>> expected_events(60.0, volume=1e-15, duration=1e-3) > 1e7
    True
    """
    exponent = log_rate + math.log(volume) + math.log(duration)
    return math.exp(exponent) if exponent < 700 else math.inf


def expected_grain_length(log_rate: float, velocity: float, *, volume: float, duration: float) -> float | None:
    """Lambda = (v/J)^(1/4), m, at which grains meet; None where less than one nucleus is expected and none will meet.

    Args:
        log_rate: ln J, J in 1/(m^3 s).
        velocity: Of the growing grains, m/s.
        volume: Of the melt, m^3.
        duration: For which it is there, s.

    >>> expected_grain_length(20.0, 50.0, volume=1e-15, duration=1e-3) is None
    True
    """
    if expected_events(log_rate, volume=volume, duration=duration) < 1:
        return None
    return characteristic_length(math.exp(log_rate), velocity)
