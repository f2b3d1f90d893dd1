"""The method of moments: six ordinary differential equations instead of a partial one.

With mu_j the integral of L^j n(L), growth that does not depend on size and nuclei of size zero (Hulburt and Katz 1964):

    d mu_0/dt = B - mu_0/tau,    d mu_j/dt = j G mu_(j-1) - mu_j/tau,    d m/dt = -3 rho k_v G mu_2 + (m_feed - m)/tau

The equations close only there: growth that depends on size needs moments of higher order than it gives, and dissolution
takes away crystals of size zero, whose number the moments do not know. Both are refused; finite volumes do them.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.reactor import rates
from nakaya.reactor.crystallizer import (
    Crystallizer,
    IntegrationError,
    Layout,
    Operation,
    Run,
    lay_out,
    make_run,
)
from nakaya.reactor.sizes import NUM_MOMENTS, moments_of

__all__ = ["UNDERSATURATION_TOLERANCE", "check_closure", "simulate_moments"]

UNDERSATURATION_TOLERANCE = 1e-4
"""S may fall this far below 1 (rounding of a solver at equilibrium) before dissolution is taken for real."""

_LENGTH = 1e-4  # m: sizes in units of 100 um keep six moments within a few decades of each other
_MAX_STEPS = 2_000
_MAX_EVALUATIONS = 30_000
_MAX_BREAKS = 64  # profiles with more points than this are measured ones, and are not integrated piece by piece


def check_closure(crystallizer: Crystallizer) -> None:
    """Refuse a system whose moments do not close.

    Raises:
        ParameterError: Growth depends on size.
    """
    growth = crystallizer.kinetics.growth
    if growth is not None and growth.size_factor != 0.0:
        raise ParameterError(
            "moments do not close for growth that depends on size (size_factor > 0): use method finite-volume"
        )


def simulate_moments(
    crystallizer: Crystallizer,
    operation: Operation,
    times: FloatArray,
    *,
    relative_tolerance: float = 1e-7,
    compiled: bool = True,
) -> Run:
    """Run a crystallizer by moments.

    Args:
        crystallizer: The system.
        operation: How it is run.
        times: When to report, float64 [t], s, increasing, from 0 on.
        relative_tolerance: Of the integrator.
        compiled: The fast integrator; where it gives up (a stiff system), and with False, the clear one.

    Raises:
        ParameterError: The moments do not close (growth depends on size, or crystals would dissolve).
    """
    check_closure(crystallizer)
    layout = lay_out(crystallizer, operation)
    powers = _LENGTH ** np.arange(NUM_MOMENTS)
    start = np.zeros(NUM_MOMENTS + 2)  # solute, moments in units of _LENGTH, net feed so far
    start[0] = layout.initial_solute
    if operation.seed is not None:
        scale = operation.seed.scale(crystallizer.crystal_mass_per_volume)
        start[1:-1] = scale * moments_of(operation.seed.sizes) / powers
    # Nuclei count from the first one on; mass counts to a millionth of what could crystallise.
    number = max(start[1] * 1e-6, 1.0)
    absolute = np.array([1e-10, *[number] * NUM_MOMENTS, 1e-10])
    done, steps, states = False, 0, np.empty((0, start.size))
    if compiled:
        done, steps, states = _integrate_compiled(layout, start, times, relative_tolerance, absolute)
    if not done:
        states, steps = _integrate(layout, start, times, relative_tolerance, absolute)
    solute, moments, fed = states[:, 0], states[:, 1:-1] * powers, states[:, -1]
    total = solute + layout.crystal_mass_per_volume * moments[:, 3] - fed
    initial = layout.initial_solute + layout.crystal_mass_per_volume * start[4] * _LENGTH**3
    worst = float(np.abs(total - initial).max())
    run = make_run(layout, times, solute, moments, balance_error=worst, steps=steps)
    dissolves = layout.dissolution[rates.G_CONSTANT] > 0 and moments[:, 0].max() > 0
    if dissolves and (run.supersaturation < 1.0 - UNDERSATURATION_TOLERANCE).any():
        raise ParameterError(
            "crystals dissolve in this run, and moments do not close there (fines disappear): use method finite-volume"
        )
    return run


def _integrate_compiled(
    layout: Layout, start: FloatArray, times: FloatArray, relative_tolerance: float, absolute: FloatArray
) -> tuple[bool, int, FloatArray]:
    from nakaya.reactor.compiled_moments import integrate_moments

    done, evaluations, states = integrate_moments(
        start,
        times,
        _LENGTH,
        layout.crystal_mass_per_volume * _LENGTH**3,
        layout.growth,
        layout.nucleation,
        layout.solubility,
        *layout.basis,
        layout.feed_solute,
        layout.dilution,
        layout.temperature.times,
        layout.temperature.values,
        layout.stirring.times,
        layout.stirring.values,
        relative_tolerance,
        absolute,
        _MAX_STEPS,
    )
    return bool(done), int(evaluations), states


def _integrate(
    layout: Layout, start: FloatArray, times: FloatArray, relative_tolerance: float, absolute: FloatArray
) -> tuple[FloatArray, int]:
    """The clear version: SciPy's LSODA, piece by piece between the corners of the temperature profile."""
    mass = layout.crystal_mass_per_volume * _LENGTH**3
    has_stirring = layout.stirring.times.size > 1
    profile_times, profile_values = layout.temperature.times, layout.temperature.values
    still = float(layout.stirring.values[0])
    d0, d1 = layout.basis

    evaluations = 0

    def rate_of_change(t: float, state: FloatArray) -> list[float]:
        nonlocal evaluations
        evaluations += 1
        if evaluations > _MAX_EVALUATIONS:
            raise IntegrationError(
                f"the moments could not be integrated past {t:g} s: the rates are too fast; check the rate constants "
                "and their units"
            )
        solute, mu0, mu1, mu2, mu3, mu4, mu5, _ = state.tolist()
        T = float(np.interp(t, profile_times, profile_values))
        N = float(layout.stirring.at(t)) if has_stirring else still
        c, c_star = solute / (d0 + d1 * solute), rates.solubility(layout.solubility, T)
        G, B = 0.0, 0.0
        if c > c_star:
            S = c / c_star
            G = rates.growth_rate(layout.growth, T, S, c - c_star, N) / _LENGTH
            B = rates.nucleation_rate(layout.nucleation, T, S, c - c_star, mass * max(mu3, 0.0), N)
        out = layout.dilution
        growth_of_mass = 3.0 * mass * G * mu2
        feed = out * (layout.feed_solute - solute - mass * mu3)
        return [
            out * (layout.feed_solute - solute) - growth_of_mass,
            B - out * mu0,
            G * mu0 - out * mu1,
            2.0 * G * mu1 - out * mu2,
            3.0 * G * mu2 - out * mu3,
            4.0 * G * mu3 - out * mu4,
            5.0 * G * mu4 - out * mu5,
            feed,
        ]

    end = float(times[-1])
    breaks = [t for t in profile_times.tolist() if 0.0 < t < end]
    if len(breaks) > _MAX_BREAKS:
        breaks = []
    stops = [0.0, *breaks, end]
    found = np.empty((times.size, start.size))
    state, steps = start, 0
    found[times <= 0.0] = start
    for left, right in pairwise(stops):
        wanted = (times > left) & (times <= right)
        stations = times[wanted]
        if stations.size == 0 or stations[-1] < right:
            stations = np.append(stations, right)
        solution = solve_ivp(
            rate_of_change,
            (left, right),
            state,
            method="LSODA",
            t_eval=stations,
            rtol=relative_tolerance,
            atol=absolute,
            max_step=(right - left) / (8 if len(breaks) < _MAX_BREAKS and breaks else 50),
        )
        if not solution.success or not np.isfinite(solution.y).all():
            raise IntegrationError(f"the moments could not be integrated past {left:g} s: {solution.message}")
        found[wanted] = solution.y.T[: int(wanted.sum())]
        state, steps = solution.y[:, -1], steps + int(solution.nfev)
    if not math.isfinite(float(found.sum())):
        raise ParameterError("the moments are not finite: check the rate constants and their units")
    return found, steps
