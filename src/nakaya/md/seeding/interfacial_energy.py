"""The interfacial energy gamma(T) from critical sizes of seeding and rates of quenches at once, and rates from it.

Seeding sees nuclei where the barrier is high, quenches where it is low; one interfacial energy has to serve both:

    gamma(T)    = gamma_0 [1 + s (T/T_0 - 1)]                                  s = d ln gamma/d ln T at T_0
    h(T)        = delta-mu/kT of the bulk, plus u times its standard error     u is common to all temperatures
    ln n*(T)    = ln critical_size(gamma(T), h(T)) + eps_T                     eps_T ~ N(0, sigma): what theory misses
    ln n*_d(T)  = ln n*(T) + delta_d + error                                   seen by detector d of solid atoms
    f+(T)       = exp(a + zeta_T) D(T) n*^(2/3)                                zeta_T ~ N(0, `ATTACHMENT_SCATTER`)
    J(T)        = rho f+ Z exp(-n* h/2),   counts ~ Poisson(J V t)

sigma, delta_d and a have weak priors. Errors of two detectors at one temperature are common: they look at the same
releases. These are six or seven parameters, so importance sampling draws the posterior.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, special

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.bulk import COLDEST, Bulk
from nakaya.md.seeding.critical_size import LEVEL
from nakaya.md.seeding.importance import importance_sample
from nakaya.md.statistics import log_of_mean_count
from nakaya.theory import cap_fraction, critical_size, interfacial_energy, log_nucleation_rate, nucleation_barrier

__all__ = [
    "Exposure",
    "InterfacialEnergy",
    "LogRates",
    "SeenSize",
    "fit_interfacial_energy",
]

SLOPE_PRIOR: Final = 1.0
"""Standard deviation of s: with 1 the interfacial energy is all entropy, with 0 all enthalpy."""

DETECTOR_PRIOR: Final = 0.26
"""Of delta_d: four criteria gave the same nuclei of aluminium 102 to 172 atoms, +-26 %."""

DISCREPANCY_PRIOR: Final = 0.1
"""Scale of the half-normal prior of sigma, in ln n*."""

ATTACHMENT_PRIOR: Final = 2.0
"""Of a, around atoms that jump one atomic diameter: f+ = 24 D n*^(2/3)/lambda^2, lambda = Omega^(1/3)."""

ATTACHMENT_SCATTER: Final = 0.3
"""Of ln f+ at one temperature around D(T): the activation of attachment is not quite that of diffusion."""

OWN_ERROR: Final = 0.03
"""Of ln n* of each detector apart from what detectors have in common."""

NUM_STARTS: Final = 2000

NUM_DRAWS: Final = 2000
"""Of the posterior: the ends of a 90 % interval are then known to a tenth of its half width."""

MIN_EFFECTIVE: Final = 200
"""Independent draws that the sample must be worth."""

BOUNDS: Final = np.array([[-9.0, 2.0], [-20.0, 20.0], [-8.0, 8.0], [30.0, 70.0], [-8.0, 8.0]])
"""Of ln gamma_0 (J/m^2), s, u, a, and the score of sigma: far wider than any prior, so that all stays finite."""

MIN_RELATIVE: Final = 0.05
"""gamma(T) is above this fraction of gamma_0 from 0.3 T_m to T_m: the line must not cross zero."""

MANY_EVENTS: Final = 30

_ETA: Final = np.linspace(-5.0, 5.0, 41)
"""What one temperature adds to ln J, in standard deviations, of `ATTACHMENT_SCATTER` or more each."""


@dataclass(frozen=True)
class SeenSize:
    """What seeding saw at one temperature with one detector.

    Attributes:
        temperature: K.
        detector: Name of the detector of solid atoms.
        critical_size: n*, atoms.
        log_error: Standard error of ln n*.
        attachment_rate: f+, 1/s; NaN where it was not seen.
        attachment_error: Standard error of ln f+.
    """

    temperature: float
    detector: str
    critical_size: float
    log_error: float
    attachment_rate: float = math.nan
    attachment_error: float = math.nan


@dataclass(frozen=True)
class Exposure:
    """What quenches saw at one temperature.

    Attributes:
        temperature: K.
        events: Nuclei counted.
        volume_time: In which they were, m^3 s.
    """

    temperature: float
    events: int
    volume_time: float


@dataclass(frozen=True)
class LogRates:
    """ln J at temperatures, J in 1/(m^3 s), each float64 [temperature].

    Attributes:
        temperatures: K.
        median: Of the predictive distribution.
        low: Lower end of its 90 % interval.
        high: Upper end.
        statistical: Standard deviation by numbers of nuclei, branches and events, and by the bulk.
        detector: By what counts as solid.
        discrepancy: By what a line gamma(T) and f+ ~ D(T) miss at a single temperature.
    """

    temperatures: FloatArray
    median: FloatArray
    low: FloatArray
    high: FloatArray
    statistical: FloatArray
    detector: FloatArray
    discrepancy: FloatArray


@dataclass(frozen=True)
class InterfacialEnergy:
    """Draws from the posterior; all float64 [draw].

    Attributes:
        bulk: Of the material.
        reference_temperature: T_0, K.
        energy: gamma_0, J/m^2.
        slope: s.
        driving: u.
        attachment: a.
        discrepancy: sigma.
        offsets: Detector -> delta_d; empty without seeding.
        effective_draws: Independent draws that the importance sample was worth.
        seen: Lowest and highest temperature of the data, K.
    """

    bulk: Bulk
    reference_temperature: float
    energy: FloatArray
    slope: FloatArray
    driving: FloatArray
    attachment: FloatArray
    discrepancy: FloatArray
    offsets: Mapping[str, FloatArray]
    effective_draws: float
    seen: tuple[float, float]

    def at(self, temperature: float) -> FloatArray:
        """gamma(T) [draw], J/m^2."""
        return np.asarray(self.energy * (1 + self.slope * (temperature / self.reference_temperature - 1)))

    @property
    def temperature_coefficient(self) -> FloatArray:
        """Slope d gamma/dT [draw], J/(m^2 K)."""
        return np.asarray(self.energy * self.slope / self.reference_temperature)

    def log_sizes(self, temperature: float, rng: np.random.Generator, *, detector: str | None = None) -> FloatArray:
        """Predictive draws of ln n*(T) [draw], as it is, or as a detector sees it."""
        size = _sizes(self.at(temperature), self.bulk.driving_forces(temperature, self.driving), temperature, self.bulk)
        seen = 0.0 if detector is None else self.offsets[detector]
        return np.asarray(np.log(size) + self.discrepancy * rng.normal(size=len(size)) + seen)

    def log_rate_draws(
        self, temperature: float, rng: np.random.Generator, *, contact_angle: float | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draws of ln J, J in 1/(m^3 s), and what eps and zeta of this temperature add to each, both [draw].

        Args:
            temperature: K, from 0.3 of the melting point up to it.
            rng: Draws eps and zeta.
            contact_angle: Between crystal and a wall, degrees: J is that on the wall, in 1/(m^2 s).

        Raises:
            ParameterError: The temperature is outside that range, or the angle is none.
        """
        self.bulk.check_undercooled(temperature)
        drive = self.bulk.driving_forces(temperature, self.driving)
        expected, spread = _log_rate(
            self.at(temperature), drive, self.attachment, self.discrepancy, temperature, self.bulk, contact_angle
        )
        return expected, spread * rng.normal(size=len(expected))

    def log_rates(self, temperatures: Sequence[float], rng: np.random.Generator) -> LogRates:
        """Predictive distribution of ln J; arguments and errors as of `log_rate_draws`.

        The part of the detectors is what a line in their offsets explains of the variance over draws.
        """
        rows = []
        offsets = np.stack([np.ones(len(self.energy)), *self.offsets.values()], axis=1)
        tail = (1 - LEVEL) / 2
        for temperature in temperatures:
            expected, extra = self.log_rate_draws(temperature, rng)
            explained = offsets @ np.linalg.lstsq(offsets, expected, rcond=None)[0]
            parts = (expected - explained).std(), explained.std(), extra.std()
            rows.append((*np.quantile(expected + extra, [0.5, tail, 1 - tail]), *parts))
        return LogRates(np.asarray(temperatures, dtype=np.float64), *np.array(rows, dtype=np.float64).reshape(-1, 6).T)


