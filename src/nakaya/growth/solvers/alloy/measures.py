"""Measures of alloys: solute, partition, tips and their spacing; and what they should be. In W0 and tau0.

`tip_position`, `tip_velocity` and `tip_radius` of `nakaya.growth.solvers.phase_field.measures` take alloys, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.signal import find_peaks

from nakaya.core.arrays import ArrivalMap, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.alloy.parameters import DiluteAlloy, DirectionalAlloy
from nakaya.growth.solvers.alloy.reference import concentration
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.measures import FLAT, site_volumes

__all__ = [
    "PrimarySpacing",
    "front_at",
    "front_heights",
    "growth_rate",
    "mode_amplitude",
    "partition_at",
    "primary_spacing",
    "solute",
    "steady_concentration",
]

Field = NDArray[np.floating]

BEHIND, AHEAD = (5.0, 8.0), 5.0
"""W0 behind and ahead of an interface between which and from which on it is solid, and melt: 1 - |phi| < 2e-3."""

PROMINENCE = 2.0
"""W0 that a tip stands out by, at least: the width of the interface."""


@dataclass(frozen=True)
class PrimarySpacing:
    """Distance between neighbouring tips at the front.

    Attributes:
        spacing: Width of the lattice over the number of tips, in W0.
        low: The same with half a tip more: the box holds whole numbers only.
        high: With half a tip less.
        num_tips: Counted tips.
    """

    spacing: float
    low: float
    high: float
    num_tips: int


def solute(u: Field, phi: Field, params: DiluteAlloy, setup: GrowthSetup) -> float:
    """Return the integral of the concentration over the domain, which no step changes, in that of the melt far away."""
    volumes = site_volumes(params, setup)  # type: ignore[arg-type]  # it takes what both kinds have
    return float((volumes * concentration(u.astype(np.float64), phi.astype(np.float64), params)).sum())


def front_heights(phi: Field, params: DiluteAlloy) -> FloatArray:
    """Return how high the solid reaches in every column above the centre of the first row, float64 [column], in W0.

    Between the last solid site and the next, psi = sqrt 2 artanh phi is taken as linear. Where a groove reaches below
    the lattice, the height is 0.

    Raises:
        ParameterError: All is melt, or solid reaches the last row.
    """
    solid = phi >= 0
    last = phi.shape[0] - 1 - np.argmax(solid[::-1], axis=0)
    is_groove = ~solid.any(axis=0)
    if is_groove.all() or solid[-1].any():
        raise ParameterError("phi is melt throughout, or solid at the last row: the front is not in the lattice")
    last[is_groove] = 0
    columns = np.arange(phi.shape[1])
    psi = np.arctanh(phi.astype(np.float64).clip(-FLAT, FLAT))
    here, beyond = psi[last, columns], psi[last + 1, columns]
    return np.where(is_groove, 0.0, (last + here / np.where(is_groove, 1, here - beyond)) * params.spacing)


def front_at(arrival: ArrivalMap, time: float, params: DiluteAlloy) -> FloatArray:
    """Return how high the solid reached in every column at a time in tau0, float64 [column], in W0.

    Attachment times are taken as linear between rows: for interfaces that are nearly planar.
    """
    heights = []
    for column in np.moveaxis(arrival, 1, 0):
        rows = np.flatnonzero(column > 1)
        heights.append(np.interp(time, column[rows] * STEP_DURATION, rows * params.spacing))
    return np.array(heights)


def mode_amplitude(heights: FloatArray, waves: int = 1) -> float:
    """Return the amplitude of the cosine with `waves` periods in the heights [column] of a front."""
    columns = np.arange(len(heights))
    return float(2 * np.mean(heights * np.cos(2 * pi * waves * columns / len(heights))))


def primary_spacing(phi: Field, params: DiluteAlloy) -> PrimarySpacing:
    """Return the spacing of the tips at the front: local maxima of its height that stand out by `PROMINENCE`.

    The sides of the lattice are joined. The interval is that of counting: a lattice holds whole numbers of tips.

    Args:
        phi: Phase field, float [row, column].
        params: The parameter point.

    Raises:
        ParameterError: There is no tip, the front being planar; or it is not in the lattice.

    >>> from nakaya.growth.solvers.alloy.parameters import DirectionalAlloy
    >>> rows, columns = np.indices((60, 64))  # a front with a tip every 16 columns, sites of .8 W0
    >>> waves = 30 + 10 * np.cos(2 * np.pi * columns / 16)
    >>> found = primary_spacing(np.tanh((waves - rows) * 0.8 / np.sqrt(2)), DirectionalAlloy(spacing=0.8))
    >>> found.num_tips, round(found.spacing, 1)
    (4, 12.8)
    """
    heights = front_heights(phi, params)
    lowest = int(np.argmin(heights))
    rolled = np.append(np.roll(heights, -lowest), heights[lowest])
    count = len(find_peaks(rolled, prominence=PROMINENCE)[0])
    if count == 0:
        raise ParameterError(
            f"no tip stands out by {PROMINENCE:g} W0 of a front that is {np.ptp(heights):.2g} W0 high: it is planar, "
            "and has no primary spacing"
        )
    width = phi.shape[1] * params.spacing
    return PrimarySpacing(width / count, width / (count + 0.5), width / (count - 0.5), count)


def partition_at(u: Field, phi: Field, params: DirectionalAlloy) -> float:
    """Return the concentration of the solid over that of the liquid at a planar interface.

    The solid's is the mean from 5 to 8 W0 behind it; the liquid's that of the boundary layer exp(-x V / D), fitted
    from 5 W0 to l_D ahead and continued to the interface: what a sharp interface would see.

    Args:
        u: Supersaturation, float [row] or [row, column].
        phi: Phase field, likewise.
        params: The parameter point.
    """
    u, phi = (np.asarray(field, np.float64).reshape(len(field), -1) for field in (u, phi))
    x = np.arange(len(u))[:, np.newaxis] * params.spacing - front_heights(phi, params)
    behind = (-x >= BEHIND[0]) & (-x <= BEHIND[1])
    ahead = (x >= AHEAD) & (x <= AHEAD + params.diffusion_length)
    layer = np.exp((np.log(u[ahead] + 1) + x[ahead] / params.diffusion_length).mean())
    solid = concentration(u, phi, params)[behind].mean() * params.nominal
    return float(solid / (1 + (1 - params.partition) * (layer - 1)))


def steady_concentration(x: FloatArray, params: DirectionalAlloy) -> FloatArray:
    """Return the liquid's concentration x ahead of a planar interface that moves steadily, over that far away.

    c = 1 + (1 - k) / k exp(-V x / D): W. A. Tiller et al., Acta Metall. 1, 428 (1953).

    Args:
        x: Distances in W0, float64 [...].
        params: The parameter point.
    """
    k = params.partition
    return np.asarray(1 + (1 - k) / k * np.exp(-x / params.diffusion_length))


def growth_rate(params: DirectionalAlloy, wavelength: float) -> float:
    """Return the rate at which a sinusoidal perturbation of the steady planar interface grows, in 1/tau0.

    W. W. Mullins & R. F. Sekerka, J. Appl. Phys. 35, 444 (1964), for one diffusing side and a frozen temperature. With
    q = 2 pi / wavelength, and p the decay of the solute's perturbation ahead of the interface,

        sigma = V [a (p l_D - 1 + k) - k / l_D],    a = 1 / l_D - (1 - 15 eps) d0 q^2 - 1 / l_T
        p = [1 + sqrt(1 + 4 l_D^2 (q^2 + sigma / D))] / (2 l_D)

    Args:
        params: The parameter point; its anisotropy with axes along the lattice's.
        wavelength: In W0.

    Raises:
        ParameterError: The rate is complex, as it can be at long wavelengths.
    """
    q, reach, k = 2 * pi / wavelength, params.diffusion_length, params.partition
    stiff = (1 - 15 * params.anisotropy) * params.capillary_length
    a = 1 / reach - stiff * q**2 - 1 / params.thermal_length

    def mismatch(sigma: float) -> float:
        inner = 1 + 4 * reach**2 * (q**2 + sigma / params.diffusivity)
        p = (1 + sqrt(max(inner, 0.0))) / (2 * reach)
        return params.speed * (a * (p * reach - 1 + k) - k / reach) - sigma

    highest = max(a * reach, 0.0)  # of the root, where the mismatch is greatest
    least = params.diffusivity * ((highest**2 - 1) / (4 * reach**2) - q**2)
    if mismatch(least) < 0:
        raise ParameterError(
            f"wavelength={wavelength:g} W0 has no real rate: such a perturbation of this front decays while it "
            f"oscillates; use one shorter than {2 * pi * reach:.4g}"
        )
    most = params.diffusivity * (q + 1 / reach) ** 2 + params.speed * q
    return float(brentq(mismatch, least, most))
