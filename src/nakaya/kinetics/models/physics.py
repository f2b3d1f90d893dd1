"""What physics says before anything is learned: the form of v(T) and J(T), with places for what is learned.

Growth velocity: v = M exp(r) [1 - exp(-delta-mu(T; T_m + shift)/kT)], with M collision-limited (Broughton, Gilmer &
Jackson 1982) for metals and activated (Wilson 1900, Frenkel 1932) for diamond. The residual r scales, the shift moves
the zero, and the sign is right on both sides of the melting point. Faces of fcc metals differ in M as those of nickel
do (Sun, Asta & Hoyt 2004). Interfaces of metals lose efficiency in cold melts, so M = f M_0 exp(-q (T_m/T - 1)):
efficiency f and activation q, an energy in units of k T_m, are fitted.

Nucleation rate: log10 J = log10 J0 + a + p - c exp(r) W*/(kT ln 10), classical theory with Turnbull's interfacial
energy gamma = alpha (L/N_A) Omega^(-2/3), so that W*/kT = 16 pi/3 alpha^3 h^3 / (delta-mu/kT)^2, h = L/(N_A kT); the
kinetic prefactor is J0 = 24 D Omega^(-5/3). At large undercooling a and c hold what the capillary approximation misses
(`nakaya.kinetics.models.nucleation`), p and r what a network finds beyond.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.tables import AVOGADRO, BOLTZMANN_SI
from nakaya.theory import NICKEL, collision_limited_velocity, critical_radius, fcc_anisotropy, wilson_frenkel_velocity

__all__ = [
    "GAS_CONSTANT",
    "MECHANISMS",
    "Mobility",
    "NucleationPhysics",
    "VelocityPhysics",
    "atomic_volume",
    "critical_diameter",
    "is_covalent",
    "law_hints",
    "nucleation_physics",
    "velocity_physics",
    "velocity_ratios",
]

GAS_CONSTANT: Final = AVOGADRO * BOLTZMANN_SI
"""J/(mol K)."""

MECHANISMS: Final = ("collision-limited", "activated")
"""How atoms join an interface: metals without a barrier, covalent crystals by diffusion."""

DEFAULT_EFFICIENCY: Final = 0.27
"""Fraction of arriving atoms that find a place, without data: Lennard-Jones (100), Broughton et al. (1982)."""

MAX_ACTIVATION: Final = 3.0
"""Largest fitted activation, k T_m; the smallest is a third of it below zero. Diffusion in the melts has 4 to 7."""

MIN_TEMPERATURES: Final = 3
"""With labels at fewer temperatures than this, no activation is fitted."""

TURNBULL: Final = 0.45
"""Interfacial energy over the latent heat per surface atom of metals (Turnbull 1950)."""

MIN_EFFICIENCY: Final = 0.01
MAX_EFFICIENCY: Final = 10.0
CLOSE_PACKED: Final = 12

TETRAHEDRAL: Final = 4.5
"""With fewer neighbours than this in the crystal it is covalent, and growth is activated."""

MAX_RATIO: Final = 5.0
"""Bound of ratios of velocities to the law's."""

MIN_DRIVING_TERM: Final = 0.05
"""Least |1 - exp(-delta-mu/kT)| in such a ratio: close to the melting point the law is small, and the ratio noise."""

_ATOMS_PER_CUBE = {4: 8, 8: 2, 12: 4}  # neighbours in diamond, bcc and fcc -> atoms of the conventional cell


@dataclass(frozen=True)
class Mobility:
    """What is fitted of M, by number in `MECHANISMS`.

    Attributes:
        efficiency: f, share of atoms that find a place.
        activation: q, energy over k T_m.
    """

    efficiency: tuple[float, ...] = (1.0,) * len(MECHANISMS)
    activation: tuple[float, ...] = (0.0,) * len(MECHANISMS)