def _sizes(energy: FloatArray, drive: FloatArray, temperature: float, bulk: Bulk) -> FloatArray:
    volume = bulk.solid_volume(temperature)
    return critical_size(energy, drive, temperature=temperature, atomic_volume=volume)


def _log_rate(
    energy: FloatArray,
    drive: FloatArray,
    attachment: FloatArray,
    discrepancy: FloatArray,
    temperature: float,
    bulk: Bulk,
    contact_angle: float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Of ln J [draw]: its value, and the standard deviation of what eps and zeta add, (1/6 - W*/kT) eps + zeta.

    On a wall the nucleus is a cap: a part of the sphere's atoms, and of its surface that atoms reach.
    """
    size = _sizes(energy, drive, temperature, bulk)
    rate = np.exp(attachment) * bulk.diffusivity(temperature) * size ** (2 / 3)
    density = 1 / bulk.liquid_volume(temperature)
    if contact_angle is not None:
        size = size * cap_fraction(contact_angle)
        rate = rate * (1 - math.cos(math.radians(contact_angle))) / 2
        density = density ** (2 / 3)
    # f+ Z is n*^(2/3 - 1/2).
    lever = nucleation_barrier(size, drive) - 1 / 6
    expected = log_nucleation_rate(size, drive, rate, number_density=density)
    return expected, np.hypot(lever * discrepancy, ATTACHMENT_SCATTER)


def fit_interfacial_energy(
    seen: Sequence[SeenSize], exposures: Sequence[Exposure], bulk: Bulk, *, rng: np.random.Generator
) -> InterfacialEnergy:
    """The posterior of gamma(T).

    Args:
        seen: Of seeding; may be empty.
        exposures: Of quenches; may be empty.
        bulk: Of the material.
        rng: Makes all draws.

    Raises:
        ParameterError: There is nothing to fit, or a temperature is no undercooling.
    """
    if not seen and not any(each.events for each in exposures):
        raise ParameterError("neither a critical size nor a crystal in a quench: nothing tells the interfacial energy")
    temperatures = _temperatures(seen, exposures)
    for temperature in temperatures:
        bulk.check_undercooled(temperature)
    model = _Model.of(seen, exposures, bulk)
    draws, effective = importance_sample(model.log_posterior, model.starts(rng), NUM_DRAWS, rng=rng)
    if effective < MIN_EFFECTIVE:
        raise ParameterError(
            f"the draws of the interfacial energy are worth {effective:.0f} independent ones, fewer than "
            f"{MIN_EFFECTIVE}: the data contradict each other; leave out temperatures or detectors to see which"
        )
    energy, slope, driving, attachment, discrepancy, *offsets = draws.T
    return InterfacialEnergy(
        bulk=bulk,
        reference_temperature=model.reference,
        energy=np.exp(energy),
        slope=slope,
        driving=driving,
        attachment=attachment,
        discrepancy=_half_normal(discrepancy),
        offsets=dict(zip(model.detectors, offsets, strict=True)),
        effective_draws=effective,
        seen=(min(temperatures), max(temperatures)),
    )


def _half_normal(score: FloatArray) -> FloatArray:
    """Sigma as a function of a score that is standard normal if sigma is half normal: draws of it look normal."""
    return np.asarray(-DISCREPANCY_PRIOR * special.ndtri(special.ndtr(-score) / 2))


def _temperatures(seen: Sequence[SeenSize], exposures: Sequence[Exposure]) -> list[float]:
    return sorted({each.temperature for each in seen} | {each.temperature for each in exposures})


@dataclass(frozen=True)
class _Model:
    """Parameters are ln gamma_0, s, u, a, normal score of sigma, and one offset per detector; [draw, parameter]."""

    seen: Sequence[SeenSize]
    exposures: Sequence[Exposure]
    bulk: Bulk
    detectors: tuple[str, ...]
    reference: float

    @classmethod
    def of(cls, seen: Sequence[SeenSize], exposures: Sequence[Exposure], bulk: Bulk) -> _Model:
        detectors = tuple(sorted({each.detector for each in seen}))
        return cls(seen, exposures, bulk, detectors, float(np.mean(_temperatures(seen, exposures))))

    @property
    def usual_attachment(self) -> float:
        """Parameter a where atoms jump one atomic diameter."""
        return math.log(24 * self.bulk.liquid_volume(self.reference) ** (-2 / 3))

    def starts(self, rng: np.random.Generator) -> FloatArray:
        """Points [point, parameter] around what the critical sizes alone say, or one rate where there are none."""
        energies = [
            float(
                interfacial_energy(
                    each.critical_size, self.bulk.driving_force(each.temperature).value,
                    temperature=each.temperature, atomic_volume=self.bulk.solid_volume(each.temperature),
                )
            )
            for each in self.seen
        ]  # fmt: skip
        guess = float(np.mean(energies)) if energies else self._by_rate()
        start = [math.log(guess), 0.0, 0.0, self.usual_attachment, 0.0, *([0.0] * len(self.detectors))]
        scales = [0.15, SLOPE_PRIOR / 2, 1.0, ATTACHMENT_PRIOR, 1.0, *([DETECTOR_PRIOR] * len(self.detectors))]
        return np.array(start) + np.array(scales) * rng.normal(size=(NUM_STARTS, len(start)))

    def _by_rate(self) -> float:
        """The interfacial energy whose rate is that of the quench with the most events."""
        most = max(self.exposures, key=lambda each: each.events)
        target = log_of_mean_count(most.events).value - math.log(most.volume_time)
        drive = np.array([self.bulk.driving_force(most.temperature).value])

        def excess(log_energy: float) -> float:
            expected, _ = _log_rate(
                np.array([math.exp(log_energy)]), drive, np.array([self.usual_attachment]), np.zeros(1),
                most.temperature, self.bulk,
            )  # fmt: skip
            return float(expected[0]) - target

        low, high = math.log(1e-3), math.log(3.0)
        if excess(low) * excess(high) > 0:
            raise ParameterError(
                f"no interfacial energy from 0.001 to 3 J/m2 gives {most.events} events in {most.volume_time:g} m3 s "
                f"at {most.temperature:g} K: check volumes and times of the quenches"
            )
        return math.exp(float(optimize.brentq(excess, low, high)))

    def log_posterior(self, parameters: FloatArray) -> FloatArray:
        """Up to a constant, float64 [draw]."""
        bounds = np.concatenate([BOUNDS, np.full((len(self.detectors), 2), [-3.0, 3.0])])
        inside = ((parameters > bounds[:, 0]) & (parameters < bounds[:, 1])).all(axis=1)
        parameters = np.clip(parameters, bounds[:, 0], bounds[:, 1])
        log_energy, slope, driving, attachment, score = parameters.T[:5]
        offsets = parameters[:, 5:]
        sigma = _half_normal(score)
        total = -(slope**2) / (2 * SLOPE_PRIOR**2) - driving**2 / 2 - score**2 / 2
        total = total - (attachment - self.usual_attachment) ** 2 / (2 * ATTACHMENT_PRIOR**2)
        total = total - (offsets**2).sum(axis=1) / (2 * DETECTOR_PRIOR**2)
        melting = self.bulk.melting_point.value
        ends = [self._relative(kelvin, slope) for kelvin in (COLDEST * melting, melting)]
        curves = {
            kelvin: (
                np.exp(log_energy) * np.maximum(self._relative(kelvin, slope), MIN_RELATIVE),
                self.bulk.driving_forces(kelvin, driving),
            )
            for kelvin in _temperatures(self.seen, self.exposures)
        }
        total = total + self._of_sizes(curves, sigma, offsets) + self._of_attachment(attachment)
        for exposure in self.exposures:
            energy, drive = curves[exposure.temperature]
            expected, spread = _log_rate(energy, drive, attachment, sigma, exposure.temperature, self.bulk)
            total = total + _log_poisson(exposure, expected, spread)
        return np.where(inside & (np.minimum(*ends) > MIN_RELATIVE), total, -np.inf)

    def _relative(self, temperature: float, slope: FloatArray) -> FloatArray:
        """gamma(T)/gamma_0."""
        return np.asarray(1 + slope * (temperature / self.reference - 1))

    def _of_sizes(
        self, curves: Mapping[float, tuple[FloatArray, FloatArray]], sigma: FloatArray, offsets: FloatArray
    ) -> FloatArray:
        """Normal log-likelihood of all ln n*_d(T), whose errors at one temperature are common to the detectors."""
        total = np.zeros(len(sigma))
        for kelvin in sorted({each.temperature for each in self.seen}):
            here = [each for each in self.seen if each.temperature == kelvin]
            expected = np.log(_sizes(*curves[kelvin], kelvin, self.bulk))
            columns = [self.detectors.index(each.detector) for each in here]
            residuals = np.log([each.critical_size for each in here]) - expected[:, None] - offsets[:, columns]
            errors = np.array([each.log_error for each in here])
            together = np.outer(errors, errors) + OWN_ERROR**2 * np.eye(len(here))
            covariance = together + (sigma**2)[:, None, None]
            factor = np.linalg.cholesky(covariance)
            whitened = np.linalg.solve(factor, residuals[:, :, None])[:, :, 0]
            log_determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
            total = total - (whitened**2).sum(axis=1) / 2 - log_determinant
        return total

    def _of_attachment(self, attachment: FloatArray) -> FloatArray:
        """Of ln f+ at each temperature; detectors see the same releases, so the first of them counts."""
        total = np.zeros(len(attachment))
        counted = set()
        for each in self.seen:
            if not math.isfinite(each.attachment_rate) or each.temperature in counted:
                continue
            counted.add(each.temperature)
            scale = self.bulk.diffusivity(each.temperature) * each.critical_size ** (2 / 3)
            variance = each.attachment_error**2 + ATTACHMENT_SCATTER**2
            total = total - (math.log(each.attachment_rate / scale) - attachment) ** 2 / (2 * variance)
        return total


def _log_poisson(exposure: Exposure, expected: FloatArray, spread: FloatArray) -> FloatArray:
    """Logarithm of the probability of the count [draw], with ln J normal around `expected`.

    By a sum over a grid; of many events, ln J is normal itself.
    """
    if exposure.events > MANY_EVENTS:
        count = log_of_mean_count(exposure.events)
        variance = spread**2 + count.standard_error**2
        away = count.value - math.log(exposure.volume_time) - expected
        return np.asarray(-(away**2) / (2 * variance) - np.log(variance) / 2)
    log_mean = expected[:, None] + spread[:, None] * _ETA + math.log(exposure.volume_time)
    each = exposure.events * log_mean - np.exp(np.minimum(log_mean, 300.0)) - _ETA**2 / 2
    return np.asarray(special.logsumexp(each, axis=1))
