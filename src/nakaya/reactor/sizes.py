"""Crystal size distributions: seeds, moments, mean sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = [
    "NUM_MOMENTS",
    "BinnedSizes",
    "LogNormalSizes",
    "NormalSizes",
    "SizeDistribution",
    "cell_moments",
    "mean_sizes",
    "moments_of",
    "quantile_sizes",
]

NUM_MOMENTS = 6
"""Moments 0 to 5 are carried: enough for every mean size up to L54."""

_FINE = 8001
_REACH = 8.0  # standard deviations that are looked at on either side


@dataclass(frozen=True)
class NormalSizes:
    """Normal distribution of sizes, cut off at the least size.

    Attributes:
        mean: m.
        deviation: Standard deviation, m.
        weight: "number": the count of crystals is normal; "mass": their mass is, so the count goes as normal/L^3.
        least: Sizes up to this one are left out, m. With weight "mass" it must be positive: normal/L^3 diverges at 0.

    >>> seeds = NormalSizes(115e-6, 60e-6)
    >>> bool(seeds.range()[1] > seeds.mean)
    True
    """

    mean: float
    deviation: float
    weight: Literal["number", "mass"] = "number"
    least: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(mean=self.mean, deviation=self.deviation)
        if self.weight == "mass" and self.least <= 0:
            raise ParameterError("a mass distribution needs least > 0: its count of crystals diverges at size zero")

    def range(self) -> tuple[float, float]:
        """Least and greatest size with crystals, m."""
        low = max(self.least, self.mean - _REACH * self.deviation, 0.0)
        return low, self.mean + _REACH * self.deviation

    def density(self, sizes: FloatArray) -> FloatArray:
        """Number density, any scale; same shape as `sizes` (m)."""
        shape = np.exp(-0.5 * ((sizes - self.mean) / self.deviation) ** 2)
        if self.weight == "mass":
            shape = shape * (self.mean / np.maximum(sizes, self.least)) ** 3
        return np.where(sizes >= self.least, shape, 0.0)


@dataclass(frozen=True)
class LogNormalSizes:
    """Log-normal distribution of the number of crystals.

    Attributes:
        median: m.
        log_deviation: Standard deviation of ln L: the logarithm of the geometric standard deviation.
    """

    median: float
    log_deviation: float

    def __post_init__(self) -> None:
        _check_positive(median=self.median, log_deviation=self.log_deviation)

    def range(self) -> tuple[float, float]:
        """Least and greatest size with crystals, m."""
        return self.median * np.exp(-_REACH * self.log_deviation), self.median * np.exp(_REACH * self.log_deviation)

    def density(self, sizes: FloatArray) -> FloatArray:
        """Number density, any scale; same shape as `sizes` (m)."""
        positive = np.maximum(sizes, 1e-300)
        log = np.log(positive / self.median) / self.log_deviation
        return np.where(sizes > 0, np.exp(-0.5 * log**2) * self.median / positive, 0.0)


@dataclass(frozen=True, eq=False)
class BinnedSizes:
    """Counts of crystals in classes of size.

    Attributes:
        edges: float64 [n + 1], m, increasing.
        counts: float64 [n], not negative.
    """

    edges: FloatArray
    counts: FloatArray

    def __post_init__(self) -> None:
        edges, counts = np.asarray(self.edges, dtype=np.float64), np.asarray(self.counts, dtype=np.float64)
        if edges.ndim != 1 or counts.shape != (edges.size - 1,) or not (np.diff(edges) > 0).all() or edges[0] < 0:
            raise ParameterError("binned sizes need n + 1 increasing edges (m, not negative) for n counts")
        if not (counts >= 0).all() or not np.isfinite(counts).all() or counts.sum() <= 0:
            raise ParameterError("counts of binned sizes must be finite, not negative and not all zero")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "counts", counts)

    def range(self) -> tuple[float, float]:
        """Least and greatest size with crystals, m."""
        return float(self.edges[0]), float(self.edges[-1])

    def density(self, sizes: FloatArray) -> FloatArray:
        """Number density, any scale; same shape as `sizes` (m)."""
        index = np.searchsorted(self.edges, sizes, side="right") - 1
        inside = (index >= 0) & (index < self.counts.size)
        heights = self.counts / np.diff(self.edges)
        return np.where(inside, heights[np.clip(index, 0, self.counts.size - 1)], 0.0)


SizeDistribution: TypeAlias = NormalSizes | LogNormalSizes | BinnedSizes


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"{name}={value} of a size distribution must be positive")


def _fine_grid(sizes: NormalSizes | LogNormalSizes) -> FloatArray:
    low, high = sizes.range()
    if isinstance(sizes, LogNormalSizes) or (sizes.weight == "mass" and low < 0.1 * high):
        return np.geomspace(low, high, _FINE)
    return np.linspace(low, high, _FINE)


def moments_of(sizes: SizeDistribution) -> FloatArray:
    """Moments 0 to 5 of the number density at its own scale, float64 [6], m^j."""
    if isinstance(sizes, BinnedSizes):
        return cell_moments(sizes.edges) @ (sizes.counts / np.diff(sizes.edges))
    grid = _fine_grid(sizes)
    density = sizes.density(grid)
    return np.array([np.trapezoid(density * grid**power, grid) for power in range(NUM_MOMENTS)])


def cell_moments(edges: FloatArray) -> FloatArray:
    """Integral of L^j over every class, float64 [6, n], m^(j+1): moments are this times the mean number density."""
    powers = np.arange(1, NUM_MOMENTS + 1)[:, None]
    return np.asarray(np.diff(edges[None, :] ** powers, axis=1) / powers)


def cell_means(sizes: SizeDistribution, edges: FloatArray) -> FloatArray:
    """Mean number density in every class at the distribution's own scale, float64 [n].

    Differences of the cumulative count, so that a seed much narrower than a class is counted whole.
    """
    if isinstance(sizes, BinnedSizes):  # exact: both are steps
        places, cumulative = sizes.edges, np.concatenate([[0.0], np.cumsum(sizes.counts)])
    else:
        places = _fine_grid(sizes)
        density = sizes.density(places)
        steps = 0.5 * (density[1:] + density[:-1]) * np.diff(places)
        cumulative = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(np.diff(np.interp(edges, places, cumulative)) / np.diff(edges))


def volume_below(sizes: SizeDistribution, limit: float) -> float:
    """Fraction of the crystals' volume in sizes below `limit` (m)."""
    grid = (
        np.append(np.linspace(sizes.edges[0], sizes.edges[-1], _FINE), limit)
        if isinstance(sizes, BinnedSizes)
        else (_fine_grid(sizes))
    )
    weight = sizes.density(grid) * grid**3
    weight[:-1] *= np.diff(grid)
    return float(weight[:-1][grid[:-1] <= limit].sum() / weight[:-1].sum())