@dataclass(frozen=True, eq=False)
class VelocityPhysics:
    """Numbers of the velocity's law for samples.

    Attributes:
        mechanism: Number in `MECHANISMS`, int64 [sample].
        prefactor: M_0, with an efficiency of 1 and no activation, float64 [sample], m/s.
        temperature: float64 [sample], K.
        melting_temperature: float64 [sample], K.
        entropy: L/(R T), with the latent heat between T and T_m, float64 [sample].
    """

    mechanism: IntArray
    prefactor: FloatArray
    temperature: FloatArray
    melting_temperature: FloatArray
    entropy: FloatArray

    def part(self, chosen: BoolArray) -> VelocityPhysics:
        """The numbers of some of the samples only, bool [sample]."""
        return VelocityPhysics(*(values[chosen] for values in vars(self).values()))

    def reduced_driving_force(self, shift: FloatArray | float = 0.0) -> FloatArray:
        """delta-mu/kT with the melting point moved by `shift` K, float64 [sample]."""
        melting = self.melting_temperature + shift
        return np.asarray(self.entropy * (melting - self.temperature) / melting)

    def coldness(self) -> FloatArray:
        """T_m/T - 1, float64 [sample]."""
        return self.melting_temperature / self.temperature - 1

    def velocity(self, mobility: Mobility) -> FloatArray:
        """The law without a residual, float64 [sample], m/s."""
        efficiency, activation = (
            np.array(values)[self.mechanism] for values in (mobility.efficiency, mobility.activation)
        )
        return np.asarray(self._unfitted() * efficiency * np.exp(-activation * self.coldness()))

    def fitted(self, velocities: FloatArray, *, activated: bool = True) -> Mobility:
        """Efficiency and activation of every mechanism by least squares; defaults where no sample tells.

        Args:
            velocities: float64 [sample], m/s.
            activated: False = no activation.
        """
        efficiencies, activations = [], []
        for number in range(len(MECHANISMS)):
            own = self.mechanism == number
            coldness = self.coldness()[own]
            efficiency, activation = _fitted(self._unfitted()[own], coldness, velocities[own], activated)
            efficiencies.append(efficiency)
            activations.append(activation)
        return Mobility(tuple(efficiencies), tuple(activations))

    def _unfitted(self) -> FloatArray:
        return np.asarray(self.prefactor * -np.expm1(-self.reduced_driving_force()))


@dataclass(frozen=True, eq=False)
class NucleationPhysics:
    """Numbers of classical theory for samples.

    Attributes:
        log10_prefactor: log10 J0, float64 [sample], J0 in 1/(m^3 s).
        barrier: W*/(kT ln 10) for Turnbull's alpha, float64 [sample].
    """

    log10_prefactor: FloatArray
    barrier: FloatArray


def velocity_physics(samples: Sequence[Sample], coefficients: Mapping[str, float] = NICKEL) -> VelocityPhysics:
    """Collect what the law of the velocity needs.

    Args:
        samples: Of which runs.
        coefficients: Face -> kinetic coefficient in any unit, for the anisotropy of close-packed metals.

    Raises:
        ParameterError: A property of a material is not known.
    """
    kelvin = np.array([sample.temperature for sample in samples], dtype=np.float64)
    mechanism = [int(_needed(sample, "coordination_number") < TETRAHEDRAL) for sample in samples]
    prefactor = [
        _activated(sample) if activated else _collision_limited(sample, coefficients)
        for sample, activated in zip(samples, mechanism, strict=True)
    ]
    melting = [_melting_point(sample) for sample in samples]
    heats = [_heat(sample) for sample in samples]
    return VelocityPhysics(
        np.array(mechanism, dtype=np.int64),
        np.array(prefactor, dtype=np.float64),
        kelvin,
        np.array(melting, dtype=np.float64),
        np.array(heats, dtype=np.float64) / (GAS_CONSTANT * kelvin),
    )


def nucleation_physics(samples: Sequence[Sample]) -> NucleationPhysics:
    """Collect what classical theory needs.

    Raises:
        ParameterError: A property of a material is not known, or a melt is not undercooled.
    """
    prefactors, barriers = [], []
    for sample in samples:
        melting = _melting_point(sample)
        if not sample.temperature < melting:
            raise ParameterError(
                f"sample {sample.record_id}: nothing nucleates at {sample.temperature:g} K, above the melting point "
                f"of {melting:g} K"
            )
        entropy = _heat(sample) / (GAS_CONSTANT * sample.temperature)
        reduced_driving_force = entropy * (melting - sample.temperature) / melting
        diffusivity = _bulk(sample, "diffusivity")
        prefactors.append(math.log10(24 * diffusivity * atomic_volume(sample) ** (-5 / 3)))
        barriers.append(16 * math.pi / 3 * TURNBULL**3 * entropy**3 / reduced_driving_force**2 / math.log(10))
    return NucleationPhysics(np.array(prefactors, dtype=np.float64), np.array(barriers, dtype=np.float64))


def is_covalent(sample: Sample) -> bool:
    """Whether atoms of the crystal have so few neighbours that growth is activated, as in diamond."""
    return sample.conditions.get("coordination_number", math.nan) < TETRAHEDRAL


def atomic_volume(sample: Sample) -> float:
    """Volume of an atom in the crystal at the sample's temperature, m^3.

    Raises:
        ParameterError: Lattice parameter or structure of the material are not known.
    """
    per_cell = _ATOMS_PER_CUBE.get(round(_needed(sample, "coordination_number")), 4)
    return _bulk(sample, "lattice_parameter") ** 3 / per_cell


