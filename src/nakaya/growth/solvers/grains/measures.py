"""Measures of grains from their maps: number, sizes, characteristic length, transformed fraction, Avrami exponent.

Boundaries and neighbours are those of `nakaya.microscopy.grains.measures` (`boundary_pairs`, `collect_boundaries`),
which take the grain map of a crystal as that of a micrograph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, GrainMap, IntArray
from nakaya.core.errors import ParameterError
from nakaya.growth.model.trajectory import INITIAL, Trajectory
from nakaya.theory import length_of_density

__all__ = [
    "GrainStatistics",
    "avrami_exponent",
    "equivalent_diameters",
    "grain_sizes",
    "grain_statistics",
    "map_statistics",
    "transformed_fraction",
]


@dataclass(frozen=True)
class GrainStatistics:
    """What a map of grains is summed up as; SI units.

    Attributes:
        num_grains: How many.
        density: Grains per area, 1/m^2, or per volume, 1/m^3.
        characteristic_length: Lambda, m: (v/J)^(1/(d + 1)) of the constant rate that would have given as many.
        sizes: Area, m^2, or volume, m^3, of every grain, float64 [grain].
        mean_diameter: Of circles or balls of these sizes, m.
        diameter_deviation: Their standard deviation, m.
        transformed: Fraction of the lattice that belongs to grains.
    """

    num_grains: int
    density: float
    characteristic_length: float
    sizes: FloatArray
    mean_diameter: float
    diameter_deviation: float
    transformed: float


def grain_sizes(grain: GrainMap) -> IntArray:
    """Return the number of sites of every grain: int64 [grain].

    >>> grain_sizes(np.array([[0, 0, 1], [-1, 0, 1]])).tolist()
    [3, 2]
    """
    return np.bincount(grain[grain >= 0], minlength=int(grain.max(initial=-1)) + 1).astype(np.int64)


def grain_statistics(crystals: Trajectory, *, point: int = 0, member: int = 0) -> GrainStatistics:
    """Return what a crystal's grains are summed up as.

    Args:
        crystals: Of `grains`, `grains-dendritic` or their likes in space.
        point: Number of the parameter point.
        member: Number of the crystal.

    Raises:
        ParameterError: There is no such point, no grain, or the model states no spacing of sites in m.

    >>> import nakaya
    >>> from nakaya.growth.solvers.grains.parameters import Grains
    >>> crystals = nakaya.grow(Grains(site_density=1e10), model="grains", size=100, seed=7)
    >>> found = grain_statistics(crystals)
    >>> found.num_grains, f"{found.density:.2g} per m^2, mean area {found.sizes.mean():.2g} m^2"
    (100, '1e+10 per m^2, mean area 1e-10 m^2')
    """
    one = crystals.point(point)
    if one.grain is None or "spacing" not in one.parameters:
        raise ParameterError(f"crystals of {one.metadata.model} have no grains with a spacing of sites in m")
    if not (one.grain[member] >= 0).any():
        raise ParameterError(f"member {member} has no grain")
    return map_statistics(one.grain[member], float(one.parameters["spacing"]))


def map_statistics(grain: GrainMap, spacing: float) -> GrainStatistics:
    """Return what any map of grains is summed up as, in the unit of the spacing.

    Args:
        grain: int [*lattice], two or three dimensions; below zero: no grain. Numbers may be left out.
        spacing: Distance of sites.

    Raises:
        ParameterError: There is no grain.

    >>> found = map_statistics(np.array([[0, 0, 7], [0, -1, 7]]), 2.0)
    >>> found.num_grains, found.sizes.tolist(), found.density == 2 / 24
    (2, [12.0, 8.0], True)
    """
    _, sites = np.unique(grain[grain >= 0], return_counts=True)
    sizes = np.asarray(sites * spacing**grain.ndim, np.float64)
    if not len(sizes):
        raise ParameterError("there is no grain in this map")
    density = len(sizes) / (grain.size * spacing**grain.ndim)
    diameters = equivalent_diameters(sizes, grain.ndim)
    return GrainStatistics(
        len(sizes),
        density,
        length_of_density(density, dimension=grain.ndim),
        sizes,
        float(diameters.mean()),
        float(diameters.std()),
        float((grain >= 0).mean()),
    )


def equivalent_diameters(sizes: FloatArray, dimension: int) -> FloatArray:
    """Return the diameters of circles of these areas, or of balls of these volumes: float64 [grain].

    >>> equivalent_diameters(np.array([np.pi]), 2).tolist(), equivalent_diameters(np.array([np.pi / 6]), 3).tolist()
    ([2.0], [1.0])
    """
    return np.asarray(np.sqrt(4 * sizes / np.pi) if dimension == 2 else np.cbrt(6 * sizes / np.pi))


def transformed_fraction(arrival: ArrivalMap) -> FloatArray:
    """Return the fraction Y of sites that are attached after 0, 1, 2, ... steps: float64 [last step + 1].

    >>> transformed_fraction(np.array([[0, 2], [2, -1]])).tolist()
    [0.25, 0.25, 0.75]
    """
    attached = arrival[arrival >= INITIAL]
    return np.asarray(np.cumsum(np.bincount(attached)) / arrival.size)


def avrami_exponent(arrival: ArrivalMap, *, low: float = -2.0, high: float = 0.0) -> float:
    """Return the exponent k of Y = 1 - exp(-(t/tau)^k): the slope of ln(-ln(1 - Y)) against ln t.

    A straight line through all steps with low < ln(-ln(1 - Y)) < high, of equal weight.

    Args:
        arrival: int32 [*lattice]; of several lattices, stacked, the curve of all.
        low: Of the range that is fitted.
        high: Of the same.

    Raises:
        ParameterError: Fewer than three steps are in that range.

    >>> steps = np.repeat(np.arange(1, 100), np.diff(-np.expm1(-((np.arange(100) / 50) ** 3)) * 1e6).astype(int))
    >>> round(avrami_exponent(steps), 1)
    3.0
    """
    fraction = transformed_fraction(arrival)
    steps = np.arange(len(fraction))
    known = (fraction > 0) & (fraction < 1) & (steps > 0)
    ordinate = np.log(-np.log1p(-fraction[known]))
    chosen = (ordinate > low) & (ordinate < high)
    if chosen.sum() < 3:
        raise ParameterError(
            f"only {chosen.sum()} steps lie in {low:g} < ln(-ln(1 - Y)) < {high:g}: use a larger lattice"
        )
    return float(np.polyfit(np.log(steps[known][chosen]), ordinate[chosen], 1)[0])
