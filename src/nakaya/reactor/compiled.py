"""The finite-volume solver compiled by numba: the same steps as `finite_volume.simulate_reference`, class by class."""

from __future__ import annotations

import math

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.reactor.finite_volume import COURANT, FIRST_STEP, LONGEST_STEP
from nakaya.reactor.jit import compiled
from nakaya.reactor.rates import G_CONSTANT, growth_rate, nucleation_rate, size_factor, solubility

__all__ = ["DONE", "OUTGROWN", "TOO_MANY_STEPS", "integrate", "interpolate"]

DONE, OUTGROWN, TOO_MANY_STEPS = 0, 1, 2


@compiled
def interpolate(t: float, times: FloatArray, values: FloatArray) -> float:
    """Value of a profile at a time."""
    if t <= times[0]:
        return float(values[0])
    if t >= times[-1]:
        return float(values[-1])
    i = np.searchsorted(times, t, side="right")
    share = (t - times[i - 1]) / (times[i] - times[i - 1])
    return float(values[i - 1] + share * (values[i] - values[i - 1]))


@compiled
def _limited(upwind: float, downwind: float) -> float:
    """Half of Koren's limiter times the upwind slope."""
    if upwind == 0.0:
        return 0.0
    ratio = downwind / upwind
    return 0.5 * max(0.0, min(min(2.0 * ratio, (1.0 + 2.0 * ratio) / 3.0), 2.0)) * upwind


@compiled
def _population_rate(
    n: FloatArray, G: float, factors: FloatArray, nucleation: float, out: float, width: float, rate: FloatArray
) -> float:
    """Fill `rate` with dn/dt; return the flux through the upper end."""
    last = n.size - 1
    if G >= 0.0:
        below = nucleation
        for i in range(last + 1):
            face = n[i]
            if 0 < i < last:
                face += _limited(n[i] - n[i - 1], n[i + 1] - n[i])
            above = G * factors[i + 1] * face
            rate[i] = -(above - below) / width - out * n[i]
            below = above
        return below
    above = 0.0
    for i in range(last, -1, -1):
        face = n[i]
        if 0 < i < last:
            face += _limited(n[i] - n[i + 1], n[i - 1] - n[i])
        below = G * face
        rate[i] = -(above - below) / width - out * n[i]
        above = below
    return 0.0


@compiled
def _signed_growth(growth: FloatArray, dissolution: FloatArray, T: float, S: float, dc: float, N: float) -> float:
    if S > 1.0:
        return growth_rate(growth, T, S, dc, N)
    if S < 1.0 and dissolution[G_CONSTANT] > 0.0:
        return -growth_rate(dissolution, T, S, dc, N)
    return 0.0


@compiled
def integrate(
    n: FloatArray,
    solute: float,
    edges: FloatArray,
    mass_weight: FloatArray,
    top_mass: float,
    growth: FloatArray,
    dissolution: FloatArray,
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
    times: FloatArray,
    solute_tolerance: float,
    number_tolerance: float,
    outgrown_tolerance: float,
    max_steps: int,
) -> tuple[int, float, int, FloatArray, FloatArray, float]:
    """Integrate to all `times`; arguments as in `Layout`, `Discretised` and `Tolerances`.

    Returns:
        Status, time reached, steps, number densities [t, n], solute [t], greatest error of the mass balance.
    """
    num = n.size
    width = edges[1] - edges[0]
    factors = np.empty(num + 1)
    for i in range(num + 1):
        factors[i] = size_factor(growth, edges[i])
    greatest = factors.max()
    n, n1, n2 = n.copy(), np.empty(num), np.empty(num)
    k1, k2, k3 = np.empty(num), np.empty(num), np.empty(num)
    densities, solutes = np.zeros((times.size, num)), np.zeros(times.size)
    start = solute
    for i in range(num):
        start += n[i] * mass_weight[i]
    t, fed, lost_mass, worst, steps = 0.0, 0.0, 0.0, 0.0, 0
    longest = times[-1] * LONGEST_STEP
    step = longest * FIRST_STEP
    stage_solute, stage_fed = np.empty(3), np.empty(3)
    for output in range(times.size):
        wanted = times[output]
        while t < wanted:
            dt, lost = 0.0, 0.0
            m_stage = solute
            for stage in range(3):
                state, rate, clock = n, k1, t
                if stage == 1:
                    state, rate, clock = n1, k2, t + dt
                elif stage == 2:
                    state, rate, clock = n2, k3, t + 0.5 * dt
                T = interpolate(clock, temperature_times, temperature_values)
                N = interpolate(clock, stirring_times, stirring_values)
                c = m_stage / (d0 + d1 * m_stage)
                c_star = solubility(solubility_row, T)
                S, dc = c / c_star, c - c_star
                G = _signed_growth(growth, dissolution, T, S, dc, N)
                if stage == 0:
                    speed = abs(G) * (greatest if G > 0.0 else 1.0) / width + out
                    dt = min(min(step, longest), wanted - t)
                    if speed > 0.0:
                        dt = min(dt, COURANT / speed)
                mass = 0.0
                for i in range(num):
                    mass += state[i] * mass_weight[i]
                B = nucleation_rate(nucleation, T, S, dc, mass, N)
                flux = _population_rate(state, G, factors, B, out, width, rate)
                if stage == 0:
                    lost = flux
                gained = 0.0
                for i in range(num):
                    gained += rate[i] * mass_weight[i]
                stage_fed[stage] = out * (feed_solute - m_stage - mass)
                stage_solute[stage] = stage_fed[stage] - gained
                if stage == 0:
                    for i in range(num):
                        n1[i] = n[i] + dt * k1[i]
                    m_stage = solute + dt * stage_solute[0]
                elif stage == 1:
                    for i in range(num):
                        n2[i] = 0.75 * n[i] + 0.25 * (n1[i] + dt * k2[i])
                    m_stage = 0.75 * solute + 0.25 * (m_stage + dt * stage_solute[1])
            m3 = (solute + 2.0 * (m_stage + dt * stage_solute[2])) / 3.0
            heun_solute = solute + 0.5 * dt * (stage_solute[0] + stage_solute[1])
            number, heun_number = 0.0, 0.0
            for i in range(num):
                n1[i] = (n[i] + 2.0 * (n2[i] + dt * k3[i])) / 3.0
                number += n1[i]
                heun_number += n[i] + 0.5 * dt * (k1[i] + k2[i])
            error = max(
                abs(m3 - heun_solute) / solute_tolerance,
                abs(number - heun_number) / (number_tolerance * (abs(number) + 1.0 / width)),
            )
            steps += 1
            if steps > max_steps or not math.isfinite(error):
                return TOO_MANY_STEPS, t, steps, densities, solutes, worst
            if error <= 1.0:
                n, n1 = n1, n
                solute = m3
                t = wanted if dt == wanted - t else t + dt
                fed += dt * (stage_fed[0] + stage_fed[1] + 4.0 * stage_fed[2]) / 6.0
                lost_mass += dt * lost * top_mass
                mass = 0.0
                for i in range(num):
                    mass += n[i] * mass_weight[i]
                if lost_mass > outgrown_tolerance * max(mass, 1e-12):
                    return OUTGROWN, t, steps, densities, solutes, worst
            if error > 1.0 or dt == step:
                step = dt * min(4.0, max(0.2, 0.9 * max(error, 1e-8) ** (-1.0 / 3.0)))
        total = solute
        for i in range(num):
            densities[output, i] = n[i]
            total += n[i] * mass_weight[i]
        solutes[output] = solute
        worst = max(worst, abs(total - start - fed))
    return DONE, t, steps, densities, solutes, worst