def critical_diameter(sample: Sample) -> float | None:
    """Diameter of the critical nucleus, m, with Turnbull's interfacial energy; None where it is not known."""
    try:
        volume = atomic_volume(sample)
        energy = TURNBULL * _heat(sample) / AVOGADRO * volume ** (-2 / 3)
        return 2 * critical_radius(sample.table.driving_force(sample.temperature), sample.temperature, energy, volume)
    except ParameterError:
        return None


def law_hints(sample: Sample) -> dict[str, float]:
    """What the law of the velocity says of the conditions; empty where a property of the material is not known."""
    law = _law(sample)
    if law is None:
        return {}
    return {
        "law_drive": -math.expm1(-float(law.reduced_driving_force()[0])),
        "law_log_prefactor": math.log(float(law.prefactor[0])),
        "law_velocity": float(law.velocity(Mobility())[0]),
        "law_activated": float(law.mechanism[0]),
        **velocity_ratios(sample, sample.conditions),
    }


def velocity_ratios(sample: Sample, values: Mapping[str, float]) -> dict[str, float]:
    """Velocities among named numbers over the prefactor of the law and over the law: materials can be compared.

    Such are the velocities of neighbouring orientations (from training folds) and the early slope of a run.
    """
    law = _law(sample)
    if law is None:
        return {}
    prefactor, driving = float(law.prefactor[0]), -math.expm1(-float(law.reduced_driving_force()[0]))
    whole = prefactor * math.copysign(max(abs(driving), MIN_DRIVING_TERM), driving)
    found = {}
    for name, value in values.items():
        if "velocity" in name and math.isfinite(value):
            for word, unit in (("prefactor", prefactor), ("law", whole)):
                found[f"{name}_over_{word}"] = max(-MAX_RATIO, min(value / unit, MAX_RATIO))
    return found


def _law(sample: Sample) -> VelocityPhysics | None:
    try:
        return velocity_physics([sample])
    except ParameterError:
        return None


def _fitted(law: FloatArray, coldness: FloatArray, velocities: FloatArray, activated: bool) -> tuple[float, float]:
    # Linear in the efficiency; the activation is looked for on a grid, so nothing depends on where a search starts.
    if not float((law**2).sum()) > 0:
        return DEFAULT_EFFICIENCY, 0.0
    several = activated and len(np.unique(coldness.round(3))) >= MIN_TEMPERATURES
    steps = np.linspace(-MAX_ACTIVATION / 3, MAX_ACTIVATION, 401) if several else np.zeros(1)
    tried = law * np.exp(-steps[:, None] * coldness)
    efficiencies = np.clip((tried @ velocities) / (tried**2).sum(axis=1), MIN_EFFICIENCY, MAX_EFFICIENCY)
    misfits = ((efficiencies[:, None] * tried - velocities) ** 2).sum(axis=1)
    best = int(np.argmin(misfits))
    return float(efficiencies[best]), float(steps[best])


def _collision_limited(sample: Sample, coefficients: Mapping[str, float]) -> float:
    # The layer spacing drops out with the mean free path.
    close_packed = round(_needed(sample, "coordination_number")) == CLOSE_PACKED
    return float(
        collision_limited_velocity(
            sample.temperature, math.inf, mass=_needed(sample, "mean_atomic_mass"), spacing=1e-10, efficiency=1.0
        )
    ) * (fcc_anisotropy(sample.orientation, coefficients) if close_packed else 1.0)


def _activated(sample: Sample) -> float:
    bond = _bulk(sample, "lattice_parameter") * math.sqrt(3) / 4
    return float(wilson_frenkel_velocity(_bulk(sample, "diffusivity"), math.inf, spacing=bond, efficiency=1.0))


def _melting_point(sample: Sample) -> float:
    return _finite(sample, "melting temperature", sample.table.melting_temperature)


def _heat(sample: Sample) -> float:
    middle = (sample.temperature + sample.table.melting_temperature) / 2
    return _finite(sample, "latent heat", sample.table.at("latent_heat", middle))


def _bulk(sample: Sample, name: str) -> float:
    return _finite(sample, name.replace("_", " "), sample.table.at(name, sample.temperature))


def _needed(sample: Sample, name: str) -> float:
    return _finite(sample, name.replace("_", " "), sample.conditions.get(name, math.nan))


def _finite(sample: Sample, what: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(
            f"sample {sample.record_id}: the {what} of {sample.material} at {sample.temperature:g} K is not known: "
            "the law of its kinetics needs it; add records of its properties, or use a model without physics"
        )
    return value