def mean_sizes(moments: FloatArray) -> Mapping[str, FloatArray]:
    """Mean sizes from moments [..., >= 5]: L10 (number), L32 (Sauter), L43 (mass), m; NaN without crystals."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {
            "L10": moments[..., 1] / moments[..., 0],
            "L32": moments[..., 3] / moments[..., 2],
            "L43": moments[..., 4] / moments[..., 3],
        }
    empty = moments[..., 0] <= 0
    return {name: np.where(empty, np.nan, ratio) for name, ratio in ratios.items()}


def quantile_sizes(edges: FloatArray, counts: FloatArray, levels: FloatArray, *, power: int = 0) -> FloatArray:
    """Sizes below which a fraction of the crystals lies, m: float64 [..., level]; NaN where there are no crystals.

    Args:
        edges: Class edges, float64 [n + 1], m.
        counts: Crystals per class, float64 [..., n].
        levels: Fractions, such as (0.1, 0.5, 0.9).
        power: 0 counts crystals, 3 their volume (classes by their middle).
    """
    middles = 0.5 * (edges[1:] + edges[:-1])
    weighted = counts * middles**power
    flat = weighted.reshape(-1, weighted.shape[-1])
    found = np.full((flat.shape[0], len(levels)), np.nan)
    for number, row in enumerate(flat):
        total = row.sum()
        if total > 0:
            cumulative = np.concatenate([[0.0], np.cumsum(row)]) / total
            found[number] = np.interp(levels, cumulative, edges)
    return found.reshape(*counts.shape[:-1], len(levels))
