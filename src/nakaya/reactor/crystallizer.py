"""A stirred crystallizer: what is in it, how it is run, and what a run returns.

All amounts are per kg of slurry at the start (in a continuous crystallizer: per the solvent in that kg, which stays
constant). The state is the solute in solution, kg, and the number density n(L) of crystals, 1/m. Concentrations are
solute / (d_0 + d_1 solute): d is what the solubility's basis says (solvent, solution, or solution at the start).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.reactor.profiles import Profile, constant
from nakaya.reactor.rate_equations import GROWTH_LENGTH, NUCLEATION_LENGTH, Kinetics
from nakaya.reactor.sizes import NUM_MOMENTS, SizeDistribution, mean_sizes, moments_of
from nakaya.reactor.solubility import Solubility

__all__ = ["Crystallizer", "IntegrationError", "Operation", "Run", "Seed", "SolverInput", "solver_input"]


_SLACK = 0.5
"""K that a run may leave a table of solubilities: the noise of a thermometer at the end of a ramp."""


class IntegrationError(ParameterError):
    """A run could not be integrated: rates that are too fast, or crystals that outgrow every grid."""


@dataclass(frozen=True)
class Crystallizer:
    """A solute, its solvent and their kinetics.

    Attributes:
        solubility: Solubility; its basis is the basis of every concentration.
        kinetics: Rate laws.
        density: Of the crystal, kg/m3.
        shape_factor: Volume of a crystal over L^3 (pi/6 for a sphere of diameter L).
        name: For records and plots.
        source: Where the numbers are from.
    """

    solubility: Solubility
    kinetics: Kinetics
    density: float
    shape_factor: float
    name: str = "unnamed"
    source: str = ""

    def __post_init__(self) -> None:
        for what in ("density", "shape_factor"):
            value = getattr(self, what)
            if not (math.isfinite(value) and value > 0):
                raise ParameterError(f"{what}={value} of a crystallizer must be positive")

    @property
    def crystal_mass_per_volume(self) -> float:
        """Mass of a crystal of size L over L^3, kg/m3."""
        return self.density * self.shape_factor


@dataclass(frozen=True)
class Seed:
    """Crystals that are there at the start.

    Attributes:
        loading: kg of seed per kg of slurry, in (0, 1).
        sizes: Their distribution; its scale follows from the loading.
    """

    loading: float
    sizes: SizeDistribution

    def __post_init__(self) -> None:
        if not 0 < self.loading < 1:
            raise ParameterError(f"loading={self.loading} of seed is outside (0, 1): it is kg per kg of slurry")

    def scale(self, crystal_mass_per_volume: float) -> float:
        """Factor on the distribution's own scale that gives crystals per m and kg of slurry."""
        return float(self.loading / (crystal_mass_per_volume * moments_of(self.sizes)[3]))


@dataclass(frozen=True)
class Operation:
    """How the crystallizer is run.

    Attributes:
        initial_concentration: In the solubility's basis.
        temperature: K in time.
        duration: s.
        seed: Crystals at the start, or None.
        stirring: 1/s in time; it matters where a law has a stirring exponent.
        residence_time: s; None for a batch. Continuous: clear feed in, slurry out as it is (MSMPR).
        feed_concentration: Of the feed, in the solubility's basis; by default the initial one.

    >>> from nakaya.reactor.profiles import linear
    >>> from nakaya.reactor.sizes import NormalSizes
    >>> batch = Operation(0.67, linear(315.15, 306.15, 86400.0), 86400.0, Seed(0.125, NormalSizes(115e-6, 60e-6)))
    >>> batch.seed.loading, batch.residence_time
    (0.125, None)
    """

    initial_concentration: float
    temperature: Profile
    duration: float
    seed: Seed | None = None
    stirring: Profile = field(default_factory=lambda: constant(1.0))
    residence_time: float | None = None
    feed_concentration: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration) and self.duration > 0):
            raise ParameterError(f"duration={self.duration} s of a run must be positive")
        if not (math.isfinite(self.initial_concentration) and self.initial_concentration >= 0):
            raise ParameterError(f"initial_concentration={self.initial_concentration} must not be negative")
        if (self.temperature.values <= 0).any():
            raise ParameterError("a temperature profile holds values of 0 K and below: temperatures are in kelvin")
        if self.residence_time is not None and not self.residence_time > 0:
            raise ParameterError(f"residence_time={self.residence_time} s must be positive; leave it out for a batch")
        if self.feed_concentration is not None and self.residence_time is None:
            raise ParameterError("a feed_concentration needs a residence_time: a batch has no feed")
        if (self.stirring.values < 0).any():
            raise ParameterError("a stirring profile holds negative values: give revolutions per second")


class SolverInput(NamedTuple):
    """A crystallizer and its operation as plain numbers: a named tuple, which compiled code takes as it is.

    Attributes:
        growth: Row of the growth law (all zero: no growth).
        dissolution: Row of the dissolution law (all zero: none).
        nucleation: Rows of the nucleation laws, [m, 12].
        solubility: Row of the solubility law.
        solubility_unit: alpha, beta and gamma of its conversion to kg/kg.
        basis: d_0 and d_1 in concentration = solute / (d_0 + d_1 solute), kg.
        crystal_mass_per_volume: kg/m3.
        initial_solute: kg.
        feed_solute: kg per basis in the feed.
        dilution: 1 / residence time, 1/s; 0 for a batch.
        temperature: Times (s) and values (K) of the profile.
        stirring: Times (s) and values (1/s) of the profile.
    """

    growth: FloatArray
    dissolution: FloatArray
    nucleation: FloatArray
    solubility: FloatArray
    solubility_unit: tuple[float, float, float]
    basis: tuple[float, float]
    crystal_mass_per_volume: float
    initial_solute: float
    feed_solute: float
    dilution: float
    temperature: tuple[FloatArray, FloatArray]
    stirring: tuple[FloatArray, FloatArray]


