"""What sizes say in time: moments and quantiles, with the uncertainty that coarse classes leave."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.reactor.logs.checks import SizeJump, find_size_jumps, window_counts
from nakaya.reactor.logs.classes import SizeSeries, refined
from nakaya.reactor.sizes import NUM_MOMENTS, cell_moments, quantile_sizes
from nakaya.records.record import Axis, Quantity

__all__ = ["DECILES", "class_evidence", "moment_quantities", "quantile_quantities"]

MAX_SIZE_POINTS = 120
DECILES = np.array([0.1, 0.5, 0.9])
_FEW_CLASSES = 4
"""Where the middle 80 % of the crystals lie in no more classes than this, sizes within a class matter."""


def moment_quantities(moments: FloatArray, axis: Axis, uncertainty: FloatArray | None = None) -> dict[str, Quantity]:
    """Moments [t, >= 5] of sizes as quantities; the fifth is left out."""
    units = ("1", *(f"m^{power}" for power in range(1, NUM_MOMENTS - 1)))
    return {
        f"size_moment_{power}": Quantity(
            moments[:, power], unit, axis=axis, uncertainty=None if uncertainty is None else uncertainty[:, power]
        )
        for power, unit in enumerate(units)
    }


def quantile_quantities(
    quantiles: FloatArray, axis: Axis, uncertainty: FloatArray | None = None
) -> dict[str, Quantity]:
    """Deciles [t, 3] of sizes as quantities."""
    names = ("size_q10", "size_q50", "size_q90")
    return {
        name: Quantity(
            quantiles[:, index], "m", axis=axis, uncertainty=None if uncertainty is None else uncertainty[:, index]
        )
        for index, name in enumerate(names)
    }


def class_evidence(sizes: SizeSeries) -> tuple[dict[str, Quantity], list[str]]:
    """Counts (or fractions), moments and quantiles of size classes in time, and what is odd about them.

    Classes of equal width hold their crystals evenly; classes in a constant ratio are cut along a smooth cumulative
    count over ln L (`refined`). Where only a few classes hold most crystals, quantiles are as uncertain as their class
    is wide (w/sqrt(12)), and moments by how far both ways of interpolation differ.
    """
    times, counts = _windows(sizes, MAX_SIZE_POINTS)
    edges = sizes.edges
    plain, plain_moments = quantile_sizes(edges, counts, DECILES), _moments(edges, counts)
    fine_edges, fine = refined(edges, counts, sizes.is_geometric)
    smooth, smooth_moments = quantile_sizes(fine_edges, fine, DECILES), _moments(fine_edges, fine)
    quantiles, moments = (smooth, smooth_moments) if sizes.is_geometric else (plain, plain_moments)
    flags = [jump.message for jump in _jumps(sizes)]
    index = np.clip(np.searchsorted(edges, plain, side="right") - 1, 0, edges.size - 2)
    filled = counts.sum(axis=1) > 0
    spanned = float(np.median((index[:, 2] - index[:, 0] + 1)[filled])) if filled.any() else np.inf
    quantile_error = moment_error = None
    if spanned <= _FEW_CLASSES:
        flags.append(
            f"size classes are coarse: the middle 80 % of the crystals lie in {spanned:g} of them, so that quantiles "
            "and moments rest on how sizes are interpolated within a class; their uncertainties say how much"
        )
        quantile_error = np.where(filled[:, None], np.diff(edges)[index] / np.sqrt(12.0), np.nan)
        moment_error = np.abs(smooth_moments - plain_moments)
    axis = Axis("time", "s", times)
    found = {
        "size_class_edges": Quantity(edges, "m", axis=Axis("edge", "1", np.arange(edges.size, dtype=np.float64))),
        "size_class_counts" if sizes.is_counted else "size_class_fractions": Quantity(counts, "1", axis=axis),
    }
    if sizes.is_counted:
        found["crystals_seen"] = Quantity(counts.sum(axis=1), "1", axis=axis)
    found |= moment_quantities(moments, axis, moment_error) | quantile_quantities(quantiles, axis, quantile_error)
    return found, flags


def _windows(sizes: SizeSeries, windows: int | None = None) -> tuple[FloatArray, FloatArray]:
    """Times and counts over windows; fractions stay fractions."""
    given = (sizes.times, sizes.counts)
    times, counts = window_counts(*given) if windows is None else window_counts(*given, windows)
    if not sizes.is_counted:
        total = counts.sum(axis=1, keepdims=True)
        counts = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return times, counts


def _moments(edges: FloatArray, counts: FloatArray) -> FloatArray:
    return np.asarray(counts @ (cell_moments(edges) / np.diff(edges)).T)


def _jumps(sizes: SizeSeries) -> list[SizeJump]:
    times, counts = _windows(sizes)
    seen = counts.sum(axis=1)
    seen = seen if sizes.is_counted else np.where(seen > 0, np.inf, 0.0)  # fractions are of many crystals
    return find_size_jumps(times, quantile_sizes(sizes.edges, counts, DECILES), seen)
