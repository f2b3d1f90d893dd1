"""The moment equations compiled by numba: Dormand and Prince's fifth-order scheme with step control.

`moments.py` states the equations and holds the clear version (an integrator of SciPy), which this one must equal within
its tolerance. Fits run it thousands of times.
"""

from __future__ import annotations

import math

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.reactor.compiled import interpolate
from nakaya.reactor.jit import compiled
from nakaya.reactor.rates import growth_rate, nucleation_rate, solubility

__all__ = ["integrate_moments"]

NUM_STATES = 8

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
def _rate_of_change(
    t: float,
    y: FloatArray,
    rate: FloatArray,
    length: float,
    mass: float,
    growth: FloatArray,
    nucleation: FloatArray,
    solubility_row: FloatArray,
    d0: float,
    d1: float,
    feed_solute: float,
    out: float,
    temperature_times: FloatArray,
    temperature_values: FloatArray,
    stirring_times: FloatArray,
    stirring_values: FloatArray,
) -> None:
    T = interpolate(t, temperature_times, temperature_values)
    c, c_star = y[0] / (d0 + d1 * y[0]), solubility(solubility_row, T)
    G, B = 0.0, 0.0
    if c > c_star:
        S = c / c_star
        N = interpolate(t, stirring_times, stirring_values)
        G = growth_rate(growth, T, S, c - c_star, N) / length
        B = nucleation_rate(nucleation, T, S, c - c_star, mass * max(y[4], 0.0), N)
    rate[0] = out * (feed_solute - y[0]) - 3.0 * mass * G * y[3]
    rate[1] = B - out * y[1]
    for j in range(1, 6):
        rate[1 + j] = j * G * y[j] - out * y[1 + j]
    rate[7] = out * (feed_solute - y[0] - mass * y[4])


@compiled
def integrate_moments(
    start: FloatArray,
    times: FloatArray,
    length: float,
    mass: float,
    growth: FloatArray,
    nucleation: FloatArray,
    solubility_row: FloatArray,
    d0: float,
    d1: float,
    feed_solute: float,
    out: float,
    temperature_times: FloatArray,
    temperature_values: FloatArray,
    stirring_times: FloatArray,
    stirring_values: FloatArray,
    relative: float,
    absolute: FloatArray,
    max_steps: int,
) -> tuple[bool, int, FloatArray]:
    """Integrate (solute, moments 0 to 5 in units of `length`, net feed) to all `times`.

    Returns:
        Whether it came to the end, evaluations, states [t, 8].
    """
    y, trial = start.copy(), np.empty(NUM_STATES)
    slopes = np.zeros((7, NUM_STATES))
    found = np.zeros((times.size, NUM_STATES))
    t, evaluations = 0.0, 0
    longest = times[-1] / 50.0
    step = longest * 1e-3
    for output in range(times.size):
        wanted = times[output]
        while t < wanted:
            dt = min(min(step, longest), wanted - t)
            for stage in range(7):
                for k in range(NUM_STATES):
                    value = y[k]
                    for earlier in range(stage):
                        value += dt * _STAGES[stage, earlier] * slopes[earlier, k]
                    trial[k] = value
                _rate_of_change(
                    t + _NODES[stage] * dt,
                    trial,
                    slopes[stage],
                    length,
                    mass,
                    growth,
                    nucleation,
                    solubility_row,
                    d0,
                    d1,
                    feed_solute,
                    out,
                    temperature_times,
                    temperature_values,
                    stirring_times,
                    stirring_values,
                )
            evaluations += 7
            error = 0.0  # `trial` is the fifth-order result: the last stage is evaluated there
            for k in range(NUM_STATES):
                difference = 0.0
                for stage in range(7):
                    difference += _ERRORS[stage] * slopes[stage, k]
                allowed = absolute[k] + relative * max(abs(y[k]), abs(trial[k]))
                error = max(error, abs(dt * difference) / allowed)
            if not math.isfinite(error) or evaluations > 7 * max_steps:
                return False, evaluations, found
            if error <= 1.0:
                t = wanted if dt == wanted - t else t + dt
                for k in range(NUM_STATES):
                    y[k] = trial[k]
            if error > 1.0 or dt == step:
                step = dt * min(5.0, max(0.2, 0.9 * max(error, 1e-10) ** -0.2))
        for k in range(NUM_STATES):
            found[output, k] = y[k]
    return True, evaluations, found
