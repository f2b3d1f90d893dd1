"""Measures of the isothermal Allen-Cahn model: free energy, discrete particles, the velocity of a flat interface."""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy.integrate import solve_ivp
from scipy.ndimage import label
from scipy.optimize import brentq

from nakaya.core.arrays import FloatArray
from nakaya.growth.solvers.allen_cahn.parameters import AllenCahn

__all__ = ["free_energy", "num_particles", "planar_velocity"]

TAIL = 1e-6
"""phi at which the ends of a flat interface's profile are taken to be exponential."""


def free_energy(phi: FloatArray, params: AllenCahn) -> float:
    """Return F, the integral of |grad phi|^2 / 2 + g(phi) - df p(phi) over the domain.

    Gradients are taken half-way between sites, to fourth order: (27 (phi_1 - phi_0) - (phi_2 - phi_-1)) / (24 dx).

    Args:
        phi: float64 [row, column], periodic.
        params: Supplies driving force and spacing.

    >>> free_energy(np.ones((4, 5)), AllenCahn(driving_force=0.2, spacing=0.5))
    -1.0
    """
    s = phi * (1 - phi)
    total = (s * s).sum() - params.driving_force * (phi**3 * (10 - phi * (15 - 6 * phi))).sum()
    for axis in (0, 1):
        ahead = np.roll(phi, -1, axis)
        slope = 27 * (ahead - phi) - (np.roll(phi, -2, axis) - np.roll(phi, 1, axis))
        total += (slope * slope).sum() / (2 * (24 * params.spacing) ** 2)
    return float(total * params.spacing**2)


def num_particles(phi: FloatArray) -> int:
    """Return how many separate solid regions there are, phi >= 1/2, joined along rows, columns and periodic edges.

    >>> num_particles(np.array([[1.0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]))
    2
    """
    regions, count = label(phi >= 0.5)
    joined = np.arange(count + 1)

    def root(region: int) -> int:
        while joined[region] != region:
            region = int(joined[region])
        return region

    for first, last in ((regions[0], regions[-1]), (regions[:, 0], regions[:, -1])):
        for one, other in set(zip(first.tolist(), last.tolist(), strict=True)):
            if one and other:
                joined[root(one)] = root(other)
    return int((joined[1:] == np.arange(1, count + 1)).sum())


def planar_velocity(driving_force: float) -> float:
    """Return the velocity at which a flat interface advances into the melt.

    A front phi(x - v t) with the slope q(phi) = -dphi/dx obeys dq/dphi = v - f/q, where f = -g' + df p'; q vanishes at
    phi = 0 as phi (v + sqrt(v^2 + 8)) / 2 and at 1 as (1 - phi) (sqrt(v^2 + 8) - v) / 2. The v is sought at which the
    solutions from both ends meet at phi = 1/2. For small driving forces v is df / gamma.

    >>> round(planar_velocity(0.001) / 0.001, 4), round(3 * sqrt(2), 4)
    (4.2426, 4.2426)
    """

    def slope_at_half(velocity: float, start: float) -> float:
        root = sqrt(velocity**2 + 8)
        first = TAIL * (root + velocity) / 2 if start < 0.5 else TAIL * (root - velocity) / 2

        def change(phi: float, q: FloatArray) -> FloatArray:
            s = phi * (1 - phi)
            return np.asarray(velocity - s * (4 * phi - 2 + 30 * driving_force * s) / q)

        return float(solve_ivp(change, (start, 0.5), [first], method="DOP853", rtol=1e-10, atol=1e-14).y[0, -1])

    def mismatch(velocity: float) -> float:
        return slope_at_half(velocity, TAIL) - slope_at_half(velocity, 1 - TAIL)

    guess = 3 * sqrt(2) * driving_force
    return float(brentq(mismatch, 0.5 * guess, 1.5 * guess, xtol=1e-12))
