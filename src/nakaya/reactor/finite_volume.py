"""The population balance by high-resolution finite volumes: the clear version, in NumPy; `compiled.py` must equal it.

    dn/dt + d(G n)/dL = -n/tau,   G n (L=0) = B

Classes of equal width; the number density at a class border is extrapolated from upwind with Koren's limiter (Koren
1993: third order where the solution is smooth, no new extrema where it is not). In time: the strong-stability-
preserving Runge-Kutta scheme of third order (Shu and Osher 1988), whose first two stages are Heun's scheme and give
the error estimate that chooses the step. Crystal mass is the same weighted sum of classes everywhere, so what
leaves solution enters crystals, but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.reactor import rates
from nakaya.reactor.crystallizer import Crystallizer, IntegrationError, Operation, Run, make_run, solver_input
from nakaya.reactor.sizes import cell_means, cell_moments, volume_below

__all__ = ["Discretised", "Grid", "OutgrownError", "Tolerances", "discretise", "simulate_reference"]

COURANT = 0.45
"""Classes that a crystal may cross in a step: below 1/2, where Koren's limiter with this scheme keeps n >= 0."""

LONGEST_STEP = 1.0 / 200.0
"""Longest step as a fraction of the run: a short event in a quiet run is not stepped over."""

FIRST_STEP = 1e-3
"""First step as a fraction of the longest."""

MAX_CLASSES = 20_000


@dataclass(frozen=True)
class Grid:
    """Classes of equal width from size zero on.

    Attributes:
        num_classes: How many.
        largest: Upper end, m; None: 1.3 x the largest seed, and half as much again whenever crystals outgrow it.
    """

    num_classes: int = 400
    largest: float | None = None

    def __post_init__(self) -> None:
        if not 10 <= self.num_classes <= MAX_CLASSES:
            raise ParameterError(f"num_classes={self.num_classes} is outside [10, {MAX_CLASSES}]")
        if self.largest is not None and not (np.isfinite(self.largest) and self.largest > 0):
            raise ParameterError(f"largest={self.largest} m of a grid must be positive")


class Tolerances(NamedTuple):
    """How well one time step must agree with its lower-order partner.

    Attributes:
        solute: kg per kg of slurry.
        number: Fraction of the number of crystals.
        outgrown: Fraction of crystal mass that may leave the grid at its upper end before the run is refused.
        max_steps: Give up after so many.
    """

    solute: float = 1e-7
    number: float = 1e-4
    outgrown: float = 1e-9
    max_steps: int = 2_000_000


def koren(ratio: FloatArray) -> FloatArray:
    """Koren's limiter: max(0, min(2 r, (1 + 2 r)/3, 2)) of the ratio r of successive slopes, downwind over upwind."""
    return np.maximum(0.0, np.minimum(np.minimum(2.0 * ratio, (1.0 + 2.0 * ratio) / 3.0), 2.0))


