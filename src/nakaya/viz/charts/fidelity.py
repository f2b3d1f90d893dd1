"""Fidelity and speed at one look: models, look-up tables and the solver, always beside the solver's own floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import (
    SMALL_SIZE,
    Role,
    label_axes,
    new_figure,
    role_colours,
)
from nakaya.viz.style import Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Estimate", "TradeOff", "estimate_chart", "trade_off_chart"]

LOG_RANGE = 20.0
"""Axes are logarithmic where the largest value is more than this many times the smallest."""


@dataclass(frozen=True)
class Estimate:
    """One value with its interval.

    Attributes:
        label: Whose it is.
        value: The estimate.
        low: Lower end of its interval, or None where there is none.
        high: Upper end.
        role: Which colour it takes.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    role: Role = "model"


@house_style
def estimate_chart(
    estimates: Sequence[Estimate],
    theme: Theme,
    *,
    x_label: str,
    reference: float | None = None,
    reference_label: str = "",
    reference_band: tuple[float, float] | None = None,
) -> Figure:
    """Return values with intervals as dots on lines, one below the other, with a reference such as the floor.

    Args:
        estimates: From top to bottom.
        theme: Colours.
        x_label: What is shown, with its unit, and which way is better.
        reference: Where a perfect model would lie.
        reference_label: What that is.
        reference_band: The spread of the reference.

    Raises:
        ParameterError: There is nothing to show, or a value is not finite.
    """
    if not estimates or not all(np.isfinite(estimate.value) for estimate in estimates):
        raise ParameterError("a chart of estimates needs at least one value, and all of them finite")
    figure, (axes,) = new_figure(theme, width=7.0, height=1.25 + 0.42 * len(estimates))
    colours = role_colours([estimate.role for estimate in estimates], theme)
    if reference_band is not None:
        axes.axvspan(*reference_band, color=theme.floor, alpha=0.7, linewidth=0)
    if reference is not None:
        axes.axvline(reference, color=theme.muted, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(
            reference_label,
            (reference, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, 2),
            textcoords="offset points",
            color=theme.muted,
            fontsize=SMALL_SIZE,
            va="bottom",
        )
    for height, (estimate, colour) in enumerate(zip(estimates, colours, strict=True)):
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [height, height], color=colour, linewidth=2.2, alpha=0.55)
        axes.plot([estimate.value], [height], "o", color=colour, markersize=7)
    axes.set_yticks(range(len(estimates)), [estimate.label for estimate in estimates])
    axes.tick_params(axis="y", length=0, labelcolor=theme.foreground, labelsize=SMALL_SIZE + 1)
    axes.set_ylim(len(estimates) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x", color=theme.rule, linewidth=0.6, alpha=0.6)
    extremes = [v for e in estimates for v in (e.value, e.low, e.high) if v is not None]
    _choose_scale(axes, [*extremes, *([reference] if reference is not None else [])], "x")
    label_axes(axes, theme, x=x_label, y="")
    return figure


@dataclass(frozen=True)
class TradeOff:
    """A model's cost and its error.

    Attributes:
        label: The model.
        seconds: Seconds per crystal.
        error: Its distance in units of the solver's own floor.
        role: Which colour it takes.
    """

    label: str
    seconds: float
    error: float
    role: Role = "model"


@house_style
def trade_off_chart(points: Sequence[TradeOff], theme: Theme, *, y_label: str, floor: float = 1.0) -> Figure:
    """Return cost against error, both logarithmic: the lower left is where a model wants to be.

    Raises:
        ParameterError: There is nothing to show, or a value that a logarithmic axis cannot show.
    """
    if not points or not all(point.seconds > 0 and point.error > 0 for point in points):
        raise ParameterError("cost against error needs at least one model, and values above zero")
    figure, (axes,) = new_figure(theme, width=7.0, height=3.9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axhline(floor, color=theme.muted, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.annotate(
        "solver against solver",
        (1.0, floor),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        color=theme.muted,
        fontsize=SMALL_SIZE,
        ha="right",
    )
    for point, colour in zip(points, role_colours([point.role for point in points], theme), strict=True):
        axes.plot([point.seconds], [point.error], "o", color=colour, markersize=9)
        axes.annotate(
            point.label, (point.seconds, point.error), xytext=(8, 6), textcoords="offset points", color=theme.foreground
        )
    axes.margins(x=0.25, y=0.18)
    _plain_log_ticks(axes, "y", np.array([point.error for point in points]))
    label_axes(axes, theme, x="seconds per crystal, one thread", y=y_label)
    return figure


def _choose_scale(axes: Axes, values: Sequence[float], which: str) -> None:
    """Logarithmic where all values are positive and span much; else linear from zero."""
    numbers = np.array(values, np.float64)
    set_scale = axes.set_xscale if which == "x" else axes.set_yscale
    if (numbers > 0).all() and numbers.max() > LOG_RANGE * numbers.min():
        set_scale("log")
        _plain_log_ticks(axes, which, numbers)
    elif (numbers >= 0).all():
        (axes.set_xlim if which == "x" else axes.set_ylim)(0, float(numbers.max()) * 1.1 or 1.0)


def _plain_log_ticks(axes: Axes, which: str, values: FloatArray) -> None:
    """Write 0.1, 1, 10 rather than powers where the axis spans no more than four decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    decades = np.log10(values.max() / values.min())
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0)))
    if decades <= 4:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
