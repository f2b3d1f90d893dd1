"""Is the stated uncertainty right? Coverage, probability integral transforms, parity and measured curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import (
    DASHES,
    Band,
    add_legend,
    columns_of,
    draw_band,
    label_axes,
    leads_row,
    new_figure,
    reference_line,
    role_colours,
)
from nakaya.viz.formatting import typeset
from nakaya.viz.style import PAGE_WIDTH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Points", "parity_chart", "velocity_chart", "velocity_panels"]

HEIGHT = 380.0
PANEL_HEIGHT = 280.0
PARITY_HEIGHT = 420.0

_SHAPES = "os^Dv"  # told apart without colours as well


@dataclass(frozen=True)
class Points:
    """Measured or predicted values with their errors.

    Attributes:
        label: What they are.
        x: float64 [n].
        y: float64 [n].
        y_low: Lower end of each interval, float64 [n], or None.
        y_high: Upper end.
        x_low: The same along x.
        x_high: Upper end along x.
    """

    label: str
    x: FloatArray
    y: FloatArray
    y_low: FloatArray | None = None
    y_high: FloatArray | None = None
    x_low: FloatArray | None = None
    x_high: FloatArray | None = None


@house_style
def parity_chart(
    series: Sequence[Points], theme: Theme, *, quantity: str, log: bool = False, width: float = PAGE_WIDTH
) -> Figure:
    """Return predicted (y, with intervals) against measured (x); on the diagonal the prediction is right.

    Args:
        series: One for each kind of system, each in a panel of its own scale.
        theme: Colours.
        quantity: Its name, with its unit: the same on both axes.
        log: Logarithmic axes, for positive values over decades.
        width: Pixels; panels stand below each other where there is no room beside.

    Raises:
        ParameterError: There is nothing to show.
    """
    if not any(len(points.x) for points in series):
        raise ParameterError("a parity chart needs at least one value")
    columns = columns_of(len(series), width)
    figure, every = new_figure(
        theme, width=width, height=min(width / columns, PARITY_HEIGHT) + 20.0, panels=len(series)
    )
    colours = role_colours(["model"] * len(series), theme)
    for axes, points, colour, shape in zip(every, series, colours, cycle(_SHAPES), strict=False):
        _draw_points(axes, points, colour, shape)
        ends = [
            np.asarray(values) for values in (points.x, points.y, points.y_low, points.y_high) if values is not None
        ]
        everything = np.concatenate([values[np.isfinite(values)] for values in ends])
        if log:
            axes.set_xscale("log")
            axes.set_yscale("log")
            low, high = everything[everything > 0].min() / 1.4, everything.max() * 1.4
        else:
            margin = 0.06 * (everything.max() - everything.min()) or 1.0
            low, high = everything.min() - margin, everything.max() + margin
        axes.plot([low, high], [low, high], color=theme.muted, linewidth=1.0, linestyle=DASHES, zorder=0)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_aspect("equal", anchor="W")
        y = f"predicted {quantity}" if leads_row(axes) else ""
        label_axes(axes, theme, x=f"measured {quantity}", y=y, title=points.label)
    return figure


@house_style
def velocity_chart(
    series: Sequence[Points],
    theme: Theme,
    *,
    curves: Sequence[Band] = (),
    x_label: str = "temperature (K)",
    y_label: str = "front velocity (m/s)",
    melting_point: float | None = None,
    width: float = PAGE_WIDTH,
) -> Figure:
    """Return front velocity against temperature: measurements with error bars, predictions as bands.

    Args:
        series: Measurements; positive velocities crystallise.
        theme: Colours.
        curves: Predictions with intervals; the first takes the first series' colour, and so on.
        x_label: The abscissa, with its unit.
        y_label: The ordinate, with its unit.
        melting_point: Where the velocity must vanish, on the abscissa.
        width: Pixels.

    Raises:
        ParameterError: There is nothing to show.
    """
    if not series and not curves:
        raise ParameterError("a velocity chart needs measurements or a curve")
    figure, (axes,) = new_figure(theme, width=width, height=HEIGHT)
    colours = role_colours(["model"] * max(len(series), len(curves)), theme)
    axes.axhline(0.0, color=theme.muted, linewidth=0.9)
    for curve, colour in zip(curves, colours, strict=False):
        draw_band(axes, curve, colour)
    for points, colour in zip(series, colours, strict=False):
        _draw_points(axes, points, colour)
    if melting_point is not None:
        reference_line(axes, theme, melting_point, "melting point")
    label_axes(axes, theme, x=x_label, y=y_label)
    add_legend(figure, [axes], theme)
    return figure


@house_style
def velocity_panels(
    panels: Mapping[str, tuple[Sequence[Points], float]], theme: Theme, *, width: float = PAGE_WIDTH
) -> Figure:
    """Return front velocity against temperature, one panel for each material, one colour and shape for each face.

    Args:
        panels: Material -> (measurements of its faces, melting temperature in K); positive velocities crystallise.
            Faces of the same label have the same colour and shape in all panels.
        theme: Colours.
        width: Pixels; panels stand below each other where there is no room beside.

    Raises:
        ParameterError: There is nothing to show.
    """
    faces = sorted({points.label for series, _ in panels.values() for points in series})
    if not faces:
        raise ParameterError("a velocity chart needs measurements")
    figure, every = new_figure(theme, width=width, height=PANEL_HEIGHT, panels=len(panels))
    colours = dict(zip(faces, role_colours(["model"] * len(faces), theme), strict=True))
    shapes = dict(zip(faces, cycle(_SHAPES), strict=False))
    for axes, (material, (series, melting)) in zip(every, panels.items(), strict=True):
        axes.axhline(0.0, color=theme.muted, linewidth=0.9)
        reference_line(axes, theme, melting)
        for points in series:
            _draw_points(axes, points, colours[points.label], shapes[points.label])
        y = "front velocity (m/s)" if leads_row(axes) else ""
        label_axes(axes, theme, x="temperature (K)", y=y, title=material)
    add_legend(figure, every, theme)
    return figure


def _draw_points(axes: Axes, points: Points, colour: str, shape: str = "o") -> None:
    """Draw marks with error bars in both directions, where there are any."""
    axes.errorbar(
        points.x,
        points.y,
        xerr=_lengths(points.x, points.x_low, points.x_high),
        yerr=_lengths(points.y, points.y_low, points.y_high),
        fmt=shape,
        color=colour,
        markersize=5,
        elinewidth=1.2,
        alpha=0.9,
        label=typeset(points.label),
        linestyle="none",
    )


def _lengths(values: FloatArray, low: FloatArray | None, high: FloatArray | None) -> FloatArray | None:
    if low is None or high is None:
        return None
    return np.stack([np.maximum(values - low, 0.0), np.maximum(high - values, 0.0)])
