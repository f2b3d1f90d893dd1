"""The method of moments: six ordinary differential equations instead of a partial one.

With mu_j the integral of L^j n(L), growth that does not depend on size and nuclei of size zero (Hulburt and Katz 1964):

    d mu_0/dt = B - mu_0/tau,    d mu_j/dt = j G mu_(j-1) - mu_j/tau,    d m/dt = -3 rho k_v G mu_2 + (m_feed - m)/tau

The equations close only there: growth that depends on size needs moments of higher order than it gives, and dissolution
takes away crystals of size zero, whose number the moments do not know. Both are refused; finite volumes do them.

Two integrators share the equations: Dormand and Prince's fifth-order scheme with step control, compiled, which fits run
thousands of times; and SciPy's LSODA, the clear version that it must equal within its tolerance, for stiff systems.
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.reactor import rates
from nakaya.reactor.crystallizer import (
    Crystallizer,
    IntegrationError,
    Operation,
    Run,
    SolverInput,
    make_run,
    solver_input,
)
from nakaya.reactor.rates import compiled, conditions_at, growth_rate, nucleation_rate, rule
from nakaya.reactor.sizes import NUM_MOMENTS, moments_of

__all__ = ["simulate_moments"]

log = logging.getLogger(__name__)

UNDERSATURATION_TOLERANCE = 1e-4
"""S may fall this far below 1 (rounding of a solver at equilibrium) before dissolution is taken for real."""

_LENGTH = 1e-4  # m: sizes in units of 100 um keep six moments within a few decades of each other
_MAX_STEPS = 2_000
_MAX_EVALUATIONS = 30_000
_NUM_STATES = NUM_MOMENTS + 2
_MAX_BREAKPOINTS = 64  # profiles with more points than this are measured ones, and are not integrated piece by piece


def simulate_moments(
    crystallizer: Crystallizer,
    operation: Operation,
    times: FloatArray,
    *,
    relative_tolerance: float = 1e-7,
    fast: bool = True,
) -> Run:
    """Run a crystallizer by moments.

    Args:
        crystallizer: The system.
        operation: How it is run.
        times: When to report, float64 [t], s, increasing, from 0 on.
        relative_tolerance: Of the integrator.
        fast: The compiled integrator; where it gives up (a stiff system: `fell_back` of the result), and with False,
            the clear one.

    Raises:
        ParameterError: The moments do not close (growth depends on size, or crystals would dissolve).
    """
    growth = crystallizer.kinetics.growth
    if growth is not None and growth.size_factor != 0.0:
        raise ParameterError(
            "moments do not close for growth that depends on size (size_factor > 0): use method finite-volume"
        )
    system = solver_input(crystallizer, operation)
    powers = _LENGTH ** np.arange(NUM_MOMENTS)
    start = np.zeros(_NUM_STATES)  # solute, moments in units of _LENGTH, net feed so far
    start[0] = system.initial_solute
    if operation.seed is not None:
        scale = operation.seed.scale(crystallizer.crystal_mass_per_volume)
        start[1:-1] = scale * moments_of(operation.seed.sizes) / powers
    # Nuclei count from the first one on; mass counts to a millionth of what could crystallise.
    number = max(start[1] * 1e-6, 1.0)
    absolute = np.array([1e-10, *[number] * NUM_MOMENTS, 1e-10])
    done, steps, states = False, 0, np.empty((0, start.size))
    if fast:
        done, steps, states = _integrate_compiled(system, start, times, relative_tolerance, absolute)
    fell_back = fast and not done
    if fell_back:
        _say_that_it_fell_back()
    if not done:
        states, steps = _integrate(system, start, times, relative_tolerance, absolute)
    solute, moments, fed = states[:, 0], states[:, 1:-1] * powers, states[:, -1]
    total = solute + system.crystal_mass_per_volume * moments[:, 3] - fed
    initial = system.initial_solute + system.crystal_mass_per_volume * start[4] * _LENGTH**3
    worst = float(np.abs(total - initial).max())
    run = make_run(crystallizer, system, times, solute, moments, balance_error=worst, steps=steps)
    run = replace(run, fell_back=fell_back)
    dissolves = system.dissolution[rates.G_CONSTANT] > 0 and moments[:, 0].max() > 0
    if dissolves and (run.supersaturation < 1.0 - UNDERSATURATION_TOLERANCE).any():
        raise ParameterError(
            "crystals dissolve in this run, and moments do not close there (fines disappear): use method finite-volume"
        )
    return run


@cache
def _say_that_it_fell_back() -> None:
    """Once in a process: a fit runs thousands of times."""
    log.info(
        "the compiled integrator of the moments gave up on a stiff system, and the clear one took over: slower, and "
        "the same within its tolerance; further runs do not say so again"
    )


@rule
def _rate_of_change(t: float, y: FloatArray, system: SolverInput, rate: FloatArray) -> None:
    """Fill `rate` with that of (solute, moments 0 to 5 in units of `_LENGTH`, net feed), float64 [8]."""
    mass, out = system.crystal_mass_per_volume * _LENGTH**3, system.dilution
    T, S, dc, N = conditions_at(system, t, y[0])
    G, B = 0.0, 0.0
    if dc > 0.0:
        G = growth_rate(system.growth, T, S, dc, N) / _LENGTH
        B = nucleation_rate(system.nucleation, T, S, dc, mass * max(y[4], 0.0), N)
    rate[0] = out * (system.feed_solute - y[0]) - 3.0 * mass * G * y[3]
    rate[1] = B - out * y[1]
    for j in range(1, NUM_MOMENTS):
        rate[1 + j] = j * G * y[j] - out * y[1 + j]
    rate[7] = out * (system.feed_solute - y[0] - mass * y[4])


# Dormand and Prince (1980): nodes, stages, fifth-order weights, and their difference from fourth order.
_NODES = np.array([0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0])
_STAGES = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0],
        [44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
_ERRORS = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])


@compiled
def _integrate_compiled(
    system: SolverInput, start: FloatArray, times: FloatArray, relative: float, absolute: FloatArray
) -> tuple[bool, int, FloatArray]:
    """Whether it came to the end, evaluations, states [t, 8]."""
    y, trial = start.copy(), np.empty(_NUM_STATES)
    slopes = np.zeros((7, _NUM_STATES))
    found = np.zeros((times.size, _NUM_STATES))
    t, evaluations = 0.0, 0
    longest = times[-1] / 50.0
    step = longest * 1e-3
    for output in range(times.size):
        due = times[output]
        while t < due:
            dt = min(min(step, longest), due - t)
            for stage in range(7):
                for k in range(_NUM_STATES):
                    value = y[k]
                    for earlier in range(stage):
                        value += dt * _STAGES[stage, earlier] * slopes[earlier, k]
                    trial[k] = value
                _rate_of_change(t + _NODES[stage] * dt, trial, system, slopes[stage])
            evaluations += 7
            error = 0.0  # `trial` is the fifth-order result: the last stage is evaluated there
            for k in range(_NUM_STATES):
                difference = 0.0
                for stage in range(7):
                    difference += _ERRORS[stage] * slopes[stage, k]
                allowed = absolute[k] + relative * max(abs(y[k]), abs(trial[k]))
                error = max(error, abs(dt * difference) / allowed)
            if not math.isfinite(error) or evaluations > 7 * _MAX_STEPS:
                return False, evaluations, found
            if error <= 1.0:
                t = due if dt == due - t else t + dt
                for k in range(_NUM_STATES):
                    y[k] = trial[k]
            if error > 1.0 or dt == step:
                step = dt * min(5.0, max(0.2, 0.9 * max(error, 1e-10) ** -0.2))
        for k in range(_NUM_STATES):
            found[output, k] = y[k]
    return True, evaluations, found


def _integrate(
    system: SolverInput, start: FloatArray, times: FloatArray, relative: float, absolute: FloatArray
) -> tuple[FloatArray, int]:
    """The clear version: SciPy's LSODA, piece by piece between the corners of the temperature profile."""
    evaluations = 0

    def rate_of_change(t: float, state: FloatArray) -> FloatArray:
        nonlocal evaluations
        evaluations += 1
        if evaluations > _MAX_EVALUATIONS:
            raise IntegrationError(
                f"the moments could not be integrated past {t:g} s: the rates are too fast; check the rate constants "
                "and their units"
            )
        rate = np.empty(_NUM_STATES)
        _rate_of_change(t, state, system, rate)
        return rate

    end = float(times[-1])
    breakpoints = [t for t in system.temperature[0].tolist() if 0.0 < t < end]
    if len(breakpoints) > _MAX_BREAKPOINTS:
        breakpoints = []
    stops = [0.0, *breakpoints, end]
    found = np.empty((times.size, start.size))
    state, steps = start, 0
    found[times <= 0.0] = start
    for left, right in pairwise(stops):
        here = (times > left) & (times <= right)
        evaluation_times = times[here]
        if evaluation_times.size == 0 or evaluation_times[-1] < right:
            evaluation_times = np.append(evaluation_times, right)
        solution = solve_ivp(
            rate_of_change,
            (left, right),
            state,
            method="LSODA",
            t_eval=evaluation_times,
            rtol=relative,
            atol=absolute,
            max_step=(right - left) / (8 if len(breakpoints) < _MAX_BREAKPOINTS and breakpoints else 50),
        )
        if not solution.success or not np.isfinite(solution.y).all():
            raise IntegrationError(f"the moments could not be integrated past {left:g} s: {solution.message}")
        found[here] = solution.y.T[: int(here.sum())]
        state, steps = solution.y[:, -1], steps + int(solution.nfev)
    if not math.isfinite(float(found.sum())):
        raise ParameterError("the moments are not finite: check the rate constants and their units")
    return found, steps
