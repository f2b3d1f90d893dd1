"""The finite-volume solver compiled by numba: the same steps as `finite_volume.simulate_reference`, class by class."""

from __future__ import annotations

import math

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.reactor.crystallizer import SolverInput
from nakaya.reactor.finite_volume import (
    COURANT,
    FIRST_STEP,
    LONGEST_STEP,
    Discretised,
    Tolerances,
    next_step,
    step_error,
)
from nakaya.reactor.rates import compiled, conditions_at, nucleation_rate, signed_growth, size_factor

__all__ = ["DONE", "OUTGROWN", "TOO_MANY_STEPS", "integrate"]

DONE, OUTGROWN, TOO_MANY_STEPS = 0, 1, 2


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
def integrate(
    system: SolverInput, grid: Discretised, times: FloatArray, allowed: Tolerances
) -> tuple[int, float, int, FloatArray, FloatArray, float]:
    """Integrate to all `times`.

    Returns:
        Status, time reached, steps, number densities [t, n], solute [t], greatest error of the mass balance.
    """
    n, solute, edges, mass_weight = grid.density, system.initial_solute, grid.edges, grid.mass_weight
    out, top_mass = system.dilution, system.crystal_mass_per_volume * grid.edges[-1] ** 3
    num = n.size
    width = edges[1] - edges[0]
    factors = np.empty(num + 1)
    for i in range(num + 1):
        factors[i] = size_factor(system.growth, edges[i])
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
        due = times[output]
        while t < due:
            dt, lost = 0.0, 0.0
            m_stage = solute
            for stage in range(3):
                state, rate, clock = n, k1, t
                if stage == 1:
                    state, rate, clock = n1, k2, t + dt
                elif stage == 2:
                    state, rate, clock = n2, k3, t + 0.5 * dt
                T, S, dc, N = conditions_at(system, clock, m_stage)
                G = signed_growth(system, T, S, dc, N)
                if stage == 0:
                    speed = abs(G) * (greatest if G > 0.0 else 1.0) / width + out
                    dt = min(min(step, longest), due - t)
                    if speed > 0.0:
                        dt = min(dt, COURANT / speed)
                mass = 0.0
                for i in range(num):
                    mass += state[i] * mass_weight[i]
                B = nucleation_rate(system.nucleation, T, S, dc, mass, N)
                flux = _population_rate(state, G, factors, B, out, width, rate)
                if stage == 0:
                    lost = flux
                gained = 0.0
                for i in range(num):
                    gained += rate[i] * mass_weight[i]
                stage_fed[stage] = out * (system.feed_solute - m_stage - mass)
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
            error = step_error(m3, heun_solute, number, heun_number, width, allowed)
            steps += 1
            if steps > allowed.max_steps or not math.isfinite(error):
                return TOO_MANY_STEPS, t, steps, densities, solutes, worst
            if error <= 1.0:
                n, n1 = n1, n
                solute = m3
                t = due if dt == due - t else t + dt
                fed += dt * (stage_fed[0] + stage_fed[1] + 4.0 * stage_fed[2]) / 6.0
                lost_mass += dt * lost * top_mass
                mass = 0.0
                for i in range(num):
                    mass += n[i] * mass_weight[i]
                if lost_mass > allowed.outgrown * max(mass, 1e-12):
                    return OUTGROWN, t, steps, densities, solutes, worst
            if error > 1.0 or dt == step:
                step = next_step(dt, error)
        total = solute
        for i in range(num):
            densities[output, i] = n[i]
            total += n[i] * mass_weight[i]
        solutes[output] = solute
        worst = max(worst, abs(total - start - fed))
    return DONE, t, steps, densities, solutes, worst