def upwind_faces(density: FloatArray) -> FloatArray:
    """Number density at the upper border of every class, extrapolated from below: float64 [n] (growth).

    The first class has no slope upwind of it and the last none downwind: both give their own mean.
    """
    faces = density.copy()
    upwind = density[1:-1] - density[:-2]
    downwind = density[2:] - density[1:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = 0.5 * koren(np.where(upwind == 0.0, 0.0, downwind / upwind)) * upwind
    faces[1:-1] += np.where(upwind == 0.0, 0.0, slope)
    return faces


def population_rate(
    density: FloatArray, growth: FloatArray, nucleation: float, dilution: float, width: float
) -> tuple[FloatArray, float]:
    """dn/dt in every class, and the flux through the upper end of the grid.

    Args:
        density: Mean number density in every class, float64 [n], 1/m.
        growth: Growth rate at the class borders, float64 [n + 1], m/s; all of one sign (negative: dissolution).
        nucleation: Crystals of size zero per second; enters through the lower end while crystals grow.
        dilution: 1 / residence time, 1/s.
        width: Of a class, m.
    """
    flux = np.empty(density.size + 1)
    if growth[0] >= 0.0:
        flux[0] = nucleation
        flux[1:] = growth[1:] * upwind_faces(density)
    else:
        flux[:-1] = growth[:-1] * upwind_faces(density[::-1])[::-1]
        flux[-1] = 0.0
    return -np.diff(flux) / width - dilution * density, float(flux[-1])


@rates.rule
def step_error(
    solute: float, heun_solute: float, number: float, heun_number: float, width: float, allowed: Tolerances
) -> float:
    """Difference of a step from its lower-order partner over what is allowed: a step up to 1 is taken."""
    difference = abs(number - heun_number) / (allowed.number * (abs(number) + 1.0 / width))
    return max(abs(solute - heun_solute) / allowed.solute, difference)


@rates.rule
def next_step(dt: float, error: float) -> float:
    """Length of the next step, s: the local error is of third order."""
    return float(dt * min(4.0, max(0.2, 0.9 * max(error, 1e-8) ** (-1.0 / 3.0))))


class Discretised(NamedTuple):
    """What both versions of the solver start from.

    Attributes:
        edges: float64 [n + 1], m.
        density: At the start, float64 [n], crystals per m and kg of slurry.
        mass_weight: Crystal mass per unit of number density in every class, float64 [n], kg m.
    """

    edges: FloatArray
    density: FloatArray
    mass_weight: FloatArray


def discretise(crystallizer: Crystallizer, operation: Operation, num_classes: int, largest: float) -> Discretised:
    """Lay classes and put the seed in; the mass of the seed is exact, its shape is that of the class means.

    Raises:
        ParameterError: The seed reaches beyond the grid.
    """
    edges = np.linspace(0.0, largest, num_classes + 1)
    weight = crystallizer.crystal_mass_per_volume * cell_moments(edges)[3]
    density = np.zeros(num_classes)
    if operation.seed is not None:
        means = cell_means(operation.seed.sizes, edges)
        mass = float(means @ weight)
        inside = volume_below(operation.seed.sizes, largest)
        if inside < 0.999 or mass <= 0.0:
            raise ParameterError(
                f"the grid ends at {largest * 1e6:.4g} um and holds {inside:.1%} of the seed's mass: give a larger one"
            )
        density = means * (operation.seed.loading / mass)
    return Discretised(edges, density, weight)


class OutgrownError(IntegrationError):
    """Crystals reached the upper end of the grid."""


def simulate_reference(
    crystallizer: Crystallizer,
    operation: Operation,
    times: FloatArray,
    *,
    num_classes: int,
    largest: float,
    tolerances: Tolerances | None = None,
) -> Run:
    """Run a crystallizer with the clear solver, on a fixed grid: the definition of the compiled one.

    Raises:
        OutgrownError: Crystals reached the upper end of the grid.
        ParameterError: Too many time steps.
    """
    system = solver_input(crystallizer, operation)
    grid = discretise(crystallizer, operation, num_classes, largest)
    tolerances = tolerances or Tolerances()
    factors = np.array([rates.size_factor(system.growth, size) for size in grid.edges])
    width, out = float(grid.edges[1]), system.dilution

    def rate_of_change(t: float, n: FloatArray, solute: float) -> tuple[FloatArray, float, float, float]:
        """dn/dt, d(solute)/dt, d(net feed)/dt, and the flux through the upper end."""
        T, S, dc, N = rates.conditions_at(system, t, solute)
        G = rates.signed_growth(system, T, S, dc, N)
        mass = float(n @ grid.mass_weight)
        B = rates.nucleation_rate(system.nucleation, T, S, dc, mass, N)
        growth = G * factors if G > 0 else np.full(grid.edges.size, G)
        rate, lost = population_rate(n, growth, B, out, width)
        fed = out * (system.feed_solute - solute - mass)
        return rate, fed - float(rate @ grid.mass_weight), fed, lost

    n, solute, t, fed, lost_mass, steps = grid.density.copy(), system.initial_solute, 0.0, 0.0, 0.0, 0
    start = solute + float(n @ grid.mass_weight)
    densities, solutes, worst = np.empty((times.size, num_classes)), np.empty(times.size), 0.0
    longest = float(times[-1]) * LONGEST_STEP
    step = longest * FIRST_STEP
    for i, due in enumerate(times):
        while t < due:
            G = rates.signed_growth(system, *rates.conditions_at(system, t, solute))
            speed = abs(G) * (factors.max() if G > 0 else 1.0) / width + out
            dt = min(step, longest, COURANT / speed if speed > 0 else longest, due - t)
            k1, s1, f1, lost = rate_of_change(t, n, solute)
            n1, m1 = n + dt * k1, solute + dt * s1
            k2, s2, f2, _ = rate_of_change(t + dt, n1, m1)
            n2, m2 = 0.75 * n + 0.25 * (n1 + dt * k2), 0.75 * solute + 0.25 * (m1 + dt * s2)
            k3, s3, f3, _ = rate_of_change(t + 0.5 * dt, n2, m2)
            n3, m3 = (n + 2.0 * (n2 + dt * k3)) / 3.0, (solute + 2.0 * (m2 + dt * s3)) / 3.0
            heun_solute, heun_number = solute + 0.5 * dt * (s1 + s2), float((n + 0.5 * dt * (k1 + k2)).sum())
            number = float(n3.sum())
            error = step_error(m3, heun_solute, number, heun_number, width, tolerances)
            steps += 1
            if steps > tolerances.max_steps or not np.isfinite(error):
                raise IntegrationError(too_many_steps(t, steps))
            if error <= 1.0:
                n, solute, t = n3, m3, due if dt == due - t else t + dt
                fed += dt * (f1 + f2 + 4.0 * f3) / 6.0
                lost_mass += dt * lost * crystallizer.crystal_mass_per_volume * largest**3
                if lost_mass > tolerances.outgrown * max(float(n @ grid.mass_weight), 1e-12):
                    raise OutgrownError(outgrown(largest, t))
            if error > 1.0 or dt == step:
                step = next_step(dt, error)
        densities[i], solutes[i] = n, solute
        worst = max(worst, abs(solute + float(n @ grid.mass_weight) - start - fed))
    moments = densities @ cell_moments(grid.edges).T
    return make_run(
        crystallizer,
        system,
        times,
        solutes,
        moments,
        balance_error=worst,
        steps=steps,
        edges=grid.edges,
        number_density=densities,
    )


def too_many_steps(t: float, steps: int) -> str:
    """The message for a run whose time steps become too small or whose numbers overflow."""
    return (
        f"the population balance could not be integrated past {t:.6g} s ({steps} steps): the rates are too fast for "
        "this grid; check the rate constants and their units"
    )


def outgrown(largest: float, t: float) -> str:
    """The message for crystals that reach the upper end of a grid."""
    return f"crystals outgrew the grid of {largest * 1e6:.4g} um after {t:.6g} s: give a larger one"
