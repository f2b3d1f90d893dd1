"""Growth velocities and nucleation rates of a melt as draws, at one temperature or on the way down.

What is not known of the rate and what is not known of the velocities are drawn apart, each from a stratum of its own
for each member (Latin hypercube), so that few members cover both. Velocities of the faces of one crystal are off
together: they come from one model of one potential.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats
from scipy.stats import qmc

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.conformal import normal_factor
from nakaya.kinetics.prediction.model import KineticsModel
from nakaya.kinetics.prediction.predicting import conditions_sample, predict_sample
from nakaya.kinetics.prediction.rates import NucleationConditions, rate_draws, theory_refusal
from nakaya.theory import grains_per_volume

__all__ = ["FACES", "Kinetics", "kinetics_at", "kinetics_on_cooling", "velocity_of_ball"]

FACES: Final = ("100", "110", "111")
"""Of cubic crystals: the faces whose velocities make the kinetic Wulff shape."""

SLOWEST: Final = 0.2
"""Of the velocity of rough interfaces: no face is slower, as the solver of grains has it."""

COLDEST, WARMEST = 0.45, 0.995
"""Of the melting point: a melt is cooled through this range."""

NODES, FINE = 45, 4000
"""Temperatures at which a model is asked, and those between which rates are integrated."""

DIRECTIONS: Final = 4000


@dataclass(frozen=True)
class Kinetics:
    """One draw of what a melt does, as if it were held at one temperature.

    Attributes:
        temperature: K; on cooling that at which half of the melt is solid.
        nucleation_rate: J, 1/(m^3 s); on cooling the constant rate that makes as many grains.
        velocities: Face -> m/s.
        density: Grains per volume by the closed form, 1/m^3.
    """

    temperature: float
    nucleation_rate: float
    velocities: Mapping[str, float]
    density: float

    @property
    def rough_velocity(self) -> float:
        """Velocity of rough interfaces, m/s: that of the fastest face."""
        return max(self.velocities.values())

    @property
    def facets(self) -> dict[str, float]:
        """Velocities of the faces over that of rough interfaces, not below `SLOWEST`."""
        return {face: max(value / self.rough_velocity, SLOWEST) for face, value in self.velocities.items()}


def velocity_of_ball(velocities: Mapping[str, float]) -> float:
    """Velocity of a ball that takes up volume as fast as the kinetic Wulff shape does, m/s.

    The shape is the part of a ball that the planes of the faces cut off; its volume is the mean of r^3 over directions.

    Args:
        velocities: Face, of `FACES` -> m/s, positive.

    >>> velocity_of_ball({"100": 2.0, "110": 2.0, "111": 2.0})
    2.0
    >>> 1.0 < velocity_of_ball({"100": 1.0, "110": 2.0, "111": 2.0}) < 2.0
    True
    """
    most = max(velocities.values())
    number = np.arange(DIRECTIONS) + 0.5  # a spiral of equal areas
    height, angle = 1 - 2 * number / DIRECTIONS, math.pi * (1 + math.sqrt(5)) * number
    across = np.sqrt(1 - height**2)
    directions = np.abs(np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1))
    reach = np.full(DIRECTIONS, most)
    for face, value in velocities.items():
        normal = np.sort([float(digit) for digit in face])
        normal /= np.linalg.norm(normal)
        # Of all equivalent faces the one whose normal is nearest, with the largest entry where the direction has its.
        reach = np.minimum(reach, value / (np.sort(directions, axis=1) @ normal))
    return float(np.mean(reach**3) ** (1 / 3))


def kinetics_at(
    material: str, temperature: float, *, members: int, model: KineticsModel, rng: np.random.Generator
) -> list[Kinetics]:
    """Draw the kinetics of a melt that is held at a temperature.

    Args:
        material: Chemical symbol, of a cubic crystal whose interfacial energy the model knows.
        temperature: K.
        members: How many draws.
        model: Of `load_model`.
        rng: Draws them.

    Raises:
        ParameterError: The melt does not solidify there, or its rate is not known.
        UntrainedMaterialError: The model does not know the material.
    """
    _check_known(material, model)
    means, deviations = _velocities(material, temperature, model)
    rates = _log_rates(material, temperature, model)
    found = []
    for place, score in _strata(members, rng):
        velocities = _drawn(means, deviations, score, f"at {temperature:g} K")
        rate = math.exp(float(np.quantile(rates, place)))
        density = grains_per_volume(rate, velocity_of_ball(velocities))
        found.append(Kinetics(temperature, rate, velocities, density))
    return found


def kinetics_on_cooling(
    material: str, cooling_rate: float, *, members: int, model: KineticsModel, rng: np.random.Generator
) -> list[Kinetics]:
    """Draw the kinetics of a melt that is cooled at a constant rate from its melting point.

    Nuclei appear at the rate J(T(t)) in what is melt still and grow as balls of the volume of the kinetic Wulff shape:

        X(t) = int_0^t J(t') 4 pi/3 (int_t'^t v dt'')^3 dt',   n = int J exp(-X) dt

    What is returned is held at the temperature where X = ln 2, with the velocities there and the constant rate that
    makes n.

    Args:
        material: As of `kinetics_at`.
        cooling_rate: K/s, positive.
        members: As of `kinetics_at`.
        model: Likewise.
        rng: Likewise.

    Raises:
        ParameterError: Nothing has solidified at 0.45 of the melting point, or as of `kinetics_at`.
    """
    if not (math.isfinite(cooling_rate) and cooling_rate > 0):
        raise ParameterError(f"cooling_rate={cooling_rate:g}: expected a positive number of K/s")
    _check_known(material, model)
    melting = model.table(material).melting_temperature
    nodes = np.linspace(WARMEST * melting, COLDEST * melting, NODES)
    told = [(*_velocities(material, kelvin, model), _log_rates(material, kelvin, model)) for kelvin in nodes.tolist()]
    fine = np.linspace(nodes[0], nodes[-1], FINE)
    step = float(fine[0] - fine[1]) / cooling_rate
    found = []
    for place, score in _strata(members, rng):
        log_rate = _along(fine, nodes, np.array([float(np.quantile(rates, place)) for *_, rates in told]))
        told_speeds = {face: [means[face] + score * errors[face] for means, errors, _ in told] for face in FACES}
        speeds = {face: np.maximum(_along(fine, nodes, values), 0.0) for face, values in told_speeds.items()}
        alive = np.array([min(speeds[face][row] for face in FACES) > 0 for row in range(FINE)])
        each = np.zeros(FINE)
        coarse = np.linspace(0, FINE - 1, NODES).astype(int)
        balls = [velocity_of_ball({face: float(speeds[face][row]) for face in FACES}) if alive[row] else 0.0
                 for row in coarse]  # fmt: skip
        each = np.interp(np.arange(FINE), coarse, balls)
        extended = _extended(np.exp(np.minimum(log_rate, 600.0)), each, step)
        half = int(np.searchsorted(extended, math.log(2)))
        if half >= FINE:
            raise ParameterError(
                f"{material} that is cooled at {cooling_rate:g} K/s has not solidified at {nodes[-1]:.0f} K "
                f"({COLDEST:g} of its melting point): it stays a melt or becomes a glass; cool more slowly"
            )
        density = float(np.sum(np.exp(np.minimum(log_rate, 600.0) - np.minimum(extended, 600.0))) * step)
        velocities = {face: float(speeds[face][half]) for face in FACES}
        rate = velocity_of_ball(velocities) * (density / grains_per_volume(1.0, 1.0)) ** (4 / 3)
        found.append(Kinetics(float(fine[half]), rate, velocities, density))
    return found


def _extended(rate: FloatArray, velocity: FloatArray, step: float) -> FloatArray:
    """X at every time [time]: by powers of the radius r that a nucleus of the first time would have.

    (r - r')^3 = r^3 - 3 r^2 r' + 3 r r'^2 - r'^3, each term a running sum.
    """
    radius = np.cumsum(velocity) * step
    scale = float(radius[-1]) or 1.0
    place, amount = radius / scale, rate * step * scale**3
    sums = [np.cumsum(amount * place**power) for power in range(4)]
    cube = place**3 * sums[0] - 3 * place**2 * sums[1] + 3 * place * sums[2] - sums[3]
    return np.asarray(4 * math.pi / 3 * np.maximum.accumulate(np.maximum(cube, 0.0)))


def _check_known(material: str, model: KineticsModel) -> None:
    conditions_sample(material, None, 0.9 * model.table(material).melting_temperature
                      if any(record.material == material for record in model.records) else 1000.0, model)  # fmt: skip
    if material not in model.interfacial_energies:
        known = ", ".join(sorted(model.interfacial_energies)) or "none"
        raise ParameterError(
            f"the interfacial energy of {material} is not known, and so no nucleation rate: known are {known}; seeding "
            "tells it"
        )


def _velocities(material: str, temperature: float, model: KineticsModel) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and standard deviation of the velocity of each face, m/s."""
    means, deviations = {}, {}
    for face in FACES:
        told = predict_sample(conditions_sample(material, face, temperature, model), model)["growth_velocity"]
        if told["value"] is None:
            raise ParameterError(f"the velocity of ({face}) of {material} at {temperature:g} K is not known")
        low, high = told["interval90"]
        means[face], deviations[face] = told["value"], (high - low) / (2 * normal_factor(0.9))
    return means, deviations


def _log_rates(material: str, temperature: float, model: KineticsModel) -> FloatArray:
    """Draws of ln J."""
    posterior = model.interfacial_energies[material]
    if (refusal := theory_refusal(posterior, temperature)) is not None:
        raise ParameterError(f"no nucleation rate: {refusal}")
    return rate_draws(posterior, temperature, NucleationConditions()).log10_rate * math.log(10)


def _strata(members: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """(quantile of the rate, normal score of the velocities) of each member."""
    places = qmc.LatinHypercube(d=2, rng=rng).random(members)
    return [(float(rate), float(stats.norm.ppf(speed))) for rate, speed in places]


def _drawn(means: Mapping[str, float], deviations: Mapping[str, float], score: float, where: str) -> dict[str, float]:
    velocities = {face: means[face] + score * deviations[face] for face in FACES}
    if min(velocities.values()) <= 0:
        raise ParameterError(
            f"faces of the crystal may melt {where}: velocities are {_listed(means)} m/s, give or take "
            f"{max(deviations.values()):.3g}; ask for a lower temperature"
        )
    return velocities


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"({face}) {value:.3g}" for face, value in values.items())


def _along(fine: FloatArray, nodes: FloatArray, values: Sequence[float] | FloatArray) -> FloatArray:
    return np.asarray(np.interp(fine[::-1], nodes[::-1], np.asarray(values)[::-1])[::-1])
