"""A posterior as densities of one and of two parameters, over all that was possible before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import DASHES, label_axes
from nakaya.viz.style import PAGE_WIDTH, PIXELS_PER_INCH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ShownParameter", "posterior_corner"]

BINS = 40
CONTOURS = (0.9, 0.5)
"""Fractions of the posterior inside the lines of a pair of parameters."""

MOST_POINTS = 2000


@dataclass(frozen=True)
class ShownParameter:
    """One parameter of a posterior.

    Attributes:
        label: Its symbol or name, with its unit.
        low: Least value that was possible before.
        high: Greatest.
        is_log: Whether all ratios were equally probable, not all differences.
        truth: The value that grew the crystal, where somebody knows it.
    """

    label: str
    low: float
    high: float
    is_log: bool = False
    truth: float | None = None


@house_style
def posterior_corner(
    draws: FloatArray, parameters: Sequence[ShownParameter], theme: Theme, *, width: float = PAGE_WIDTH
) -> Figure:
    """Return densities of every parameter on the diagonal and of every pair below it; axes span the prior's ranges.

    Dashed lines at the ends of the central 90 %, lines around half and 90 % of the draws, a cross at the truth.

    Args:
        draws: float64 [draw, parameter].
        parameters: What they are.
        theme: Colours.
        width: Pixels.

    Raises:
        ParameterError: Draws and parameters do not fit.
    """
    if draws.ndim != 2 or draws.shape[1] != len(parameters) or len(draws) < 2:
        raise ParameterError(f"draws of shape {draws.shape} do not fit {len(parameters)} parameters: [draw, parameter]")
    from matplotlib.figure import Figure

    count, inches = len(parameters), width / PIXELS_PER_INCH
    figure = Figure(figsize=(inches, inches * (0.86 if count > 1 else 0.5)), layout="constrained")
    figure.set_facecolor(theme.background)
    grid = figure.subplots(count, count, squeeze=False)
    colour = theme.models[0]
    for row in range(count):
        for column in range(count):
            axes: Axes = grid[row, column]
            if column > row:
                axes.remove()
                continue
            axes.set_facecolor(theme.background)
            axes.spines[:].set(color=theme.rule, linewidth=0.8)
            axes.tick_params(which="both", color=theme.rule, labelcolor=theme.muted, length=3.5)
            _span(axes, parameters[column], parameters[row] if column < row else None)
            if column == row:
                _draw_one(axes, draws[:, row], parameters[row], theme, colour)
            else:
                _draw_pair(axes, draws[:, [column, row]], parameters[column], parameters[row], theme, colour)
            is_last, is_first = row == count - 1, column == 0 and row > 0
            label_axes(
                axes, theme, x=parameters[column].label if is_last else "", y=parameters[row].label if is_first else ""
            )
            axes.tick_params(labelbottom=is_last, labelleft=is_first)
    return figure


def _span(axes: Axes, x: ShownParameter, y: ShownParameter | None) -> None:
    from matplotlib.ticker import MaxNLocator, NullFormatter

    for entry, axis, scale, limits in (
        (x, axes.xaxis, axes.set_xscale, axes.set_xlim),
        (y, axes.yaxis, axes.set_yscale, axes.set_ylim),
    ):
        if entry is None:
            continue
        scale("log" if entry.is_log else "linear")
        limits(entry.low, entry.high)
        if entry.is_log:
            axis.set_minor_formatter(NullFormatter())
        else:
            axis.set_major_locator(MaxNLocator(4))


def _bins(entry: ShownParameter) -> FloatArray:
    ends = np.log([entry.low, entry.high]) if entry.is_log else np.array([entry.low, entry.high])
    edges = np.linspace(ends[0], ends[1], BINS + 1)
    return np.asarray(np.exp(edges) if entry.is_log else edges, np.float64)


def _draw_one(axes: Axes, values: FloatArray, entry: ShownParameter, theme: Theme, colour: str) -> None:
    edges = _bins(entry)
    counts, _ = np.histogram(values, edges)
    axes.stairs(counts, edges, fill=True, color=colour, alpha=0.35)
    axes.stairs(counts, edges, color=colour, linewidth=1.2)
    axes.axhline(len(values) / BINS, color=theme.muted, linewidth=0.8)
    for end in np.quantile(values, [0.05, 0.95]).tolist():
        axes.axvline(end, color=theme.muted, linewidth=1.0, linestyle=DASHES)
    if entry.truth is not None:
        axes.axvline(entry.truth, color=theme.solver, linewidth=1.4)
    axes.set_yticks([])
    axes.set_ylim(bottom=0)


def _draw_pair(axes: Axes, values: FloatArray, x: ShownParameter, y: ShownParameter, theme: Theme, colour: str) -> None:
    points = values[:MOST_POINTS]
    axes.scatter(points[:, 0], points[:, 1], s=3, color=colour, alpha=0.25, linewidths=0, rasterized=True)
    x_edges, y_edges = _bins(x)[::2], _bins(y)[::2]
    counts, _, _ = np.histogram2d(values[:, 0], values[:, 1], (x_edges, y_edges))
    ordered = np.sort(counts.ravel())[::-1]
    levels = [float(ordered[np.searchsorted(np.cumsum(ordered), level * len(values))]) for level in CONTOURS]
    if 0 < levels[0] < levels[1]:
        middles = [
            np.sqrt(edges[1:] * edges[:-1]) if entry.is_log else (edges[1:] + edges[:-1]) / 2
            for edges, entry in ((x_edges, x), (y_edges, y))
        ]
        axes.contour(middles[0], middles[1], counts.T, levels=levels, colors=[theme.foreground], linewidths=0.8)
    if x.truth is not None and y.truth is not None:
        axes.plot(x.truth, y.truth, "+", color=theme.solver, markersize=11, markeredgewidth=1.6)
