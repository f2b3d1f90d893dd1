"""The isothermal Allen-Cahn model in plain NumPy, in the plane with periodic edges. This is the definition.

phi is 0 in the melt and 1 in the solid (W. Wu et al., Comput. Mater. Sci. 193, 110371, 2021, without dimensions):

    F = integral of |grad phi|^2 / 2 + g(phi) - df p(phi),   g = phi^2 (1 - phi)^2,   p = phi^3 (10 - 15 phi + 6 phi^2)
    dphi/dt = lap phi - g'(phi) + df p'(phi)

A step of dt = dx^2/6 does

    i    react     half a step without diffusion
    ii   diffuse   a step of diffusion alone
    iii  react     another half
    iv   settle    what is nearly melt or solid becomes so

The weights of the diffusion are (1, 4, 1)/6 along each axis. With dt = dx^2/6 their error, dx^4/12 times the fourth
derivative of phi, is what an explicit step of diffusion lacks in time, dt^2/2 times the second derivative: what is left
is of fourth order in dx. The halves of `react` around it (Strang) err by dt^2, which is of the same order. All weights
are positive and `react` is monotone, so phi never leaves [0, 1], to the last bit.

Arithmetic is part of the definition, so that the fast solver equals it bit for bit: float64, in the order written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.growth.solvers.allen_cahn.parameters import AllenCahn

__all__ = ["SETTLED", "diffuse", "put_seed", "react", "settle", "step"]

SETTLED = 1e-9
"""phi this near to 0 or 1 becomes 0 or 1. What is so, and has such neighbours alone, does not change any more, so that
the fast solver can leave it out. It slows an interface by less than 1e-8 of its velocity: a bistable front is not
driven from its tail."""

REACH = 15.0
"""Interface widths beyond the radius of a seed at which its profile is below `SETTLED`, and ends."""


def react(phi: FloatArray, params: AllenCahn) -> FloatArray:
    """Return phi after half a time step of dphi/dt = -g' + df p', by the midpoint rule.

    With s = phi (1 - phi) the rate is s (4 phi - 2 + 30 df s).
    """
    half = 0.5 * params.time_step
    middle = phi + (0.5 * half) * _rate(phi, 30 * params.driving_force)
    return np.asarray(phi + half * _rate(middle, 30 * params.driving_force))


def _rate(phi: FloatArray, drive: float) -> FloatArray:
    s = phi * (1.0 - phi)
    return np.asarray(s * ((4.0 * phi - 2.0) + drive * s))


def diffuse(phi: FloatArray) -> FloatArray:
    """Return phi after a time step of diffusion: weights (1, 4, 1)/6 along both axes, periodic."""
    rows = (np.roll(phi, 1, axis=0) + np.roll(phi, -1, axis=0)) + 4.0 * phi
    return np.asarray(((np.roll(rows, 1, axis=1) + np.roll(rows, -1, axis=1)) + 4.0 * rows) * (1 / 36))


def settle(phi: FloatArray) -> FloatArray:
    """Return phi with 0 and 1 where it is within `SETTLED` of them."""
    return np.where(phi < SETTLED, 0.0, np.where(phi > 1.0 - SETTLED, 1.0, phi))


def step(phi: FloatArray, params: AllenCahn) -> FloatArray:
    """Return phi one time step later: float64 [row, column] in [0, 1]."""
    return settle(react(diffuse(react(phi, params)), params))


def put_seed(phi: FloatArray, params: AllenCahn, centre: Sequence[float], radius: float) -> FloatArray:
    """Return phi with a round seed (1 - tanh((r - radius) / sqrt 2)) / 2 put in: the sum, and 1 where that is more.

    Args:
        phi: float64 [row, column].
        params: Supplies the spacing; site (i, j) lies at (i, j) times it.
        centre: Along rows and columns, in interface widths; the distance r is that to its nearest periodic image.
        radius: In interface widths. The seed ends `REACH` beyond it.
    """
    apart = []
    for length, place in zip(phi.shape, centre, strict=True):
        straight = np.abs(np.arange(length) * params.spacing - place)
        apart.append(np.minimum(straight, length * params.spacing - straight))
    near = np.ix_(*(np.flatnonzero(distances < radius + REACH) for distances in apart))
    r = np.sqrt(apart[0][near[0]] ** 2 + apart[1][near[1]] ** 2)
    profile = np.where(r < radius + REACH, (1.0 - np.tanh((r - radius) / np.sqrt(2.0))) / 2.0, 0.0)
    later = phi.copy()
    later[near] = settle(np.minimum(later[near] + profile, 1.0))
    return later
