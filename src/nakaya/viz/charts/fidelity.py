"""Fidelity and speed at one look: models, look-up tables and the solver, always beside the solver's own floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import (
    Role,
    as_rows,
    label_axes,
    new_figure,
    plain_numbers,
    reference_line,
    role_colours,
)
from nakaya.viz.formatting import typeset
from nakaya.viz.style import PAGE_WIDTH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axis import Axis
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
    width: float = PAGE_WIDTH,
) -> Figure:
    """Return values with intervals as dots on lines, one below the other, with a reference such as the floor.

    Args:
        estimates: From top to bottom.
        theme: Colours.
        x_label: What is shown, with its unit, and which way is better.
        reference: Where a perfect model would lie.
        reference_label: What that is.
        reference_band: The spread of the reference.
        width: Pixels.

    Raises:
        ParameterError: There is nothing to show, or a value is not finite.
    """
    if not estimates or not all(np.isfinite(estimate.value) for estimate in estimates):
        raise ParameterError("a chart of estimates needs at least one value, and all of them finite")
    figure, (axes,) = new_figure(theme, width=width, height=90.0 + 36.0 * len(estimates))
    colours = role_colours([estimate.role for estimate in estimates], theme)
    if reference_band is not None:
        axes.axvspan(*reference_band, color=theme.floor, alpha=0.7, linewidth=0)
    for height, (estimate, colour) in enumerate(zip(estimates, colours, strict=True)):
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [height, height], color=colour, linewidth=2.2, alpha=0.55)
        axes.plot([estimate.value], [height], "o", color=colour, markersize=7)
    axes.set_yticks(range(len(estimates)), [typeset(estimate.label) for estimate in estimates])
    axes.tick_params(axis="y", length=0, labelcolor=theme.foreground)
    axes.set_ylim(len(estimates) - 0.4, -0.6)
    as_rows(axes, theme)
    extremes = [v for e in estimates for v in (e.value, e.low, e.high) if v is not None]
    extremes += [] if reference is None else [reference]
    if min(extremes) > 0 and max(extremes) > LOG_RANGE * min(extremes):
        axes.set_xscale("log")
        _plain_log_ticks(axes.xaxis, extremes)
    elif min(extremes) >= 0:
        axes.set_xlim(0, max(extremes) * 1.1 or 1.0)
    if reference is not None:
        reference_line(axes, theme, reference, reference_label)
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
def trade_off_chart(
    points: Sequence[TradeOff], theme: Theme, *, y_label: str, floor: float = 1.0, width: float = PAGE_WIDTH
) -> Figure:
    """Return cost against error, both logarithmic: the lower left is where a model wants to be.

    Raises:
        ParameterError: There is nothing to show, or a value that a logarithmic axis cannot show.
    """
    if not points or not all(point.seconds > 0 and point.error > 0 for point in points):
        raise ParameterError("cost against error needs at least one model, and values above zero")
    figure, (axes,) = new_figure(theme, width=width, height=300.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    reference_line(axes, theme, floor, "solver against solver", level=True)
    for point, colour in zip(points, role_colours([point.role for point in points], theme), strict=True):
        axes.plot([point.seconds], [point.error], "o", color=colour, markersize=9)
        place, words = (point.seconds, point.error), typeset(point.label)
        axes.annotate(words, place, (8, 6), textcoords="offset points", color=theme.foreground)
    axes.margins(x=0.25, y=0.18)
    _plain_log_ticks(axes.xaxis, [point.seconds for point in points])
    _plain_log_ticks(axes.yaxis, [point.error for point in points])
    label_axes(axes, theme, x="seconds per crystal, one thread", y=y_label)
    return figure


def _plain_log_ticks(axis: Axis, values: Sequence[float]) -> None:
    """Write 0.1, 1, 10 rather than powers where the axis spans no more than four decades."""
    from matplotlib.ticker import LogLocator, NullFormatter

    decades = math.log10(max(values) / min(values))
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0)))
    axis.set_minor_formatter(NullFormatter())
    if decades <= 4:
        plain_numbers(axis, "g")