def _solute_of(concentration: float, basis: tuple[float, float], what: str) -> float:
    solvent_fraction = 1.0 - concentration * basis[1]
    if solvent_fraction <= 0:
        raise ParameterError(f"{what}={concentration:g} kg per kg of solution leaves no solvent")
    return concentration * basis[0] / solvent_fraction


def solver_input(crystallizer: Crystallizer, operation: Operation) -> SolverInput:
    """Return the numbers that the solvers need.

    Raises:
        ParameterError: A concentration that leaves no solvent, or a temperature off the table of solubilities.
    """
    low, high = crystallizer.solubility.range()
    coldest, hottest = operation.temperature.values.min(), operation.temperature.values.max()
    if coldest < low - _SLACK or hottest > high + _SLACK:
        raise ParameterError(
            f"the run is between {coldest:.2f} and {hottest:.2f} K, but the table of solubilities between {low:.2f} "
            f"and {high:.2f} K: extend the table, or give a formula"
        )
    solution = 1.0 - (operation.seed.loading if operation.seed else 0.0)
    initial = operation.initial_concentration
    basis_name = crystallizer.solubility.basis
    solvent = solution / (1.0 + initial) if basis_name == "solvent" else solution * (1.0 - initial)
    if solvent <= 0:
        raise ParameterError(f"initial_concentration={initial:g} kg per kg of solution leaves no solvent")
    basis = {"solvent": (solvent, 0.0), "solution": (solvent, 1.0), "initial-solution": (solution, 0.0)}[basis_name]
    feed = operation.feed_concentration
    unit = crystallizer.solubility.conversion
    kinetics = crystallizer.kinetics
    rows = [
        law.row(solvent=solvent, solution=solution, crystal_mass_per_volume=crystallizer.crystal_mass_per_volume)
        for _, law in kinetics.nucleation
    ]
    return SolverInput(
        growth=kinetics.growth.row() if kinetics.growth else np.zeros(GROWTH_LENGTH),
        dissolution=kinetics.dissolution.row() if kinetics.dissolution else np.zeros(GROWTH_LENGTH),
        nucleation=np.array(rows).reshape(-1, NUCLEATION_LENGTH),
        solubility=crystallizer.solubility.row(),
        solubility_unit=(unit.alpha, unit.beta, unit.gamma),
        basis=basis,
        crystal_mass_per_volume=crystallizer.crystal_mass_per_volume,
        initial_solute=_solute_of(initial, basis, "initial_concentration"),
        feed_solute=_solute_of(initial if feed is None else feed, basis, "feed_concentration"),
        dilution=0.0 if operation.residence_time is None else 1.0 / operation.residence_time,
        temperature=(operation.temperature.times, operation.temperature.values),
        stirring=(operation.stirring.times, operation.stirring.values),
    )


@dataclass(frozen=True, eq=False)
class Run:
    """What happened in a crystallizer, at the times that were asked for.

    Attributes:
        times: float64 [t], s.
        temperature: float64 [t], K.
        solute: Dissolved solute, float64 [t], kg per kg of slurry at the start.
        concentration: float64 [t], in the solubility's basis.
        solubility: float64 [t], same.
        moments: Moments 0 to 5 of the size distribution, float64 [t, 6], m^j per kg of slurry at the start.
        crystal_mass: float64 [t], kg per kg of slurry at the start.
        balance_error: Greatest |solute + crystals - (start + fed - withdrawn)|, kg per kg of slurry at the start.
        edges: Class edges, float64 [n + 1], m; None from moments.
        number_density: float64 [t, n], crystals per m and kg of slurry at the start; None from moments.
        steps: Time steps taken.
        fell_back: Whether the compiled integrator of moments gave up, and the clear one took over: slower, within the
            same tolerance.
    """

    times: FloatArray
    temperature: FloatArray
    solute: FloatArray
    concentration: FloatArray
    solubility: FloatArray
    moments: FloatArray
    crystal_mass: FloatArray
    balance_error: float
    edges: FloatArray | None = None
    number_density: FloatArray | None = None
    steps: int = 0
    fell_back: bool = False

    @property
    def supersaturation(self) -> FloatArray:
        """S = c/c*, float64 [t]."""
        return self.concentration / self.solubility

    @property
    def mean_sizes(self) -> dict[str, FloatArray]:
        """L10, L32 and L43 in time, float64 [t], m; NaN while there are no crystals."""
        return dict(mean_sizes(self.moments))


def make_run(
    crystallizer: Crystallizer,
    system: SolverInput,
    times: FloatArray,
    solute: FloatArray,
    moments: FloatArray,
    *,
    balance_error: float,
    steps: int,
    edges: FloatArray | None = None,
    number_density: FloatArray | None = None,
) -> Run:
    """Put together what a solver found with what follows from it."""
    temperature = np.interp(times, *system.temperature)
    assert moments.shape == (times.size, NUM_MOMENTS)
    return Run(
        times=times,
        temperature=temperature,
        solute=solute,
        concentration=solute / (system.basis[0] + system.basis[1] * solute),
        solubility=crystallizer.solubility.at(temperature),
        moments=moments,
        crystal_mass=system.crystal_mass_per_volume * moments[:, 3],
        balance_error=balance_error,
        edges=edges,
        number_density=number_density,
        steps=steps,
    )
