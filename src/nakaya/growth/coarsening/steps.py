"""The numbers of one time step: kernels, factors of pairs, and how long a step may be.

Everything here is in sites and in units of the time in which a boundary of the greatest energy and the curvature
1/site moves by a site: h^2 / (M gamma).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import Float32Array, FloatArray
from nakaya.growth.coarsening.energies import PairEnergies

__all__ = [
    "CUT",
    "SLOTS",
    "WIDTH",
    "StepNumbers",
    "allowed_step",
    "gaussian_taps",
    "least_step",
    "radius_of_small",
    "step_numbers",
]

WIDTH = 2.0
"""Sites over which the fraction of a grain falls from 1 to 0 across its boundary.

A sharp map would stand still: a boundary of radius R moves by 2 t / (2 R) in a step, and a site only changes its grain
where that is about a site. With fractions a boundary has a place between sites. The cubic 3 x^2 - 2 x^3 over 2 sites
keeps circles of radius 40 within 1 % of their law at a kernel of one site; linear over one site it is 20 % slow there.
"""

WIDTH_VARIANCE = WIDTH**2 / 20
"""Of the derivative of the cubic."""

SLOTS = 6
"""Grains that are kept at a site: in a plane three meet at a point, in space four, and while grains vanish more."""

CUT = 1e-4
"""Smaller convolved fractions are left out."""

REACH = 3.5
"""Standard deviations at which a kernel is cut."""

MIN_VARIANCE = 1.0
"""Of the wide kernel, sites^2: narrower ones see the grid."""

MIN_NARROW = 3.0
"""Of the narrow kernel, which has to be wider than the fractions it acts on: else the pull of a weak boundary on a
junction is too low (dihedral angles in `benchmarks.coarsening`)."""

OF_RADIUS = 0.22
"""Standard deviation of the kernel over the radius that a quarter of the grains stay below. Circles err by its square;
at junctions the error is of first order, and grows with the kernel over the length of an edge: rates of grains are too
high by what `benchmarks.coarsening` prints. The kernel is about .14 mean radii."""


@dataclass(frozen=True)
class StepNumbers:
    """Numbers of one step.

    Attributes:
        duration: t.
        taps: Half of the wide kernel, of variance 2 t, from its middle, float32 [reach + 1].
        narrow: That of variance 2 t beta, of the same length; empty where all energies are equal.
        wide_factors: a of every pair, float32 [n, n]; empty where all energies are equal.
        narrow_factors: b of every pair.
        per_width: Fraction across a boundary for a unit of cost.
    """

    duration: float
    taps: Float32Array
    narrow: Float32Array
    wide_factors: Float32Array
    narrow_factors: Float32Array
    per_width: np.float32


def gaussian_taps(variance: float, reach: int) -> tuple[float, ...]:
    """Return half of a Gaussian kernel whose sum is 1 and whose second moment is exactly `variance`, cut at `reach`.

    A boundary moves by the second moment of the kernel, so it is this one that has to be right, not the exponent's.

    >>> taps = np.array(gaussian_taps(4.0, 8))
    >>> float(round(taps[0] + 2 * taps[1:].sum(), 12)), float(round(2 * (taps * np.arange(9) ** 2).sum(), 9))
    (1.0, 4.0)
    """
    places = np.arange(reach + 1)
    parameter = variance
    for _ in range(50):
        taps = np.exp(-(places**2) / (2 * parameter))
        taps /= taps[0] + 2 * taps[1:].sum()
        found = float(2 * (taps * places**2).sum())
        if abs(found / variance - 1) < 1e-13:
            break
        parameter *= variance / found
    return tuple(taps.tolist())


def step_numbers(duration: float, energies: PairEnergies) -> StepNumbers:
    """Return what a step of this duration needs.

    Two Gaussians of the variances 2 t and 2 t beta, beta the least energy over the greatest, make a boundary of the
    relative energy gamma move as it should and meet others at the right angle (Salvador & Esedoglu, J. Sci. Comput. 79
    (2019) 648), at one mobility for all. With fractions that fall over `WIDTH` sites every kernel acts as if its
    variance were greater by w, `WIDTH_VARIANCE`. The two parts of a boundary's slope are p + q = 1 with
    p + q beta = gamma; then a = p sqrt(1 + w / 2 t), b = q sqrt(beta + w / 2 t). One Gaussian alone would give all
    boundaries the same M gamma, whatever their energy.
    """
    variance = 2 * duration
    reach = math.ceil(REACH * math.sqrt(variance))
    extra = WIDTH_VARIANCE / variance
    taps = np.array(gaussian_taps(variance, reach), np.float32)
    empty = np.zeros(0, np.float32)
    if energies.relative is None:
        per_width = math.sqrt(math.pi / 2 * (variance + WIDTH_VARIANCE)) / WIDTH
        table = np.zeros((0, 0), np.float32)
        return StepNumbers(duration, taps, empty, table, table, np.float32(per_width))
    beta = _contrast(energies)
    narrow = np.array(gaussian_taps(variance * beta, reach), np.float32)
    p = (energies.relative - beta) / (1 - beta) if beta < 1 else np.ones_like(energies.relative)
    a, b = p * math.sqrt(1 + extra), (1 - p) * math.sqrt(beta + extra)
    per_width = math.sqrt(math.pi / 2 * variance) / WIDTH
    return StepNumbers(duration, taps, narrow, a.astype(np.float32), b.astype(np.float32), np.float32(per_width))


def _contrast(energies: PairEnergies) -> float:
    return 1.0 if energies.relative is None else float(energies.relative.min())


def least_step(energies: PairEnergies) -> float:
    """Return the least duration of a step: below it kernels are narrower than a site, and boundaries feel the grid."""
    wide = MIN_VARIANCE / 2
    return wide if energies.relative is None else max(wide, MIN_NARROW / 2 / _contrast(energies))


def allowed_step(sizes: FloatArray, dimension: int, energies: PairEnergies) -> float:
    """Return the greatest duration of a step for grains of these sizes.

    The kernel's standard deviation is `OF_RADIUS` of the radius below which a quarter of the grains are: curvature is
    resolved where it matters, and steps become longer as grains grow.

    Args:
        sizes: Sites of every grain that is left, float64 [n].
        dimension: 2 or 3.
        energies: Of boundaries.
    """
    return max((OF_RADIUS * radius_of_small(sizes, dimension)) ** 2 / 2, least_step(energies))


def radius_of_small(sizes: FloatArray, dimension: int) -> float:
    """Return the radius, in sites, below which a quarter of the grains are.

    >>> round(radius_of_small(np.array([100.0 * math.pi, 1e4]), 2), 3)
    10.0
    """
    small = float(np.quantile(sizes, 0.25, method="lower"))
    return math.sqrt(small / math.pi) if dimension == 2 else float((3 * small / (4 * math.pi)) ** (1 / 3))
